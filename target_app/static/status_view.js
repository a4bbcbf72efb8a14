// One line about the connection while there is something to say, and what is read out to those who do not see.

import { byId, say } from "./dom.js";
import { counted, stateInWords } from "./words.js";

// Of a burst, a screen reader would be at it for minutes.
const READ_OUT_MAX = 3;
const READ_OUT_MS = 1_000;

export class StatusView {
  #session;
  #heard = [];

  constructor(session) {
    this.#session = session;
    byId("status-action").addEventListener("click", () => this.#act());
    setInterval(() => this.#readOut(), READ_OUT_MS);
  }

  /** Have a message read out. */
  announce(message) {
    this.#heard.push(message);
  }

  render() {
    const { connection, removedBy, announcements } = this.#session;
    const { kind } = connection.state;
    const words = stateInWords(connection.state, removedBy, Date.now());
    const said = announcements.at(-1);
    const status = byId("status");
    status.dataset.kind = words === null && said !== undefined ? "announcement" : kind;
    status.classList.toggle("quiet", words === null && said === undefined);
    say(byId("status-text"), words ?? (said === undefined ? "Connected" : `${said.from} to everybody: ${said.text}`));
    const action = byId("status-action");
    action.hidden = kind === "connecting" || (words === null && said === undefined);
    say(action, { waiting: "Try now", ended: "Connect again" }[kind] ?? "Close");
  }

  #act() {
    const { connection, announcements } = this.#session;
    if (connection.state.kind === "connected") announcements.pop();
    else connection.retry();
    this.render();
  }

  #readOut() {
    if (this.#heard.length === 0) return;
    const heard = this.#heard.splice(0);
    const words = heard.map(({ from, text }) => `${from}: ${text.slice(0, 300)}`);
    say(byId("announcer"), heard.length > READ_OUT_MAX ? counted(heard.length, "new message") : words.join(". "));
  }
}
