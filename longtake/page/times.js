// Times as people read them, and the ticks of an axis. Seconds beyond WALL_CLOCK_S are unix seconds.

export const WALL_CLOCK_S = 1e8;

const MINUTE = 60;
const HOUR = 3600;
const DAY = 86400;
const STEPS = [
  1, 2, 5, 10, 15, 30, MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE,
  HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 7 * DAY, 14 * DAY,
];

const clockFormat = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const secondFormat = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23",
});
const dayFormat = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const wholeFormat = new Intl.DateTimeFormat(undefined, {
  weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23",
});

export function isWallClock(t) {
  return t > WALL_CLOCK_S;
}

/** A moment in full: a date in this machine's time zone, or the time since a recording's start. */
export function moment(t) {
  return isWallClock(t) ? wholeFormat.format(t * 1000) : elapsed(t, 1);
}

/** Seconds since the start as 1:02:03, with as many decimals as are asked for. */
export function elapsed(t, decimals = 0) {
  const unit = 10 ** decimals;
  const whole = Math.round(Math.abs(t) * unit);
  const seconds = Math.floor(whole / unit);
  const two = (n) => String(n).padStart(2, "0");
  const hours = Math.floor(seconds / HOUR);
  const minutes = Math.floor((seconds % HOUR) / MINUTE);
  const fraction = decimals ? `.${String(whole % unit).padStart(decimals, "0")}` : "";
  const clock = hours ? `${hours}:${two(minutes)}` : String(minutes);
  return `${t < 0 && whole ? "−" : ""}${clock}:${two(seconds % MINUTE)}${fraction}`;
}

/** A length of time in at most two units: 4.2 s, 3 min 20 s, 2 h 5 min, 3 d 4 h. */
export function duration(seconds) {
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const s = Math.round(seconds);
  if (s < MINUTE) return `${s} s`;
  if (s < HOUR) return two(s, MINUTE, "min", 1, "s");
  if (s < DAY) return two(Math.round(s / MINUTE), 60, "h", 1, "min");
  return two(Math.round(s / HOUR), 24, "d", 1, "h");
}

/** The same in one unit: 20 min. */
export function roughly(seconds) {
  return duration(seconds).split(" ").slice(0, 2).join(" ");
}

function two(value, unit, large, smaller, small) {
  const rest = Math.floor((value % unit) / smaller);
  return `${Math.floor(value / unit)} ${large}${rest ? ` ${rest} ${small}` : ""}`;
}

/**
 * The ticks of [start, end) that stand at least `apartS` seconds from each other: [{t, text, strong}].
 * Those of the wall clock lie on full hours and midnights of this machine's time zone; a strong one begins a day.
 */
export function ticks(start, end, apartS, wall) {
  const step = STEPS.find((one) => one >= apartS) ?? STEPS.at(-1) * Math.ceil(apartS / STEPS.at(-1));
  return wall ? wallTicks(start, end, step) : elapsedTicks(start, end, step);
}

function elapsedTicks(start, end, step) {
  const found = [];
  for (let t = Math.ceil(start / step) * step; t < end; t += step) found.push({ t, text: elapsed(t), strong: t === 0 });
  return found;
}

function wallTicks(start, end, step) {
  const found = [];
  let t = floorLocal(start, step);
  while (t < end) {
    if (t >= start) found.push(wallTick(t, step));
    // A day may have 23 or 25 hours: from somewhere in the next one back to its beginning.
    const next = step >= DAY ? floorLocal(t + step + DAY / 4, DAY) : floorLocal(t + step, step);
    t = next > t ? next : t + step;
  }
  return found;
}

function floorLocal(t, step) {
  const date = new Date(t * 1000);
  if (step < HOUR) return Math.floor(t / step) * step;
  const hours = step < DAY ? date.getHours() - (date.getHours() % (step / HOUR)) : 0;
  return new Date(date.getFullYear(), date.getMonth(), date.getDate(), hours).getTime() / 1000;
}

function wallTick(t, step) {
  const date = new Date(t * 1000);
  const midnight = date.getHours() === 0 && date.getMinutes() === 0 && date.getSeconds() === 0;
  if (midnight) return { t, text: dayFormat.format(date), strong: true };
  return { t, text: (step < MINUTE ? secondFormat : clockFormat).format(date), strong: false };
}
