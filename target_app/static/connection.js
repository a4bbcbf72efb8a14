// One WebSocket that comes back: opened, watched, and after a loss opened again, later each time.
//
//   off -> connecting -> connected -> waiting -> connecting -> ...
//                 '----------'--> ended: coming back would not help, a person has to decide
//
// A browser can set no header on a WebSocket. The token goes as a subprotocol, and so never into an address.

const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 30_000;
// From the opening to the server's first frame.
const OPENING_MS = 15_000;
// A peer that vanished without a word is found by a question that is not answered.
const SILENCE_MS = 25_000;
const ANSWER_MS = 10_000;

const POLICY_VIOLATION = 1008;
const TOKEN_EXPIRED = 4401;
const REMOVED = 4403;
const NOT_AGAIN = new Set([POLICY_VIOLATION, TOKEN_EXPIRED, REMOVED]);
const LOST = 1006;

/** How long to wait before an attempt (from 0): doubled each time, by half at random, or all would come back at once. */
export function waitMs(attempt, random) {
  return Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** attempt) * (0.5 + random / 2);
}

/** Calls back with `onFrame(frame)` and `onState(state)`; a state has a `kind`, and the close that led to it. */
export class Connection {
  state = { kind: "off" };
  #url;
  #onFrame;
  #onState;
  #token = null;
  #socket = null;
  #timer = null;
  #attempt = 0;

  constructor(url, onFrame, onState) {
    this.#url = url;
    this.#onFrame = onFrame;
    this.#onState = onState;
    addEventListener("online", () => this.#hurry());
    document.addEventListener("visibilitychange", () => document.hidden || this.#hurry());
  }

  /** Connect with a token, and stay connected. */
  open(token) {
    this.close();
    this.#token = token;
    this.#attempt = 0;
    this.#connect();
  }

  /** Be off, until `open`. */
  close() {
    this.#drop(1000);
    this.#become({ kind: "off" });
  }

  /** Try at once, whatever we were waiting for. */
  retry() {
    if (this.state.kind === "waiting" || this.state.kind === "ended") this.#connect();
  }

  /** Send a frame that is encoded already; false while there is no connection, and then it is not sent. */
  send(text) {
    if (this.state.kind !== "connected" || this.#socket.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(text);
    return true;
  }

  #connect() {
    this.#drop(1000);
    this.#become({ kind: "connecting" });
    const socket = new WebSocket(this.#url, [`bearer.${this.#token}`]);
    this.#socket = socket;
    socket.onmessage = ({ data }) => this.#heard(data);
    socket.onclose = ({ code, reason }) => this.#ended(code, reason);
    this.#after(OPENING_MS, () => this.#ended(LOST, "no answer"));
  }

  #heard(data) {
    const frame = JSON.parse(data);
    // Accepted is not let in: a server that refuses accepts first, to be able to say why.
    if (frame.type === "welcome") {
      this.#attempt = 0;
      this.#become({ kind: "connected" });
    }
    if (this.state.kind === "connected") this.#listen();
    this.#onFrame(frame);
  }

  #listen() {
    this.#after(SILENCE_MS, () => this.#askWhetherItIsThere());
  }

  #askWhetherItIsThere() {
    this.#socket.send('{"type":"ping"}');
    this.#after(ANSWER_MS, () => this.#ended(LOST, "no answer"));
  }

  #ended(code, reason) {
    const wasConnected = this.state.kind === "connected";
    this.#drop(1000);
    if (NOT_AGAIN.has(code)) {
      this.#become({ kind: "ended", code, reason, wasConnected });
      return;
    }
    const forMs = waitMs(this.#attempt, Math.random());
    this.#attempt += 1;
    this.#after(forMs, () => this.#connect());
    this.#become({ kind: "waiting", code, reason, wasConnected, retryAtMs: Date.now() + forMs });
  }

  // The machine woke up, or has a network again: a wait is over, and a connection may be dead without our knowing.
  #hurry() {
    if (this.state.kind === "waiting") this.#connect();
    else if (this.state.kind === "connected" && this.#socket.readyState === WebSocket.OPEN) this.#askWhetherItIsThere();
  }

  #drop(code) {
    clearTimeout(this.#timer);
    if (this.#socket === null) return;
    // A dead socket takes a minute to say that it is closed, and it may be another one's turn by then.
    this.#socket.onmessage = this.#socket.onclose = null;
    this.#socket.close(code);
    this.#socket = null;
  }

  #after(delayMs, then) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(then, delayMs);
  }

  #become(state) {
    this.state = state;
    this.#onState(state);
  }
}
