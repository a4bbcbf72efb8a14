// How the values of a chart are written, along its axes and where it is read. Pure.

const WRITE = {
  duration,
  count,
  // Of one second it is a whole number, and has no digits after the point.
  rate: (value) => (value === null ? NO_DATA : `${Number.isInteger(value) ? count(value) : rate(value)}/s`),
  percent,
  size,
  number: (value) => (value === null ? NO_DATA : significant(value)),
};
// Along an axis: round values, in as little room as they can have.
const WRITE_SHORT = {
  duration: roundDuration,
  count: shortCount,
  rate: shortCount,
  percent: (ratio) => `${Number((ratio * 100).toPrecision(4))} %`,
  size: (bytes) => size(bytes).replace(/\.0+ /, " "),
  number: shortCount,
};

function shortCount(value) {
  return value.toLocaleString("en-US", { maximumFractionDigits: 3 });
}

/** A quantile given in nines: 2 is 99 %. */
function quantileText(nines) {
  const share = 100 * (1 - 10 ** -nines);
  return `${Number(share.toFixed(Math.max(1, Math.ceil(nines - 1e-9) - 1)))} %`;
}

/** Which second, or how many from which on, a point in the middle of them stands for. */
function secondText(middleS, { secondsAPoint, end }) {
  const start = clockText(Math.round(middleS - secondsAPoint / 2), end);
  return secondsAPoint === 1 ? `at ${start}` : `${secondsAPoint} s from ${start}`;
}
