"""Ask on the page: a question goes up once, and its answer types itself."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from app import create_app
from feed.settings import Settings
from tests.helpers.harness import Board, until
from tests.helpers.pages import CUT, ask, go_back, wait_until_live
from tests.helpers.samples import HOSTILE
from tests.helpers.staged_answers import ANSWER, START, AnswerStage
from tests.page.states import (
    begin_stream,
    boot_data,
    first_quote,
    instant_after_boot,
    load_page,
    running_match,
)

SIX_LINES = """
() => new Promise((resolve) => {
  const words = [];
  const answer = new EventSource("/ask?q=how is ACME?&pace=0.01");
  answer.onmessage = (message) => words.push(JSON.parse(message.data).text);
  answer.addEventListener("end", (end) => {
    answer.close();
    resolve([words.join(""), words.length, JSON.parse(end.data).reason]);
  });
})
"""


@pytest.fixture
def stage(board: Board, page_errors: list[str]) -> Iterator[AnswerStage]:
    page_errors.append(CUT)
    with AnswerStage(board) as stage:
        yield stage


def test_an_answer_types_itself_and_its_figures_stay_true(
    page: Page, stage: AnswerStage
) -> None:
    page.clock.install()
    load_page(page, stage)
    begin_stream(page, stage)
    quote, score = first_quote(page), running_match(page)
    symbol, price = quote["symbol"], f"{quote['price']:,.{quote['decimals']}f}"
    page.locator(f"[data-symbol='{symbol}'] .star").click()
    page.keyboard.press("q")
    expect(field(page)).to_be_focused()
    expect(page).to_have_url(f"{stage.url}/ask")
    expect(page.locator("#ask-suggestions a")).to_have_count(3)
    ask(page, "How is it?")
    expect(page).to_have_url(f"{stage.url}/ask?q=How%20is%20it%3F")
    expect(answer(page)).to_have_attribute("data-phase", "answering")
    asked = {"question": "How is it?", "about": None, "follow": None}
    assert stage.questions == [asked | {"symbols": [symbol]}]
    expect(page.get_by_role("status")).to_have_text("Answering")
    of_quote = {"event": "price", "key": symbol, "id": boot_data(page)["id"]}
    of_score = {**of_quote, "event": "score", "key": score["match"]}
    stage.say(symbol, ref=of_quote | {"field": None})
    stage.say(" is at")
    stage.say(f" {price}", ref=of_quote | {"field": "price"})
    expect(words(page)).to_have_text(f"{symbol} is at {price}")
    expect(send(page)).to_have_text("Stop")
    stage.say(f". {HOSTILE} ")
    stage.say(score["home"]["name"], ref=of_score | {"field": "home.name"})
    home, away = score["home"]["score"], score["away"]["score"]
    for side, text in (("home", f" {home}"), ("", "–"), ("away", f"{away}")):
        ref = of_score | {"field": f"{side}.score"}
        stage.say(text, ref=ref if side else None)
    stage.say(" 47%", unchecked=True)
    stage.say(".")
    stage.end_answer()
    expect(send(page)).to_have_text("Ask")
    expect(words(page)).to_have_text(
        f"{symbol} is at {price}. {HOSTILE.replace(chr(0x2028), ' ')} "
        f"{score['home']['name']} {home}–{away} 47% (not from the board)."
    )
    expect(answer(page)).to_contain_text("As of 13 Sep 2020 12:26, by rules")
    page.clock.fast_forward(5000)
    expect(page.get_by_role("status")).to_have_text("Answer complete")
    assert page.locator("#ask").get_by_role("status").count() == 0
    assert page.locator("#ask [aria-live]").count() == 0

    at = instant_after_boot(page)
    stage.send_event("price", {**quote, "price": 7, "at": at}, f"{at + 1000}-0")
    seven = f"7.{'0' * quote['decimals']}"
    expect(words(page)).to_contain_text(f"{symbol} is at {price}, now {seven}.")
    scored = score | {"home": score["home"] | {"score": home + 1}}
    stage.send_event("score", scored, f"{at + 1000}-1")
    expect(words(page)).to_contain_text(f"{home}–{away}, now {home + 1}–{away} 47%")
    moved = {**quote, "price": 8, "at": at}
    stage.send_event("price", moved, f"{at + 1000}-2")
    expect(words(page)).to_contain_text(f", now 8.{'0' * quote['decimals']}.")

    figure = words(page).get_by_role("link", name=price, exact=True)
    expect(figure).to_have_attribute("href", f"/s/{symbol}")
    words(page).get_by_role("link", name=score["home"]["name"]).click()
    expect(page).to_have_url(f"{stage.url}/m/{score['match']}")
    expect(page.get_by_role("heading", name="Timeline")).to_be_visible()
    go_back(page)
    ask(page, "And since noon?")
    until(lambda: len(stage.questions) == 2, why="the follow-up is asked")
    assert stage.questions[1]["follow"] == ANSWER
    assert stage.keys[0] != stage.keys[1]
    expect(page.locator("#ask-turns .question")).to_have_count(2)


def test_a_reload_and_a_second_tab_read_the_same_answer_and_either_may_stop_it(
    page: Page, stage: AnswerStage
) -> None:
    load_page(page, stage, "/ask?q=What%20is%20on%3F")
    expect(answer(page)).to_have_attribute("data-phase", "answering")
    stage.say("Two")
    stage.say(" matches")
    expect(words(page)).to_have_text("Two matches")
    page.reload()
    expect(words(page)).to_have_text("Two matches")
    wait_for_streams(stage, 2)
    stage.say(" are on")
    expect(words(page)).to_have_text("Two matches are on")
    with page.expect_popup() as opened:
        page.evaluate("() => { window.open(location.href); }")
    other = opened.value
    expect(words(other)).to_have_text("Two matches are on")
    wait_for_streams(stage, 3)
    stage.say(" now")
    expect(words(page)).to_have_text("Two matches are on now")
    expect(words(other)).to_have_text("Two matches are on now")
    assert stage.cursors_of_answers[:2] == ["", f"{START}-2"]
    assert len(stage.questions) == 1
    send(other).click()
    for tab in (page, other):
        expect(answer(tab)).to_contain_text("The answer was stopped.")
        expect(words(tab)).to_have_text("Two matches are on now")
        expect(send(tab)).to_have_text("Ask")
    assert stage.stopped == [ANSWER]
    page.reload()
    expect(answer(page)).to_contain_text("The answer was stopped.")
    page.get_by_role("button", name="Clear").click()
    expect(page.locator("#ask-turns .question")).to_have_count(0)
    expect(page.locator("#ask-suggestions a").first).to_be_visible()
    page.reload()
    expect(page.locator("#ask-suggestions a").first).to_be_visible()
    expect(field(page)).to_be_focused()  # the script has come, too
    assert len(stage.questions) == 1 and len(stage.cursors_of_answers) == 3


def test_a_cut_answer_goes_on_and_a_lost_or_refused_one_says_so(
    page: Page, stage: AnswerStage
) -> None:
    load_page(page, stage, "/ask?q=One%3F")
    expect(answer(page)).to_have_attribute("data-phase", "answering")
    stage.say("A")
    expect(words(page)).to_have_text("A")
    stage.cut_answer()
    wait_for_streams(stage, 2)
    for n, cut in enumerate((1, 10, 30, -1, 0), 2):
        stage.say(f" b{n}", cut=cut)
        wait_for_streams(stage, n + 1)
    whole = "A b2 b3 b4 b5 b6"
    expect(words(page)).to_have_text(whole)
    before = [f"{START}-{n}" for n in (1, 1, 2, 3, 4, 5)]
    assert stage.cursors_of_answers == ["", *before]
    stage.lost.add(ANSWER)
    stage.cut_answer()
    expect(answer(page)).to_contain_text("The server no longer has this answer.")
    expect(words(page)).to_have_text(whole)

    stage.refuses = 429, {"Retry-After": "3600"}
    page.get_by_role("button", name="Ask again").click()
    expect(answer(page)).to_contain_text(
        re.compile(r"Too many questions came from here\. .* again in (1 h|59 min)\.")
    )
    stage.refuses = 422, {}
    page.get_by_role("button", name="Ask again").click()
    expect(answer(page)).to_contain_text("Refused.")
    stage.refuses = None
    page.context.set_offline(True)
    page.get_by_role("button", name="Ask again").click()
    expect(answer(page)).to_contain_text("You are offline.")
    page.context.set_offline(False)
    page.get_by_role("button", name="Ask again").click()
    until(lambda: len(stage.questions) == 2, why="the question is asked again")
    expect(answer(page)).to_have_attribute("data-phase", "answering")
    stage.say("C")
    stage.end_answer("incomplete", "The model broke off.")
    expect(answer(page)).to_contain_text("The model broke off.")
    expect(words(page)).to_have_text("C")
    assert len(set(stage.keys)) == 2


def test_less_motion_shows_whole_sentences_and_lumps_are_named(
    page: Page, stage: AnswerStage
) -> None:
    page.emulate_media(reduced_motion="reduce")
    load_page(page, stage, "/ask?q=One%3F")
    expect(answer(page)).to_have_attribute("data-phase", "answering")
    wait_for_streams(stage, 1)
    texts = page.evaluate_handle(
        """() => {
          const texts = [];
          const answer = document.querySelector("#ask-turns .answer");
          new MutationObserver(() => texts.push(answer.textContent))
            .observe(answer, { childList: true });
          return texts;
        }"""
    )
    for text in ("It", " is", " 1.5", " now.", " So", " it", " is."):
        stage.say(text, after=500)
    expect(answer(page)).to_contain_text("they arrive in lumps")
    stage.end_answer()
    expect(words(page)).to_have_text("It is 1.5 now. So it is.")
    assert texts.json_value() in (
        ["It is 1.5 now.", "It is 1.5 now. So it is."],
        ["It is 1.5 now. So it is."],
    )


def test_ask_works_by_keyboard_alone_at_320_pixels(
    page: Page, stage: AnswerStage
) -> None:
    page.set_viewport_size({"width": 320, "height": 640})
    load_page(page, stage, "/s/ACME")
    begin_stream(page, stage)
    page.get_by_role("link", name="Ask about this").focus()
    page.keyboard.press("Enter")
    expect(field(page)).to_be_focused()
    expect(page).to_have_url(f"{stage.url}/ask?about=price%2FACME")
    expect(page.locator("#ask-suggestions a").first).to_contain_text("ACME")
    page.keyboard.type("How is it?")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("Today?")
    page.keyboard.press("Enter")
    expect(answer(page)).to_have_attribute("data-phase", "answering")
    assert stage.questions[0]["question"] == "How is it?\nToday?"
    assert stage.questions[0]["about"] == "price/ACME"
    stage.say("ACME", ref={"event": "price", "key": "ACME", "field": None, "id": "1-0"})
    stage.say(" " + "long" * 80)
    expect(words(page)).to_contain_text("longlong")
    assert page.evaluate(
        """() => ["#ask", "#ask-thread"].every((part) => {
          const { scrollWidth, clientWidth } = document.querySelector(part);
          return scrollWidth <= clientWidth;
        }) && document.documentElement.scrollWidth <= 320"""
    )
    expect(field(page)).to_be_focused()
    page.keyboard.press("Tab")
    expect(send(page)).to_be_focused()
    expect(send(page)).to_have_text("Stop")
    page.keyboard.press("Enter")
    expect(answer(page)).to_contain_text("The answer was stopped.")
    for name in ("question", "about", "Ask again", "ACME", "thread", "close"):
        page.keyboard.press("Shift+Tab")
        assert name in focused_text(page)
    page.keyboard.press("Escape")
    expect(page.get_by_role("link", name="Ask about this")).to_be_focused()
    expect(page).to_have_url(f"{stage.url}/s/ACME")
    page.keyboard.press("q")
    expect(field(page)).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#ask")).to_be_hidden()


def test_ask_that_can_not_be_loaded_says_so_and_can_be_opened_later(
    page: Page, stage: AnswerStage
) -> None:
    load_page(page, stage)
    page.route("**/ask/panel*", lambda route: route.abort())
    page.keyboard.press("q")
    expect(page.locator("#away")).to_have_text("Ask can’t be loaded now.")
    expect(page).to_have_url(f"{stage.url}/")
    page.unroute("**/ask/panel*")
    page.keyboard.press("q")
    expect(field(page)).to_be_focused()


def test_storage_that_is_blocked_breaks_nothing(page: Page, stage: AnswerStage) -> None:
    page.add_init_script(
        """Object.defineProperty(window, "sessionStorage", {
          get() { throw new DOMException("blocked", "SecurityError"); },
        });"""
    )
    load_page(page, stage, "/ask?q=One%3F")
    expect(answer(page)).to_have_attribute("data-phase", "answering")
    stage.say("Yes.")
    stage.end_answer()
    expect(words(page)).to_have_text("Yes.")
    assert len(stage.questions) == 1


def test_if_answers_cost_a_link_of_another_site_only_fills_the_question_in(
    page: Page, stage: AnswerStage
) -> None:
    app = create_app(Settings(ask_url="http://127.0.0.1:9/v1/chat/completions"))
    client, html = app.test_client(), {"Accept": "text/html"}
    foreign = client.get("/ask?q=hi", headers=html | {"Sec-Fetch-Site": "cross-site"})
    own = client.get("/ask?q=hi", headers=html | {"Sec-Fetch-Site": "same-origin"})
    app.extensions["feed"].close()
    assert 'data-asks="no"' in foreign.text and "data-asks" not in own.text

    def mark(route: Route) -> None:
        body = route.fetch().text().replace('id="ask" ', 'id="ask" data-asks="no" ')
        route.fulfill(body=body, content_type="text/html")

    page.route("**/ask?q=*", mark)
    page.goto(f"{stage.url}/ask?q=One%3F")
    expect(field(page)).to_have_value("One?")
    expect(field(page)).to_be_focused()
    assert stage.questions == []
    page.keyboard.press("Enter")
    expect(answer(page)).to_have_attribute("data-phase", "answering")
    assert len(stage.questions) == 1


def test_a_real_answer_comes_to_its_page_and_without_a_script_in_the_html(
    page: Page, browser: Browser, board: Board
) -> None:
    page.goto(f"{board.url}/ask?q=How+is+ACME%3F")
    wait_until_live(page)
    expect(answer(page)).to_have_attribute("data-reason", "complete")
    expect(words(page)).to_contain_text(re.compile(r"ACME.* is at [\d.]+"))
    context = browser.new_context(java_script_enabled=False)
    plain = context.new_page()
    plain.goto(board.url)
    plain.get_by_role("link", name="Ask", exact=True).click()
    expect(plain.locator("#ask-suggestions a")).to_have_count(3)
    plain.locator("#ask-question").fill("How is ACME?")
    plain.get_by_role("button", name="Ask", exact=True).click()
    text = plain.locator("#ask .answer")
    expect(text).to_contain_text(re.compile(r"ACME\) is at [\d.]+ EUR, "))
    link = text.get_by_role("link", name="ACME", exact=True)
    expect(link).to_have_attribute("href", "/s/ACME")
    plain.locator("#ask-suggestions a").first.click()
    expect(text).to_contain_text(".")
    match = boot_data(page)["scores"][0]["match"]
    plain.goto(f"{board.url}/ask?match={match}")
    expect(plain).to_have_url(f"{board.url}/m/{match}")
    context.close()


def test_six_lines_of_an_eventsource_read_a_whole_answer(
    page: Page, board: Board
) -> None:
    page.goto(f"{board.url}/favicon.ico")  # a document that isn't the board's page
    text, count, reason = page.evaluate(SIX_LINES)
    assert re.match(r"Acme Anvil Works \(ACME\) is at [\d.]+ EUR", text)
    assert text.endswith(".") and count > 10 and reason == "complete"


def wait_for_streams(stage: AnswerStage, count: int) -> None:
    """Wait until so many streams of answers have been opened."""
    until(lambda: len(stage.cursors_of_answers) == count, why="the answer is read")


def field(page: Page) -> Locator:
    return page.get_by_role("textbox", name="Your question")


def send(page: Page) -> Locator:
    return page.locator("#ask-send")


def answer(page: Page) -> Locator:
    """Return the newest turn."""
    return page.locator("#ask-turns .turn").last


def words(page: Page) -> Locator:
    """Return the text of the newest answer."""
    return answer(page).locator(".answer")


def focused_text(page: Page) -> str:
    """Return what identifies the element that has the focus."""
    return str(
        page.evaluate(
            """() => {
              const { id, textContent, parentElement } = document.activeElement;
              return `${id} ${parentElement.id} ${textContent}`;
            }"""
        )
    )
