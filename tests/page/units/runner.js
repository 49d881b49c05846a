/**
 * Runs the tests of a module inside of a browser, and tells `tests/page/test_units.py` how they
 * went. A test fails by throwing; each has its name from what is true when it passes.
 */

/** @type {{name: string, act: () => unknown}[]} */
const tests = [];

/**
 * Have a test run, in the order of the file.
 * @param {string} name
 * @param {() => unknown} act It may be asynchronous.
 */
export function test(name, act) {
  tests.push({ name, act });
}

/**
 * Run all there are.
 * @returns {Promise<{name: string, error: string | null}[]>}
 */
export async function run() {
  const results = [];
  for (const { name, act } of tests) results.push({ name, error: await failure(act) });
  return results;
}

/**
 * Throw unless a condition holds.
 * @param {unknown} condition
 * @param {string} [why]
 */
export function assert(condition, why = "it does not hold") {
  if (!condition) throw new Error(why);
}

/**
 * Throw unless two values are the same, compared as JSON.
 * @param {unknown} found
 * @param {unknown} expected
 */
export function equal(found, expected) {
  const [is, ought] = [found, expected].map((value) => JSON.stringify(value));
  assert(is === ought, `${is} instead of ${ought}`);
}

/** @param {() => unknown} act */
async function failure(act) {
  try {
    await act();
    return null;
  } catch (error) {
    return error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
}
