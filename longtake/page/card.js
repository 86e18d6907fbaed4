// A stream at a glance: its last picture, what it does, what holds now, and why it fails.

import { now, streamPath } from "./api.js";
import { make, write } from "./element.js";
import { duration, elapsed, roughly } from "./times.js";

const PICTURE_S = 2;
const LONGEST_WAIT = 32; // as many times that long

export class Card {
  constructor(page, stream) {
    Object.assign(this, { page, stream, said: "", timer: 0, misses: 0, waits: 0 });
    this.image = make("img", { alt: "", hidden: true, decoding: "async" });
    this.image.addEventListener("load", () => this.pictured(true));
    this.image.addEventListener("error", () => this.pictured(false));
    this.frame = make("div", { class: "picture" }, make("span", {}, "no picture"), this.image);
    this.state = make("span", { class: "state" });
    this.holds = make("ul", { class: "holds", "aria-label": "Holds now" });
    this.error = make("p", { class: "error" });
    this.why = make("button", { type: "button", class: "why", onclick: () => page.showStream(stream) }, "Why?");
    this.name = make("button", { type: "button", class: "name", title: stream.name, onclick: () => page.showStream(stream) });
    write(this.name, stream.name);
    this.trouble = make("div", { class: "trouble", hidden: true }, this.error, this.why);
    this.element = make("div", { class: "card" }, this.frame,
      make("div", { class: "facts" }, make("h3", {}, this.name), make("p", { class: "doing" }, this.state), this.holds, this.trouble));
    this.update();
  }

  /** Say what is new; texts that are the same are left alone. */
  update() {
    const { info } = this.stream;
    this.element.dataset.state = info.state;
    write(this.state, stateInWords(this.stream));
    this.trouble.hidden = !info.error;
    write(this.error, info.error);
    this.error.title = info.error;
    this.showHolds();
    if (this.timer) this.stillPicture();
  }

  showHolds() {
    const open = [...this.stream.open.values()].sort((a, b) => a.label.localeCompare(b.label));
    const said = JSON.stringify(open.map((one) => [one.label, percent(one.score)]));
    if (said === this.said) return;
    this.said = said;
    this.holds.replaceChildren(...open.map((one) => chip(this.page, one.label, percent(one.score))));
  }

  /** Pictures are asked for only of what somebody sees and something runs. */
  look(visible) {
    clearInterval(this.timer);
    this.timer = visible ? setInterval(() => this.refresh(), PICTURE_S * 1000) : 0;
    if (!visible) return;
    this.stillPicture();
    this.refresh();
  }

  refresh() {
    const { stream } = this;
    if (!stream.running || stream.info.until === null || document.hidden || this.page.away || this.loading) return;
    if (this.waits-- > 0) return;
    this.loading = true;
    this.image.src = `${streamPath(stream.name, "latest.jpg")}?t=${Date.now()}`;
  }

  /** Where there is no picture, it is asked for less and less often. */
  pictured(there) {
    this.loading = false;
    this.misses = there ? 0 : this.misses + 1;
    this.waits = there ? 0 : Math.min(LONGEST_WAIT, 2 ** this.misses);
    if (there) this.image.hidden = false;
    if (there) this.video?.remove();
  }

  /** Of a recording that nobody watches now, the frame it ends with. */
  stillPicture() {
    const { stream } = this;
    if (this.video || !stream.info.playable || stream.running || !this.image.hidden) return;
    this.video = make("video", { muted: true, playsinline: true, preload: "metadata", tabindex: -1, "aria-hidden": "true" });
    this.video.addEventListener("loadedmetadata", () => (this.video.currentTime = this.video.duration), { once: true });
    this.video.src = streamPath(stream.name, "video");
    this.frame.append(this.video);
  }
}

/** A label with its colour, and a word beside it. */
export function chip(page, label, word) {
  const element = make("li", { class: "chip", title: label }, make("span", { class: "chip-text" }, label), word && make("b", {}, word));
  element.style.setProperty("--colour", page.colour(label));
  return element;
}

export function percent(score) {
  return `${Math.floor(score * 100 + 1e-6)} %`;
}

/** What a stream does, in a few words. */
export function stateInWords(stream) {
  const { state, lag, retry, until } = stream.info;
  if (state === "failed" && retry) return `failed · again in ${roughly(retry)}`;
  if (state === "running" && lag !== null) return `running · ${duration(lag)} behind`;
  if (until === null || (stream.running && stream.onWallClock)) return state;
  if (stream.onWallClock) return `${state} · ${roughly(Math.max(0, now() - until))} ago`;
  return `${state} · ${elapsed(until)} watched`;
}
