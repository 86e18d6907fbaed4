// The extent of time that is on screen, and how it moves.

export const SHORTEST_S = 10;
export const LONGEST_S = 62 * 86400;

/**
 * The extent [start, end) in timeline seconds. It tells of changes by the event `change`.
 * While it follows, its end stays at `edge()`, the newest moment there is.
 */
export class View extends EventTarget {
  constructor(edge, lengthS = 3600) {
    super();
    this.edge = edge;
    this.end = edge();
    this.start = this.end - lengthS;
    this.follows = true;
  }

  get lengthS() {
    return this.end - this.start;
  }

  /** Show [start, end), as far as its length is one that can be shown; its middle stays. */
  show(start, end, follows = false) {
    if (!Number.isFinite(start) || !Number.isFinite(end)) return;
    const lengthS = Math.min(LONGEST_S, Math.max(SHORTEST_S, end - start));
    const middle = (start + end) / 2;
    this.start = follows ? end - lengthS : middle - lengthS / 2;
    this.end = this.start + lengthS;
    this.follows = follows;
    this.dispatchEvent(new Event("change"));
  }

  /** Show the last `lengthS` seconds and go on with them. */
  follow(lengthS = this.lengthS) {
    const end = this.edge() + lengthS * 0.02;
    this.show(end - lengthS, end, true);
  }

  /** Where it follows, go to the edge; tell whether that moved it. */
  catchUp() {
    if (!this.follows) return false;
    const end = this.edge() + this.lengthS * 0.02;
    if (end === this.end) return false;
    this.start += end - this.end;
    this.end = end;
    return true;
  }

  pan(seconds) {
    this.show(this.start + seconds, this.end + seconds);
  }

  /** Make it `factor` times as long; the moment `at` stays where it is, or the newest one while it follows. */
  zoom(factor, at = (this.start + this.end) / 2) {
    const lengthS = Math.min(LONGEST_S, Math.max(SHORTEST_S, this.lengthS * factor));
    if (this.follows) return this.follow(lengthS);
    const share = (at - this.start) / this.lengthS;
    this.show(at - share * lengthS, at + (1 - share) * lengthS);
  }

  /** Go so far that `t` is on screen. */
  reveal(t) {
    if (t >= this.start && t < this.end) return;
    this.show(t - this.lengthS / 2, t + this.lengthS / 2);
  }
}
