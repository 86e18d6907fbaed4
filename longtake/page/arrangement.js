// Which stream stands in which section, and the extents that the sections begin with.

import { now } from "./api.js";
import { byId, make } from "./element.js";
import { Section } from "./section.js";
import { View } from "./view.js";

const RECORDING_S = 60;

export class Arrangement {
  /** `state` is what the address says: extents of the sections, as far as it does. */
  constructor(page, state) {
    this.page = page;
    const clock = new View(() => this.edge(true));
    const elapsed = new View(() => this.edge(false), RECORDING_S);
    this.unplaced = new Set([clock, elapsed]);
    this.place(clock, state.clock);
    this.place(elapsed, state.elapsed);
    this.sections = [
      new Section(page, { title: "By the clock", wall: true, view: clock }),
      new Section(page, { title: "From the start", wall: false, view: elapsed }),
    ];
    byId("timeline").append(...this.sections.map((one) => one.element));
  }

  place(view, wanted) {
    if (!wanted) return;
    this.unplaced.delete(view);
    if (wanted.lastS) view.follow(wanted.lastS);
    else view.show(wanted.start, wanted.end);
  }

  /** The newest moment of all streams on one axis; while one of them runs it moves with the clock. */
  edge(wall) {
    const edges = [...this.page.streams.values()].filter((one) => one.onWallClock === wall).map((one) => one.edge);
    return Math.max(...edges, 0) || (wall ? now() : RECORDING_S);
  }

  /** Put every stream that is not filtered out into its section. */
  arrange() {
    const { streams, filters } = this.page;
    const shown = [...streams.values()].filter((one) => filters.showsStream(one.name));
    for (const section of this.sections) section.show(shown.filter((one) => one.onWallClock === section.wall));
    for (const stream of shown) this.row(stream).card.update();
    this.sayNothing(shown.length);
    this.settle();
  }

  row(stream) {
    return this.sections.map((one) => one.rows.get(stream.name)).find(Boolean);
  }

  /** The section that keys move, where nobody has chosen one that is there. */
  first() {
    return this.sections.find((one) => !one.element.hidden) ?? this.sections[0];
  }

  sayNothing(shown) {
    const nothing = byId("nothing");
    nothing.hidden = shown > 0 || this.page.away;
    if (nothing.hidden) return;
    const none = [make("p", {}, "No streams yet."), make("p", { class: "quiet" }, "Add a camera or a recording here, or with"),
      make("code", {}, "longtake streams add NAME URI")];
    nothing.replaceChildren(...(this.page.streams.size ? [make("p", {}, "No stream has such a name.")] : none));
  }

  /** Give a view that nobody has placed an extent that shows something: the last hour, or whole recordings. */
  settle() {
    for (const { view, wall, rows } of this.sections) {
      const known = [...rows.values()].some((row) => row.stream.info.until !== null);
      if (!this.unplaced.has(view) || !known) continue;
      this.unplaced.delete(view);
      if (wall) view.follow(view.lengthS);
      else view.show(0, this.edge(false) * 1.02);
    }
    this.page.redraw();
  }

  /** What the address is to say of the extents: of the clock, and from the start. */
  extents() {
    return this.sections.map(({ view, element }) => {
      if (element.hidden || this.unplaced.has(view)) return null;
      return view.follows ? { lastS: view.lengthS } : { start: view.start, end: view.end };
    });
  }
}
