// The keyboard: everything that the mouse can do.

import { byId } from "./element.js";

const PAN = 0.2;
const ZOOM = 1.6;

export class Keys {
  constructor(page) {
    this.page = page;
    this.row = null;
    document.addEventListener("keydown", (event) => this.onPage(event));
  }

  onPage(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (event.key === "Escape" && !byId("dialog").open) this.page.player.close();
    if (event.target.closest("input, select, textarea, video, dialog[open]")) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const act = { ...this.ofPage(), ...this.ofView(this.page.section) }[key];
    if (!act) return;
    event.preventDefault();
    act();
  }

  ofPage() {
    const { page } = this;
    return {
      "?": () => page.showKeys(), t: () => page.turnView(), d: () => byId("theme").click(),
      "/": () => byId("filter-streams").focus(),
    };
  }

  /** What keys do to the time on screen. */
  ofView(section) {
    if (!section || this.page.view === "table") return {};
    const { view } = section;
    return {
      ArrowLeft: () => view.pan(-PAN * view.lengthS), ArrowRight: () => view.pan(PAN * view.lengthS),
      "+": () => view.zoom(1 / ZOOM), "=": () => view.zoom(1 / ZOOM), "-": () => view.zoom(ZOOM),
      n: () => view.follow(), 0: () => section.fit(), "[": () => this.walk(false), "]": () => this.walk(true),
    };
  }

  /** On a timeline the arrows go from stream to stream, and Enter opens what the brackets have chosen. */
  onTimeline(event, section, row) {
    Object.assign(this, { row });
    this.page.section = section;
    const act = { ArrowUp: () => this.go(row, -1), ArrowDown: () => this.go(row, 1), Enter: () => this.enter(section, row) }[event.key];
    if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    act();
  }

  go(row, by) {
    const canvases = [...document.querySelectorAll(".section:not([hidden]) .canvas")];
    canvases[canvases.indexOf(row.canvas) + by]?.focus();
  }

  enter(section, row) {
    const { selected } = this.page;
    if (selected?.stream === row.stream) this.page.player.open(section, row, selected.segment);
  }

  /** Choose the segment before or after the chosen one, of the stream that had the focus last. */
  walk(forwards) {
    const { page } = this;
    if (page.player.row) return page.player.step(forwards);
    const { section } = page;
    const row = section.rows.get(this.row?.stream.name) ?? section.rows.values().next().value;
    if (!row) return;
    const chosen = page.selected?.stream === row.stream ? page.selected.segment.start_time : null;
    const next = row.neighbour(chosen ?? (forwards ? section.view.start : section.view.end), forwards);
    if (!next) return page.toast(forwards ? "No later segment is loaded" : "No earlier segment is loaded");
    section.view.reveal(next.start_time);
    page.select({ stream: row.stream, segment: next });
    page.describe(row, next);
  }
}
