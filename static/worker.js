/** Its name in the release before, by which a page of that release starts it. */
import "./stream/worker.js";
