// One stream as the page knows it: what it does, what holds now, and the tiles of its timeline.

import { now } from "./api.js";
import { detailOf } from "./levels.js";
import { Tiles } from "./tiles.js";
import { isWallClock } from "./times.js";

const AGAIN_S = 10; // a stream that stands so much earlier than before has begun anew

export class Stream {
  constructor(info) {
    this.tiles = new Tiles();
    this.labels = new Set();
    this.open = new Map();
    this.begins = null;
    this.update(info);
  }

  get name() {
    return this.info.name;
  }

  /** Take over what the API says of it now. */
  update(info) {
    const restarted = this.info && info.until !== null && info.until < this.info.until - AGAIN_S;
    if (restarted) this.forget();
    this.info = info;
    this.seenAt = now();
    this.open = new Map(info.open.map((one) => [one.label, { ...one, kind: "segment", stream: info.name, end_time: null }]));
    for (const one of info.open) this.labels.add(one.label);
  }

  forget() {
    this.tiles = new Tiles();
    this.begins = null;
    this.detail = undefined;
  }

  /** It goes by the wall clock, not by the seconds since a recording's start. */
  get onWallClock() {
    return !this.info.recording || isWallClock(this.info.until ?? 0);
  }

  get running() {
    return this.info.state === "running";
  }

  /** Timeline seconds up to which it is watched at this moment: of a live one, its lag behind the clock. */
  get edge() {
    const { until, lag } = this.info;
    if (!this.running || lag === null) return until ?? 0;
    return Math.max(until ?? 0, now() - lag);
  }

  /** The level of single segments; known once `begins` is. */
  get level() {
    this.detail = detailOf(this.info.segments, (this.info.until ?? 0) - (this.begins ?? 0), this.detail);
    return this.detail;
  }

  /** Take over a segment's change, as the live events tell it. */
  change(segment) {
    this.labels.add(segment.label);
    if (segment.change === "closed") {
      if (this.open.get(segment.label)?.start_time === segment.start_time) this.open.delete(segment.label);
      this.tiles.add(segment);
    } else {
      this.open.set(segment.label, segment);
    }
    this.info.until = Math.max(this.info.until ?? 0, segment.end_time ?? segment.start_time);
  }

  addGap(gap) {
    this.tiles.addGap(gap);
    this.info.until = Math.max(this.info.until ?? 0, gap.end_time);
  }

  /** What is known of the moment `t`: the segments or shares that hold, by label, and the gap it lies in. */
  at(t) {
    const found = { holds: [], gap: null };
    for (const { tile } of this.tiles.parts(this.level, t, t + 1e-6)) {
      for (const columns of tile.columns?.values() ?? []) found.holds.push(columns.at(t));
      for (const [label, shares] of tile.shares ?? []) found.holds.push(shareAt(tile, label, shares, t));
      found.gap ??= tile.gaps?.find((one) => one.start_time <= t && one.end_time > t) ?? null;
    }
    for (const one of this.open.values()) if (one.start_time <= t && t <= this.edge) found.holds.push(one);
    found.holds = found.holds.filter(Boolean).sort((a, b) => a.label.localeCompare(b.label));
    return found;
  }
}

function shareAt(tile, label, shares, t) {
  const share = shares[Math.floor((t - tile.start) / tile.level.binS)];
  return share > 0 ? { kind: "share", label, share } : null;
}
