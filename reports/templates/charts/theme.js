// The colours of the page, which are CSS variables: one set for light, one for dark.

const DARK = matchMedia("(prefers-color-scheme: dark)");
const known = new Map();

/** The colour of a role of the palette as it is now; `strength` makes it shine through. */
function colourOf(role, strength = 1) {
  if (!known.has(role)) known.set(role, getComputedStyle(document.documentElement).getPropertyValue(`--${role}`).trim());
  return strength === 1 ? known.get(role) : known.get(role) + Math.round(strength * 255).toString(16).padStart(2, "0");
}

/** Call `redraw` whenever light and dark change places. */
function onOtherColours(redraw) {
  DARK.addEventListener("change", () => {
    known.clear();
    redraw();
  });
}
