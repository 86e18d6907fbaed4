// One stream in a section: its card, the names of its labels and its timeline.

import { Card } from "./card.js";
import { make } from "./element.js";
import { gestures } from "./gestures.js";
import { levelFor, tilesOf } from "./levels.js";
import { layout, paint, PAD_PX, rowAt } from "./paint.js";
import { sized } from "./section.js";
import { theme } from "./theme.js";

const MOST_LABELS = 12;

export class Row {
  constructor(section, stream) {
    Object.assign(this, { section, page: section.page, stream, visible: false, labels: [], names: "" });
    this.card = new Card(section.page, stream);
    this.canvas = make("canvas", {
      class: "canvas", tabindex: 0, role: "application", "aria-roledescription": "timeline",
      "aria-label": `Timeline of ${stream.name}. Arrow keys move, plus and minus zoom, brackets go from segment to segment.`,
    });
    this.box = make("div", { class: "canvas-box" }, this.canvas);
    this.labelList = make("ol", { class: "labels", "aria-label": "Labels" });
    this.element = make("article", { class: "stream", "aria-label": stream.name },
      this.card.element, this.labelList, this.box);
    gestures(this.canvas, section.view, section.told(this));
    this.canvas.addEventListener("keydown", (event) => this.page.keys.onTimeline(event, section, this));
    this.seen = new IntersectionObserver((entries) => this.look(entries.at(-1).isIntersecting), { rootMargin: "200px" });
    this.seen.observe(this.element);
    this.lowest = 0;
    this.measured = new ResizeObserver(() => this.measure());
    this.measured.observe(this.card.element);
  }

  /** The timeline is as high as the card beside it; where it stands below, as low as it can be. */
  measure() {
    const beside = this.card.element.offsetWidth < this.element.clientWidth;
    this.lowest = beside ? this.card.element.offsetHeight : 0;
    this.page.redraw();
  }

  look(visible) {
    this.visible = visible;
    this.card.look(visible);
    if (visible) this.page.redraw();
  }

  leave() {
    this.seen.disconnect();
    this.measured.disconnect();
    this.card.look(false);
    this.element.remove();
  }

  /** Which labels have a row: those that were seen and are not filtered out, by name. */
  chooseLabels() {
    const { filters } = this.page;
    const known = [...this.stream.labels].filter((label) => filters.shows(label)).sort((a, b) => a.localeCompare(b));
    const shown = this.unfolded ? known : known.slice(0, MOST_LABELS);
    this.layout = layout(shown.length, this.lowest);
    const names = JSON.stringify([shown, known.length, this.layout]);
    if (names === this.names) return;
    this.names = names;
    this.labels = shown;
    this.labelList.style.paddingTop = `${PAD_PX}px`;
    this.labelList.replaceChildren(...shown.map((label) => this.nameOf(label)), ...this.fold(known.length));
  }

  nameOf(label) {
    const item = make("li", { title: label }, make("span", { class: "cut" }, label));
    item.style.setProperty("--colour", this.page.colour(label));
    item.style.height = `${this.layout.rowPx}px`;
    return item;
  }

  fold(count) {
    if (count <= MOST_LABELS) return [];
    const text = this.unfolded ? "fewer" : `${count - MOST_LABELS} more labels`;
    const turn = () => {
      this.unfolded = !this.unfolded;
      this.page.redraw();
    };
    return [make("li", {}, make("button", { type: "button", onclick: turn }, text))];
  }

  /** The colours have changed. */
  repaint() {
    this.names = this.card.said = "";
    this.card.update();
  }

  level(width) {
    return levelFor(this.stream.level, this.section.view.lengthS, width);
  }

  draw(width, nowS) {
    if (!this.visible) return;
    this.chooseLabels();
    const { stream, page, section: { view } } = this;
    const context = sized(this.canvas, width, this.layout.height);
    this.canvas.drawn = paint(context, {
      stream, view, width, ...this.layout, nowS, labels: this.labels, ink: theme.ink,
      parts: stream.tiles.parts(this.level(width), view.start, view.end),
      colour: (label) => page.colour(label),
      minScore: page.filters.minScore,
      selected: page.selected?.stream === stream ? page.selected.segment : null,
    });
  }

  /** The tiles that the extent needs, the middle ones first. */
  wanted(width) {
    const { stream, section: { view } } = this;
    if (!this.visible || !width || stream.begins === null) return [];
    const level = this.level(width);
    const numbers = tilesOf(level, Math.max(view.start, stream.begins), Math.min(view.end, stream.edge + 1));
    const middle = (view.start + view.end) / 2 / level.tileS - 0.5;
    numbers.sort((a, b) => Math.abs(a - middle) - Math.abs(b - middle));
    this.box.classList.toggle("loading", numbers.some((number) => !stream.tiles.has(level, number)));
    return numbers.map((number) => ({ stream, level, number }));
  }

  /** The closed or open segment at a point of the canvas, or null. */
  segmentAt(t, offsetY) {
    const label = this.labels[rowAt(offsetY, this.layout)];
    const toleranceS = (3 * this.section.view.lengthS) / this.section.width;
    const open = this.stream.open.get(label);
    if (open && t >= open.start_time - toleranceS && t <= this.stream.edge + toleranceS) return open;
    for (const { tile } of this.stream.tiles.parts(this.level(this.section.width), t - toleranceS, t + toleranceS)) {
      const found = tile.columns?.get(label)?.at(t, toleranceS);
      if (found && found.score >= this.page.filters.minScore) return found;
    }
    return null;
  }

  /** The next segment of any shown label after `t`, or before it; null where none is known. */
  neighbour(t, forwards) {
    const reachS = 8 * this.stream.level.tileS;
    const [start, end] = forwards ? [t, t + reachS] : [t - reachS, t];
    const found = [];
    for (const { tile } of this.stream.tiles.parts(this.stream.level, start, end)) {
      for (const label of this.labels) {
        const columns = tile.columns?.get(label);
        found.push(forwards ? columns?.after(t) : columns?.before(t));
      }
    }
    const open = [...this.stream.open.values()].filter((one) => (forwards ? one.start_time > t : one.start_time < t));
    const best = (a, b) => ((forwards ? a.start_time <= b.start_time : a.start_time >= b.start_time) ? a : b);
    const good = (one) => one && one.score >= this.page.filters.minScore && this.labels.includes(one.label);
    return [...found, ...open].filter(good).reduce((a, b) => (a ? best(a, b) : b), null);
  }
}
