// All labels there are, and their colours.

import { ask } from "./api.js";
import { Colours } from "./colours.js";
import { theme } from "./theme.js";

export class Labels {
  constructor(page) {
    this.page = page;
    this.colours = new Colours();
    this.names = [];
    theme.addEventListener("change", () => this.recolour());
  }

  colour(label) {
    return this.colours.of(label, theme.dark);
  }

  /** Ask for all labels again, where streams show one that is new. */
  async learn() {
    const shown = JSON.stringify([...new Set([...this.page.streams.values()].flatMap((one) => [...one.labels]))].sort());
    if (shown === this.shown) return;
    this.shown = shown;
    try {
      const { labels } = await ask("api/labels");
      this.names = labels.map((one) => one.label);
      this.colours = new Colours(this.names);
      this.recolour();
    } catch (error) {
      this.shown = undefined;
      this.page.trouble(error);
    }
  }

  /** Show everything in the colours as they are now. */
  recolour() {
    this.page.filters.offer(this.names);
    for (const section of this.page.sections) for (const row of section.rows.values()) row.repaint();
    this.page.redraw();
  }
}
