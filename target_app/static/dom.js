// Making elements and lists of them. Whatever comes from a server goes in as text: nothing here reads HTML.

/** Make an element; `text` becomes its text, `className` its class, the rest attributes; null leaves one out. */
export function element(tag, { text, className, ...attributes } = {}, ...children) {
  const made = document.createElement(tag);
  if (className !== undefined) made.className = className;
  if (text !== undefined) made.textContent = text;
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null) made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}

/** The element of index.html with that id. */
export function byId(id) {
  return document.getElementById(id);
}

/** Set a text, only where it differs: a screen reader reads what was set. */
export function say(target, text) {
  if (target.textContent !== text) target.textContent = text;
}

/**
 * Let a list show the items, in their order. Each has a `key` of its own; an element whose item stays is kept, and
 * with it focus and selection.
 */
export function reconcile(list, items, make, update = () => {}) {
  const wanted = new Set(items.map((item) => item.key));
  const kept = new Map();
  for (const child of [...list.children]) {
    if (wanted.has(child.dataset.key)) kept.set(child.dataset.key, child);
    else child.remove();
  }
  let place = list.firstElementChild;
  for (const item of items) {
    let child = kept.get(item.key);
    if (child === undefined) {
      child = make(item);
      child.dataset.key = item.key;
    }
    update(child, item);
    if (child === place) place = place.nextElementSibling;
    else list.insertBefore(child, place);
  }
}
