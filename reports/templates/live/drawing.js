// The parts of a chart, as SVG elements in pixels. `box` is {left, right, top, bottom}, `x` and `y` give places.

const LETTER_PX = 6.4; // what a letter takes on average
const LABEL_GAP_PX = 14;

/** Tints of warm-up and measured window, named above where there is room; one that goes on ends at `newestS`. */
function phaseTints(phases, newestS, box, x) {
  return phases.flatMap(({ name, start_s: startS, end_s: endS }) => {
    const left = Math.max(box.left, x(startS));
    const right = Math.min(box.right, x(endS ?? newestS));
    if (!["warmup", "measure"].includes(name) || right <= left) return [];
    const [width, height] = [right - left, box.bottom - box.top];
    const tint = drawn("rect", { className: `tint ${name}`, x: left, y: box.top, width, height });
    const text = PHASE_LABELS.get(name);
    if (width < LETTER_PX * text.length) return [tint];
    return [tint, drawn("text", { className: "small", x: right, y: box.top - 6, "text-anchor": "end", text })];
  });
}

/** Lines across, each with its value at the left. */
function valueAxis({ ticks, share }, box, write) {
  return ticks.flatMap((tick) => {
    const y = placeOf(share(tick), box);
    if (y < box.top - 1) return [];
    return [
      drawn("line", { className: "grid", x1: box.left, x2: box.right, y1: y, y2: y }),
      drawn("text", { x: box.left - 8, y: y + 4, "text-anchor": "end", text: write(tick) }),
    ];
  });
}

/** The seconds along the bottom. */
function timeAxis(fromS, toS, box, x) {
  const most = Math.max(2, Math.floor((box.right - box.left) / 70));
  return clockTicks(fromS, toS, most).map((second) =>
    drawn("text", { x: x(second), y: box.bottom + 18, "text-anchor": "middle", text: clockText(second, toS) }),
  );
}

/** One line through the rows; it ends where a second is missing, and a point without neighbours is a dot. */
function stroke(rows, key, className, x, y) {
  return runsOf(rows, [key]).map((run) => {
    const points = run.map((row) => `${x(middleOf(row))} ${y(row[key])}`);
    // Of no length, but with round ends.
    if (points.length === 1) points.push(points[0]);
    return drawn("path", { className: `stroke ${className}`, d: `M${points.join("L")}` });
  });
}

/** What lies between two lines. */
function band(rows, low, high, className, x, y) {
  return runsOf(rows, [low, high]).map((run) => {
    const upper = run.map((row) => `${x(middleOf(row))} ${y(row[high])}`);
    const lower = run.map((row) => `${x(middleOf(row))} ${y(row[low])}`).reverse();
    return drawn("path", { className: `band ${className}`, d: `M${[...upper, ...lower].join("L")}Z` });
  });
}

/** Each line's name where the line ends, moved apart where the names would touch. */
function endNames(rows, lines, x, y) {
  const ends = lines.flatMap(({ key, name }) => {
    const row = rows.findLast((each) => each[key] !== null);
    return row === undefined || name === "" ? [] : [{ name, x: x(middleOf(row)) + 7, y: y(row[key]) }];
  });
  const places = spread(ends.map((end) => end.y), LABEL_GAP_PX);
  // All beside the last of them: the others' lines would run through their names.
  const left = Math.max(...ends.map((end) => end.x));
  return ends.map(({ name }, i) => drawn("text", { className: "name", x: left, y: places[i] + 4, text: name }));
}

/** A value that was wished for, dashed, with what it is. */
function wish(value, text, className, box, y) {
  const place = y(value);
  return [
    drawn("line", { className: `wish ${className}`, x1: box.left, x2: box.right, y1: place, y2: place }),
    drawn("text", { className: `small ${className}`, x: box.left + 6, y: place - 5, text }),
  ];
}

/** The second that is read, and the lines' values there. */
function cursor(row, lines, box, x, y) {
  const place = x(middleOf(row));
  const known = lines.filter(({ key }) => row[key] !== null);
  return [
    drawn("line", { className: "cursor", x1: place, x2: place, y1: box.top, y2: box.bottom }),
    ...known.map(({ key }) => drawn("circle", { className: "dot", cx: place, cy: y(row[key]), r: 3.5 })),
  ];
}

/** An empty frame that says that it is empty. */
function emptyFrame(box) {
  const [width, height] = [box.right - box.left, box.bottom - box.top];
  const middle = { x: box.left + width / 2, y: box.top + height / 2 + 5 };
  return [
    drawn("rect", { className: "frame", x: box.left, y: box.top, width, height }),
    drawn("text", { className: "empty", ...middle, "text-anchor": "middle", text: NO_DATA }),
  ];
}

/** The place of a share of the height: 0 is the bottom, 1 the top. */
function placeOf(share, box) {
  return box.bottom - share * (box.bottom - box.top);
}

function endOf(row) {
  return row.t_s + row.length_s;
}

/** A row's time stands in the middle of what it covers. */
function middleOf(row) {
  return row.t_s + row.length_s / 2;
}

/** The rows in pieces: neighbours in time that have all the values. */
function runsOf(rows, keys) {
  const runs = [];
  let last = null;
  for (const row of rows) {
    if (keys.some((key) => row[key] === null)) continue;
    if (last !== null && row.t_s - last.t_s <= row.length_s) runs.at(-1).push(row);
    else runs.push([row]);
    last = row;
  }
  return runs;
}
