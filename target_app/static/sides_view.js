// Left and right of the messages: rooms, direct conversations, people; who we are, and the title of it all.

import { byId, element, reconcile, say } from "./dom.js";
import { PERSON } from "./conversation.js";
import { counted, hue, initials } from "./words.js";

// As many names as somebody would look through; the filter finds the rest.
const PEOPLE_SHOWN_MAX = 200;
const FILTER_FROM = 12;
const OTHER_ROOMS_MAX = 30;

export class SidesView {
  #session;
  #opened;

  /** `opened()` is called when something was chosen: on a phone its drawer closes. */
  constructor(session, opened) {
    this.#session = session;
    this.#opened = opened;
    byId("join-form").addEventListener("submit", (event) => this.#join(event));
    byId("people-filter").addEventListener("input", () => this.render());
    byId("leave").addEventListener("click", () => {
      this.#session.leave(this.#session.current);
      this.#opened();
    });
  }

  render() {
    const { me, current } = this.#session;
    this.#renderMe(me);
    this.#renderConversations(byId("room-list"), this.#session.rooms);
    this.#renderConversations(byId("direct-list"), this.#session.directs);
    byId("directs").hidden = this.#session.directs.length === 0;
    this.#renderOtherRooms();
    this.#renderTitle(current);
    this.#renderPeople(current);
    this.#renderUnread(current);
  }

  #renderMe(me) {
    const name = me?.user ?? "";
    say(byId("own-name"), name);
    byId("own-name").title = name;
    say(byId("own-roles"), me === null ? "" : me.roles.join(", "));
    say(byId("own-avatar"), name === "" ? "" : initials(name));
    byId("own-avatar").className = `avatar ${hue(name)}`;
  }

  #renderConversations(list, conversations) {
    reconcile(list, conversations, (conversation) => this.#entry(conversation), (entry, conversation) => {
      const { unreadCount, outBecause, draft } = conversation;
      const button = entry.firstElementChild;
      if (conversation === this.#session.current) button.setAttribute("aria-current", "true");
      else button.removeAttribute("aria-current");
      button.classList.toggle("out", outBecause !== null);
      const count = entry.querySelector(".count");
      count.hidden = unreadCount === 0;
      say(count, unreadCount > 99 ? "99+" : String(unreadCount));
      count.title = `${unreadCount} unread`;
      entry.querySelector(".draft").hidden = draft === "" || conversation === this.#session.current;
    });
  }

  #entry(conversation) {
    const { kind, name } = conversation;
    const sign =
      kind === PERSON
        ? element("span", { className: `avatar small ${hue(name)}`, text: initials(name), "aria-hidden": "true" })
        : element("span", { className: "sign", text: "#", "aria-hidden": "true" });
    const button = element(
      "button",
      { type: "button" },
      sign,
      element("bdi", { className: "label", text: name }),
      element("span", { className: "draft", text: "draft" }),
      element("span", { className: "count" }),
    );
    button.addEventListener("click", () => {
      this.#session.show(conversation);
      this.#opened();
    });
    return element("li", {}, button);
  }

  #renderOtherRooms() {
    const ours = new Set(this.#session.rooms.map(({ name }) => name));
    const others = this.#session.allRooms.filter(({ name }) => !ours.has(name)).slice(0, OTHER_ROOMS_MAX);
    byId("others").hidden = others.length === 0;
    const rows = others.map((room) => ({ key: room.name, ...room }));
    reconcile(byId("other-list"), rows, (room) => this.#otherRoom(room), (entry, { members }) =>
      say(entry.querySelector(".figure"), String(members)),
    );
  }

  #otherRoom({ name }) {
    const button = element(
      "button",
      { type: "button" },
      element("span", { className: "sign", text: "#", "aria-hidden": "true" }),
      element("bdi", { className: "label", text: name }),
      element("span", { className: "figure" }),
    );
    button.addEventListener("click", () => this.#enter(name));
    return element("li", {}, button);
  }

  #join(event) {
    event.preventDefault();
    const field = byId("join-name");
    const name = field.value.trim();
    field.value = "";
    if (name !== "") this.#enter(name);
  }

  #enter(name) {
    this.#session.join(name);
    this.#opened();
  }

  #renderTitle(current) {
    const isPerson = current?.kind === PERSON;
    say(byId("conversation-name"), current === null ? "Chat" : current.name);
    byId("conversation-name").parentElement.classList.toggle("room", current !== null && !isPerson);
    if (current === null) say(byId("conversation-note"), "Join a room to begin");
    else if (isPerson) say(byId("conversation-note"), "Between the two of you; kept nowhere");
    else say(byId("conversation-note"), current.isReady ? `${counted(current.people.count, "person", "people")} here` : "");
    byId("leave").hidden = current === null;
    say(byId("leave"), isPerson ? "Close this conversation" : "Leave this room");
  }

  #renderPeople(current) {
    const people = this.#peopleOf(current);
    const count = current?.kind === PERSON ? people.length : (current?.people.count ?? 0);
    const filter = byId("people-filter");
    filter.hidden = people.length < FILTER_FROM;
    const wanted = filter.hidden ? "" : filter.value.trim().toLocaleLowerCase();
    const found = wanted === "" ? people : people.filter((name) => name.toLocaleLowerCase().includes(wanted));
    say(byId("people-count"), count === 0 ? "" : count.toLocaleString());
    const rows = found.slice(0, PEOPLE_SHOWN_MAX).map((name) => ({ key: `${this.#mayTalkTo(name)} ${name}`, name }));
    reconcile(byId("people-list"), rows, ({ name }) => this.#person(name));
    const hiddenCount = (wanted === "" ? count : found.length) - rows.length;
    byId("people-more").hidden = hiddenCount === 0;
    say(byId("people-more"), `and ${hiddenCount.toLocaleString()} more`);
  }

  #peopleOf(current) {
    if (current === null || this.#session.me === null) return [];
    return current.kind === PERSON ? [this.#session.me.user, current.name] : current.people.sorted();
  }

  #mayTalkTo(name) {
    return this.#session.mayWrite && name !== this.#session.me.user;
  }

  #person(name) {
    const isOneself = name === this.#session.me?.user;
    const parts = [
      element("span", { className: `avatar small ${hue(name)}`, text: initials(name), "aria-hidden": "true" }),
      element("bdi", { className: "label", text: name }),
      isOneself ? element("small", { text: "you" }) : null,
    ];
    if (!this.#mayTalkTo(name)) return element("li", { className: "still" }, ...parts);
    const button = element("button", { type: "button", title: `Write to ${name}` }, ...parts);
    button.addEventListener("click", () => {
      this.#session.talkTo(name);
      this.#opened();
    });
    return element("li", {}, button);
  }

  #renderUnread(current) {
    const conversations = [...this.#session.conversations.values()];
    const sum = (those) => those.reduce((count, { unreadCount }) => count + unreadCount, 0);
    const elsewhere = sum(conversations.filter((each) => each !== current));
    byId("unread-elsewhere").hidden = elsewhere === 0;
    say(byId("unread-elsewhere"), elsewhere > 99 ? "99+" : String(elsewhere));
    const all = sum(conversations);
    const title = `${all === 0 ? "" : `(${all}) `}${current === null ? "" : `${current.name} · `}Chat`;
    if (document.title !== title) document.title = title;
  }
}
