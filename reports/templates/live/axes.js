// Scales, ticks and places, in the manner of the reports' pictures (curves.py). Pure.

const CLOCK_STEPS_S = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 900, 1800, 3600];
// Less than this is not worth a logarithm, and shown from 0.
const LOG_FROM_RATIO = 12;
// From here on an axis reads in minutes and seconds.
const MINUTES_FROM_S = 300;
// More points than this on one line cannot be told apart.
const MAX_POINTS = 600;

/** Values up the side, from 0: {share, ticks}; share gives the place of a value between bottom (0) and top (1). */
function linearScale(high, most, isWhole) {
  const step = roundStep(high / most, isWhole);
  const top = high * 1.12;
  const ticks = Array.from({ length: Math.floor(top / step) + 1 }, (_, n) => n * step);
  return { share: (value) => value / top, ticks };
}

/** Durations up the side: logarithmic where the range asks for it, else from 0. */
function durationScale(low, high, most) {
  if (!(low > 0 && high / low > LOG_FROM_RATIO)) return linearScale(high, most, false);
  const steps = logSteps(low, high);
  const bottom = steps.findLast((step) => step <= low * 1.0001);
  const top = steps.find((step) => step >= high * 0.9999);
  const within = steps.filter((step) => step >= bottom * 0.9999 && step <= top * 1.0001);
  const ticks = within.length <= most ? within : within.filter((step) => step.toExponential().startsWith("1e"));
  return { share: (value) => Math.log(value / bottom) / Math.log(top / bottom), ticks };
}

/** Full steps of a clock between two seconds, so many at most. */
function clockTicks(fromS, toS, most) {
  const lengthS = toS - fromS;
  const hours = Math.ceil(lengthS / Math.max(most, 1) / 3600) * 3600;
  const step = CLOCK_STEPS_S.find((each) => lengthS / each <= most) ?? hours;
  const first = Math.ceil(fromS / step);
  return Array.from({ length: Math.floor(toS / step) - first + 1 }, (_, n) => (first + n) * step);
}

/** A second of the run as its axis writes it. */
function clockText(second, untilS) {
  if (untilS <= MINUTES_FROM_S) return `${second} s`;
  return `${Math.floor(second / 60)}:${String(second % 60).padStart(2, "0")}`;
}

/** The places, moved no further than it takes to lie at least `gap` apart in the same order. */
function spread(places, gap) {
  const order = places.map((_, i) => i).sort((a, b) => places[a] - places[b]);
  const placed = order.map((i) => places[i]);
  for (let round = 0; round < 20 * placed.length; round++) {
    for (let i = 1; i < placed.length; i++) {
      const push = Math.max(0, gap - (placed[i] - placed[i - 1])) / 2;
      placed[i - 1] -= push;
      placed[i] += push;
    }
  }
  const result = [];
  order.forEach((i, n) => (result[i] = placed[n]));
  return result;
}

/**
 * Rows of one length, so many folded into one that at most MAX_POINTS stay: the largest of times, since a mean of
 * percentiles means nothing, or the mean of counts. `length_s` of a row tells how many seconds it stands for.
 */
function folded(rows, keys, isTime) {
  if (rows.length === 0) return [];
  const ownS = rows[0].length_s;
  const lengthS = ownS * Math.ceil((endOf(rows.at(-1)) - rows[0].t_s) / ownS / MAX_POINTS);
  if (lengthS === ownS) return rows;
  const groups = Map.groupBy(rows, (row) => Math.floor(row.t_s / lengthS));
  return [...groups].map(([number, group]) => {
    const row = { t_s: number * lengthS, length_s: lengthS };
    for (const key of keys) row[key] = foldedValue(group.map((each) => each[key]), isTime);
    return row;
  });
}

function foldedValue(values, isTime) {
  const known = values.filter((value) => value !== null);
  if (known.length === 0) return null;
  return isTime ? Math.max(...known) : known.reduce((sum, value) => sum + value, 0) / known.length;
}

function roundStep(least, isWhole) {
  const power = 10 ** Math.floor(Math.log10(least));
  const step = [1, 2, 2.5, 5, 10].map((digit) => digit * power).find((each) => each >= least * 0.9999);
  return isWhole ? Math.max(1, Math.ceil(step)) : step;
}

function logSteps(low, high) {
  const steps = [];
  for (let power = Math.floor(Math.log10(low)) - 1; power <= Math.ceil(Math.log10(high)) + 1; power++) {
    // Parsed, not multiplied: 2e-1 is 0.2, 2 * 10 ** -1 is not always.
    for (const digit of [1, 2, 5]) steps.push(Number(`${digit}e${power}`));
  }
  return steps;
}
