import { LumpDetector } from "../../../static/ask/lump.js";
import { equal, test } from "./runner.js";

const WORD = 40; // ms between two words

test("words that arrive as they are written are no lump", () => {
  const lumps = new LumpDetector();
  for (let at = 0; at < 10_000; at += WORD) lumps.observe(at, at + 30);
  equal(lumps.found, false);
});

test("words of two seconds that arrive together are a lump", () => {
  const lumps = new LumpDetector();
  for (let at = 0; at < 2000; at += WORD) lumps.observe(at, 5000 + at / 100);
  equal(lumps.found, false);
  lumps.observe(2000, 5020);
  equal(lumps.found, true);
});

test("a lump is found in the middle of an answer too", () => {
  const lumps = new LumpDetector();
  for (let at = 0; at < 3000; at += WORD) lumps.observe(at, at);
  for (let at = 3000; at <= 5000; at += WORD) lumps.observe(at, 5000);
  equal(lumps.found, true);
});

test("words that waited while the page was stopped are no lump", () => {
  const lumps = new LumpDetector();
  lumps.observe(0, 9000);
  lumps.reset();
  lumps.observe(4000, 9001);
  equal(lumps.found, false);
});
