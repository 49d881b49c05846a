export const HEARTBEAT = 10; // seconds; of every fake stream

/** Stands for an EventSource, which a test lets receive and fail. */
export class FakeSource extends EventTarget {
  static CLOSED = 2;
  /** @type {FakeSource[]} */ static all = [];
  readyState = 1;
  /** @type {((event: any) => void) | null} */ onmessage = null;
  /** @type {(() => void) | null} */ onerror = null;

  /** @param {string} url */
  constructor(url) {
    super();
    this.url = url;
    FakeSource.all.push(this);
  }

  /** @param {string} tail */
  hello(tail) {
    this.#emit("hello", { tail, heartbeat: HEARTBEAT });
  }

  /** @param {string} text @param {string} id */
  say(text, id) {
    this.onmessage?.({ data: JSON.stringify({ text }), lastEventId: id });
  }

  /** @param {string} reason */
  end(reason) {
    this.#emit("end", { reason, detail: null });
  }

  /** Fail as after a cut, or as after a response that is no stream. @param {boolean} isFinal */
  fail(isFinal) {
    this.readyState = isFinal ? 2 : 0;
    this.onerror?.();
  }

  close() {
    this.readyState = 2;
  }

  /** @param {string} type @param {object} data */
  #emit(type, data) {
    this.dispatchEvent(new MessageEvent(type, { data: JSON.stringify(data) }));
  }
}
