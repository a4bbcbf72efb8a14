// What the page says about the run as a whole. Pure.

// phase -> what stands in capitals, and what it means.
const PHASES = new Map([
  ["waiting", ["WAITING", "nothing runs."]],
  ["arriving", ["ARRIVING", "users log in, connect and join their rooms."]],
  ["warmup", ["WARM-UP", "users talk, and nothing counts yet."]],
  ["measure", ["MEASURING", "every message counts."]],
  ["drain", ["DRAINING", "nothing new is sent, what is under way may still arrive."]],
  ["closing", ["CLOSING", "the books are added up."]],
]);
// Names of phases as they stand in a document, in the words of the reports.
const PHASE_LABELS = new Map([["warmup", "warm-up"], ["measure", "measured window"]]);
const UNIT_MS = { us: 1e-3, ms: 1, s: 1e3 };

/** The state of the run: {badge, sentence, tone}; tone is good, bad, unsure, going or none-yet. */
function statusOf({ phase, document }, endedEarly) {
  if (phase !== "over") {
    const [badge, sentence] = PHASES.get(phase) ?? [printable(phase).toUpperCase(), ""];
    return { badge, sentence, tone: phase === "waiting" ? "none-yet" : "going" };
  }
  if (document === null) return { badge: "OVER", sentence: "there is no document of this run.", tone: "unsure" };
  if (document.run?.interrupted) {
    const sentence = "stopped by hand; the figures are of what was seen until then and prove nothing about the rest.";
    return { badge: "INTERRUPTED", sentence, tone: "unsure" };
  }
  const early = endedEarly[document.run?.ended_early];
  const because = early === undefined ? "" : `${early}; `;
  switch (document.verdict) {
    case "pass":
      return { badge: "PASS", sentence: `${because}${passed(document)}`, tone: "good" };
    case "fail":
      return { badge: "FAIL", sentence: `${because}${failed(document)}`, tone: "bad" };
    case "invalid":
      return { badge: "INVALID", sentence: `${because}${invalid(document)}`, tone: "unsure" };
    default:
      return { badge: "OVER", sentence: `${because}there is no verdict.`, tone: "unsure" };
  }
}

/** What a budget saw, in the unit of its limit. */
function observedText({ expression, observed }) {
  const value = observed ?? null;
  if (/:\s*count\b/.test(expression)) return count(value);
  if (/:\s*rate\b/.test(expression)) return value === null ? NO_DATA : `${rate(value)}/s`;
  return duration(value);
}

/** The upper limit, in ms, that a plan sets for the p99 of delivery time; null where it sets none. */
function p99LimitMs(document) {
  for (const expression of document.plan?.budgets?.value ?? []) {
    const limit = /^delivery_time:\s*p\(99\)\s*<=?\s*([\d.]+)\s*(us|ms|s)$/.exec(expression);
    if (limit !== null) return Number(limit[1]) * UNIT_MS[limit[2]];
  }
  return null;
}

/** What kept the run from more, as a sentence; "" where that is not known, as of a run that was cut short. */
function limitText({ limit, run }) {
  if (!limit?.side || (limit.side === "none" && (run?.interrupted || run?.ended_early))) return "";
  const start = limit.side === "none" ? "Nothing held the run back" : `What held the run back: the ${limit.side}`;
  return printable(limit.reason ? `${start} (${limit.reason}).` : `${start}.`);
}

function passed({ budgets, metrics }) {
  const p99 = `delivery time p99 was ${duration(metrics?.delivery_time?.p99 ?? null)}`;
  return budgets?.length ? `every budget held; ${p99}.` : `no budget was set; ${p99}.`;
}

function failed({ budgets }) {
  const broken = (budgets ?? []).filter(({ ok }) => ok === false);
  if (broken.length === 0) return "the run did not do what was asked.";
  const clauses = broken.map((each) => `${each.expression} was broken (seen: ${observedText(each)})`);
  return `${printable(clauses.join("; "))}.`;
}

function invalid({ doubts, budgets }) {
  const fatal = (doubts ?? []).find(({ severity }) => severity === "fatal");
  if (fatal !== undefined) return `${printable(fatal.detail).replace(/\.$/, "")}.`;
  const silent = (budgets ?? []).find(({ ok }) => ok === null);
  if (silent !== undefined) return `no data for the budget ${printable(silent.expression)}.`;
  return "the measurement cannot be believed.";
}
