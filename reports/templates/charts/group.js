// Panels over the same thing: they are zoomed together, and point to the same place.

const LEAST_POINTS = 5;

class Group {
  #panels = [];
  #zoomed = null;
  #place = null;
  #leastSpan;
  #listeners = [];

  /** `leastSpan` is as near as one may come. */
  constructor(leastSpan) {
    this.#leastSpan = leastSpan;
  }

  /** Tell `listener` whether it is zoomed, now and whenever that changes. */
  onZoom(listener) {
    this.#listeners.push(listener);
    listener(this.#zoomed !== null);
  }

  add(panel) {
    this.#panels.push(panel);
  }

  /** See from `start` to `end` everywhere. */
  zoom([start, end]) {
    const [first, last] = this.#whole();
    const span = Math.min(Math.max(end - start, this.#leastSpan), last - first);
    const from = Math.min(Math.max((start + end - span) / 2, first), last - span);
    if (span >= last - first) return this.reset();
    return this.#see([from, from + span]);
  }

  /** As at first. */
  reset() {
    this.#see(null);
  }

  /** Nearer by `factor` (or further off), around the place that is read, or else the middle of `panel`. */
  zoomBy(factor, panel) {
    const [start, end] = this.#zoomed ?? panel.home;
    const middle = this.#place ?? (start + end) / 2;
    this.zoom([middle - (middle - start) / factor, middle + (end - middle) / factor]);
  }

  /** Read a place everywhere; null for none. */
  point(place) {
    if (place === this.#place) return;
    this.#place = place;
    for (const panel of this.#panels) panel.point(place);
  }

  /** The same, and move on what is seen where the place lies outside. */
  reveal(place) {
    if (this.#zoomed !== null && place !== null) {
      const [start, end] = this.#zoomed;
      const by = Math.min(0, place - start) + Math.max(0, place - end);
      if (by !== 0) this.zoom([start + by, end + by]);
    }
    this.point(place);
  }

  #see(zoomed) {
    this.#zoomed = zoomed;
    for (const panel of this.#panels) panel.show(zoomed ?? panel.home);
    for (const listener of this.#listeners) listener(zoomed !== null);
  }

  #whole() {
    const homes = this.#panels.map((panel) => panel.home);
    return [Math.min(...homes.map(([start]) => start)), Math.max(...homes.map(([, end]) => end))];
  }
}
