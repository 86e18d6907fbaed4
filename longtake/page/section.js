// The streams that share one axis of time: those by the clock, or recordings from their start.

import { AXIS_PX, paintAxis } from "./axis.js";
import { make } from "./element.js";
import { gestures } from "./gestures.js";
import { Row } from "./row.js";
import { theme } from "./theme.js";
import { duration } from "./times.js";

const LENGTHS = [["1 min", 60], ["10 min", 600], ["1 h", 3600], ["6 h", 21600], ["1 d", 86400], ["7 d", 604800], ["30 d", 2592000]];

/** `page` is what all parts share: see main.js. */
export class Section {
  constructor(page, { title, wall, view }) {
    Object.assign(this, { page, wall, view, width: 0, rows: new Map() });
    this.axis = make("canvas", { class: "axis", title: "Drag marks a range, the wheel zooms" });
    this.cursor = make("div", { class: "cursor", hidden: true });
    this.mark = make("div", { class: "mark", hidden: true });
    this.playhead = make("div", { class: "playhead", hidden: true });
    this.list = make("div", { class: "rows" });
    const lines = make("div", { class: "lines" }, this.mark, this.cursor, this.playhead);
    this.element = make("section", { class: "section", "aria-label": title, hidden: true },
      make("div", { class: "head" }, make("div", { class: "controls" }, make("h2", {}, title), ...this.buttons()), this.axis),
      make("div", { class: "body" }, lines, this.list));
    new ResizeObserver(([entry]) => this.resize(entry.contentRect.width)).observe(this.axis);
    gestures(this.axis, view, { ...this.told(null), marks: true, zoomsByWheel: true, pick: (t) => view.zoom(0.5, t) });
  }

  resize(width) {
    this.width = width;
    this.page.redraw();
  }

  buttons() {
    const button = (text, label, act, name = "") =>
      make("button", { type: "button", class: name, "aria-label": label, title: label, onclick: act }, text);
    this.now = this.wall
      ? button("Now", "Follow what happens now (N)", () => this.view.follow(), "now")
      : button("Fit", "Show all of it (0)", () => this.fit(), "now");
    const choices = LENGTHS.map(([text, seconds]) => make("option", { value: seconds }, text));
    const select = make("select", { "aria-label": "Length of time", onchange: () => this.choose(select) },
      make("option", { value: "" }, ""), ...choices);
    this.select = select;
    return [button("−", "Zoom out (−)", () => this.view.zoom(1.6)), select,
      button("+", "Zoom in (+)", () => this.view.zoom(1 / 1.6)), this.now];
  }

  choose(select) {
    const lengthS = Number(select.value);
    if (lengthS) this.view.zoom(lengthS / this.view.lengthS);
  }

  /** Show all that its streams show. */
  fit() {
    const streams = [...this.rows.values()].map((row) => row.stream);
    const begins = streams.map((one) => one.begins).filter((one) => one !== null);
    const end = Math.max(...streams.map((one) => one.edge), 0);
    const start = begins.length ? Math.min(...begins) : this.wall ? end - 3600 : 0;
    this.view.show(start - (end - start) * 0.01, end + (end - start) * 0.02);
  }

  /** What gestures over it tell; `row` is the one they are over, or null. */
  told(row) {
    return {
      point: (t, event) => this.page.point(this, row, t, event),
      pick: (t, event) => this.page.pick(this, row, t, event),
      range: (from, to) => this.place(this.mark, from, to),
    };
  }

  /** Show these streams, in this order; rows that are there already stay. */
  show(streams) {
    this.element.hidden = !streams.length;
    const names = new Set(streams.map((one) => one.name));
    for (const [name, row] of this.rows) if (!names.has(name)) this.drop(name, row);
    streams.forEach((stream, place) => {
      if (!this.rows.has(stream.name)) this.rows.set(stream.name, new Row(this, stream));
      const { element } = this.rows.get(stream.name);
      if (this.list.children[place] !== element) this.list.insertBefore(element, this.list.children[place] ?? null);
    });
  }

  drop(name, row) {
    row.leave();
    this.rows.delete(name);
  }

  draw(nowS) {
    const { width } = this;
    if (this.element.hidden || !width) return;
    const context = sized(this.axis, width, AXIS_PX);
    paintAxis(context, { view: this.view, width, ink: theme.ink, wall: this.wall });
    for (const row of this.rows.values()) row.draw(width, nowS);
    this.sayLength();
    if (this.playing !== undefined) this.place(this.playhead, this.playing);
    if (this.pointed !== undefined) this.place(this.cursor, this.pointed);
  }

  sayLength() {
    const text = duration(this.view.lengthS);
    if (this.select.options[0].text !== text) this.select.options[0].text = text;
    const same = LENGTHS.find(([, seconds]) => Math.abs(seconds / this.view.lengthS - 1) < 0.001);
    const value = same ? String(same[1]) : "";
    if (this.select.value !== value) this.select.value = value;
    if (this.wall) this.now.setAttribute("aria-pressed", String(this.view.follows));
  }

  /** The tiles its rows lack. */
  wanted() {
    return this.element.hidden ? [] : [...this.rows.values()].flatMap((row) => row.wanted(this.width));
  }

  /** Put a line at `t`, or a stripe up to `to`; null hides it. */
  place(element, t, to = t) {
    const off = t === null || Math.max(t, to) < this.view.start || Math.min(t, to) > this.view.end;
    element.hidden = off;
    if (off) return;
    const perS = this.width / this.view.lengthS;
    element.style.transform = `translateX(${(Math.min(t, to) - this.view.start) * perS}px)`;
    if (to !== t) element.style.width = `${Math.abs(to - t) * perS}px`;
  }

  /** The line under the pointer, through all streams. */
  point(t) {
    this.pointed = t;
    this.place(this.cursor, t);
  }

  /** The line of what is played. */
  play(t) {
    this.playing = t;
    this.place(this.playhead, t);
  }
}

/** The canvas's context in CSS pixels, sharp on every screen. */
export function sized(canvas, width, height) {
  const ratio = devicePixelRatio || 1;
  const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== w || canvas.height !== h) {
    canvas.width = w;
    canvas.height = h;
    canvas.style.height = `${height}px`;
  }
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  return context;
}
