// What the server says, frame by frame, and what it changes.

import { PERSON, ROOM } from "./conversation.js";

export class Hearing {
  #session;
  #heard;
  #isSeen;

  constructor(session, heard, isSeen) {
    this.#session = session;
    this.#heard = heard;
    this.#isSeen = isSeen;
  }

  /** Do what a frame says. One that we do not know is of a newer server, and nothing to us. */
  take(frame) {
    const conversation = this.#session.conversations.get(`${ROOM}:${frame.room}`);
    if (frame.room === undefined) this.#takeForUs(frame);
    // Of a room we have left, something may still be under way.
    else if (conversation !== undefined) this.#takeForRoom(frame, conversation);
  }

  #takeForUs(frame) {
    const { outgoing, sync } = this.#session;
    switch (frame.type) {
      case "welcome":
        this.#welcome(frame);
        break;
      case "direct":
        this.#said(this.#session.opened(PERSON, this.#session.isOwn(frame) ? frame.to : frame.from), frame);
        break;
      case "ack":
        outgoing.acknowledge(frame);
        break;
      case "error":
        if (!outgoing.refuse(frame)) sync.refuse(frame, Date.now());
        break;
      case "announcement":
        this.#session.announcements.push(frame);
        break;
      case "kicked":
        this.#session.removedBy = frame.by;
        break;
    }
  }

  #takeForRoom(frame, conversation) {
    const { sync } = this.#session;
    switch (frame.type) {
      case "message":
        this.#said(conversation, frame);
        if (conversation.isReady) conversation.heardSeq = conversation.newestSeq;
        break;
      case "joined":
        sync.joined(conversation, frame);
        this.#session.readPeople(conversation);
        break;
      case "history":
        this.#history(frame, conversation);
        break;
      case "typing":
        conversation.writes(frame.user, Date.now());
        break;
      case "presence":
        conversation.people.tell(frame.user, frame.state === "joined");
        conversation.writes(frame.user, 0, false);
        break;
      case "kicked":
        putOut(conversation, `You were removed from this room by ${frame.by}.`);
        break;
      case "closed":
        putOut(conversation, `This room was closed by ${frame.by}.`);
        break;
    }
  }

  #welcome({ user, roles, limits }) {
    this.#session.become({ user, roles }, limits);
    for (const conversation of this.#session.conversations.values()) {
      if (conversation.kind === ROOM) this.#session.sync.join(conversation);
      else this.#ready(conversation);
    }
  }

  #history(frame, conversation) {
    const { sync, outgoing } = this.#session;
    if (!sync.history(conversation, frame, (each, isFirst) => this.#said(conversation, each, isFirst))) return;
    outgoing.caughtUp(conversation);
    this.#ready(conversation);
  }

  #ready(conversation) {
    conversation.isReady = true;
    this.#session.outgoing.flush(conversation, Date.now());
  }

  // What was said before we came is no news.
  #said(conversation, frame, isOld = false) {
    const message = conversation.take(frame, this.#session.isOwn(frame));
    if (message === null) return;
    conversation.writes(frame.from, 0, false);
    if (message.isOwn || isOld) return;
    this.#heard(conversation, message);
    if (this.#isSeen(conversation)) return;
    if (conversation.unreadCount === 0) conversation.unreadKey = message.key;
    conversation.unreadCount += 1;
  }
}

function putOut(conversation, because) {
  conversation.isReady = false;
  conversation.outBecause = because;
}
