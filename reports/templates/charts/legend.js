// The lines of a panel by name, dash and colour, and their values at the place that is read, or else the highest seen.

const DASHES = { solid: [], dashed: [5, 3], dotted: [1.5, 2.5] };

class Legend {
  #when = element("span", { className: "when" });
  #values;
  #panel;
  element;

  constructor(panel) {
    this.#panel = panel;
    this.#values = panel.series.map(() => element("b"));
    const items = panel.series.flatMap((series, i) =>
      series.isListed ? [element("span", { className: "item" }, swatch(series), series.name, " ", this.#values[i])] : [],
    );
    // Last in the data is drawn on top, and read first.
    this.element = element("p", { className: "legend" }, this.#when, ...items.reverse());
  }

  /** Show the values at a place, and say which it is. */
  read(when, values) {
    say(this.#when, when);
    values.forEach((value, i) => say(this.#values[i], WRITE[this.#panel.reads](value)));
  }
}

/** The same in a sentence. */
function readingText(panel, when, values) {
  const told = panel.series.flatMap(({ name, isListed }, i) => (isListed ? [`${name} ${WRITE[panel.reads](values[i])}`] : []));
  return `${when}: ${told.reverse().join(", ")}`;
}

function swatch({ role, dash, width, strength }) {
  const line = drawn("line", { x1: 1, y1: 5, x2: 25, y2: 5 });
  line.style.stroke = `var(--${role})`;
  line.style.strokeWidth = Math.max(width, 1.4);
  line.style.opacity = strength;
  line.style.strokeDasharray = DASHES[dash].join(" ");
  return drawn("svg", { viewBox: "0 0 26 10", width: 26, height: 10, "aria-hidden": "true" }, line);
}
