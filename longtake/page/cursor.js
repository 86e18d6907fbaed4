// The moment under the pointer: a line through all streams, and what holds there in each.

import { chip, percent } from "./card.js";
import { byId, make } from "./element.js";
import { duration, moment } from "./times.js";

const MOST_OTHERS = 6;
const APART_PX = 16;

export class Cursor {
  constructor(page) {
    this.page = page;
    this.tooltip = byId("tooltip");
    document.addEventListener("pointerdown", (event) => event.target.closest(".canvas, .axis") || this.hide());
    document.addEventListener("scroll", () => this.hide(), { passive: true });
  }

  hide() {
    for (const one of this.page.sections) one.point(null);
    this.tooltip.hidden = true;
  }

  /** Follow the pointer at `t`; over an axis there is no row, and nothing to tell but the line. */
  show(section, row, t, event) {
    this.hide();
    section.point(t);
    if (!row) return;
    this.tooltip.hidden = false;
    this.tooltip.replaceChildren(...this.content(section, row, t));
    if (event) this.move(event.clientX, event.clientY);
  }

  content(section, row, t) {
    const others = [...section.rows.values()].filter((one) => one !== row && one.visible);
    const busy = others.map((one) => [one.stream, one.stream.at(t)]).filter(([, found]) => found.holds.length);
    const more = busy.length - MOST_OTHERS;
    return [make("p", { class: "tooltip-time" }, moment(t)), this.own(row.stream, t),
      ...busy.slice(0, MOST_OTHERS).map(([stream, found]) => this.other(stream, found)),
      more > 0 ? make("p", { class: "quiet" }, `and ${more} more streams`) : ""];
  }

  own(stream, t) {
    const { holds, gap } = stream.at(t);
    const lines = holds.map((one) => this.line(one, stream));
    if (gap) lines.push(make("li", { class: "quiet" }, `gap: ${gap.reason.replaceAll("_", " ")}${gap.filled ? ", filled" : ""}, ${duration(gap.end_time - gap.start_time)}`));
    if (!lines.length) lines.push(make("li", { class: "quiet" }, this.nothingAt(stream, t)));
    return make("div", { class: "tooltip-own" }, make("h4", {}, stream.name), make("ul", {}, ...lines));
  }

  nothingAt(stream, t) {
    if (t > stream.edge) return stream.running ? "not yet" : `not watched: ${stream.info.state}`;
    return stream.begins !== null && t < stream.begins ? "before it was watched" : "no label holds";
  }

  line(one, stream) {
    const word = one.kind === "share" ? `${percent(one.share)} of the time` : percent(one.score);
    const line = chip(this.page, one.label, word);
    if (one.kind === "segment") {
      const lengthS = (one.end_time ?? stream.edge) - one.start_time;
      line.append(make("span", { class: "quiet" }, one.end_time === null ? `${duration(lengthS)} so far` : duration(lengthS)));
    }
    return line;
  }

  other(stream, { holds }) {
    const chips = holds.map((one) => chip(this.page, one.label, ""));
    return make("div", { class: "tooltip-other" }, make("h4", {}, stream.name), make("ul", {}, ...chips));
  }

  /** Beside the pointer, wholly on screen. */
  move(x, y) {
    const { offsetWidth: width, offsetHeight: height } = this.tooltip;
    const left = x + APART_PX + width > innerWidth ? x - APART_PX - width : x + APART_PX;
    const top = Math.min(y + APART_PX, innerHeight - height - 8);
    this.tooltip.style.transform = `translate(${Math.max(8, left)}px, ${Math.max(8, top)}px)`;
  }
}
