// What the page has to say: a banner while something is away, a short word at the edge, and for screen readers.

import { byId, make, write } from "./element.js";

const TOAST_MS = 5000;

/** A sentence that stays until it is "". */
export function banner(sentence) {
  const element = byId("banner");
  element.hidden = !sentence;
  write(element, sentence);
}

/** A sentence that goes by itself. */
export function toast(sentence) {
  document.querySelector(".toast")?.remove();
  const element = make("p", { class: "toast", role: "status" }, sentence);
  document.body.append(element);
  setTimeout(() => element.remove(), TOAST_MS);
}

/** A sentence for screen readers. */
export function say(sentence) {
  write(byId("said"), sentence);
}
