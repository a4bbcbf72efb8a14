// What lies behind and above the lines of a panel: phases, incidents with their names, limits that somebody set.

const STRIP_PX = 17;
const ROW_PX = 14;
const MOST_ROWS = 3;
const GAP_PX = 4;
const LETTER_PX = 6.4;
const TINTS = { warmup: "warmup", measure: "window" };

/** How much room the names need above axes of that width: phases in a strip, incidents in rows below it. */
function roomAbove(chart, panel, width) {
  if (chart.over !== "time") return 8;
  return STRIP_PX + rowsOfNames(chart, panel, width) * ROW_PX;
}

/** How many rows the incidents' names take while all of the chart is seen; closer to it, fewer would do. */
function rowsOfNames({ incidents, start, end }, { namesIncidents }, width) {
  if (!namesIncidents) return 0;
  const x = (second) => ((second - start) / (end - start)) * width;
  const pen = { x, left: 0, right: width, widthOf: (text) => text.length * LETTER_PX };
  const seen = incidents.filter(({ at }) => at >= start && at <= end);
  return Math.max(0, ...placeNames(pen, seen, MOST_ROWS).map((place) => (place?.row ?? -1) + 1));
}

/** Tint the phases and how long incidents took; before anything else is drawn. */
function drawTints(plot, chart) {
  for (const { key, start, end } of chart.phases) tint(plot, start, end, colourOf(TINTS[key] ?? "raised"));
  for (const { at, until } of chart.incidents) {
    if (until !== null) tint(plot, at, until, colourOf("muted", 0.12));
  }
}

/** Name phases and incidents, and draw the limits; after everything else. */
function drawMarks(plot, chart, panel) {
  const pen = penOf(plot);
  for (const { name, start, end } of chart.phases) namePhase(pen, name, start, end);
  const seen = chart.incidents.filter(({ at }) => at >= plot.scales.x.min && at <= plot.scales.x.max);
  const rows = rowsOfNames(chart, panel, pen.right - pen.left);
  const placed = placeNames(pen, seen, rows);
  seen.forEach(({ at }, i) => pen.line(pen.x(at), pen.top - ((placed[i]?.row ?? -1) + 1) * ROW_PX, pen.bottom));
  for (const place of placed) {
    if (place === null) continue;
    const y = pen.top - (place.row + 0.5) * ROW_PX;
    pen.text(place.name, place.left, y, { role: "ink", on: "surface" });
  }
  for (const limit of panel.limits) drawLimit(pen, limit);
}

/** A name for each incident, as long as there is room for it, in the lowest row where it touches no other; or null. */
function placeNames(pen, incidents, rows) {
  const taken = Array.from({ length: rows }, () => []);
  return incidents.map(({ at, names }) => {
    const x = pen.x(at);
    for (const name of names) {
      const width = pen.widthOf(name) + 2 * GAP_PX;
      for (let row = 0; row < rows; row++) {
        for (const left of [x, x - width]) {
          const fits = left >= pen.left && left + width <= pen.right;
          if (!fits || taken[row].some((other) => left < other.right && left + width > other.left)) continue;
          taken[row].push({ left, right: left + width });
          return { name, row, left: left + GAP_PX };
        }
      }
    }
    return null;
  });
}

function namePhase(pen, name, start, end) {
  const [left, right] = [Math.max(pen.x(start), pen.left), Math.min(pen.x(end), pen.right)];
  if (right - left < pen.widthOf(name)) return;
  pen.text(name, (left + right) / 2, pen.above + STRIP_PX / 2, { role: "muted", align: "center" });
}

function drawLimit(pen, { value, text, role }) {
  const y = pen.y(value);
  if (y < pen.top || y > pen.bottom) return;
  pen.line(pen.left, y, y, { to: pen.right, role, dash: [5, 3] });
  const isHigh = y - pen.top < ROW_PX;
  pen.text(text, pen.left + 6, isHigh ? y + ROW_PX / 2 + 1 : y - ROW_PX / 2, { role, on: "surface", strength: 0.75 });
}

function tint(plot, start, end, colour) {
  const { left, top, width, height } = plot.bbox;
  const [from, to] = [start, end].map((second) => plot.valToPos(second, "x", true));
  const [first, last] = [Math.max(from, left), Math.min(to, left + width)];
  if (last <= first) return;
  plot.ctx.fillStyle = colour;
  plot.ctx.fillRect(first, top, last - first, height);
}

/** Lines and texts on the canvas of a plot, in CSS pixels. */
function penOf(plot) {
  const { ctx, bbox } = plot;
  const ratio = devicePixelRatio;
  const font = `${11 * ratio}px ${getComputedStyle(document.body).fontFamily}`;
  const [left, top] = [bbox.left / ratio, bbox.top / ratio];
  return {
    left,
    top,
    above: 0,
    right: left + bbox.width / ratio,
    bottom: top + bbox.height / ratio,
    x: (value) => plot.valToPos(value, "x", true) / ratio,
    y: (value) => plot.valToPos(value, "y", true) / ratio,
    widthOf(text) {
      ctx.font = font;
      return ctx.measureText(text).width / ratio;
    },
    line(x, y, toY, { to = x, role = "muted", dash = [] } = {}) {
      ctx.save();
      ctx.strokeStyle = colourOf(role);
      ctx.lineWidth = ratio;
      ctx.setLineDash(dash.map((px) => px * ratio));
      ctx.beginPath();
      ctx.moveTo(x * ratio, y * ratio);
      ctx.lineTo(to * ratio, toY * ratio);
      ctx.stroke();
      ctx.restore();
    },
    text(text, x, y, { role, align = "left", on = null, strength = 1 }) {
      ctx.save();
      ctx.font = font;
      ctx.textAlign = align;
      ctx.textBaseline = "middle";
      if (on !== null) {
        ctx.fillStyle = colourOf(on, strength);
        ctx.fillRect((x - 2) * ratio, (y - 6.5) * ratio, ctx.measureText(text).width + 4 * ratio, 13 * ratio);
      }
      ctx.fillStyle = colourOf(role);
      ctx.fillText(text, x * ratio, y * ratio);
      ctx.restore();
    },
  };
}
