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

/** Buttons that do what dragging does: {element, show}; show(isZoomed) tells whether there is a way back. */
function zoomButtons(nearer, further, back) {
  const made = [
    ["+", "zoom in", nearer],
    ["−", "zoom out", further],
    ["all", "show all", back],
  ].map(([text, name, act]) => {
    const button = element("button", { type: "button", text, "aria-label": name, title: name });
    button.addEventListener("click", act);
    return button;
  });
  const show = (isZoomed) => made.slice(1).forEach((button) => (button.disabled = !isZoomed));
  show(false);
  return { element: element("div", { className: "zoom", role: "group", "aria-label": "Zoom" }, ...made), show };
}
