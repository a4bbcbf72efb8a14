// Getting into a room and up to date, at first and after each loss of the connection: nothing missing, nothing twice.
//
//   join -> joined {seq}     what comes after seq is sent to us as it is said
//        -> history {after}  what was said between the last we heard and that seq, in pages
//
// The last we heard is read again. Where something else stands under its seq, the server has lost what it had and has
// gone on from an earlier number: then nothing that we have is in the room.
//
// A message may come both ways, or while a page is on its way: the conversation takes each seq once.

// More than this is not read in one go: the newest are shown, and the rest comes with scrolling up.
const CATCH_UP_MAX = 500;
const AGAIN_MS = 5_000;
// For these a join is refused now, and perhaps not the next time.
const MAY_BE_LATER = new Set(["rate_limited", "nodes_apart", "storage_behind"]);

export class RoomSync {
  // Joins and history that are not answered yet, by their id.
  #asked = new Map();
  #count = 0;
  #transmit;

  constructor(transmit) {
    this.#transmit = transmit;
  }

  /** Begin, or begin again on a new connection. */
  join(conversation) {
    conversation.isReady = false;
    conversation.outBecause = null;
    this.#ask(conversation, { type: "join", room: conversation.name, presence: true });
  }

  /** We are in. */
  joined(conversation, { seq = null }) {
    this.#answered(conversation, "join");
    // A seq that went back is another room of the same name: its server lost what it had.
    const missed = seq === null || conversation.heardSeq === null ? null : seq - conversation.heardSeq;
    if (missed !== null && (missed < 0 || missed > CATCH_UP_MAX)) conversation.forget(missed < 0);
    this.#read(conversation, conversation.heardSeq === null ? null : Math.max(0, conversation.heardSeq - 1));
  }

  /** A page came; returns whether it was the last. */
  history(conversation, { messages, more }, take) {
    this.#answered(conversation, "history");
    if (messages.some((each) => conversation.contradicts(each))) {
      conversation.forget(true);
      this.#read(conversation, null);
      return false;
    }
    const isFirst = conversation.heardSeq === null;
    for (const each of messages) take(each, isFirst);
    if (isFirst) conversation.hasOlder = more;
    else if (more && messages.length > 0) {
      conversation.heardSeq = messages.at(-1).seq;
      this.#read(conversation, conversation.heardSeq);
      return false;
    }
    conversation.heardSeq = conversation.newestSeq;
    return true;
  }

  /** The server refused a join or a page; false when it was neither. */
  refuse({ id, code, detail }, nowMs) {
    const asked = this.#asked.get(id);
    if (asked === undefined) return false;
    if (asked.type === "join" && !MAY_BE_LATER.has(code)) {
      this.#asked.delete(id);
      asked.conversation.outBecause = `You cannot be in this room: ${detail}.`;
    } else asked.againAtMs = nowMs + AGAIN_MS;
    return true;
  }

  /** Ask again where the server could not answer, or was asked too much at once. */
  tick(nowMs) {
    for (const [id, { conversation, type, after, againAtMs }] of [...this.#asked]) {
      if (againAtMs === null || againAtMs > nowMs) continue;
      this.#asked.delete(id);
      if (type === "join") this.join(conversation);
      else this.#read(conversation, after);
    }
  }

  /** The connection is gone, and with it all answers. */
  lose() {
    this.#asked.clear();
  }

  // Null for what was said last.
  #read(conversation, after) {
    this.#ask(conversation, { type: "history", room: conversation.name, ...(after === null ? {} : { after }) });
  }

  #ask(conversation, frame) {
    this.#count += 1;
    const id = `ask-${this.#count}`;
    this.#asked.set(id, { conversation, type: frame.type, after: frame.after ?? null, againAtMs: null });
    this.#transmit(JSON.stringify({ ...frame, id }));
  }

  #answered(conversation, type) {
    for (const [id, asked] of this.#asked) {
      if (asked.conversation === conversation && asked.type === type) this.#asked.delete(id);
    }
  }
}
