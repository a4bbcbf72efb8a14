// One chart: lines over the seconds of the run, and a second that is read by pointer or by arrow keys.

const MARGIN_PX = { left: 62, right: 40, top: 24, bottom: 28 };
const TICK_EVERY_PX = 36;
// A run of a few seconds does not fill the width: its lines would jump with each new one.
const LEAST_SPAN_S = 30;
const STEPS = new Map([["ArrowLeft", -1], ["ArrowRight", 1], ["PageDown", -10], ["PageUp", 10]]);
const LEAPS = new Map([["Home", -Infinity], ["End", Infinity]]);

class Chart {
  #svg;
  #readout;
  #lines;
  #bands;
  #isTime;
  #unit;
  #wish;
  #view = null;
  #rows = [];
  #isOver = false;
  #fromS = 0;
  #toS = LEAST_SPAN_S;
  #cursorS = null;

  /**
   * `lines` are [{key, name, className}], the last on top, `bands` pairs of keys, `isTime` tells ms from counts, and
   * `unit` follows a count where it is read. `wish` gives {value, text, className} of a document, or null.
   * `moved` is told which second is read, or null.
   */
  constructor(id, { lines, bands = [], isTime = false, unit = "", wish }, moved) {
    this.#svg = byId(id).querySelector("svg");
    this.#readout = byId(id).querySelector(".readout");
    [this.#lines, this.#bands, this.#isTime, this.#unit, this.#wish] = [lines, bands, isTime, unit, wish];
    new ResizeObserver(() => this.#draw()).observe(this.#svg);
    this.#svg.addEventListener("pointermove", (event) => moved(this.#secondAt(event.offsetX)));
    // A finger that is lifted leaves, and what it pointed at is to be read then.
    this.#svg.addEventListener("pointerleave", (event) => event.pointerType === "touch" || moved(null));
    this.#svg.addEventListener("blur", () => moved(null));
    this.#svg.addEventListener("keydown", (event) => this.#pressed(event, moved));
  }

  /** Draw seconds of a run (History.last); `isOver` tells that no more will come. */
  show(rows, { document, isOver }) {
    [this.#view, this.#isOver] = [document, isOver];
    this.#rows = folded(rows, this.#lines.map(({ key }) => key), this.#isTime);
    this.#fromS = this.#rows[0]?.t_s ?? 0;
    const endS = rows.length === 0 ? 0 : endOf(rows.at(-1));
    this.#toS = isOver && endS > this.#fromS ? endS : Math.max(endS, this.#fromS + LEAST_SPAN_S);
    this.#draw();
  }

  /** Read a second; null for the newest. */
  read(second) {
    this.#cursorS = second;
    this.#draw();
  }

  #draw() {
    const [width, height] = [this.#svg.clientWidth, this.#svg.clientHeight];
    if (width === 0 || this.#view === null) return;
    const box = { ...MARGIN_PX, right: width - MARGIN_PX.right, bottom: height - MARGIN_PX.bottom };
    this.#svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.#svg.replaceChildren(...this.#parts(box));
    this.#tell();
  }

  #parts(box) {
    const all = this.#rows.flatMap((row) => this.#lines.map(({ key }) => row[key]));
    const values = all.filter((value) => value !== null);
    if (values.length === 0) return emptyFrame(box);
    const wished = this.#wish(this.#view, Math.max(...values));
    const high = Math.max(...values, wished?.value ?? 0);
    const most = Math.max(2, Math.floor((box.bottom - box.top) / TICK_EVERY_PX));
    const scale = this.#isTime
      ? durationScale(Math.min(...values), high || 1, most)
      : linearScale(Math.max(1, high), most, true);
    const lengthS = this.#toS - this.#fromS;
    const x = (second) => box.left + ((second - this.#fromS) / lengthS) * (box.right - box.left);
    const y = (value) => placeOf(scale.share(value), box);
    const read = this.#rowRead();
    return [
      ...phaseTints(this.#view.phases ?? [], endOf(this.#rows.at(-1)), box, x),
      ...valueAxis(scale, box, this.#isTime ? roundDuration : count),
      ...timeAxis(this.#fromS, this.#toS, box, x),
      ...this.#bands.flatMap(([low, high_, className]) => band(this.#rows, low, high_, className, x, y)),
      ...this.#lines.flatMap(({ key, className }) => stroke(this.#rows, key, className, x, y)),
      ...(wished === null ? [] : wish(wished.value, wished.text, wished.className, box, y)),
      ...endNames(this.#rows, this.#lines, x, y),
      ...(this.#cursorS === null || read === undefined ? [] : cursor(read, this.#lines, box, x, y)),
    ];
  }

  /** Say the values of the second that is read, or else the newest, or the highest of a run that is over. */
  #tell() {
    const row = this.#rowRead();
    const isRead = this.#cursorS !== null && row !== undefined;
    say(this.#readout, row === undefined ? NO_DATA : this.#textOf(row, isRead));
    this.#svg.setAttribute("aria-valuemin", this.#fromS);
    this.#svg.setAttribute("aria-valuemax", this.#toS);
    this.#svg.setAttribute("aria-valuenow", isRead ? row.t_s : this.#toS);
    // What is new each second would be read aloud each second.
    this.#svg.setAttribute("aria-valuetext", isRead ? this.#textOf(row, isRead) : "the newest second");
  }

  #textOf(row, isRead) {
    const write = this.#isTime ? duration : (value) => `${count(value)}${value === null ? "" : this.#unit}`;
    const written = (valueOf) => this.#lines.map(({ key, name }) => `${name} ${write(valueOf(key))}`.trim()).reverse();
    if (this.#isOver && !isRead) return `at most: ${written((key) => this.#highest(key)).join(" · ")}`;
    const clock = clockText(row.t_s, this.#toS);
    const when = row.length_s > 1 ? `${row.length_s} s from ${clock}` : clock;
    return `${isRead ? "at" : "newest, at"} ${when}: ${written((key) => row[key]).join(" · ")}`;
  }

  #highest(key) {
    return foldedValue(this.#rows.map((row) => row[key]), true);
  }

  #rowRead() {
    if (this.#cursorS === null) return this.#rows.at(-1);
    return this.#rows.findLast((row) => row.t_s <= this.#cursorS) ?? this.#rows[0];
  }

  #secondAt(px) {
    const width = this.#svg.clientWidth - MARGIN_PX.left - MARGIN_PX.right;
    return this.#fromS + ((px - MARGIN_PX.left) / width) * (this.#toS - this.#fromS);
  }

  #pressed(event, moved) {
    const step = STEPS.get(event.key) ?? LEAPS.get(event.key);
    if (event.key === "Escape") moved(null);
    else if (step !== undefined && this.#rows.length > 0) {
      event.preventDefault();
      const place = this.#rows.indexOf(this.#rowRead()) + step;
      moved(this.#rows[Math.min(Math.max(place, 0), this.#rows.length - 1)].t_s);
    }
  }
}
