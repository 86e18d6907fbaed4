// Draws an axis of time.

import { ticks } from "./times.js";

export const AXIS_PX = 30;
const TICK_PX = 90;

/** The seconds between two ticks of an axis that wide. */
export function tickApart(view, width) {
  return (view.lengthS * TICK_PX) / Math.max(TICK_PX, width);
}

/** Draw an axis: the ticks of the extent, with their times. */
export function paintAxis(context, { view, width, ink, wall }) {
  context.clearRect(0, 0, width, AXIS_PX);
  context.font = "12px system-ui, sans-serif";
  context.textBaseline = "middle";
  for (const tick of ticks(view.start, view.end, tickApart(view, width), wall)) {
    const x = Math.round(((tick.t - view.start) / view.lengthS) * width);
    context.fillStyle = ink.line;
    context.fillRect(x, AXIS_PX - 6, 1, 6);
    context.fillStyle = tick.strong ? ink.ink : ink.faint;
    const textWidth = context.measureText(tick.text).width;
    const left = Math.min(Math.max(2, x - textWidth / 2), width - textWidth - 2);
    context.textAlign = "left";
    context.fillText(tick.text, left, AXIS_PX / 2 - 2);
  }
}
