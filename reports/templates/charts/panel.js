// One pair of axes: uPlot draws it, and tells where the pointer is and what was dragged over.

// As high as two small ones with their legends, where it stands beside these.
const HEIGHT_PX = { full: 300, half: innerWidth > 940 ? 420 : 280, small: 190 };
const VALUE_AXIS_PX = 58;
// Half of what stands below the last tick: 480:00.
const RIGHT_PX = 20;

class Panel {
  #plot;
  #chart;
  #panel;
  #group;
  #legend;
  #frame = element("div", { className: "plot", role: "slider", tabindex: 0 });
  #place = null;
  #isSettling = false;

  /** `place` is the element that it fills, `title` that of its chart; `size` one of full, half, small. */
  constructor(place, { title, chart, panel, x, group, size }) {
    [this.#chart, this.#panel, this.#group] = [chart, panel, group];
    this.#legend = new Legend(panel);
    this.#frame.setAttribute("aria-label", `${title}: ${panel.heading}`);
    place.append(element("h3", { text: panel.heading }), this.#legend.element, this.#frame);
    const data = [x, ...panel.series.map(({ values }) => values)];
    const options = { width: this.#frame.clientWidth, height: HEIGHT_PX[size], ...this.#options() };
    this.#plot = new uPlot(options, data, this.#frame);
    group.add(this);
    listenTo(this.#frame, this.#plot.over, this, group);
    new ResizeObserver(() => this.#resize()).observe(this.#frame);
    this.show(this.home);
    this.point(null);
  }

  /** What is seen of it before anybody zooms: [start, end]. */
  get home() {
    return [this.#chart.start, this.#chart.end];
  }

  /** See from `start` to `end`. */
  show([min, max]) {
    this.#settle(() => this.#plot.setScale("x", { min, max }));
  }

  redraw() {
    this.#plot.redraw(true, true);
  }

  /** Read the point nearest to `x`; null for none. */
  point(x) {
    const { min, max } = this.#plot.scales.x;
    const isSeen = x !== null && x >= min && x <= max;
    this.#place = x;
    this.#plot.setCursor({ left: isSeen ? this.#plot.valToPos(x, "x") : -10, top: isSeen ? 0 : -10 }, false);
    this.#tell(isSeen ? this.#plot.valToIdx(x) : null);
  }

  /** The place so many points further on; null where there is none. */
  stepped(count) {
    const [x] = this.#plot.data;
    const { min, max } = this.#plot.scales.x;
    const [first, last] = [x.findIndex((each) => each >= min), x.findLastIndex((each) => each <= max)];
    if (this.#place === null) return x[count === -Infinity || (count > 0 && count < Infinity) ? first : last] ?? null;
    return x[Math.min(Math.max(this.#plot.valToIdx(this.#place) + count, 0), x.length - 1)];
  }

  placeAt(px) {
    return this.#plot.data[0][this.#plot.posToIdx(px)] ?? null;
  }

  #tell(index) {
    const values = index === null ? this.#highest() : this.#panel.series.map((series) => series.values[index]);
    const when = index === null ? "highest" : this.#whenText(this.#plot.data[0][index]);
    const { min, max } = this.#plot.scales.x;
    this.#legend.read(when, values);
    this.#frame.setAttribute("aria-valuemin", min);
    this.#frame.setAttribute("aria-valuemax", max);
    this.#frame.setAttribute("aria-valuenow", index === null ? max : this.#plot.data[0][index]);
    this.#frame.setAttribute("aria-valuetext", readingText(this.#panel, when, values));
  }

  #whenText(x) {
    if (this.#chart.over !== "time") return `at ${quantileText(x)}`;
    const half = this.#chart.secondsAPoint / 2;
    const going = this.#chart.incidents.filter(({ at, until }) => at <= x + half && (until ?? at) >= x - half);
    return [secondText(x, this.#chart), ...going.map(({ names }) => names[0])].join(", ");
  }

  #highest() {
    const [x] = this.#plot.data;
    const { min, max } = this.#plot.scales.x;
    return this.#panel.series.map(({ values }) => {
      const seen = values.filter((value, i) => value !== null && x[i] >= min && x[i] <= max);
      return seen.length === 0 ? null : seen.reduce((high, value) => Math.max(high, value));
    });
  }

  #resize() {
    const width = this.#frame.clientWidth;
    if (width === 0 || width === this.#plot.width) return;
    this.#settle(() => this.#plot.setSize({ width, height: this.#plot.height }));
  }

  /** Change what is seen. uPlot keeps its cursor where it is on the screen; what is read is to stay instead. */
  #settle(change) {
    this.#isSettling = true;
    change();
    queueMicrotask(() => {
      this.#isSettling = false;
      this.point(this.#place);
    });
  }

  #pointed(plot) {
    if (!this.#isSettling) this.#group.point(plot.cursor.idx === null ? null : plot.data[0][plot.cursor.idx]);
  }

  #options() {
    const [chart, panel] = [this.#chart, this.#panel];
    const axis = { stroke: () => colourOf("muted"), font: `12px ${getComputedStyle(document.body).fontFamily}` };
    const grid = { stroke: () => colourOf("line"), width: 1 };
    const placeText = chart.over === "time" ? (second) => clockText(second, chart.end) : quantileText;
    return {
      legend: { show: false },
      padding: [({ width }) => roomAbove(chart, panel, width - VALUE_AXIS_PX - RIGHT_PX), RIGHT_PX, 0, 0],
      scales: { x: { time: false }, y: { distr: panel.log ? 3 : 1, range: valueRange(panel) } },
      axes: [
        {
          ...axis,
          size: 30,
          grid: { ...grid, show: chart.over !== "time" },
          ticks: { ...grid, size: 4 },
          splits: placeTicks(chart.over),
          values: (_, places) => places.map(placeText),
        },
        {
          ...axis,
          size: VALUE_AXIS_PX,
          grid: { ...grid, filter: (_, values) => values },
          ticks: { show: false },
          filter: (_, values) => values,
          splits: valueTicks(panel),
          values: (_, values) => values.map(WRITE_SHORT[panel.reads]),
        },
      ],
      series: [{}, ...panel.series.map(lineOf)],
      bands: panel.bands.map(({ lines: [upper, lower], strength }) => ({
        series: [upper + 1, lower + 1],
        fill: () => colourOf("first", strength),
      })),
      cursor: {
        y: false,
        drag: { x: true, y: false, setScale: false },
        points: { size: 8, width: 1.5, stroke: () => colourOf("surface"), fill: (_, i) => colourOf(panel.series[i - 1].role) },
        bind: { dblclick: () => () => this.#group.reset() },
      },
      hooks: {
        drawClear: [(plot) => drawTints(plot, chart)],
        draw: [(plot) => drawMarks(plot, chart, panel)],
        setCursor: [(plot) => this.#pointed(plot)],
        setSelect: [(plot) => this.#dragged(plot)],
      },
    };
  }

  #dragged(plot) {
    const { left, width } = plot.select;
    plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    // Less is a click with an unsteady hand.
    if (width > 4) this.#group.zoom([left, left + width].map((px) => plot.posToVal(px, "x")));
  }
}

// So many points lie closer together than a line is wide.
const DENSE = 600;

function lineOf({ role, dash, width: wanted, strength, values }) {
  const width = values.length > DENSE ? wanted * 0.6 : wanted;
  const alone = values.flatMap((value, i) =>
    value !== null && (values[i - 1] ?? null) === null && (values[i + 1] ?? null) === null ? [i] : [],
  );
  const stroke = () => colourOf(role, strength);
  // A point without neighbours, which no line would show, is a dot.
  const points = { show: true, filter: () => alone, size: 4, width: 1, stroke, fill: stroke };
  return { stroke, width, dash: DASHES[dash], points };
}
