import { sentence, simulatedWords } from "../../../static/board/sources.js";
import { UTC, useZone } from "../../../static/times.js";
import { equal, test } from "./runner.js";

test("the tag says which part of what is shown is simulated", () => {
  const [simulated, real, none] = [["simulator", "Kraken"], ["Kraken", ""], []].map(
    (names) => new Set(names),
  );
  equal(simulatedWords(simulated, simulated), "Simulated data");
  equal(simulatedWords(simulated, none), "Simulated data");
  equal(simulatedWords(none, simulated), "Simulated data");
  equal(simulatedWords(simulated, real), "Simulated prices");
  equal(simulatedWords(real, simulated), "Simulated scores");
  equal(simulatedWords(real, real), "");
  equal(simulatedWords(none, none), "");
});

test("a source that is not live is named with its fault, its time and the reason", () => {
  useZone(UTC);
  const since = Date.UTC(2026, 10, 18, 14, 3, 12);
  const state = { source: "Kraken", since, at: since, detail: null };
  const words = sentence({ ...state, status: "away" });
  equal(words.startsWith("Kraken: no answer since "), true);
  equal(words.includes("14:03"), true);
  equal(sentence({ ...state, status: "mute", detail: "Why." }).endsWith(" Why."), true);
  for (const [status, fault] of [
    ["late", "late data"],
    ["refused", "no access"],
  ])
    equal(sentence({ ...state, status: /** @type {any} */ (status) }).includes(fault), true);
});
