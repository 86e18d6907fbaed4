// Keeps what is known of all streams up to date, and knows whether longtake answers.

import { ApiError, ask } from "./api.js";
import { beginOf } from "./loader.js";
import { Stream } from "./stream.js";

const POLL_S = 5;
const AGAIN_S = 2;

/**
 * The streams by name. Events: `streams` (they were asked for), `away` and `back` (detail: ApiError), `sign-in` (it is
 * not known who asks), `begins` (something new is known of where a stream begins).
 */
export class Watch extends EventTarget {
  constructor() {
    super();
    this.streams = new Map();
    this.away = null;
    this.timer = 0;
    document.addEventListener("visibilitychange", () => document.hidden || this.poll());
  }

  /** Ask for all streams now, and from then on every few seconds while somebody sees the page. */
  async poll() {
    clearTimeout(this.timer);
    let pauseS = POLL_S;
    try {
      this.update((await ask("api/streams")).streams);
      this.answered();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      pauseS = this.failed(error);
    }
    clearTimeout(this.timer);
    if (pauseS && !document.hidden) this.timer = setTimeout(() => this.poll(), pauseS * 1000);
  }

  /** Take an error over, from whatever was asked; return the seconds until it makes sense to ask again. */
  failed(error) {
    if (error.status === 401) {
      this.dispatchEvent(new Event("sign-in"));
      return 0;
    }
    const first = !this.away;
    this.away = error;
    this.dispatchEvent(new CustomEvent("away", { detail: error }));
    if (first) this.timer = setTimeout(() => this.poll(), AGAIN_S * 1000);
    return Math.min(error.retryAfterS, POLL_S);
  }

  answered() {
    if (!this.away) return;
    this.away = null;
    this.dispatchEvent(new Event("back"));
  }

  update(infos) {
    const names = new Set(infos.map((one) => one.name));
    for (const name of this.streams.keys()) if (!names.has(name)) this.streams.delete(name);
    for (const info of infos) this.take(info);
    this.streams = new Map([...this.streams].sort(([a], [b]) => a.localeCompare(b)));
    this.dispatchEvent(new Event("streams"));
  }

  /** Take over one stream's state. */
  take(info) {
    const known = this.streams.get(info.name);
    if (known) known.update(info);
    else this.streams.set(info.name, new Stream(info));
  }

  /** Find out where a stream begins, unless that is known or was asked for a moment ago. */
  async findBegin(stream) {
    if (stream.begins !== null || stream.info.until === null || stream.askedAt === stream.info.until) return;
    stream.askedAt = stream.info.until;
    try {
      stream.begins = await beginOf(stream);
      this.dispatchEvent(new Event("begins"));
    } catch (error) {
      stream.askedAt = undefined;
      if (!(error instanceof ApiError)) throw error;
      if (error.away) this.failed(error);
    }
  }
}
