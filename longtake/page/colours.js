// One colour per label, the same on every day and in every stream.

// Hue and lightness steps that neighbours in the list differ in clearly, for most kinds of colour vision too.
const HUES = [250, 60, 150, 345, 100, 210, 25, 300, 175, 320, 125, 275];

/**
 * A label's hue follows from its name; where two names of the set meet, the later one (by alphabet) takes the next free.
 */
export class Colours {
  constructor(labels = []) {
    this.slots = new Map();
    for (const label of [...labels].sort()) this.slot(label);
  }

  slot(label) {
    const known = this.slots.get(label);
    if (known !== undefined) return known;
    const taken = new Set(this.slots.values());
    let slot = hash(label) % HUES.length;
    for (let tries = 0; taken.has(slot) && tries < HUES.length; tries++) slot = (slot + 5) % HUES.length;
    this.slots.set(label, slot);
    return slot;
  }

  /** The label's colour as CSS, for a dark page or a light one. */
  of(label, dark) {
    const slot = this.slot(label);
    const lift = slot % 2 ? 0.05 : 0;
    return dark ? `oklch(${0.74 + lift} 0.13 ${HUES[slot]})` : `oklch(${0.6 + lift} 0.15 ${HUES[slot]})`;
  }
}

function hash(text) {
  let value = 2166136261;
  for (const byte of new TextEncoder().encode(text)) value = Math.imul(value ^ byte, 16777619) >>> 0;
  return value;
}
