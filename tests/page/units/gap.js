import { gapSentence } from "../../../static/alerts/gap.js";
import { equal, test } from "./runner.js";

test("a gap says how many updates were left out, and how many events were missed", () => {
  equal(
    gapSentence({ dropped: 80, lost: 2 }),
    "This page fell behind. 80 outdated updates were left out. 2 events were missed.",
  );
});

test("where nothing was missed only the updates are mentioned", () => {
  equal(
    gapSentence({ dropped: 1, lost: 0 }),
    "This page fell behind. 1 outdated updates were left out.",
  );
});

test("a number that is not known reads some", () => {
  equal(
    gapSentence({ dropped: null, lost: null }),
    "This page fell behind. Some outdated updates were left out. Some events were missed.",
  );
});
