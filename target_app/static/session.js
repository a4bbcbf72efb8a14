// Everything the page knows while somebody is logged in: who we are, which conversations there are, what the server
// said last. It knows no document; whoever shows it is called back after each change.

import { Connection } from "./connection.js";
import { Conversation, PERSON, ROOM } from "./conversation.js";
import { Outgoing } from "./outgoing.js";
import { RoomSync } from "./room_sync.js";
import { ApiError, readMessages, readPeople, readRooms, socketUrl } from "./api.js";

const TICK_MS = 500;
// While somebody writes, the others are told this often.
const TYPING_MS = 3_000;
const OTHER_ROOMS_MS = 30_000;
const OLDER_AT_ONCE = 100;
// What a server that does not say is taken to allow.
const LIMITS = { frame_bytes: 64 * 1024, text_length: 56 * 1024 };

export class Session {
  // Null before the first welcome.
  me = null;
  limits = LIMITS;
  // By key, in the order of opening.
  conversations = new Map();
  current = null;
  // Rooms there are beside ours, as `{name, members}`.
  otherRooms = [];
  // Who removed us from the server; null while nobody did.
  removedBy = null;
  announcements = [];
  #token = null;
  #changed;
  #heard;
  #isSeen;
  #typedAtMs = -Infinity;
  #otherRoomsAtMs = -Infinity;

  /** `changed()` after each change, `heard(conversation, message)` for what was said just now; `isSeen` asks the page. */
  constructor({ changed, heard, isSeen }) {
    this.#changed = changed;
    this.#heard = heard;
    this.#isSeen = isSeen;
    this.connection = new Connection(
      socketUrl(),
      (frame) => this.#take(frame),
      (state) => this.#connectionIs(state),
    );
    const transmit = (text) => this.connection.send(text);
    this.outgoing = new Outgoing(transmit);
    this.sync = new RoomSync(transmit);
    setInterval(() => this.#tick(), TICK_MS);
  }

  get mayWrite() {
    return this.me !== null && this.me.roles.some((role) => role === "member" || role === "admin");
  }

  /** Connect, into those rooms and those of before; they are joined as soon as the server has greeted us. */
  logIn(token, rooms) {
    this.#token = token;
    for (const name of rooms) this.#opened(ROOM, name);
    this.current ??= this.rooms()[0] ?? null;
    this.connection.open(token);
  }

  /** Leave, and forget everything. */
  logOut() {
    this.connection.close();
    this.#forget();
    this.#changed();
  }

  /** Go into a room, and look at it. */
  join(name) {
    const conversation = this.#opened(ROOM, name);
    if (!conversation.isReady && this.connection.state.kind === "connected") this.sync.join(conversation);
    this.show(conversation);
  }

  /** Talk to one person. */
  talkTo(name) {
    this.show(this.#opened(PERSON, name));
  }

  /** Look at a conversation; null for none. */
  show(conversation) {
    if (this.current !== null && this.current !== conversation) {
      this.current.unreadKey = null;
      this.current.isReadBack = false;
    }
    this.current = conversation;
    this.#changed();
  }

  /** Leave a conversation: the room, or just its place in the list. */
  leave(conversation) {
    if (conversation.kind === ROOM) this.connection.send(JSON.stringify({ type: "leave", room: conversation.name }));
    this.conversations.delete(conversation.key);
    if (this.current === conversation) this.current = null;
    this.#otherRoomsAtMs = -Infinity;
    this.show(this.current ?? this.rooms().at(-1) ?? null);
  }

  rooms() {
    return [...this.conversations.values()].filter(({ kind }) => kind === ROOM);
  }

  people() {
    return [...this.conversations.values()].filter(({ kind }) => kind === PERSON);
  }

  say(text) {
    this.#typedAtMs = -Infinity;
    this.current.unreadKey = null;
    this.outgoing.say(this.current, text, this.me.user, this.limits.frame_bytes, Date.now());
    this.#changed();
  }

  retry(message) {
    this.outgoing.retry(this.current, message, this.limits.frame_bytes, Date.now());
    this.#changed();
  }

  discard(message) {
    this.outgoing.discard(this.current, message);
    this.#changed();
  }

  /** Tell the others that something is being written. */
  types() {
    const nowMs = Date.now();
    if (this.current.kind !== ROOM || !this.current.isReady || nowMs - this.#typedAtMs < TYPING_MS) return;
    this.#typedAtMs = nowMs;
    this.connection.send(JSON.stringify({ type: "typing", room: this.current.name }));
  }

  /** Everything in a conversation has been looked at. */
  seen(conversation) {
    conversation.unreadCount = 0;
  }

  /** Read what was said before the oldest message we have; throws ApiError. */
  async readOlder(conversation) {
    const before = conversation.messages[0]?.seq;
    if (before === undefined) return;
    const { messages, more } = await readMessages(this.#token, conversation.name, before, OLDER_AT_ONCE);
    // Meanwhile the room may have been left, or begun anew.
    if (conversation.messages[0]?.seq !== before) return;
    for (const each of messages) conversation.take(each, this.#isOwn(each));
    conversation.hasOlder = more && messages.length > 0;
    this.#changed();
  }

  #connectionIs(state) {
    if (state.kind === "waiting" || state.kind === "ended" || state.kind === "off") {
      this.outgoing.lose();
      this.sync.lose();
      for (const conversation of this.conversations.values()) conversation.isReady = false;
    }
    this.#changed();
  }

  #take(frame) {
    const conversation = this.conversations.get(`${ROOM}:${frame.room}`) ?? null;
    if (frame.room === undefined) this.#takeForUs(frame);
    // What comes of a room after we left it was under way.
    else if (conversation !== null) this.#takeForRoom(frame, conversation);
    this.#changed();
  }

  #takeForUs(frame) {
    switch (frame.type) {
      case "welcome":
        this.#welcome(frame);
        break;
      case "direct": {
        const name = this.#isOwn(frame) ? frame.to : frame.from;
        this.#said(this.#opened(PERSON, name), frame);
        break;
      }
      case "ack":
        this.outgoing.acknowledge(frame);
        break;
      case "error":
        if (!this.outgoing.refuse(frame)) this.sync.refuse(frame, Date.now());
        break;
      case "announcement":
        this.announcements.push({ from: frame.from, text: frame.text, atMs: frame.ts });
        break;
      case "kicked":
        this.removedBy = frame.by;
        break;
      // A frame of a newer server says nothing to us.
      default:
    }
  }

  #takeForRoom(frame, conversation) {
    switch (frame.type) {
      case "message":
        this.#said(conversation, frame);
        if (conversation.isReady) conversation.heardSeq = conversation.newestSeq;
        break;
      case "joined":
        this.sync.joined(conversation, frame);
        this.#readPeople(conversation);
        break;
      case "history":
        if (this.sync.history(conversation, frame, (each, isFirst) => this.#said(conversation, each, isFirst))) {
          this.outgoing.caughtUp(conversation);
          this.outgoing.flush(conversation, Date.now());
        }
        break;
      case "typing":
        conversation.writes(frame.user, Date.now());
        break;
      case "presence":
        conversation.people.tell(frame.user, frame.state === "joined");
        break;
      case "kicked":
        this.#putOut(conversation, `You were removed from this room by ${frame.by}.`);
        break;
      case "closed":
        this.#putOut(conversation, `This room was closed by ${frame.by}.`);
        break;
      default:
    }
  }

  #welcome({ user, roles, limits }) {
    if (this.me !== null && this.me.user !== user) this.#becomeSomebodyElse();
    this.me = { user, roles };
    this.limits = { ...LIMITS, ...limits };
    this.removedBy = null;
    for (const conversation of this.conversations.values()) {
      if (conversation.kind === ROOM) this.sync.join(conversation);
      else {
        conversation.isReady = true;
        this.outgoing.flush(conversation, Date.now());
      }
    }
  }

  // Rooms stay; what was said in them may be for other eyes, and is asked for anew.
  #becomeSomebodyElse() {
    const names = this.rooms().map(({ name }) => name);
    this.#forget();
    for (const name of names) this.#opened(ROOM, name);
    this.current = this.rooms()[0] ?? null;
  }

  #forget() {
    this.me = null;
    this.conversations = new Map();
    this.current = null;
    this.otherRooms = [];
    this.announcements = [];
    this.removedBy = null;
  }

  #said(conversation, frame, isHistory = false) {
    const message = conversation.take(frame, this.#isOwn(frame));
    conversation.writes(frame.from, 0, false);
    if (message === null || message.isOwn || isHistory) return;
    this.#heard(conversation, message);
    if (this.#isSeen(conversation)) return;
    if (conversation.unreadCount === 0) conversation.unreadKey = message.key;
    conversation.unreadCount += 1;
  }

  #putOut(conversation, because) {
    conversation.isReady = false;
    conversation.outBecause = because;
  }

  #opened(kind, name) {
    const key = `${kind}:${name}`;
    let conversation = this.conversations.get(key);
    if (conversation === undefined) {
      conversation = new Conversation(kind, name);
      conversation.isReady = kind === PERSON && this.connection.state.kind === "connected";
      this.conversations.set(key, conversation);
    }
    return conversation;
  }

  #isOwn({ from }) {
    return this.me !== null && from === this.me.user;
  }

  async #readPeople(conversation) {
    conversation.people.ask();
    conversation.people.tell(this.me.user, true);
    try {
      conversation.people.answer(await readPeople(this.#token, conversation.name));
    } catch (error) {
      // The list is then of those who came while we were here.
      if (!(error instanceof ApiError)) throw error;
    }
    this.#changed();
  }

  async #readOtherRooms() {
    try {
      this.otherRooms = await readRooms(this.#token);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
    }
    this.#changed();
  }

  #tick() {
    const nowMs = Date.now();
    this.outgoing.expire(nowMs);
    this.sync.tick(nowMs);
    if (this.connection.state.kind === "connected" && nowMs - this.#otherRoomsAtMs > OTHER_ROOMS_MS) {
      this.#otherRoomsAtMs = nowMs;
      this.#readOtherRooms();
    }
    this.#changed();
  }
}
