// Fetches tiles: those that are looked at, few at a time, and none that nobody looks at any more.

import { ApiError, ask, exactly } from "./api.js";
import { Tile, Tiles } from "./tiles.js";

const PARALLEL = 4;
const PAGE = 10000;
const PAUSE_MS = 120;
const STALE_S = 5;

/** It tells by the event `tile` that something new is there to draw, and by `trouble` (detail: ApiError) of errors. */
export class Loader extends EventTarget {
  constructor() {
    super();
    this.waiting = [];
    this.asking = new Map();
    this.refused = new Set();
    this.live = false;
    this.paused = false;
    this.timer = 0;
    this.next = 0;
  }

  /**
   * Ask for what is missing or old of these tiles, the first ones first; what was asked for before and is not among
   * them is given up. `wanted` is a list of {stream, level, number}.
   */
  want(wanted) {
    const missing = new Map();
    for (const one of wanted) if (this.lacks(one)) missing.set(keyOf(one), one);
    for (const [key, abort] of this.asking) if (!missing.has(key)) abort.abort();
    this.waiting = [...missing.values()].filter((one) => !this.asking.has(keyOf(one)));
    if (this.waiting.length) this.goSoon();
  }

  /** While somebody zooms or pans, what is wanted changes with every frame. */
  goSoon() {
    this.timer ||= setTimeout(() => {
      this.timer = 0;
      this.next = performance.now() + PAUSE_MS;
      this.go();
    }, Math.max(0, this.next - performance.now()));
  }

  /** Try again what was refused. */
  retry() {
    this.refused.clear();
    this.go();
  }

  lacks({ stream, level, number }) {
    const tile = stream.tiles.kept.get(Tiles.key(level, number));
    if (!tile || tile.expired) return true;
    if (tile.columns && this.live) return false;
    const passedS = stream.edge - tile.edge;
    return (tile.end > tile.edge || tile.stale) && passedS > Math.max(STALE_S, level.binS / 4);
  }

  go() {
    while (!this.paused && this.asking.size < PARALLEL && this.waiting.length) {
      const next = this.waiting.shift();
      if (!this.refused.has(keyOf(next))) this.load(next);
    }
  }

  async load(one) {
    const abort = new AbortController();
    this.asking.set(keyOf(one), abort);
    try {
      const tile = await fetchTile(one, abort.signal);
      for (const label of tile.labels) one.stream.labels.add(label);
      one.stream.tiles.put(tile);
      this.dispatchEvent(new Event("tile"));
    } catch (error) {
      if (error instanceof ApiError) this.fail(one, error);
      else if (error.name !== "AbortError") throw error;
    } finally {
      this.asking.delete(keyOf(one));
      this.go();
    }
  }

  fail(one, error) {
    if (!error.away) this.refused.add(keyOf(one));
    this.dispatchEvent(new CustomEvent("trouble", { detail: error }));
  }
}

/** The second at which what a stream shows begins, or null while it shows nothing. */
export async function beginOf(stream) {
  const first = await ask("api/timeline", { query: { stream: exactly(stream.name), limit: 1 } });
  const starts = [...first.segments, ...first.gaps].map((one) => one.start_time);
  return starts.length ? Math.min(...starts) : null;
}

async function fetchTile({ stream, level, number }, signal) {
  const edge = stream.edge;
  const query = { stream: exactly(stream.name), after: number * level.tileS, before: (number + 1) * level.tileS };
  const tile = level.binS
    ? await fetchBins(stream.name, level, number, query, signal)
    : await fetchItems(level, number, query, signal);
  tile.edge = edge;
  return tile;
}

async function fetchItems(level, number, query, signal) {
  const [segments, gaps] = [[], []];
  let cursor = null;
  do {
    const page = await ask("api/timeline", { query: { ...query, limit: PAGE, cursor }, signal });
    segments.push(...page.segments);
    gaps.push(...page.gaps);
    cursor = page.next;
  } while (cursor);
  return Tile.ofItems(level, number, segments, gaps);
}

async function fetchBins(name, level, number, query, signal) {
  const bins = level.tileS / level.binS;
  const { streams } = await ask("api/overview", { query: { ...query, bins }, signal });
  const { labels = {}, gaps = [] } = streams[name] ?? {};
  return Tile.ofBins(level, number, labels, gaps);
}

function keyOf({ stream, level, number }) {
  return `${stream.name}|${Tiles.key(level, number)}`;
}
