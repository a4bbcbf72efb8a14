// Numbers as people read them, in the same form as in the reports (numbers.py). Pure.

const NO_DATA = "no data";
// A quantile with fewer than 10 samples beyond it, of something that has samples.
const TOO_FEW = "too few";

const SIGNIFICANT_DIGITS = 3;
const DURATION_UNITS = [[1e3, "s"], [1, "ms"], [1e-3, "us"]];
const BYTE_UNITS = [[1e9, "GB"], [1e6, "MB"], [1e3, "kB"]];

/** Milliseconds in the unit that suits them: `812 us`, `8.10 ms`, `1.25 s`. */
function duration(valueMs) {
  return valueMs === 0 ? "0 ms" : scaled(valueMs, DURATION_UNITS);
}

/** A duration with no more digits than it needs: `2.5 ms`. */
function roundDuration(valueMs) {
  if (valueMs === 0) return "0";
  const [factor, unit] = DURATION_UNITS.find(([least]) => valueMs >= least) ?? DURATION_UNITS.at(-1);
  return `${Number((valueMs / factor).toPrecision(4))} ${unit}`;
}

/** Bytes in kB, MB or GB (powers of ten): `182 MB`. */
function size(valueBytes) {
  return valueBytes === 0 ? "0 kB" : scaled(valueBytes, BYTE_UNITS);
}

/** A whole number with its thousands separated: `400,000`. */
function count(value) {
  return value === null ? NO_DATA : grouped(value, 0);
}

/** Events a second without the unit: `19,960`, `39.8`. */
function rate(valuePerS) {
  if (valuePerS === null) return NO_DATA;
  return Math.abs(valuePerS) >= 100 || valuePerS === 0 ? grouped(valuePerS, 0) : significant(valuePerS);
}

/** A ratio as per cent: `83 %`; what is nearly nothing or nearly all keeps its digits: `99.67 %`. */
function percent(ratio) {
  if (ratio === null) return NO_DATA;
  if (ratio === 0 || Math.abs(ratio) >= 1) return `${grouped(ratio * 100, 0)} %`;
  const distance = Math.min(Math.abs(ratio), 1 - Math.abs(ratio));
  const decimals = distance >= 0.1 ? 0 : 1 - Math.floor(Math.log10(distance * 100));
  return `${(ratio * 100).toFixed(decimals)} %`;
}

/** A time that goes on, in whole seconds: `48 s`, `3 min 20 s`. */
function elapsed(valueS) {
  const wholeS = Math.floor(valueS);
  return wholeS < 120 ? `${wholeS} s` : `${grouped(Math.floor(wholeS / 60), 0)} min ${wholeS % 60} s`;
}

/** Three significant digits, never in scientific notation: `8.10`, `12,300`. */
function significant(value) {
  if (value === 0) return "0";
  const decimals = SIGNIFICANT_DIGITS - 1 - Math.floor(Math.log10(Math.abs(value)));
  return grouped(Number(value.toPrecision(SIGNIFICANT_DIGITS)), Math.max(0, decimals));
}

/** Text from outside on one line, without what is not seen or turns the text around it. */
function printable(text) {
  return String(text).replace(/[\p{C}\p{Z}]/gu, " ");
}

function scaled(value, units) {
  if (value === null) return NO_DATA;
  // Rounded before the unit is chosen: 999.9 ms is 1.00 s, not 1,000 ms.
  const rounded = Number(value.toPrecision(SIGNIFICANT_DIGITS));
  const [factor, unit] = units.find(([least]) => Math.abs(rounded) >= least) ?? units.at(-1);
  return `${significant(rounded / factor)} ${unit}`;
}

function grouped(value, decimals) {
  return value.toLocaleString("en-US", { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
}
