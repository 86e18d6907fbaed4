// Dark or light: as the system says, until somebody chooses; and the colours that the canvas draws with.

const KEY = "longtake-theme";
const NAMES = ["ink", "faint", "line", "row", "hatch", "trouble", "accent", "surface"];
const system = matchMedia("(prefers-color-scheme: dark)");
const calm = matchMedia("(prefers-reduced-motion: reduce)");

/** It tells of a change by the event `change`. `ink` holds the CSS colours by name. */
class Theme extends EventTarget {
  constructor() {
    super();
    this.chosen = localStorage.getItem(KEY);
    system.addEventListener("change", () => this.apply());
    this.apply();
  }

  get dark() {
    return this.chosen ? this.chosen === "dark" : system.matches;
  }

  get calm() {
    return calm.matches;
  }

  toggle() {
    this.chosen = this.dark ? "light" : "dark";
    if (this.dark === system.matches) this.chosen = null;
    if (this.chosen) localStorage.setItem(KEY, this.chosen);
    else localStorage.removeItem(KEY);
    this.apply();
  }

  apply() {
    const root = document.documentElement;
    root.dataset.theme = this.dark ? "dark" : "light";
    const style = getComputedStyle(root);
    this.ink = Object.fromEntries(NAMES.map((name) => [name, style.getPropertyValue(`--${name}`)]));
    this.dispatchEvent(new Event("change"));
  }
}

export const theme = new Theme();
