// Segments of one label as sorted columns of numbers: a hundred thousand of them are searched, not walked through.

/**
 * Closed segments of one stream and label, by start. They never overlap, so their ends are sorted too.
 * A value that never changes: `with` returns another.
 */
export class Columns {
  constructor(segments) {
    const sorted = [...segments].sort((a, b) => a.start_time - b.start_time);
    this.start = Float64Array.from(sorted, (one) => one.start_time);
    this.end = Float64Array.from(sorted, (one) => one.end_time);
    this.score = Float32Array.from(sorted, (one) => one.score);
    this.values = sorted;
  }

  get length() {
    return this.values.length;
  }

  /** The index of the first segment that ends after `t`; `length` where none does. */
  firstEndingAfter(t) {
    let low = 0;
    let high = this.end.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.end[middle] > t) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** The segment that holds at `t`, or within `toleranceS` of it, or null. */
  at(t, toleranceS = 0) {
    const index = this.firstEndingAfter(t - toleranceS);
    return index < this.length && this.start[index] <= t + toleranceS ? this.values[index] : null;
  }

  /** The last segment that starts before `t`, or null. */
  before(t) {
    let index = Math.min(this.firstEndingAfter(t), this.length - 1);
    while (index >= 0 && this.start[index] >= t) index--;
    return this.values[index] ?? null;
  }

  /** The first segment that starts after `t`, or null. */
  after(t) {
    let index = this.firstEndingAfter(t);
    while (index < this.length && this.start[index] <= t) index++;
    return this.values[index] ?? null;
  }

  with(segment) {
    return new Columns([...this.values.filter((one) => one.id !== segment.id), segment]);
  }
}
