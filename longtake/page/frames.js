// Draws what is on screen when something has changed, and again while something grows.

import { now } from "./api.js";
import { theme } from "./theme.js";

const SLOWEST_MS = 1000;
const FASTEST_MS = 100;

export class Frames {
  constructor(page) {
    this.page = page;
    this.asked = 0;
    this.growing = 0;
  }

  /** Draw at the next frame of the screen. */
  request() {
    this.asked ||= requestAnimationFrame(() => {
      this.asked = 0;
      this.draw();
    });
  }

  draw() {
    const { sections, loader, watch } = this.page;
    if (this.page.view === "table") return;
    const nowS = now();
    for (const section of sections) {
      section.view.catchUp();
      section.draw(nowS);
      for (const row of section.rows.values()) if (row.visible) watch.findBegin(row.stream);
    }
    loader.want(sections.flatMap((section) => section.wanted()));
    this.page.remember();
    this.goOn();
  }

  /** While a stream runs, draw again when it has grown by about a pixel. */
  goOn() {
    clearTimeout(this.growing);
    const runs = (section) => !section.element.hidden && [...section.rows.values()].some((row) => row.stream.running);
    const pixelsMs = this.page.sections.filter(runs).map((one) => (1000 * one.view.lengthS) / Math.max(1, one.width));
    if (!pixelsMs.length || document.hidden) return;
    const fastest = theme.calm ? SLOWEST_MS : FASTEST_MS;
    this.growing = setTimeout(() => this.request(), Math.min(SLOWEST_MS, Math.max(fastest, Math.min(...pixelsMs))));
  }
}
