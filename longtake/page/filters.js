// Which streams, labels and scores are shown.

import { byId, make, write } from "./element.js";
import { percent } from "./card.js";

/** It tells by the event `change`. An empty set of labels means all of them. */
export class Filters extends EventTarget {
  constructor({ filter, labels, minScore }, colour) {
    super();
    Object.assign(this, { text: filter, labels: new Set(labels), minScore, colour });
    this.streams = byId("filter-streams");
    this.score = byId("filter-score");
    this.streams.value = filter;
    this.score.value = minScore;
    this.streams.addEventListener("input", () => this.change({ text: this.streams.value.trim() }));
    this.score.addEventListener("input", () => this.change({ minScore: Number(this.score.value) }));
    byId("filters").addEventListener("submit", (event) => event.preventDefault());
    this.sayScore();
  }

  change(values) {
    Object.assign(this, values);
    this.sayScore();
    this.dispatchEvent(new Event("change"));
  }

  sayScore() {
    write(byId("filter-score-said"), percent(this.minScore));
  }

  /** Tell whether a label is shown. */
  shows(label) {
    return !this.labels.size || this.labels.has(label);
  }

  /** Tell whether a stream is shown: its name holds the text, or matches it where that has a * or ?. */
  showsStream(name) {
    if (!this.text) return true;
    const words = this.text.toLowerCase().split(/[\s,]+/).filter(Boolean);
    return words.some((word) => matches(name.toLowerCase(), word));
  }

  /** Offer these labels to choose from. */
  offer(labels) {
    const names = [...new Set([...labels, ...this.labels])].sort((a, b) => a.localeCompare(b));
    this.buttons = new Map(names.map((label) => [label, this.chip(label)]));
    this.all = make("button", { type: "button", class: "chip plain", onclick: () => this.turn(null) }, "all labels");
    byId("filter-labels").replaceChildren(...this.buttons.values(), this.all);
    this.press();
  }

  chip(label) {
    const button = make("button", { type: "button", class: "chip", title: label, onclick: () => this.turn(label) },
      make("span", { class: "chip-text" }, label));
    button.style.setProperty("--colour", this.colour(label));
    return button;
  }

  press() {
    for (const [label, button] of this.buttons) button.setAttribute("aria-pressed", String(this.labels.has(label)));
    this.all.hidden = !this.labels.size;
  }

  /** Show a label too, or no more; null shows all. */
  turn(label) {
    const labels = new Set(label === null ? [] : this.labels);
    if (label !== null && !labels.delete(label)) labels.add(label);
    this.change({ labels });
    this.press();
  }
}

function matches(name, word) {
  if (!/[*?]/.test(word)) return name.includes(word);
  const escaped = word.replace(/[.+^${}()|[\]\\]/g, "\\$&").replaceAll("*", ".*").replaceAll("?", ".");
  return new RegExp(`^${escaped}$`, "s").test(name);
}
