// Mouse, fingers and pen over a timeline: drag pans, two fingers pinch, a wheel with Ctrl zooms, a click picks.

const CLICK_PX = 4;
const WHEEL_ZOOM = 0.0022;

/**
 * Let gestures over `element` move `view`.
 * `told.point(t, event)` follows the pointer (t is null when it leaves), `told.pick(t, event)` is a click,
 * `told.range(from, to)` a stretch that is being marked with Shift (null when it ends).
 */
export function gestures(element, view, told) {
  return new Gestures(element, view, told);
}

class Gestures {
  constructor(element, view, told) {
    Object.assign(this, { element, view, told, pointers: new Map(), moved: false, marking: null });
    const on = (name, method, options) => element.addEventListener(name, method.bind(this), options);
    on("wheel", this.wheel, { passive: false });
    on("pointerdown", this.down);
    on("pointermove", this.move);
    on("pointerup", this.up);
    on("pointercancel", this.cancel);
    on("pointerleave", (event) => event.pointerType === "touch" || told.point(null));
  }

  time(clientX) {
    const box = this.element.getBoundingClientRect();
    return this.view.start + ((clientX - box.left) / box.width) * this.view.lengthS;
  }

  get secondsPerPixel() {
    return this.view.lengthS / Math.max(1, this.element.clientWidth);
  }

  wheel(event) {
    const sideways = event.shiftKey ? event.deltaY || event.deltaX : event.deltaX;
    const scale = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
    if (event.ctrlKey || event.metaKey || this.told.zoomsByWheel) {
      event.preventDefault();
      this.view.zoom(Math.exp(event.deltaY * scale * WHEEL_ZOOM), this.time(event.clientX));
    } else if (Math.abs(sideways) > Math.abs(event.shiftKey ? 0 : event.deltaY)) {
      event.preventDefault();
      this.view.pan(sideways * scale * this.secondsPerPixel);
    }
  }

  down(event) {
    if (event.button !== 0) return;
    this.pointers.set(event.pointerId, event.clientX);
    this.moved = this.pointers.size > 1;
    this.from = event.clientX;
    this.marking = event.shiftKey || this.told.marks ? this.time(event.clientX) : null;
  }

  move(event) {
    const before = this.pointers.get(event.pointerId);
    if (before === undefined) return this.told.point(this.time(event.clientX), event);
    if (!this.moved && Math.abs(event.clientX - this.from) < CLICK_PX) return;
    if (!this.moved) this.element.setPointerCapture(event.pointerId);
    this.moved = true;
    this.told.point(null);
    if (this.pointers.size > 1) this.pinch(event);
    else if (this.marking !== null) this.told.range(this.marking, this.time(event.clientX));
    else this.view.pan((before - event.clientX) * this.secondsPerPixel);
    this.pointers.set(event.pointerId, event.clientX);
  }

  /** Two fingers keep the moments under them. */
  pinch(event) {
    const [other] = [...this.pointers].find(([id]) => id !== event.pointerId).slice(1);
    const apart = Math.max(8, Math.abs(this.pointers.get(event.pointerId) - other));
    const now = Math.max(8, Math.abs(event.clientX - other));
    this.view.zoom(apart / now, this.time(other));
  }

  up(event) {
    if (!this.pointers.delete(event.pointerId)) return;
    if (!this.moved) this.told.point(this.time(event.clientX), event);
    if (!this.moved) this.told.pick(this.time(event.clientX), event);
    else if (this.marking !== null) this.mark(event);
    this.marking = null;
  }

  mark(event) {
    const [from, to] = [this.marking, this.time(event.clientX)].sort((a, b) => a - b);
    this.told.range(null);
    this.view.show(from, to);
  }

  cancel(event) {
    this.pointers.delete(event.pointerId);
    if (this.marking !== null) this.told.range(null);
    this.marking = null;
  }
}
