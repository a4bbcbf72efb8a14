// Draw each chart into its figure, beside the picture that stands there where no script runs.

drawCharts(JSON.parse(byId("chart-data").textContent));

function drawCharts({ columns, charts }) {
  const everyone = [];
  const shown = [];
  const groups = new Map();
  for (const { over } of charts) {
    if (groups.has(over)) continue;
    const leastSpan = over === "time" ? LEAST_POINTS * Math.max(...charts.map((chart) => chart.secondsAPoint)) : 0.1;
    groups.set(over, new Group(leastSpan, (isZoomed) => shown.forEach((each) => each.over === over && each.show(isZoomed))));
  }
  for (const chart of charts) {
    const figure = byId(`chart-${chart.name}`);
    if (figure === null) continue;
    const group = groups.get(chart.over);
    // Before its panels are measured: the picture gives way to them.
    figure.classList.add("drawn");
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
    if (panels.length === 0) continue;
    const buttons = zoomButtons(
      () => group.zoomBy(2, panels[0]),
      () => group.zoomBy(0.5, panels[0]),
      () => group.reset(),
    );
    place.prepend(buttons.element);
    shown.push({ over: chart.over, show: buttons.show });
    everyone.push(...panels);
  }
  onOtherColours(() => everyone.forEach((panel) => panel.redraw()));
  // uPlot draws when all that was asked for by now is done.
  queueMicrotask(() => queueMicrotask(() => performance.mark("charts drawn")));
}

function sizeOf(figure, { panels }) {
  if (panels.length > 1) return "small";
  return figure.classList.contains("full") ? "full" : "half";
}
