// The same as a table, the newest first: for reading, searching and screen readers.

import { ask, download, exactly } from "./api.js";
import { chip, percent } from "./card.js";
import { byId, make, write } from "./element.js";
import { duration, moment } from "./times.js";

const PAGE = 100;
const SAVED = 10000;
const COLUMNS = ["from", "stream", "label", "length", "score"];

export class Table {
  constructor(page) {
    Object.assign(this, { page, element: byId("table"), next: null, number: 0 });
    this.body = make("tbody");
    this.more = make("button", { type: "button", class: "more", onclick: () => this.load() }, "Older");
    this.range = make("input", { type: "checkbox", onchange: () => this.open() });
    this.count = make("p", { class: "quiet", role: "status" });
    const heads = COLUMNS.map((name) => make("th", { scope: "col" }, name));
    this.element.append(
      make("div", { class: "table-head" }, make("label", { class: "check" }, this.range, "Only what the timeline shows"),
        this.count, make("button", { type: "button", onclick: () => this.open() }, "Newest"),
        make("button", { type: "button", onclick: () => this.save() }, "Save as CSV")),
      make("div", { class: "table-box" }, make("table", {}, make("thead", {}, make("tr", {}, ...heads)), this.body)),
      this.more);
    new IntersectionObserver((entries) => entries.at(-1).isIntersecting && this.load()).observe(this.more);
  }

  /** What it asks for, by the filters; null where they leave no stream. */
  query() {
    const { filters, streams, section } = this.page;
    const names = filters.text ? [...streams.keys()].filter((name) => filters.showsStream(name)) : [];
    if (filters.text && !names.length) return null;
    const view = this.range.checked ? section?.view : null;
    return {
      stream: names.map(exactly), label: [...filters.labels], min_score: filters.minScore || null,
      after: view?.start, before: view?.end,
    };
  }

  /** Begin anew with what the filters and the range say. */
  open() {
    Object.assign(this, { next: null, loading: false, number: this.number + 1 });
    this.body.replaceChildren();
    this.more.hidden = false;
    return this.load();
  }

  async load() {
    if (this.loading || this.more.hidden || this.element.hidden) return;
    const { number } = this;
    const query = this.query();
    this.loading = true;
    try {
      const page = query ? await ask("api/events", { query: { ...query, limit: PAGE, cursor: this.next } }) : { events: [], next: null };
      if (number === this.number) this.add(page);
    } catch (error) {
      this.page.trouble(error);
    }
    if (number === this.number) this.loading = false;
  }

  add({ events, next }) {
    this.next = next;
    this.more.hidden = !next;
    this.body.append(...events.map((one) => this.line(one)));
    const rows = this.body.children.length;
    write(this.count, rows ? `${rows}${next ? " newest" : ""} shown` : "Nothing there, as the filters are");
  }

  line(one) {
    const edge = this.page.streams.get(one.stream)?.edge ?? one.start_time;
    const length = duration((one.end_time ?? Math.max(edge, one.start_time)) - one.start_time);
    const from = make("button", { type: "button", class: "link", onclick: () => this.page.goTo(one) }, moment(one.start_time));
    return make("tr", { class: one.kind },
      make("td", {}, from), make("td", { title: one.stream }, one.stream), make("td", {}, this.what(one)),
      make("td", { class: "number" }, one.end_time === null ? `${length} so far` : length),
      make("td", { class: "number" }, one.kind === "gap" ? "" : percent(one.score)));
  }

  what(one) {
    if (one.kind === "segment") return make("ul", { class: "holds" }, chip(this.page, one.label, ""));
    return make("span", { class: "gap-word" }, `gap: ${one.reason.replaceAll("_", " ")}${one.filled ? ", filled" : ""}`);
  }

  /** Save the newest lines of the same question. */
  async save() {
    const query = this.query();
    if (!query) return;
    try {
      const blob = await download("api/events", { ...query, limit: SAVED }, "text/csv");
      const link = make("a", { href: URL.createObjectURL(blob), download: "longtake-events.csv" });
      link.click();
      URL.revokeObjectURL(link.href);
    } catch (error) {
      this.page.trouble(error);
    }
  }
}
