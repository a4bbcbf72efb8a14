// Keys, fingers and buttons; mouse and dragging are uPlot's.

const STEPS = new Map([["ArrowLeft", -1], ["ArrowRight", 1], ["PageUp", -10], ["PageDown", 10], ["Home", -Infinity], ["End", Infinity]]);
const ZOOMS = new Map([["+", 2], ["=", 2], ["-", 0.5], ["_", 0.5]]);

/** Let a panel be read and zoomed by keys on its `frame` and by a finger on its `surface`. */
function listenTo(frame, surface, panel, group) {
  frame.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (!pressed(event.key, panel, group)) return;
    event.preventDefault();
  });
  frame.addEventListener("blur", () => group.point(null));
  surface.addEventListener("pointermove", (event) => {
    if (event.pointerType === "touch") group.point(panel.placeAt(event.offsetX));
  });
}

/** Do what a key asks for; whether it asked for anything. */
function pressed(key, panel, group) {
  if (STEPS.has(key)) group.reveal(panel.stepped(STEPS.get(key)));
  else if (ZOOMS.has(key)) group.zoomBy(ZOOMS.get(key), panel);
  else if (key === "Escape") {
    group.point(null);
    group.reset();
  } else return false;
  return true;
}

/** Buttons that do what dragging does, for the chart that `panel` is of; the ways back only where it is zoomed. */
function zoomButtons(group, panel) {
  const made = [
    ["+", "zoom in", () => group.zoomBy(2, panel)],
    ["−", "zoom out", () => group.zoomBy(0.5, panel)],
    ["all", "show all", () => group.reset()],
  ].map(([text, name, act]) => {
    const button = element("button", { type: "button", text, "aria-label": name, title: name });
    button.addEventListener("click", act);
    return button;
  });
  group.onZoom((isZoomed) => made.slice(1).forEach((button) => (button.disabled = !isZoomed)));
  return element("div", { className: "zoom", role: "group", "aria-label": "Zoom" }, ...made);
}
