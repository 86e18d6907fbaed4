// How finely a stream's time is asked for: single segments where they are few, shares of bins where they are many.

const BINS_S = [1, 2, 5, 10, 20, 60, 120, 300, 600, 1200, 3600, 7200, 14400, 43200, 86400];
const BINS_PER_TILE = 512;
const SEGMENTS_PER_TILE = 2000;
const MOST_TILES = 8;
const SHORTEST_TILE_S = 64;
const LONGEST_TILE_S = 2 ** 24;

/**
 * A way to cut time into tiles, each asked for at once: `binS` is 0 where tiles hold single segments.
 * @typedef {{key: string, tileS: number, binS: number}} Level
 */

const OVERVIEWS = BINS_S.map((binS) => ({ key: `bin${binS}`, tileS: binS * BINS_PER_TILE, binS }));

/**
 * The level of single segments, for a stream with so many of them in `watchedS` seconds. A stream that grows keeps
 * the one it has, `known`, as long as that fits more or less.
 */
export function detailOf(segments, watchedS, known) {
  const wantedS = (SEGMENTS_PER_TILE * Math.max(1, watchedS)) / Math.max(1, segments);
  const power = 2 ** Math.ceil(Math.log2(wantedS));
  const tileS = Math.min(LONGEST_TILE_S, Math.max(SHORTEST_TILE_S, power));
  if (known && known.tileS <= 4 * tileS && tileS <= 4 * known.tileS) return known;
  return { key: `detail${tileS}`, tileS, binS: 0 };
}

/** The level to draw `lengthS` seconds on `pixels` with: single segments unless that were too many tiles. */
export function levelFor(detail, lengthS, pixels) {
  if (lengthS <= detail.tileS * MOST_TILES) return detail;
  return OVERVIEWS.find((one) => one.binS >= lengthS / pixels) ?? OVERVIEWS.at(-1);
}

/** The levels whose bins are coarser, the nearest first: what they show can stand in for a tile that is not there yet. */
export function coarserThan(level) {
  return OVERVIEWS.filter((one) => one.binS > level.binS);
}

/** The numbers of the tiles that [start, end) reaches into. */
export function tilesOf(level, start, end) {
  const numbers = [];
  for (let number = Math.floor(start / level.tileS); number * level.tileS < end; number++) numbers.push(number);
  return numbers;
}
