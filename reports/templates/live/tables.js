// The tables: what is in them, and how they are made. On a narrow screen each row is a block of its own (live.css).

const SEVERITIES = ["fatal", "warning", "note"];

/** Show rows of cells under the columns [{name, isNumber, isCode}]; a cell is a text or {text, className}. */
function fillTable(table, columns, rows) {
  refill(table, rows, () => {
    if (rows.length === 0) return [];
    const heads = columns.map(({ name, isNumber }) =>
      element("th", { text: name, className: isNumber ? "number" : "", scope: "col", role: "columnheader" }),
    );
    return [
      element("thead", { role: "rowgroup" }, element("tr", { role: "row" }, ...heads)),
      element("tbody", { role: "rowgroup" }, ...rows.map((cells) => tableRow(columns, cells))),
    ];
  });
}

/** Errors, most frequent first. */
function errorRows({ errors }) {
  return [...(errors ?? [])]
    .sort((a, b) => b.count - a.count)
    .map(({ kind, phase, count: times, example }) => [kind, phase, count(times ?? null), example ?? ""]);
}

const ERROR_COLUMNS = [
  { name: "kind", isCode: true },
  { name: "phase" },
  { name: "count", isNumber: true },
  { name: "example", isLong: true },
];

/** Workers, their helpers, the coordinator, and the server where we own it; what does not apply is empty. */
function processRows({ generator, server }) {
  const workers = generator?.processes ?? [];
  const named = [
    ...workers.map((each, i) => [workers.length > 1 ? `worker ${i + 1}` : "worker", each]),
    ...(generator?.helpers ?? []).map((each) => ["helper", each]),
    ["coordinator", generator?.coordinator ?? null],
    ["server", server ?? null],
  ].filter(([, process]) => process !== null);
  return named.map(([name, process]) => [
    process.name ?? name,
    [process.host, process.pid].filter((part) => part !== undefined && part !== null).join(", "),
    ...[
      percent(process.cpu_ratio ?? null),
      late(process, "send_lateness_p99_ms"),
      late(process, "loop_lag_p99_ms"),
      size(process.rss_bytes ?? null),
    ].map((text) => ({ text, className: text === NO_DATA ? "missing" : "" })),
  ]);
}

const PROCESS_COLUMNS = [
  { name: "process" },
  { name: "host, pid" },
  { name: "CPU", isNumber: true },
  { name: "sent late, p99", isNumber: true },
  { name: "event loop lag, p99", isNumber: true },
  { name: "memory", isNumber: true },
];

// How a budget stands that is not judged yet (reports/terminal/so_far.py) -> its class.
const STANDING = new Map([["broken so far", "broken"], ["held so far", ""]]);

/** Budgets: judged when the run is over, until then as they stand, or else as the plan has them. */
function budgetRows({ budgets, plan }, isOver) {
  if (!isOver && budgets?.length) {
    return budgets.map(({ expression, seen, state }) => [
      expression, seen, { text: state, className: STANDING.get(state) ?? "no-data" },
    ]);
  }
  if (!isOver) return (plan?.budgets?.value ?? []).map((expression) => [expression, "", "judged at the end"]);
  return (budgets ?? []).map((budget) => [budget.expression, observedText(budget), stateOf(budget)]);
}

const BUDGET_COLUMNS = [{ name: "budget", isCode: true }, { name: "seen", isNumber: true }, { name: "state" }];

/** Doubts as items of a list, worst first. */
function showDoubts(list, doubts) {
  const sorted = [...doubts].sort((a, b) => SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity));
  refill(list, sorted, () =>
    sorted.map(({ severity, code, detail, advice }) => {
      const item = element("li", { className: SEVERITIES.includes(severity) ? severity : "note" });
      const head = element("p", {}, element("span", { className: "chip", text: printable(severity) }));
      head.append(" ", element("code", { text: printable(code) }));
      item.append(head, element("p", { text: printable(detail) }));
      const todo = element("span", { className: "advice", text: "What to do:" });
      if (advice) item.append(element("p", {}, todo, ` ${printable(advice)}`));
      return item;
    }),
  );
}

function tableRow(columns, cells) {
  const made = cells.map((cell, i) => {
    const { text, className } = typeof cell === "object" ? cell : { text: cell, className: "" };
    const { name, isNumber, isCode, isLong } = columns[i];
    const classes = [isNumber && "number", isLong && "example", className].filter(Boolean).join(" ");
    const shown = printable(text);
    const attributes = { className: classes, role: "cell", "data-label": name };
    return isCode
      ? element("td", attributes, element("code", { text: shown }))
      : element("td", { ...attributes, text: shown });
  });
  return element("tr", { role: "row" }, ...made);
}

function late(process, metric) {
  return metric in process ? duration(process[metric]) : "";
}

function stateOf({ ok }) {
  if (ok === null) return { text: NO_DATA, className: "no-data" };
  return ok ? { text: "held", className: "held" } : { text: "broken", className: "broken" };
}
