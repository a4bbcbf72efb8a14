// What we say, from the key that sent it to the server's word that it has it.
//
// Each message goes out once, under an id of its own. When the connection is lost in between, nobody can know whether
// it was heard: we wait for the room's history, where it either is or is not. Only a person sends again.

import { PERSON } from "./conversation.js";

const ANSWER_MS = 10_000;

const LOST = "the connection was lost before the server answered";
const SILENT = "the server did not answer";
const TOO_LARGE = "it is longer than the server takes";

export class Outgoing {
  // By id: what the server has not answered yet.
  #underWay = new Map();
  #count = 0;
  #transmit;
  // Ids of two tabs must not meet; this needs no secrecy, and crypto.randomUUID needs https.
  #prefix = Math.random().toString(36).slice(2, 10);

  constructor(transmit) {
    this.#transmit = transmit;
  }

  /** Say something; it is shown at once, and sent as soon as the conversation is ready. */
  say(conversation, text, from, frameBytesMax, nowMs) {
    this.#count += 1;
    const id = `${this.#prefix}-${this.#count}`;
    const message = { key: id, id, seq: null, from, text, sentAtMs: nowMs, isOwn: true, state: "waiting", reason: null };
    conversation.pending.push(message);
    if (new TextEncoder().encode(encoded(conversation, message)).length > frameBytesMax) this.#fail(message, TOO_LARGE);
    else this.flush(conversation, nowMs);
    return message;
  }

  /** Send what waited for the conversation to be ready. */
  flush(conversation, nowMs) {
    if (!conversation.isReady) return;
    for (const message of conversation.pending.filter(({ state }) => state === "waiting")) {
      if (!this.#transmit(encoded(conversation, message))) return;
      Object.assign(message, { state: "sending", sentAtMs: nowMs, isUncertain: true, afterSeq: conversation.newestSeq });
      this.#underWay.set(message.id, { conversation, message, untilMs: nowMs + ANSWER_MS });
    }
  }

  /** The server has it. */
  acknowledge({ id, seq }) {
    const found = this.#answered(id);
    if (found === null) return;
    const { conversation, message } = found;
    Object.assign(message, { state: "sent", reason: null, isUncertain: false });
    if (conversation.kind === PERSON) conversation.settleDirect(message);
    else conversation.confirm(message, seq);
  }

  /** The server refused it; false when it was none of ours. */
  refuse({ id, code, detail }) {
    const found = this.#answered(id);
    if (found === null) return false;
    const { message } = found;
    // The room has heard it: to send it again would say it twice.
    if (message.seq !== null || code === "storage_failed") Object.assign(message, { state: "unstored", reason: detail });
    else this.#fail(message, detail);
    return true;
  }

  /** The connection is gone. What was said to a person is in no history, so nothing will tell. */
  lose() {
    for (const { conversation, message } of this.#underWay.values()) {
      if (message.seq !== null) message.state = "sent";
      else if (conversation.kind === PERSON) this.#fail(message, LOST);
      else if (message.state === "sending") message.state = "unsure";
    }
    this.#underWay.clear();
  }

  /** All that was missed has come: what was sent before and is not in it was not heard. */
  caughtUp(conversation) {
    for (const message of conversation.pending) {
      if (message.state === "unsure") this.#doubt(message, LOST);
    }
  }

  /** Give up waiting for answers; one that comes after all is still taken. */
  expire(nowMs) {
    for (const { message, untilMs } of this.#underWay.values()) {
      if (message.state === "sending" && message.seq === null && untilMs <= nowMs) this.#doubt(message, SILENT);
    }
  }

  /** Say it again, as a new message. */
  retry(conversation, message, frameBytesMax, nowMs) {
    this.discard(conversation, message);
    return this.say(conversation, message.text, message.from, frameBytesMax, nowMs);
  }

  /** Forget one of ours that was not sent. */
  discard(conversation, message) {
    this.#underWay.delete(message.id);
    conversation.pending = conversation.pending.filter((each) => each !== message);
  }

  #answered(id) {
    const found = this.#underWay.get(id) ?? null;
    this.#underWay.delete(id);
    return found;
  }

  #fail(message, reason) {
    Object.assign(message, { state: "failed", reason, isUncertain: false });
  }

  // Not sent, as far as we know; should it turn up after all, it is the same message.
  #doubt(message, reason) {
    Object.assign(message, { state: "failed", reason });
  }
}

function encoded({ kind, name }, { id, text }) {
  const to = kind === PERSON ? { type: "direct", to: name } : { type: "message", room: name };
  return JSON.stringify({ ...to, text, id });
}
