// One conversation, in a room or with a person: what was said, each message once and in order, and what we are about
// to say. A message is plain data:
//
//   key  seq  from  text  sentAtMs  isOwn  state  reason
//
// `state` is null for what others said; ours are waiting (for a connection), sending, unsure (sent, and the connection
// was lost), sent, failed (nobody heard it, as far as we know), or unstored (heard, but not in the history). A message
// keeps its key for life: the page knows it by that.

import { People } from "./people.js";

export const ROOM = "room";
export const PERSON = "person";

// Kept in memory, for one conversation; whoever scrolls up gets older ones from the server.
const KEPT_MAX = 2_000;
const TRIMMED_AT_ONCE = 500;
// Kept under the eyes of somebody who reads what was said long ago, while others go on.
const READ_BACK_MAX = 10_000;
const WRITING_MS = 6_000;

export class Conversation {
  messages = [];
  // Ours without a place in the order: shown below all others.
  pending = [];
  // Of a room: up to this seq nothing is missing. Null before its history has come.
  heardSeq = null;
  // Whether the server has older messages.
  hasOlder = false;
  // Whether what we write can be sent at once.
  isReady = false;
  // Why we are not in the room, for people to read; null while we are, or are about to be.
  outBecause = null;
  unreadCount = 0;
  // The first unread message, while the conversation is looked at.
  unreadKey = null;
  // Whether somebody reads what was said long ago: then it is not thrown away so soon.
  isReadBack = false;
  draft = "";
  people = new People();
  #bySeq = new Map();
  #writing = new Map();
  #directCount = 0;

  constructor(kind, name) {
    this.kind = kind;
    this.name = name;
    this.key = `${kind}:${name}`;
  }

  /** All there is to show, in order. */
  entries() {
    return this.pending.length === 0 ? this.messages : [...this.messages, ...this.pending];
  }

  get newestSeq() {
    return this.messages.at(-1)?.seq ?? 0;
  }

  /** Take a message the server tells of, by its seq in a room; null if we had it. */
  take({ seq, from, text, ts }, isOwn) {
    if (this.kind === PERSON) {
      this.#directCount += 1;
      return this.#place(messageOf(`d${this.#directCount}`, null, from, text, ts, isOwn));
    }
    const known = this.#bySeq.get(seq);
    if (known !== undefined) {
      known.sentAtMs = ts;
      return null;
    }
    const ours = isOwn ? this.#claimed(seq, text) : undefined;
    if (ours === undefined) return this.#place(messageOf(`m${seq}`, seq, from, text, ts, isOwn));
    Object.assign(ours, { seq, sentAtMs: ts, reason: null, isUncertain: false });
    // Its ack is yet to come, unless it went with the connection.
    if (ours.state !== "sending") ours.state = "sent";
    return this.#place(ours);
  }

  /** Whether we have another message under its seq. The time of ours may still be that of our own clock. */
  contradicts({ seq, from, text, ts }) {
    const known = this.#bySeq.get(seq);
    if (known === undefined) return false;
    return known.from !== from || known.text !== text || (known.sentAtMs !== ts && !known.isOwn);
  }

  /** Give one of ours the seq its ack told; it may be in its place already, or somebody in our name may have taken it. */
  confirm(message, seq) {
    if (!this.pending.includes(message)) return;
    remove(this.pending, message);
    if (this.#bySeq.has(seq)) return;
    message.seq = seq;
    this.#place(message);
  }

  /** Take ours that have no place in an order of numbers. */
  settleDirect(message) {
    if (this.pending.includes(message)) {
      remove(this.pending, message);
      this.#place(message);
    }
  }

  /** Forget what was said: too much was missed, or the room began `anew`, with seq 1. */
  forget(anew) {
    this.messages = [];
    this.#bySeq.clear();
    this.heardSeq = null;
    this.hasOlder = false;
    this.unreadKey = null;
    if (anew) for (const message of this.pending) message.afterSeq = 0;
  }

  /** Note that somebody is writing, or has just written. */
  writes(user, nowMs, isWriting = true) {
    if (isWriting) this.#writing.set(user, nowMs + WRITING_MS);
    else this.#writing.delete(user);
  }

  /** Who is writing. */
  writing(nowMs) {
    for (const [user, untilMs] of this.#writing) {
      if (untilMs <= nowMs) this.#writing.delete(user);
    }
    return [...this.#writing.keys()];
  }

  // Ours that came back: the oldest with this text that may have been heard. Said before it was sent, it is another.
  #claimed(seq, text) {
    const ours = this.pending.find((each) => each.isUncertain && each.text === text && each.afterSeq < seq);
    if (ours !== undefined) remove(this.pending, ours);
    return ours;
  }

  #place(message) {
    const { messages } = this;
    let at = messages.length;
    if (message.seq !== null) {
      this.#bySeq.set(message.seq, message);
      while (at > 0 && messages[at - 1].seq > message.seq) at -= 1;
    }
    messages.splice(at, 0, message);
    this.#trim();
    return message;
  }

  #trim() {
    if (this.messages.length <= (this.isReadBack ? READ_BACK_MAX : KEPT_MAX)) return;
    for (const { seq } of this.messages.splice(0, TRIMMED_AT_ONCE)) this.#bySeq.delete(seq);
    this.hasOlder = this.kind === ROOM;
  }
}

function messageOf(key, seq, from, text, ts, isOwn) {
  return { key, seq, from, text, sentAtMs: ts, isOwn, state: isOwn ? "sent" : null, reason: null };
}

function remove(list, item) {
  list.splice(list.indexOf(item), 1);
}
