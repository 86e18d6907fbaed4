// What is known of one stream's timeline, in tiles that are asked for when they are looked at.

import { Columns } from "./columns.js";
import { coarserThan, tilesOf } from "./levels.js";

const KEPT = 96;

/**
 * A tile: what one level shows of [start, end).
 * Of single segments: `columns` (label → Columns) and `gaps`; of bins: `shares` (label → Float32Array) and `gapShares`.
 */
export class Tile {
  constructor(level, number, content) {
    this.level = level;
    this.number = number;
    this.start = number * level.tileS;
    this.end = this.start + level.tileS;
    Object.assign(this, content);
  }

  static ofItems(level, number, segments, gaps) {
    const byLabel = Map.groupBy(segments.filter((one) => one.end_time !== null), (one) => one.label);
    const columns = new Map([...byLabel].map(([label, some]) => [label, new Columns(some)]));
    return new Tile(level, number, { columns, gaps });
  }

  static ofBins(level, number, labels, gaps) {
    const shares = new Map(Object.entries(labels).map(([label, some]) => [label, Float32Array.from(some)]));
    return new Tile(level, number, { shares, gapShares: Float32Array.from(gaps) });
  }

  /** The labels it shows anything of. */
  get labels() {
    return [...(this.columns ?? this.shares).keys()];
  }
}

/** The tiles of one stream. The least recently drawn ones are forgotten. */
export class Tiles {
  constructor() {
    this.kept = new Map();
  }

  static key(level, number) {
    return `${level.key}:${number}`;
  }

  has(level, number) {
    return this.kept.has(Tiles.key(level, number));
  }

  get(level, number) {
    const key = Tiles.key(level, number);
    const tile = this.kept.get(key);
    if (tile) {
      this.kept.delete(key);
      this.kept.set(key, tile);
    }
    return tile;
  }

  put(tile) {
    this.kept.set(Tiles.key(tile.level, tile.number), tile);
    while (this.kept.size > KEPT) this.kept.delete(this.kept.keys().next().value);
  }

  /** What tiles show of the time after `start` is to be asked for again; until then it is drawn as it is. */
  expire(start) {
    for (const tile of this.kept.values()) if (tile.end > start) tile.expired = true;
  }

  /** The parts to draw [start, end) of a level with: tiles of it, or where one is missing, of another level. */
  parts(level, start, end) {
    return tilesOf(level, start, end).flatMap((number) => {
      const tile = this.get(level, number);
      const [from, to] = [number * level.tileS, (number + 1) * level.tileS];
      return tile ? [{ tile, from, to }] : this.standIns(level, Math.max(from, start), Math.min(to, end));
    });
  }

  /** What other levels know of [from, to): the nearest coarser one, else whatever single segments are there. */
  standIns(level, from, to) {
    for (const other of coarserThan(level)) {
      const tiles = tilesOf(other, from, to).map((number) => this.kept.get(Tiles.key(other, number))).filter(Boolean);
      if (tiles.length) return tiles.map((tile) => within(tile, from, to));
    }
    const near = (tile) => tile.columns && tile.start < to && tile.end > from;
    return [...this.kept.values()].filter(near).map((tile) => within(tile, from, to));
  }

  /** Add a segment that has closed to the tiles it lies in; what bins say of its time is out of date. */
  add(segment) {
    this.change(segment.start_time, segment.end_time, (tile) => {
      const columns = new Map(tile.columns);
      columns.set(segment.label, (columns.get(segment.label) ?? new Columns([])).with(segment));
      tile.columns = columns;
    });
  }

  /** Add a gap; one that has grown replaces what was known of it. */
  addGap(gap) {
    this.change(gap.start_time, gap.end_time, (tile) => {
      tile.gaps = [...tile.gaps.filter((one) => one.start_time !== gap.start_time), gap];
    });
  }

  change(start, end, inDetail) {
    for (const tile of this.kept.values()) {
      if (tile.start > end || tile.end <= start) continue;
      if (tile.columns) inDetail(tile);
      else tile.stale = true;
    }
  }
}

function within(tile, from, to) {
  return { tile, from: Math.max(from, tile.start), to: Math.min(to, tile.end) };
}
