// Draws one stream's timeline into its canvas: only what lies in the extent, and at most one rectangle a pixel and row.

import { tickApart } from "./axis.js";
import { ticks } from "./times.js";

export const PAD_PX = 5;
const ROW_PX = [24, 32];
const BETWEEN_PX = 7;
const PILL_PX = 18;

/** How high a canvas for so many labels is, and each of its rows; few labels share the height `lowest`. */
export function layout(count, lowest) {
  const share = (lowest - 2 * PAD_PX) / Math.max(1, count);
  const rowPx = Math.min(ROW_PX[1], Math.max(ROW_PX[0], share));
  return { rowPx, height: Math.max(lowest, Math.max(1, count) * rowPx + 2 * PAD_PX) };
}

/** The number of the row at the height `y`; it may be none of those there are. */
export function rowAt(y, { rowPx }) {
  return Math.floor((y - PAD_PX) / rowPx);
}

/**
 * Draw what `picture` says: {stream, view, width, height, rowPx, labels, parts, colour: label → CSS, ink, minScore, selected, nowS}.
 * Returns what was drawn: how many segments were looked at, how many rectangles it took, and the extent.
 */
export function paint(context, picture) {
  const drawing = new Drawing(context, picture);
  drawing.background();
  for (const part of picture.parts) drawing.gaps(part);
  drawing.unwatched();
  for (const part of picture.parts) drawing.part(part);
  drawing.open();
  drawing.outline();
  return { segments: drawing.segments, rectangles: drawing.rectangles, start: picture.view.start, end: picture.view.end };
}

class Drawing {
  constructor(context, picture) {
    Object.assign(this, picture);
    this.context = context;
    this.barPx = this.rowPx - BETWEEN_PX;
    this.perS = picture.width / picture.view.lengthS;
    this.segments = 0;
    this.rectangles = 0;
  }

  x(t) {
    return (t - this.view.start) * this.perS;
  }

  /** The top of a row's bar. */
  y(row) {
    return PAD_PX + row * this.rowPx + BETWEEN_PX / 2;
  }

  rectangle(x, y, width, height) {
    this.context.fillRect(x, y, width, height);
    this.rectangles++;
  }

  background() {
    const { context, ink, width } = this;
    context.clearRect(0, 0, width, this.height);
    context.fillStyle = ink.row;
    for (let row = 0; row < this.labels.length; row++) context.fillRect(0, this.y(row), width, this.barPx);
    context.fillStyle = ink.line;
    for (const tick of ticks(this.view.start, this.view.end, tickApart(this.view, width), this.stream.onWallClock)) {
      context.fillRect(Math.round(this.x(tick.t)), 0, 1, this.height);
    }
  }

  part({ tile, from, to }) {
    const [start, end] = [Math.max(from, this.view.start), Math.min(to, this.view.end)];
    if (start >= end) return;
    this.labels.forEach((label, row) => {
      this.context.fillStyle = this.colour(label);
      if (tile.columns?.has(label)) this.bars(tile.columns.get(label), row, start, end);
      if (tile.shares?.has(label)) this.bins(tile, tile.shares.get(label), row, start, end);
    });
    this.context.globalAlpha = 1;
  }

  /** Single segments; those that share a pixel with the one before are left out. */
  bars(columns, row, start, end) {
    let painted = -1;
    for (let i = columns.firstEndingAfter(start); i < columns.length && columns.start[i] < end; i++) {
      this.segments++;
      if (columns.score[i] < this.minScore) continue;
      const right = this.x(Math.min(columns.end[i], end));
      if (right <= painted) continue;
      const left = Math.max(this.x(Math.max(columns.start[i], start)), painted);
      painted = Math.max(right, Math.floor(left) + 1);
      this.bar(left, painted, row, columns.score[i]);
    }
  }

  bar(left, right, row, score) {
    const { context } = this;
    const width = Math.max(1, right - left);
    context.globalAlpha = 0.3 + 0.7 * score;
    if (width < 6) {
      this.rectangle(left, this.y(row), width, this.barPx);
      return;
    }
    context.beginPath();
    context.roundRect(left, this.y(row), width - 0.5, this.barPx, 3);
    context.fill();
    this.rectangles++;
  }

  /** Shares of bins, as bars that stand on the row's foot. */
  bins(tile, shares, row, start, end) {
    const { binS } = tile.level;
    const last = Math.min(shares.length, Math.ceil((end - tile.start) / binS));
    this.context.globalAlpha = 0.9;
    for (let bin = Math.max(0, Math.floor((start - tile.start) / binS)); bin < last; bin++) {
      if (!shares[bin]) continue;
      const left = this.x(Math.max(start, tile.start + bin * binS));
      const right = this.x(Math.min(end, tile.start + (bin + 1) * binS));
      const height = Math.max(2, this.barPx * Math.min(1, shares[bin]));
      this.rectangle(left, this.y(row) + this.barPx - height, Math.max(1, right - left), height);
    }
  }

  open() {
    const { stream, context } = this;
    for (const segment of stream.open.values()) {
      const row = this.labels.indexOf(segment.label);
      const [left, right] = [this.x(Math.max(segment.start_time, this.view.start)), this.x(Math.min(stream.edge, this.view.end))];
      if (row < 0 || segment.score < this.minScore || right <= left) continue;
      this.segments++;
      context.fillStyle = this.colour(segment.label);
      this.bar(left, right, row, segment.score);
      context.globalAlpha = 1;
      if (stream.edge <= this.view.end) this.rectangle(right - 2, this.y(row) - 2, 2, this.barPx + 4);
    }
  }

  gaps({ tile, from, to }) {
    const [start, end] = [Math.max(from, this.view.start), Math.min(to, this.view.end)];
    for (const gap of tile.gaps ?? []) {
      const [left, right] = [Math.max(gap.start_time, start), Math.min(gap.end_time, end)];
      if (left < right) this.hatched(left, right, gap.reason, gap.filled ? 0.45 : 1);
    }
    if (tile.gapShares) this.gapBins(tile, start, end);
  }

  gapBins(tile, start, end) {
    const { binS } = tile.level;
    tile.gapShares.forEach((share, bin) => {
      const [left, right] = [Math.max(start, tile.start + bin * binS), Math.min(end, tile.start + (bin + 1) * binS)];
      if (share && left < right) this.hatched(left, right, "", 0.3 + 0.7 * share);
    });
  }

  /** What has not been watched yet of the time until now, with the stream's state as the reason. */
  unwatched() {
    const { stream, view } = this;
    if (!stream.onWallClock || stream.running || stream.info.until === null) return;
    const [left, right] = [Math.max(stream.edge, view.start), Math.min(this.nowS, view.end)];
    if (left < right && stream.info.state !== "ended") this.hatched(left, right, stream.info.state, 0.6);
  }

  hatched(start, end, reason, strength) {
    const { context, ink } = this;
    const [left, right] = [this.x(start), this.x(end)];
    context.globalAlpha = strength;
    context.fillStyle = hatchOf(context, ink.hatch);
    this.rectangle(left, 0, Math.max(1, right - left), this.height);
    context.globalAlpha = 1;
    if (reason) this.words(reason.replaceAll("_", " "), left, right);
  }

  /** Words in the middle of a stripe, upright where it is too narrow for them. */
  words(text, left, right) {
    const { context, ink, height } = this;
    context.font = "600 11px system-ui, sans-serif";
    const width = context.measureText(text).width + 12;
    const upright = width > right - left;
    if (upright && (width > height || right - left < PILL_PX)) return;
    context.save();
    context.translate((left + right) / 2, height / 2);
    if (upright) context.rotate(-Math.PI / 2);
    context.fillStyle = ink.surface;
    context.beginPath();
    context.roundRect(-width / 2, -PILL_PX / 2, width, PILL_PX, PILL_PX / 2);
    context.fill();
    context.fillStyle = ink.faint;
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.fillText(text, 0, 0.5);
    context.restore();
  }

  outline() {
    const { context, selected, view } = this;
    const row = selected ? this.labels.indexOf(selected.label) : -1;
    if (row < 0) return;
    const left = this.x(Math.max(selected.start_time, view.start - view.lengthS));
    const right = this.x(Math.min(selected.end_time ?? this.stream.edge, view.end + view.lengthS));
    context.strokeStyle = this.ink.ink;
    context.lineWidth = 2;
    context.beginPath();
    context.roundRect(left - 1, this.y(row) - 1, Math.max(3, right - left + 2), this.barPx + 2, 4);
    context.stroke();
  }
}

const hatches = new Map();

function hatchOf(context, colour) {
  if (!hatches.has(colour)) hatches.set(colour, context.createPattern(hatchTile(colour), "repeat"));
  return hatches.get(colour);
}

function hatchTile(colour) {
  const tile = document.createElement("canvas");
  tile.width = tile.height = 8;
  const context = tile.getContext("2d");
  context.strokeStyle = colour;
  context.lineWidth = 1.5;
  for (const shift of [-8, 0, 8]) {
    context.beginPath();
    context.moveTo(shift - 1, 9);
    context.lineTo(shift + 9, -1);
    context.stroke();
  }
  return tile;
}
