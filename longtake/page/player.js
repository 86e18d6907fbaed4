// The segment that was picked: what is known of it, and of a recording the film from there.

import { streamPath } from "./api.js";
import { chip, percent } from "./card.js";
import { byId, make } from "./element.js";
import { duration, moment } from "./times.js";

export class Player {
  constructor(page) {
    this.page = page;
    this.element = byId("player");
    this.row = null;
  }

  /** Show a segment of a row's stream; of one that can be played, play from its start. Without one, from `t`. */
  open(section, row, segment, t = segment.start_time) {
    if (this.row && this.row !== row) this.close();
    Object.assign(this, { section, row });
    this.facts(segment, t);
    if (row.stream.info.playable) this.play(t);
    this.element.hidden = false;
    document.body.classList.add("playing");
    this.page.select(segment ? { stream: row.stream, segment } : null);
    const what = segment ? `${segment.label}, ${duration((segment.end_time ?? row.stream.edge) - segment.start_time)}` : "";
    this.page.say(`${row.stream.name} ${what} ${moment(t)}`);
  }

  facts(segment, t) {
    const { stream } = this.row;
    this.top?.remove();
    const button = (text, label, act) => make("button", { type: "button", class: "round", "aria-label": label, title: label, onclick: act }, text);
    this.top = make("div", { class: "player-top" },
      make("div", { class: "player-head" },
        make("h3", { title: stream.name }, stream.name),
        button("‹", "Segment before ([)", () => this.step(false)),
        button("›", "Next segment (])", () => this.step(true)),
        button("×", "Close (Esc)", () => this.close())),
      segment ? this.sheet(segment) : make("p", { class: "quiet" }, `from ${moment(t)}`));
    this.element.prepend(this.top);
  }

  sheet(segment) {
    const { stream } = this.row;
    const end = segment.end_time;
    const fact = (name, value) => [make("dt", {}, name), make("dd", {}, value)];
    return make("dl", { class: "sheet" },
      make("dt", {}, "label"), make("dd", {}, make("ul", { class: "holds" }, chip(this.page, segment.label, ""))),
      ...fact("from", moment(segment.start_time)),
      ...fact("to", end === null ? "still open" : `${moment(end)} (${duration(end - segment.start_time)})`),
      ...fact("score", `${percent(segment.score)}${segment.peak === undefined ? "" : `, at most ${percent(segment.peak)}`}`),
      ...(segment.origin === "backfill" ? fact("origin", "filled in from a recording") : []),
      ...(stream.info.playable ? [] : fact("film", "a live stream keeps none")));
  }

  play(t) {
    const { stream } = this.row;
    if (!this.video) {
      this.video = make("video", { controls: true, playsinline: true, preload: "metadata", "aria-label": `Film of ${stream.name}` });
      this.video.addEventListener("timeupdate", () => this.follow());
      this.video.addEventListener("seeked", () => this.follow());
      this.video.addEventListener("error", () => this.page.toast("The browser cannot play this recording"));
      this.video.src = streamPath(stream.name, "video");
      this.element.append(this.video);
    }
    this.seek(t);
  }

  /** The timeline second of the film's beginning. */
  get beginS() {
    return this.row.stream.info.since ?? 0;
  }

  seek(t) {
    const { video } = this;
    const go = () => {
      video.currentTime = Math.max(0, t - this.beginS);
      video.play().catch(() => {}); // a browser may want a click first; its controls are there
    };
    if (video.readyState >= HTMLMediaElement.HAVE_METADATA) go();
    else video.addEventListener("loadedmetadata", go, { once: true });
  }

  /** The line on the timeline goes with the film. */
  follow() {
    if (!this.video) return;
    const t = this.video.currentTime + this.beginS;
    this.section.play(t);
    if (!this.video.paused && t > this.section.view.end) this.section.view.reveal(t);
  }

  /** Go to the segment after the one that is shown, or before it. */
  step(forwards) {
    const { section, row, page } = this;
    const from = page.selected?.segment.start_time ?? (section.playing ?? section.view.start);
    const next = row.neighbour(from, forwards);
    if (!next) return page.toast(forwards ? "No later segment is loaded" : "No earlier segment is loaded");
    section.view.reveal(next.start_time);
    this.open(section, row, next);
  }

  close() {
    this.video?.pause();
    this.video?.removeAttribute("src");
    this.video?.load();
    this.video = null;
    this.element.hidden = true;
    this.element.replaceChildren();
    document.body.classList.remove("playing");
    this.section?.play(null);
    this.row?.canvas.focus({ preventScroll: true });
    this.row = null;
    this.page.select(null);
  }
}
