// From where to where the axes of a chart reach, and where they are ticked.

const TICK_EVERY_PX = 34;
const LABEL_EVERY_PX = 64;
// -log10(1 - q) of the quantiles that are worth a tick; the main ones first.
const MAIN_NINES = [Math.log10(2), 1, 2, 3, 4, 5, 6, 7];
const MORE_NINES = [0.25, 0.05, 0.005, 0.0005, 0.00005].map((rest) => -Math.log10(rest));

/** How far the value axis of a panel reaches, of what is seen of it. */
function valueRange({ log, least, limits }) {
  return (_, low, high) => {
    const top = Math.max(high ?? 0, ...limits.map(({ value }) => value));
    // Above a limit there is to be room for its text.
    if (!log) return [0, Math.max(top, least) * (limits.length > 0 ? 1.2 : 1.1) || 1];
    const bottom = Math.min(low ?? 1, ...limits.map(({ value }) => value));
    const steps = logSteps(bottom, Math.max(top, bottom));
    const from = steps.findLast((step) => step <= bottom * 1.0001);
    return [from, steps.find((step) => step >= top * 0.9999 && step > from)];
  };
}

/** Ticks up the side. */
function valueTicks({ log, reads }) {
  return (plot, _, low, high) => {
    const most = Math.max(2, Math.floor(plot.bbox.height / devicePixelRatio / TICK_EVERY_PX));
    if (!log) {
      const step = roundStep((high - low) / most, reads === "count");
      return Array.from({ length: Math.floor(high / step + 1e-9) + 1 }, (__, n) => n * step);
    }
    const within = logSteps(low, high).filter((step) => step >= low * 0.9999 && step <= high * 1.0001);
    return within.length <= most ? within : within.filter((step) => step.toExponential().startsWith("1e"));
  };
}

/** Ticks along the bottom: seconds as a clock is read, or quantiles with every nine as wide as the others. */
function placeTicks(over) {
  return (plot, _, low, high) => {
    const most = Math.max(2, Math.floor(plot.bbox.width / devicePixelRatio / LABEL_EVERY_PX));
    if (over === "time") return clockTicks(low, high, most);
    const within = (places) => places.filter((nines) => nines >= low - 1e-9 && nines <= high + 1e-9);
    const all = within([...MAIN_NINES, ...MORE_NINES]).sort((a, b) => a - b);
    return all.length <= most ? all : within(MAIN_NINES);
  };
}
