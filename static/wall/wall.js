/** A wall screen: its style, and whether somebody uses the page. */

import { loadStyle } from "../stylesheets.js";

const IDLE = 60_000; // ms without input until the controls are hidden
const INPUTS = ["pointerdown", "pointermove", "keydown", "wheel", "touchstart"];
let timer = 0;

/** Show the page as on a wall as long as the window is that wide. */
export function openWall() {
  loadStyle("wall-style", new URL("wall.css", import.meta.url));
  for (const input of INPUTS) addEventListener(input, onInput, { passive: true });
  onInput();
}

/** Somebody uses the page: show its controls for a while. */
function onInput() {
  document.documentElement.removeAttribute("data-idle");
  clearTimeout(timer);
  timer = setTimeout(() => document.documentElement.setAttribute("data-idle", ""), IDLE);
}
