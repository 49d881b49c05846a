/** The name of the release before, by which a page of that release loads it. */
export * from "./detail/chart-library.js";
