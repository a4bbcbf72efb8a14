// One line of a conversation: a message, or what stands between messages.

import { element } from "./dom.js";
import { clock, exactly, hue, initials } from "./words.js";

// A longer text is shown up to here; the rest is one press away.
const SHOWN_LENGTH_MAX = 3_000;

const STATES = { waiting: "waiting for the connection", sending: "sending", unsure: "sending", sent: "sent" };

/** A day, or where the unread begins. */
export function dividerRow(text, className) {
  return element("li", { className: `divider ${className}` }, element("span", { text }));
}

/** A message; `actions` has `retry(message)` and `discard(message)`. */
export function messageRow(message, actions) {
  const row = element("li", { className: message.isOwn ? "message own" : "message" });
  row.append(
    element("span", { className: `avatar ${hue(message.from)}`, text: initials(message.from), "aria-hidden": "true" }),
    element("div", { className: "head" }, element("bdi", { className: "name", text: message.from }), timeOf(message)),
    textOf(message),
    element("div", { className: "fate" }),
  );
  updateMessageRow(row, message, false, actions);
  return row;
}

/** Let a row show what has become of its message, and whether it goes on from the one above. */
export function updateMessageRow(row, message, isContinued, actions) {
  row.classList.toggle("continued", isContinued);
  const shown = `${message.state} ${message.reason} ${message.sentAtMs}`;
  if (row.dataset.shown === shown) return;
  row.dataset.shown = shown;
  row.querySelector("time").replaceWith(timeOf(message));
  row.classList.toggle("failed", message.state === "failed" || message.state === "unstored");
  row.querySelector(".fate").replaceChildren(...fateOf(message, actions));
}

function timeOf({ sentAtMs }) {
  const attributes = { datetime: new Date(sentAtMs).toISOString(), title: exactly(sentAtMs) };
  return element("time", { text: clock(sentAtMs), ...attributes });
}

function textOf({ text }) {
  const shown = element("div", { className: "text", dir: "auto", text: text.slice(0, SHOWN_LENGTH_MAX) });
  if (text.length <= SHOWN_LENGTH_MAX) return shown;
  const more = element("button", { type: "button", className: "link", text: "Show all of it" });
  more.addEventListener("click", () => (shown.textContent = text));
  shown.append(" … ", more);
  return shown;
}

function fateOf(message, { retry, discard }) {
  if (message.state === null) return [];
  if (message.state === "unstored") return [element("span", { text: `heard, but not kept: ${message.reason}` })];
  if (message.state !== "failed") return [element("span", { className: message.state, text: STATES[message.state] })];
  return [
    element("span", { text: `not sent: ${message.reason}` }),
    button("Try again", () => retry(message)),
    button("Discard", () => discard(message)),
  ];
}

function button(text, press) {
  const made = element("button", { type: "button", className: "link", text });
  made.addEventListener("click", press);
  return made;
}
