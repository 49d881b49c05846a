import * as times from "../../../static/times.js";
import { equal, test } from "./runner.js";

const EVENING = Date.UTC(2026, 2, 5, 19, 45, 7); // a Thursday
const HOUR = 3_600_000; // ms
const DAY = 24 * HOUR;

times.useLanguage("en-GB");

/** Have times written as in a zone of the IANA database. @param {string} name */
function use(name) {
  const form = new Intl.DateTimeFormat("en-GB", {
    timeZone: name,
    timeZoneName: "longOffset",
  });
  times.useZone({ name, offset: (at) => offsetIn(form, at) });
}

/** @param {Intl.DateTimeFormat} form @param {number} at */
function offsetIn(form, at) {
  const part = form.formatToParts(at).find(({ type }) => type === "timeZoneName");
  const [, sign, hours = "0", minutes = "0"] =
    /([+-])(\d\d):(\d\d)/.exec(part?.value ?? "") ?? [];
  return (Number(hours) * 60 + Number(minutes)) * 60_000 * (sign === "-" ? -1 : 1);
}

/** @param {string} name @param {number} at */
function hoursIn(name, at) {
  use(name);
  return times.hours(at, at);
}

test("a time is that of the zone, also where it is half an hour off", () => {
  equal(hoursIn("Europe/Berlin", EVENING), "20:45");
  equal(hoursIn("America/New_York", EVENING), "14:45");
  equal(hoursIn("America/St_Johns", EVENING), "16:15");
  equal(hoursIn("Asia/Kathmandu", EVENING), "01:30");
  use("Asia/Kolkata");
  equal(times.clock(EVENING, EVENING), "01:15:07");
  equal(times.date(EVENING), "Fri 6 Mar 2026, 01:15");
  times.useZone(times.UTC);
  equal(times.clock(EVENING, EVENING), "19:45:07");
});

test("the zone is named by its distance from UTC", () => {
  const labels = ["UTC", "Europe/Berlin", "Asia/Kolkata", "America/St_Johns"].map((name) => {
    use(name);
    return times.zoneLabel(EVENING);
  });
  equal(labels, ["UTC", "UTC+1", "UTC+5:30", "UTC−3:30"]);
});

test("the clock jumps on the two days of daylight saving", () => {
  const spring = Date.UTC(2026, 2, 29, 1); // 02:00 in Berlin, where it becomes 03:00
  use("Europe/Berlin");
  equal(times.clock(spring - 1, spring), "01:59:59");
  equal(times.clock(spring, spring), "03:00:00");
  equal([spring - 1, spring].map(times.zoneLabel), ["UTC+1", "UTC+2"]);
  const autumn = Date.UTC(2026, 9, 25, 1); // 03:00, where it becomes 02:00
  equal(times.clock(autumn - 1, autumn), "02:59:59");
  equal(times.clock(autumn, autumn), "02:00:00");
  equal(times.shifted(autumn) - autumn, HOUR);
  // A zone that saves half an hour.
  const april = Date.UTC(2026, 3, 4, 15);
  equal(hoursIn("Australia/Lord_Howe", april - 1), "01:59");
  equal(hoursIn("Australia/Lord_Howe", april), "01:30");
});

test("a day of 23 or 25 hours is one day", () => {
  use("Europe/Berlin");
  for (const [start, end] of [
    [Date.UTC(2026, 2, 28, 23), Date.UTC(2026, 2, 29, 22)],
    [Date.UTC(2026, 9, 24, 22), Date.UTC(2026, 9, 25, 23)],
  ]) {
    equal(times.hours(start, end - 1), "00:00");
    equal(times.hours(start - 1, end - 1), "Sat 23:59");
    equal(times.hours(end, start), "Mon 00:00");
  }
});

test("a time of another day has its date", () => {
  times.useZone(times.UTC);
  const hours = (/** @type {number} */ at) => times.hours(at, EVENING);
  equal(hours(EVENING - 19 * HOUR), "00:45");
  equal(hours(EVENING + 11 * HOUR), "Fri 06:45");
  equal(hours(EVENING + 6 * DAY), "Wed 19:45");
  equal(hours(EVENING - 6 * DAY), "Fri 19:45");
  equal(hours(EVENING + 7 * DAY), "12 Mar 19:45");
  equal(hours(EVENING - 7 * DAY), "26 Feb 19:45");
  equal(hours(EVENING + 365 * DAY), "5 Mar 2027 19:45");
  equal(times.clock(EVENING - DAY, EVENING), "Wed 19:45");
  equal(times.clock(EVENING - 1000, EVENING), "19:45:06");
});

test("a day begins at midnight of the zone", () => {
  use("Asia/Kolkata"); // there it is Friday, 01:15
  equal(times.hours(EVENING - 2 * HOUR, EVENING), "Thu 23:15");
  use("America/New_York"); // 14:45
  equal(times.hours(EVENING + 10 * HOUR, EVENING), "Fri 00:45");
});

test("the day and the month are in the order of the language", () => {
  times.useZone(times.UTC);
  const dates = (/** @type {string} */ language) => {
    times.useLanguage(language);
    return [times.hours(EVENING - 9 * DAY, EVENING), times.date(EVENING)];
  };
  for (const language of ["en-GB", "de", "ar-EG"]) {
    equal(dates(language), ["24 Feb 19:45", "Thu 5 Mar 2026, 19:45"]);
  }
  for (const language of ["en-US", "en-US@posix", "fa-IR", "ja-JP-u-ca-japanese"]) {
    equal(dates(language), ["Feb 24 19:45", "Thu Mar 5 2026, 19:45"]);
  }
  // These are no languages by BCP 47.
  for (const language of ["C", "C.UTF-8", "", "de_DE"]) {
    equal(dates(language), ["24 Feb 19:45", "Thu 5 Mar 2026, 19:45"]);
  }
});

test("what is unknown is a dash", () => {
  const beyond = 253402300800000; // the year 10000
  for (const at of [null, beyond, 1e17, NaN]) {
    equal([times.clock(at), times.hours(at), times.date(at)], ["–", "–", "–"]);
  }
});

test("an element has its instant, and is written again for another zone or day", () => {
  times.useZone(times.UTC);
  times.passTime(EVENING);
  const element = document.createElement("time");
  document.body.append(element);
  times.setTime(element, EVENING, "until");
  equal(element.outerHTML, timeOf("until", "until 19:45"));
  use("Europe/Berlin");
  equal(element.textContent, "until 20:45");
  times.passTime(EVENING + 4 * HOUR); // after midnight in Berlin
  equal(element.textContent, "until Thu 20:45");
  times.setTime(element, null, "until");
  equal(element.outerHTML, '<time data-form="until"></time>');
  element.remove();
});

test("a chip has the kick-off or words, and the kick-off as its tooltip", () => {
  times.useZone(times.UTC);
  times.passTime(EVENING);
  const chip = document.createElement("span");
  document.body.append(chip);
  times.setChip(chip, { status: "NS", kick_off: EVENING }, "19:45");
  equal(chip.innerHTML, timeOf("hours", "19:45"));
  use("Asia/Kolkata");
  equal([chip.textContent, chip.title], ["01:15", "Kick-off Fri 6 Mar 2026, 01:15"]);
  times.setChip(chip, { status: "1H", kick_off: EVENING }, "1′");
  equal(chip.innerHTML, "1′");
  times.setChip(chip, { status: "NS", kick_off: null }, "Upcoming");
  equal([chip.innerHTML, chip.title], ["Upcoming", ""]);
  chip.remove();
});

/** @param {string} form @param {string} text */
function timeOf(form, text) {
  return `<time datetime="2026-03-05T19:45:07Z" data-form="${form}">${text}</time>`;
}
