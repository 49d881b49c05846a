/**
 * The requests of Ask: they post a question, find its answer and stop it. The answer itself is
 * read as a stream (`reader.js`).
 */

import { fetchOwn } from "../own-fetch.js";

/**
 * @typedef {object} Question
 * @property {string} text
 * @property {string} about The row that "it" in the text refers to, "price/ACME"; or empty.
 * @property {string | null} follow The answer that the question follows up on.
 * @property {string[]} symbols The pinned symbols.
 * @property {string} key The idempotency key. However often a question is sent with one
 *   key, it is asked once.
 *
 * @typedef {object} Begun The beginning of an answer.
 * @property {string} answer Its id.
 * @property {number} at When the question was asked, in epoch ms.
 * @property {string} by "rules", or the name of the model that answers.
 */

/** The statuses of a busy server, and of too many questions from one address. */
export const BUSY = [429, 503];
export const BY_RULES = "rules"; // instead of the name of a model
export const OFFLINE = 0; // instead of a status: no response came

const RETRY_AFTER = 5; // seconds, if a busy server says nothing

/** A request that was not served. */
export class Refusal extends Error {
  /**
   * @param {number} status The HTTP status, or OFFLINE.
   * @param {string} detail The server's sentence; may be empty.
   * @param {number} retryAfter Seconds until it is worth trying again; 0 is at once.
   */
  constructor(status, detail = "", retryAfter = 0) {
    super(detail);
    this.status = status;
    this.detail = detail;
    this.retryAfter = retryAfter;
  }
}

/**
 * Ask a question; throw a Refusal if it isn't answered.
 * @param {Question} question
 * @param {AbortSignal} signal
 * @returns {Promise<Begun>}
 */
export async function postQuestion({ text, about, follow, symbols, key }, signal) {
  const fields = { question: text, about: about || null, follow, symbols };
  const headers = { "Content-Type": "application/json", "Idempotency-Key": key };
  const body = JSON.stringify(fields);
  const response = await request("/api/answers", { method: "POST", headers, body, signal });
  return readJson(response);
}

/**
 * Stop an answer. Its stream then ends with an `end` event, as for any other reader.
 * @param {string} answer
 */
export async function stopAnswer(answer) {
  await request(pathOf(answer), { method: "DELETE" });
}

/**
 * Return the answer so far: the id of its last event, its end or null, and its answerer. A
 * Refusal says why its stream can't be opened: an EventSource hides a response's status.
 * @param {string} answer
 * @returns {Promise<{id: string, end: import("./reader.js").End | null, by: string}>}
 */
export async function findAnswer(answer) {
  const response = await request(pathOf(answer), { cache: "no-store" });
  return readJson(response);
}

/** @param {string} answer */
function pathOf(answer) {
  return `/api/answers/${encodeURIComponent(answer)}`;
}

/** @param {string} path @param {RequestInit} options */
async function request(path, options) {
  const response = await fetchOwn(path, options).catch(() => null);
  if (response?.ok) return response;
  throw response ? await refusalOf(response) : new Refusal(OFFLINE);
}

/**
 * The JSON of a response. It counts as none that came if it breaks off or isn't JSON, as
 * the page of a network that wants a login.
 * @param {Response} response
 */
async function readJson(response) {
  return response.json().catch(() => {
    throw new Refusal(OFFLINE);
  });
}

/** @param {Response} response */
async function refusalOf(response) {
  const problem = await response.json().catch(() => null); // a proxy's error is HTML
  const wait = Number(response.headers.get("Retry-After")) || RETRY_AFTER;
  const detail = typeof problem?.detail === "string" ? problem.detail : "";
  return new Refusal(response.status, detail, BUSY.includes(response.status) ? wait : 0);
}
