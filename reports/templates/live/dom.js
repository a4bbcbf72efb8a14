// Making elements and changing them. Whatever comes from a document goes in as text: nothing here reads HTML.

/** The element of the page with that id. */
function byId(id) {
  return document.getElementById(id);
}

/** Make an element; `text` becomes its text, `className` its class, the rest attributes. */
function element(tag, { text, className, ...attributes } = {}, ...children) {
  return furnished(document.createElement(tag), { text, className, ...attributes }, children);
}

/** The same for a part of an <svg>. */
function drawn(tag, { text, className, ...attributes } = {}, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  return furnished(made, { text, className, ...attributes }, children);
}

/** Set a text, only where it differs: a screen reader reads what was set, and a selection ends there. */
function say(target, text) {
  if (target.textContent !== text) target.textContent = text;
}

/** Set a text, and hide the whole where there is none. */
function sayOrHide(target, text, whole = target) {
  say(target, text);
  whole.hidden = text === "";
}

/** Let an element hold what `make` gives for `data`, made anew only where the data differ from those before. */
function refill(target, data, make) {
  const key = JSON.stringify(data);
  if (target.dataset.shown === key) return;
  target.dataset.shown = key;
  target.replaceChildren(...make(data));
}

function furnished(made, { text, className, ...attributes }, children) {
  if (text !== undefined) made.textContent = text;
  if (className !== undefined && className !== "") made.setAttribute("class", className);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}
