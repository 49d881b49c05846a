"""`make icons`: the PNG icons, and the picture for link previews.

They are drawn after `static/icon.svg`, and written to `static/icons/`.
"""

import io

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from tests.helpers.harness import ROOT
from tests.helpers.pages import CHROMIUM

ICONS = ROOT / "static/icons"
TOUCH_SIZE = 180  # of Apple's touch icon; iOS rounds its corners
SIZES = (192, 512)  # of a web app's icons
COLOURS = 48  # enough for lines on one background
SQUARE = {'rx="8"': 'rx="0"'}
# Only what is within a circle of 80 % is sure to be seen of a maskable icon (W3C's
# Web Application Manifest), so the icon is drawn smaller.
MASKABLE = {
    'viewBox="0 0 32 32"': 'viewBox="-7 -8 46 46"',
    '<rect width="32" height="32" rx="8"': '<rect x="-7" y="-8" width="46" height="46"',
}
CARD = """
<style>
  * { margin: 0 }
  body { position: relative; width: 1200px; height: 630px; background: #0d1117;
    color: #e6edf3; font-family: "DejaVu Sans", "Helvetica Neue", sans-serif }
  header { position: absolute; left: 90px; top: 90px }
  h1 { font-size: 92px; letter-spacing: -2px }
  p { margin-top: 14px; color: #9198a1; font-size: 40px }
  svg { position: absolute; left: 90px; bottom: 84px; width: 1020px; height: 270px }
</style>
<header><h1>Liveboard</h1><p>Prices and match scores, live</p></header>
<svg viewBox="0 0 1020 270" fill="none" stroke-linecap="round" stroke-linejoin="round">
  <path d="M0 268H1020M0 135H1020" stroke="#2b323b" stroke-width="2"/>
  <polyline points="0,226 120,186 210,214 330,128 430,160 540,90 650,138 760,58 850,92
    984,24" stroke="#58a6ff" stroke-width="12"/>
  <circle cx="992" cy="22" r="20" fill="#4ac776"/>
</svg>
"""


def main() -> None:
    """Draw all icons and the card."""
    svg = (ROOT / "static/icon.svg").read_text()
    ICONS.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**CHROMIUM)
        page = browser.new_page()
        draw_icon(page, changed(svg, SQUARE), TOUCH_SIZE, "touch")
        for size in SIZES:
            draw_icon(page, svg, size, str(size))
        draw_icon(page, changed(svg, MASKABLE), SIZES[-1], "maskable")
        page.set_viewport_size({"width": 1200, "height": 630})
        page.set_content(CARD)
        save(page.screenshot(), "card")
        browser.close()


def draw_icon(page: Page, svg: str, size: int, name: str) -> None:
    """Draw an icon in a square of `size` pixels, on nothing."""
    page.set_viewport_size({"width": size, "height": size})
    sized = svg.replace("<svg ", f'<svg style="display:block" width="{size}" ', 1)
    page.set_content(f"<style>body {{ margin: 0 }}</style>{sized}")
    save(page.screenshot(omit_background=True), name)


def save(picture: bytes, name: str) -> None:
    """Save a picture with few colours, and print its size."""
    path = ICONS / f"{name}.png"
    Image.open(io.BytesIO(picture)).quantize(COLOURS).save(path, optimize=True)
    print(f"{path.relative_to(ROOT)} has {path.stat().st_size / 1000:.1f} KB.")


def changed(text: str, changes: dict[str, str]) -> str:
    """Return the text with these parts replaced; each must be there."""
    for part, instead in changes.items():
        assert part in text, part
        text = text.replace(part, instead)
    return text


if __name__ == "__main__":
    main()
