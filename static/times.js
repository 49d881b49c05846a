/**
 * Times, written for the reader: in the zone of the browser, or in UTC if the reader wants
 * that; with the date if it isn't today's there; and with the day and the month in the order
 * of the reader's language. Words and digits stay English, like the rest of the page.
 *
 * The server writes the page's times in UTC, by the same rules (`web/times.py`), in elements
 * that `showTimes` writes again. So no view needs to know when the zone or the day changes.
 */

import { setAttribute, setText } from "./dom.js";

/**
 * @typedef {object} Zone
 * @property {string} name Such as "Europe/Berlin"; empty if the browser doesn't know it.
 * @property {(at: number) => number} offset Its distance from UTC at an instant, in ms.
 *
 * @typedef {"clock" | "hours" | "until" | "date" | "day"} Form
 */

export const UNKNOWN = "–";
const MINUTE = 60_000; // ms
const DAY = 86_400_000; // ms
const WEEK = 7; // days; a time that is nearer has the name of its day as its date
const LAST_INSTANT = 253402300799999; // the end of the year 9999
/** @type {Zone} */
export const UTC = { name: "UTC", offset: () => 0 };
/** @type {Zone} */
export const OWN_ZONE = {
  name: Intl.DateTimeFormat("en-GB").resolvedOptions().timeZone ?? "",
  offset: (at) => -MINUTE * new Date(at).getTimezoneOffset(),
};
/** @type {Record<Form, (at: number | null) => string>} */
const FORMS = { clock, hours, until: (at) => `until ${hours(at)}`, date, day: dayInWords };

let zone = OWN_ZONE;
let present = Date.now(); // until the server's time is known
let today = NaN; // the day of the present there, since the epoch
let isMonthFirst = writesMonthFirst(navigator.language);

/** Write times as in a zone from now on. @param {Zone} wanted */
export function useZone(wanted) {
  if (wanted === zone) return;
  zone = wanted;
  today = dayOf(present);
  showTimes();
}

/** Write dates as in a language from now on. @param {string} language */
export function useLanguage(language) {
  isMonthFirst = writesMonthFirst(language);
}

/** Let it be this time. Call it at least once a minute. @param {number} now Epoch ms. */
export function passTime(now) {
  present = now;
  if (dayOf(now) === today) return;
  today = dayOf(now);
  showTimes();
}

/** The zone's distance from UTC: "UTC+1", "UTC−3:30", "UTC". */
export function zoneLabel(at = present) {
  const minutes = zone.offset(at) / MINUTE;
  if (!minutes) return "UTC";
  const [hour, rest] = [Math.floor(Math.abs(minutes) / 60), Math.abs(minutes) % 60];
  const parts = rest ? `${hour}:${String(rest).padStart(2, "0")}` : hour;
  return `UTC${minutes < 0 ? "−" : "+"}${parts}`;
}

/**
 * The milliseconds of an instant in the zone, for what can write UTC only.
 * @param {number} at Epoch ms.
 */
export function shifted(at) {
  return at + zone.offset(at);
}

/**
 * The time of day with seconds, "14:03:07"; without them if it isn't today's.
 * @param {number | null} at Epoch ms.
 * @param {number} [now] Epoch ms.
 */
export function clock(at, now = present) {
  const text = hours(at, now);
  return at != null && text.length === "14:03".length ? partsOf(at).time : text;
}

/**
 * The hour and minute, "19:45", with the date if that isn't today: "Mon 06:51",
 * "5 Mar 06:51", "5 Mar 2027 06:51".
 * @param {number | null} at Epoch ms.
 * @param {number} [now] Epoch ms.
 */
export function hours(at, now = present) {
  if (!isWritable(at)) return UNKNOWN;
  const day = dayBeside(at, now);
  return `${day}${day && " "}${partsOf(at).time.slice(0, 5)}`;
}

/**
 * The whole date and the time: "Thu 5 Mar 2026, 19:45".
 * @param {number | null} at Epoch ms.
 */
export function date(at) {
  if (!isWritable(at)) return UNKNOWN;
  const { weekday, year, time } = partsOf(at);
  return `${weekday} ${dayAndMonth(at)} ${year}, ${time.slice(0, 5)}`;
}

/**
 * The day, "Thu 5 Mar".
 * @param {number} at Epoch ms.
 */
export function day(at) {
  return `${partsOf(at).weekday} ${dayAndMonth(at)}`;
}

/**
 * Write an instant into a <time> element; make that empty if there is no instant.
 * @param {Element} element
 * @param {number | null} at Epoch ms.
 * @param {Form} form
 */
export function setTime(element, at, form) {
  const isKnown = isWritable(at);
  if (isKnown) setAttribute(element, "datetime", isoOf(at));
  else element.removeAttribute("datetime");
  setAttribute(element, "data-form", form);
  setText(element, isKnown ? FORMS[form](at) : "");
}

/**
 * Write the chip of a match: words, or the kick-off before it. Its tooltip is the kick-off.
 * @param {HTMLElement} chip
 * @param {Pick<import("./board/state.js").Score, "status" | "kick_off">} score
 * @param {string} words
 */
export function setChip(chip, { status, kick_off: kickOff }, words) {
  const isKnown = isWritable(kickOff);
  setAttribute(chip, "data-kick-off", isKnown ? isoOf(kickOff) : "");
  showKickOff(chip);
  if (status === "NS" && isKnown) {
    if (!chip.firstElementChild) chip.replaceChildren(document.createElement("time"));
    setTime(/** @type {Element} */ (chip.firstElementChild), kickOff, "hours");
  } else setText(chip, words);
}

/** Write all times of the page again, and the name of their zone. */
function showTimes() {
  const times = document.querySelectorAll("time[datetime][data-form]");
  for (const element of /** @type {NodeListOf<HTMLTimeElement>} */ (times)) {
    const form = /** @type {Form} */ (element.dataset.form);
    setText(element, FORMS[form](Date.parse(element.dateTime)));
  }
  for (const chip of document.querySelectorAll("[data-kick-off]")) {
    showKickOff(/** @type {HTMLElement} */ (chip));
  }
  for (const element of document.querySelectorAll("[data-zone]")) {
    setText(element, zoneLabel());
    setAttribute(element, "title", `Times are in ${zone.name || zoneLabel()}`);
  }
}

/** @param {HTMLElement} chip */
function showKickOff(chip) {
  const { kickOff } = chip.dataset;
  setAttribute(chip, "title", kickOff ? `Kick-off ${date(Date.parse(kickOff))}` : "");
}

/**
 * The date of an instant as far as a reader needs it; empty if it is today.
 * @param {number} at
 * @param {number} now
 */
function dayBeside(at, now) {
  const distance = dayOf(at) - dayOf(now);
  if (distance === 0) return "";
  const { weekday, year } = partsOf(at);
  if (Math.abs(distance) < WEEK) return weekday;
  return dayAndMonth(at) + (partsOf(now).year === year ? "" : ` ${year}`);
}

/** @param {number} at */
function dayAndMonth(at) {
  const { day, month } = partsOf(at);
  return isMonthFirst ? `${month} ${day}` : `${day} ${month}`;
}

/**
 * The parts of an instant in the zone: "Thu", 5, "Mar", "2026", "19:45:07".
 * @param {number} at
 */
function partsOf(at) {
  // "Thu, 05 Mar 2026 19:45:07 GMT" (ECMA-262, 21.4.4.43), in every language
  const [weekday, day, month, year, time] = new Date(shifted(at)).toUTCString().split(/,? /);
  return { weekday, day: Number(day), month, year, time };
}

/** "today", or else "on Thu 5 Mar". @param {number | null} at */
function dayInWords(at) {
  if (!isWritable(at)) return "";
  return dayOf(at) === dayOf(present) ? "today" : `on ${day(at)}`;
}

/** The day of an instant in the zone, since the epoch. @param {number} at */
function dayOf(at) {
  return Math.floor(shifted(at) / DAY);
}

/** @param {number} at */
function isoOf(at) {
  return `${new Date(at).toISOString().slice(0, 19)}Z`;
}

/**
 * Whether an instant is known, and has a year of four digits in the zone.
 * @param {number | null | undefined} at
 * @returns {at is number}
 */
function isWritable(at) {
  return at != null && Math.abs(at) <= LAST_INSTANT && Math.abs(shifted(at)) <= LAST_INSTANT;
}

/**
 * Whether a language writes the month before the day. Browsers may name a language that is
 * none by BCP 47, such as "C" or "en-US@posix".
 * @param {string} language
 */
function writesMonthFirst(language) {
  /** @type {Intl.DateTimeFormatOptions} */
  const form = { day: "numeric", month: "numeric", calendar: "gregory" };
  try {
    const parts = Intl.DateTimeFormat(language.split(/[@.]/)[0], form).formatToParts(0);
    const types = parts.map(({ type }) => type);
    return types.indexOf("month") < types.indexOf("day");
  } catch {
    return false;
  }
}
