// What happens now, as the API tells it: segments, gaps and states, over one connection that comes back by itself.

const AGAIN_MS = 3000;

/**
 * Events: `segment`, `gap`, `stream` (detail: the value), `ready` (connected; detail.resumed: nothing was missed),
 * `lost`. While nobody sees the page nothing is asked for.
 */
export class Live extends EventTarget {
  constructor(address) {
    super();
    this.address = address;
    this.on = false;
    this.wanted = false;
    document.addEventListener("visibilitychange", () => (document.hidden ? this.disconnect() : this.connect()));
  }

  open() {
    this.wanted = true;
    this.connect();
  }

  close() {
    this.wanted = false;
    this.disconnect();
  }

  connect() {
    if (!this.wanted || this.source || document.hidden) return;
    this.source = new EventSource(this.address);
    for (const kind of ["segment", "gap", "stream"]) {
      this.source.addEventListener(kind, (event) => this.tell(kind, JSON.parse(event.data)));
    }
    this.source.addEventListener("ready", (event) => this.connected(JSON.parse(event.data)));
    this.source.addEventListener("error", () => this.failed());
  }

  disconnect() {
    this.source?.close();
    this.source = null;
    this.lost();
  }

  tell(kind, detail) {
    this.dispatchEvent(new CustomEvent(kind, { detail }));
  }

  connected(detail) {
    this.on = true;
    this.tell("ready", detail);
  }

  lost() {
    if (!this.on) return;
    this.on = false;
    this.dispatchEvent(new Event("lost"));
  }

  /** The browser connects again where the connection broke; after an answer that is an error it has given up. */
  failed() {
    this.lost();
    if (this.source?.readyState !== EventSource.CLOSED) return;
    this.source = null;
    setTimeout(() => this.connect(), AGAIN_MS);
  }
}
