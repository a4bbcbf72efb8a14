// Draw each chart into its figure, beside the picture that stands there where no script runs.

drawCharts(JSON.parse(byId("chart-data").textContent));

function drawCharts({ columns, charts }) {
  const everyone = [];
  const groups = new Map();
  for (const { over } of charts) {
    const leastSpan = over === "time" ? LEAST_POINTS * Math.max(...charts.map((chart) => chart.secondsAPoint)) : 0.1;
    if (!groups.has(over)) groups.set(over, new Group(leastSpan));
  }
  for (const chart of charts) {
    const figure = byId(`chart-${chart.name}`);
    if (figure === null) continue;
    // Before its panels are measured: the picture gives way to them.
    figure.classList.add("drawn");
    try {
      everyone.push(...drawChart(figure, chart, columns, groups.get(chart.over)));
    } catch (error) {
      // Better a picture than half a chart.
      figure.classList.remove("drawn");
      throw error;
    }
  }
  onOtherColours(() => everyone.forEach((panel) => panel.redraw()));
  // uPlot draws when all that was asked for by now is done.
  queueMicrotask(() => queueMicrotask(() => performance.mark("charts drawn")));
}

/** Fill a figure with the panels of its chart; those that have something to draw. */
function drawChart(figure, chart, columns, group) {
  const place = figure.querySelector(".chart");
  place.classList.toggle("several", figure.classList.contains("full") && chart.panels.length > 1);
  const title = figure.querySelector("h2").textContent;
  const size = sizeOf(figure, chart);
  const panels = chart.panels.flatMap((panel) => {
    const box = place.appendChild(element("div", { className: "panel" }));
    if (panel.withoutData === null) return [new Panel(box, { title, chart, panel, x: columns[panel.x], group, size })];
    box.append(element("h3", { text: panel.heading }), element("p", { className: "empty", text: panel.withoutData }));
    return [];
  });
  if (panels.length > 0) place.prepend(zoomButtons(group, panels[0]));
  return panels;
}

function sizeOf(figure, { panels }) {
  if (panels.length > 1) return "small";
  return figure.classList.contains("full") ? "full" : "half";
}
