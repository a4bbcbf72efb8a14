// The live page: makes its parts and gives them each answer.
//
//   feed              listens or asks, and says what is wrong when there is no answer
//   history           what was seen of the run, second by second
//   ending            the report, once it is written
//   chart, drawing, axes      that, drawn
//   words, figures, tables    what a document says
//   numbers, dom      how numbers are written, how elements are made

const settings = JSON.parse(byId("settings").textContent);
const seen = new History();
const ending = new Ending();
const charts = [
  new Chart("delivery-time", {
    isTime: true,
    lines: [
      { key: "delivery_time_p99_ms", name: "p99", className: "p99" },
      { key: "delivery_time_p90_ms", name: "p90", className: "p90" },
      { key: "delivery_time_p50_ms", name: "p50", className: "p50" },
    ],
    bands: [
      ["delivery_time_p90_ms", "delivery_time_p99_ms", "outer"],
      ["delivery_time_p50_ms", "delivery_time_p90_ms", "inner"],
    ],
    wish: budgetInSight,
  }, read),
  new Chart("deliveries", {
    lines: [{ key: "deliveries_received", name: "", className: "plain" }],
    unit: " deliveries/s",
    wish: () => null,
  }, read),
  new Chart("connections", {
    lines: [{ key: "connections", name: "", className: "plain" }],
    unit: " open",
    wish: usersPlanned,
  }, read),
];
// A budget further off than this would press what was measured flat against the axis.
const BUDGET_IN_SIGHT = 4;
const EMPTY = {};
let answer = null;

document.querySelectorAll("[name=span]").forEach((choice) => choice.addEventListener("change", showCharts));
new Feed(settings.data_url, settings.events_url).follow(show, tellProblem);

function show(newest) {
  answer = { ...newest, document: newest.document ?? null };
  if (answer.document !== null) seen.add(answer.document, answer.is_whole === true);
  else seen.forget();
  showStatus();
  const shown = { ...answer, document: answer.document ?? EMPTY };
  showFigures(byId("figures"), figuresOf(shown));
  showFigures(byId("ledger"), ledgerOf(shown.document));
  byId("figures-hint").hidden = shown.phase === "over" || answer.document === null;
  showTables(shown.document, shown.phase === "over");
  showCharts();
  const reportUrl = answer.report_url ?? null;
  if (answer.is_last === true) return reportUrl === null ? Promise.resolve() : ending.take(reportUrl);
  ending.follow(reportUrl);
  return null;
}

function showStatus() {
  const { badge, sentence, tone } = statusOf(answer, settings.ended_early);
  const { run, target } = answer.document ?? EMPTY;
  const name = printable(run?.scenario ?? "No run yet");
  say(byId("badge"), badge);
  say(byId("sentence"), sentence);
  byId("status").className = `verdict ${tone}`;
  say(byId("ending-badge"), badge);
  byId("ending").className = `ending ${tone}`;
  say(byId("ending-scenario"), name);
  const goesOn = !["over", "waiting"].includes(answer.phase);
  say(byId("elapsed"), goesOn && typeof answer.elapsed_s === "number" ? `for ${elapsed(answer.elapsed_s)}` : "");
  say(byId("scenario"), name);
  say(byId("target"), printable(aboutOf(run, target)));
  sayOrHide(byId("notice"), printable(answer.notice ?? ""));
  sayOrHide(byId("report-place"), printable(answer.report ?? ""), byId("report"));
  sayOrHide(byId("limit"), answer.phase === "over" ? limitText(answer.document ?? EMPTY) : "");
  document.title = answer.document === null ? "chatbench live" : `${badge} - ${name} - chatbench`;
}

function aboutOf(run, target) {
  const urls = target?.urls?.length ? target.urls : [target?.url].filter(Boolean);
  const where = [urls.join(", "), target?.dialect && `dialect ${target.dialect}`].filter(Boolean).join(", ");
  return [run?.summary, where && `Target: ${where}.`].filter(Boolean).join(" ");
}

function showFigures(list, figures) {
  if (list.childElementCount === 0) {
    const parts = () => [element("dt"), element("dd", { className: "value" }), element("dd", { className: "note" })];
    list.append(...figures.map(() => element("div", {}, ...parts())));
  }
  figures.forEach(({ label, value, note, tone }, i) => {
    const [dt, dd, beside] = list.children[i].children;
    list.children[i].className = tone;
    dd.className = [NO_DATA, TOO_FEW].includes(value) ? "value missing" : "value";
    say(dt, label);
    say(dd, value);
    say(beside, note);
  });
}

function showTables(shown, isOver) {
  const [doubts, budgets, errors, processes] = [
    shown.doubts ?? [], budgetRows(shown, isOver), errorRows(shown), processRows(shown),
  ];
  say(byId("books"), booksText(shown, isOver));
  byId("doubts-section").hidden = doubts.length === 0;
  showDoubts(byId("doubts"), doubts);
  byId("budgets-section").hidden = budgets.length === 0 && !isOver;
  byId("no-budgets").hidden = budgets.length > 0;
  fillTable(byId("budgets"), BUDGET_COLUMNS, budgets);
  const noErrors = shown === EMPTY ? "No data." : "None so far.";
  sayOrHide(byId("no-errors"), errors.length > 0 ? "" : isOver && shown !== EMPTY ? "None." : noErrors);
  fillTable(byId("errors"), ERROR_COLUMNS, errors);
  byId("processes-section").hidden = processes.length === 0;
  fillTable(byId("processes"), PROCESS_COLUMNS, processes);
}

function showCharts() {
  if (answer === null) return;
  const spanS = Number(document.querySelector("[name=span]:checked").value) || null;
  const rows = answer.document === null ? [] : seen.last(spanS);
  const view = { document: answer.document ?? EMPTY, isOver: answer.phase === "over" };
  charts.forEach((chart) => chart.show(rows, view));
}

function read(second) {
  charts.forEach((chart) => chart.read(second));
}

function tellProblem(problem) {
  sayOrHide(byId("problem-what"), problem?.what ?? "", byId("problem"));
  say(byId("problem-since"), problem?.since ?? "");
  byId("current").classList.toggle("stale", problem !== null);
  byId("pulse").classList.toggle("stopped", problem !== null);
  byId("pulse").classList.toggle("ended", answer?.is_last === true);
  if (problem !== null) say(byId("pulse"), "no answer");
  else if (answer !== null) say(byId("pulse"), answer.is_last === true ? "ended" : "live");
}

function budgetInSight(shown, high) {
  const value = p99LimitMs(shown);
  if (value === null || value > high * BUDGET_IN_SIGHT) return null;
  return { value, text: `budget: p99 under ${roundDuration(value)}`, className: "budget" };
}

function usersPlanned({ counters }) {
  const value = counters?.users_planned;
  return value ? { value, text: `${count(value)} users planned`, className: "planned" } : null;
}
