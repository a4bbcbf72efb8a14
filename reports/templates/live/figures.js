// The figures at the top and the ledger: {label, value, note, tone} each; tone is "", bad or unsure. Pure.

// counter -> its name, and how anything but 0 is shown; what the receiver's absence explains is no fault.
const FATES = [
  ["lost", "bad"],
  ["duplicated", "bad"],
  ["late", "unsure"],
  ["reordered", "bad"],
  ["unexpected", "bad"],
  ["excused", ""],
];

/** Users, delivery times and rates: of the last second while the run goes on, of the whole window when it is over. */
function figuresOf({ phase, document }) {
  const isOver = phase === "over";
  return [
    connected(document, isOver),
    ...["p50", "p90", "p99"].map((quantile) => deliveryTime(document, quantile, isOver)),
    throughput(document, isOver, "deliveries a second", "deliveries_received"),
    throughput(document, isOver, "messages a second", "messages_sent"),
  ];
}

/** What became of the deliveries. */
function ledgerOf({ counters }) {
  const expected = counters?.deliveries_expected || null;
  return FATES.map(([name, tone]) => {
    const counted = counters?.[`deliveries_${name}`] ?? null;
    // Where nothing was due nothing was lost, and nothing shown either.
    const value = counted === 0 && expected === null ? null : counted;
    const share = value && expected ? `${percent(value / expected)} of expected` : "";
    return { label: name, value: count(value), note: share, tone: value ? tone : "" };
  });
}

/** The ledger in a sentence. */
function booksText({ counters }, isOver) {
  const { deliveries_expected: expected, deliveries_received: received } = counters ?? {};
  if (!expected) return "No delivery was expected yet.";
  return `${count(expected)} deliveries expected${isOver ? "" : " so far"}, ${count(received ?? null)} received.`;
}

function connected(document, isOver) {
  const counters = document.counters ?? {};
  const planned = counters.users_planned || null; // 0 before the first of them has begun
  const value = isOver ? counters.connections_opened ?? null : newest(document, "connections");
  const failed = [["connections_failed", "failed"], ["connections_dropped", "dropped"]]
    .filter(([counter]) => counters[counter])
    .map(([counter, word]) => `${count(counters[counter])} ${word}`);
  const note = [planned === null ? "" : `of ${count(planned)} planned`, ...failed].filter(Boolean).join(", ");
  const label = isOver ? "connections opened" : "users connected";
  return { label, value: count(value), note, tone: failed.length > 0 ? "bad" : "" };
}

function deliveryTime(document, quantile, isOver) {
  const metric = document.metrics?.delivery_time ?? {};
  const whole = quantileText(metric[quantile] ?? null, metric.count);
  const label = `delivery time ${quantile}`;
  if (isOver) {
    const service = document.metrics?.delivery_service_time?.[quantile] ?? null;
    return { label, value: whole, note: service === null ? "" : `service time ${duration(service)}`, tone: "" };
  }
  const second = newest(document, `delivery_time_${quantile}_ms`);
  const value = quantileText(second, newest(document, "deliveries_received"));
  return { label, value, note: whole === NO_DATA ? "" : `window: ${whole}`, tone: "" };
}

function throughput(document, isOver, label, counter) {
  const total = document.counters?.[counter] ?? null;
  const value = isOver ? document.rates?.[`${counter}_per_s`] ?? null : newest(document, counter);
  const isOpen = (document.phases ?? []).some(({ name }) => name === "measure");
  return { label, value: rate(value), note: total === null || !isOpen ? "" : `window: ${count(total)}`, tone: "" };
}

function quantileText(valueMs, sampleCount) {
  return valueMs === null && sampleCount ? TOO_FEW : duration(valueMs);
}

/** The newest value of a series; null where it has none. */
function newest({ series }, key) {
  return series?.[key]?.at(-1) ?? null;
}
