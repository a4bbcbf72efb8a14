// The messages of the conversation that is looked at. The document holds some of them, a window that moves with
// scrolling; it stays where the reader is, or at the end while the end is in sight.

import { byId, reconcile } from "./dom.js";
import { dividerRow, messageRow, updateMessageRow } from "./message_row.js";
import { counted, dayInWords, goesOn, isSameDay } from "./words.js";

const ROWS_MAX = 240;
const ROWS_AT_ONCE = 80;
// So near to an edge, the window moves on.
const NEAR_PX = 400;
// So near to the end, the reader is taken to be at it.
const END_PX = 48;

export class MessagesView {
  #list = byId("messages");
  #pill = byId("pill");
  #session;
  #conversation = null;
  // Whether the end is in sight, and new messages push the old ones up.
  #isFollowing = true;
  // The first message of the window, and whether the last of all was in it, when it was drawn: since then more may
  // have come.
  #firstKey = null;
  #hasLast = true;
  #older = null;
  #olderFailed = null;

  constructor(session) {
    this.#session = session;
    this.#list.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    this.#pill.addEventListener("click", () => this.toTheEnd());
    new ResizeObserver(() => this.#isFollowing && this.#pinToTheEnd()).observe(this.#list);
  }

  /** Whether new messages of a conversation come before the reader's eyes. */
  isSeen(conversation) {
    return conversation === this.#conversation && this.#isFollowing && !document.hidden;
  }

  /** Show the end, and stay there. */
  toTheEnd() {
    this.#isFollowing = true;
    this.render();
  }

  render() {
    const conversation = this.#session.current;
    if (conversation !== this.#conversation) this.#turnTo(conversation);
    if (conversation === null) {
      this.#list.replaceChildren();
      this.#pill.hidden = true;
      return;
    }
    const anchor = this.#isFollowing ? null : this.#firstInSight();
    const entries = conversation.entries();
    const rows = rowsOf(entries.slice(...this.#window(entries)), conversation.unreadKey);
    const actions = {
      retry: (message) => this.#session.retry(message),
      discard: (message) => this.#session.discard(message),
    };
    reconcile(
      this.#list,
      rows,
      ({ message, divider }) => (message === undefined ? dividerRow(...divider) : messageRow(message, actions)),
      (row, { message, isContinued }) => message !== undefined && updateMessageRow(row, message, isContinued, actions),
    );
    if (anchor === null) this.#pinToTheEnd();
    else this.#keepInPlace(anchor);
    conversation.isReadBack = !this.#isFollowing;
    if (this.isSeen(conversation)) conversation.unreadCount = 0;
    this.#renderPill(conversation);
    this.#readOnIfNear(conversation);
  }

  #turnTo(conversation) {
    this.#conversation = conversation;
    this.#isFollowing = true;
    this.#firstKey = null;
    this.#olderFailed = null;
    this.#list.replaceChildren();
  }

  #window(entries) {
    const lastStart = Math.max(0, entries.length - ROWS_MAX);
    const found = this.#isFollowing ? -1 : entries.findIndex(({ key }) => key === this.#firstKey);
    const start = found === -1 ? lastStart : Math.min(found, lastStart);
    this.#firstKey = entries[start]?.key ?? null;
    this.#hasLast = start === lastStart;
    return [start, start + ROWS_MAX];
  }

  #scrolled() {
    const conversation = this.#conversation;
    if (conversation === null) return;
    const wasFollowing = this.#isFollowing;
    this.#isFollowing = this.#belowPx() <= END_PX && this.#hasLast;
    conversation.isReadBack = !this.#isFollowing;
    if (this.isSeen(conversation)) conversation.unreadCount = 0;
    if (wasFollowing !== this.#isFollowing) this.#renderPill(conversation);
    this.#readOnIfNear(conversation);
  }

  // Move the window up or down, or ask the server for older messages.
  #readOnIfNear(conversation) {
    if (this.#list.scrollTop < NEAR_PX && !this.#isAtFirstRow(conversation)) this.#move(-ROWS_AT_ONCE);
    else if (!this.#isFollowing && this.#belowPx() < NEAR_PX && !this.#hasLast) this.#move(ROWS_AT_ONCE);
    else if (this.#list.scrollTop < NEAR_PX && conversation.hasOlder) this.#readOlder(conversation);
  }

  #move(count) {
    const entries = this.#conversation.entries();
    const lastStart = Math.max(0, entries.length - ROWS_MAX);
    const start = entries.findIndex(({ key }) => key === this.#firstKey) + count;
    // A screen that shows the whole window follows and moves up at once: it stays at the end.
    if (this.#isFollowing && this.#belowPx() <= END_PX) return;
    this.#firstKey = entries[Math.max(0, Math.min(start, lastStart))].key;
    this.render();
  }

  async #readOlder(conversation) {
    if (this.#older !== null || this.#olderFailed === conversation) return;
    this.#older = conversation;
    try {
      this.#stopFollowing();
      await this.#session.readOlder(conversation);
    } catch {
      // Not again before the reader comes back: a server that is down would be asked at every turn of the wheel.
      this.#olderFailed = conversation;
    } finally {
      this.#older = null;
    }
  }

  // What comes in above must not move what is read.
  #stopFollowing() {
    if (this.#belowPx() > END_PX) this.#isFollowing = false;
  }

  #renderPill({ unreadCount }) {
    this.#pill.hidden = this.#isFollowing;
    this.#pill.textContent = unreadCount === 0 ? "To the latest" : counted(unreadCount, "new message");
    this.#pill.classList.toggle("news", unreadCount > 0);
  }

  #firstInSight() {
    const { scrollTop } = this.#list;
    const row = [...this.#list.children].find(
      (each) => each.classList.contains("message") && each.offsetTop + each.offsetHeight > scrollTop,
    );
    return row === undefined ? null : { row, atPx: row.offsetTop - scrollTop };
  }

  #keepInPlace({ row, atPx }) {
    if (row.isConnected) this.#list.scrollTop = row.offsetTop - atPx;
  }

  #pinToTheEnd() {
    this.#list.scrollTop = this.#list.scrollHeight;
  }

  #belowPx() {
    return this.#list.scrollHeight - this.#list.scrollTop - this.#list.clientHeight;
  }

  #isAtFirstRow(conversation) {
    const first = conversation.entries()[0];
    return first === undefined || first.key === this.#firstKey;
  }
}

/** Rows for messages in order: each with its day above it where that changes, and a line above the first unread. */
function rowsOf(messages, unreadKey) {
  const nowMs = Date.now();
  const rows = [];
  let before = null;
  for (const message of messages) {
    const isNewDay = before === null || !isSameDay(before.sentAtMs, message.sentAtMs);
    const isFirstUnread = message.key === unreadKey;
    if (isNewDay) {
      const day = new Date(message.sentAtMs).toDateString();
      rows.push({ key: `day ${day} ${message.key}`, divider: [dayInWords(message.sentAtMs, nowMs), "day"] });
    }
    if (isFirstUnread) rows.push({ key: "unread", divider: ["New", "unread"] });
    const isContinued = !isNewDay && !isFirstUnread && goesOn(before, message);
    rows.push({ key: message.key, message, isContinued });
    before = message;
  }
  return rows;
}
