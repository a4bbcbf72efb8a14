// Everything the page knows while somebody is logged in: who we are, which conversations there are, which one is
// looked at; and what a person can do. It knows no document; whoever shows it is called back after each change.

import { Connection } from "./connection.js";
import { Conversation, PERSON, ROOM } from "./conversation.js";
import { Hearing } from "./hearing.js";
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
  // `{user, roles}`; null before the first welcome.
  me = null;
  limits = LIMITS;
  // By key, in the order of opening.
  conversations = new Map();
  // The one that is looked at; null for none.
  current = null;
  // Rooms there are, as `{name, members}`.
  allRooms = [];
  announcements = [];
  // Who removed us from the server; null while nobody did.
  removedBy = null;
  #token = null;
  #changed;
  #typedAtMs = -Infinity;
  #allRoomsAtMs = -Infinity;

  /** `changed()` after each change, `heard(conversation, message)` for what was said just now; `isSeen` asks the page. */
  constructor({ changed, heard, isSeen }) {
    this.#changed = changed;
    const hearing = new Hearing(this, heard, isSeen);
    this.connection = new Connection(
      socketUrl(),
      (frame) => {
        hearing.take(frame);
        changed();
      },
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

  get isConnected() {
    return this.connection.state.kind === "connected";
  }

  get rooms() {
    return [...this.conversations.values()].filter(({ kind }) => kind === ROOM);
  }

  get directs() {
    return [...this.conversations.values()].filter(({ kind }) => kind === PERSON);
  }

  isOwn({ from }) {
    return this.me !== null && from === this.me.user;
  }

  /** Connect, into these rooms and those of before; they are joined as soon as the server has greeted us. */
  logIn(token, rooms) {
    this.#token = token;
    for (const name of rooms) this.opened(ROOM, name);
    this.current ??= this.rooms[0] ?? null;
    this.connection.open(token);
  }

  /** Leave, and forget everything. */
  logOut() {
    this.connection.close();
    this.#forget();
    this.#changed();
  }

  /** The server says who we are. What another user was told is not for us; the rooms stay. */
  become(me, limits) {
    if (this.me !== null && this.me.user !== me.user) {
      const names = this.rooms.map(({ name }) => name);
      this.#forget();
      for (const name of names) this.opened(ROOM, name);
      this.current = this.rooms[0] ?? null;
    }
    this.me = me;
    this.limits = { ...LIMITS, ...limits };
    this.removedBy = null;
    this.#allRoomsAtMs = -Infinity;
  }

  /** A conversation, opened now unless it was. */
  opened(kind, name) {
    const key = `${kind}:${name}`;
    let conversation = this.conversations.get(key);
    if (conversation === undefined) {
      conversation = new Conversation(kind, name);
      conversation.isReady = kind === PERSON && this.isConnected;
      this.conversations.set(key, conversation);
    }
    return conversation;
  }

  /** Go into a room, and look at it. */
  join(name) {
    const isNew = !this.conversations.has(`${ROOM}:${name}`);
    const conversation = this.opened(ROOM, name);
    if (this.isConnected && (isNew || conversation.outBecause !== null)) this.sync.join(conversation);
    this.show(conversation);
  }

  /** Talk to one person. */
  talkTo(name) {
    this.show(this.opened(PERSON, name));
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
    this.#allRoomsAtMs = -Infinity;
    this.show(this.rooms.at(-1) ?? null);
  }

  /** Say something in the conversation that is looked at. */
  say(text) {
    this.#typedAtMs = -Infinity;
    this.current.unreadKey = null;
    this.outgoing.say(this.current, text, this.me.user, this.limits.frame_bytes, Date.now());
    this.#changed();
  }

  /** Say again what was not sent. */
  retry(message) {
    this.outgoing.retry(this.current, message, this.limits.frame_bytes, Date.now());
    this.#changed();
  }

  /** Forget what was not sent. */
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

  /** Read what was said before the oldest message we have; throws ApiError. */
  async readOlder(conversation) {
    const before = conversation.messages[0]?.seq;
    if (before === undefined) return;
    const { messages, more } = await readMessages(this.#token, conversation.name, before, OLDER_AT_ONCE);
    // Meanwhile the room may have begun anew.
    if (conversation.messages[0]?.seq !== before) return;
    for (const each of messages) conversation.take(each, this.isOwn(each));
    conversation.hasOlder = more && messages.length > 0;
    this.#changed();
  }

  /** Ask who is in a room; what we cannot learn so, presence frames tell by and by. */
  async readPeople(conversation) {
    conversation.people.ask();
    conversation.people.tell(this.me.user, true);
    const answer = await orNull(readPeople(this.#token, conversation.name));
    if (answer !== null) conversation.people.answer(answer.users, answer.count);
    this.#changed();
  }

  async #readAllRooms() {
    this.allRooms = (await orNull(readRooms(this.#token)))?.rooms ?? this.allRooms;
    this.#changed();
  }

  #connectionIs({ kind }) {
    if (kind !== "connecting" && kind !== "connected") {
      this.outgoing.lose();
      this.sync.lose();
      for (const conversation of this.conversations.values()) conversation.isReady = false;
    }
    this.#changed();
  }

  #forget() {
    this.me = null;
    this.conversations = new Map();
    this.current = null;
    this.allRooms = [];
    this.announcements = [];
  }

  #tick() {
    const nowMs = Date.now();
    this.outgoing.expire(nowMs);
    this.sync.tick(nowMs);
    if (this.isConnected && nowMs - this.#allRoomsAtMs > OTHER_ROOMS_MS) {
      this.#allRoomsAtMs = nowMs;
      this.#readAllRooms();
    }
    this.#changed();
  }
}

// What is nice to have, and not worth a word where it cannot be had.
async function orNull(answer) {
  try {
    return await answer;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return null;
  }
}
