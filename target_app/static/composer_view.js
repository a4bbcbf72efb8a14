// Where one writes; and what stands there instead for those who may not.

import { byId, say } from "./dom.js";
import { PERSON, ROOM } from "./conversation.js";
import { typingInWords } from "./words.js";

export class ComposerView {
  #form = byId("composer");
  #text = byId("composer-text");
  #session;
  #said;
  #conversation = null;

  /** `said()` is called when something was sent. */
  constructor(session, said) {
    this.#session = session;
    this.#said = said;
    this.#form.addEventListener("submit", (event) => this.#submit(event));
    this.#text.addEventListener("keydown", (event) => this.#pressed(event));
    this.#text.addEventListener("input", () => this.#typed());
    byId("instead-action").addEventListener("click", () => this.#session.join(this.#conversation.name));
  }

  /** Let the next key go into the text, where there is a keyboard: on a phone one would cover half of the messages. */
  focus() {
    if (matchMedia("(pointer: fine)").matches && !this.#form.hidden) this.#text.focus();
  }

  render() {
    const { current, mayWrite, limits } = this.#session;
    if (current !== this.#conversation) this.#turnTo(current);
    const isOut = current !== null && current.outBecause !== null;
    const wasHidden = this.#form.hidden;
    this.#form.hidden = current === null || isOut || !mayWrite;
    // It comes with the server's greeting; by then the focus may be elsewhere on purpose.
    if (wasHidden && document.activeElement === document.body) this.focus();
    byId("keys").hidden = this.#form.hidden;
    // Nothing to say before the server has told who we are.
    byId("instead").hidden = !this.#form.hidden || (!isOut && (current === null || this.#session.me === null));
    say(byId("instead-text"), isOut ? current.outBecause : "You are here as a guest: you can read, but not write.");
    byId("instead-action").hidden = !isOut;
    say(byId("instead-action"), "Join again");
    this.#text.maxLength = limits.text_length;
    say(byId("typing"), current?.kind === ROOM && current.isReady ? typingInWords(current.writing(Date.now())) : "");
  }

  #turnTo(conversation) {
    this.#conversation = conversation;
    this.#text.value = conversation?.draft ?? "";
    const to = conversation?.kind === PERSON ? `Write to ${conversation.name}` : `Write in ${conversation?.name}`;
    this.#text.placeholder = to;
    this.#fit();
    this.focus();
  }

  #submit(event) {
    event.preventDefault();
    const text = this.#text.value.trim();
    if (text === "" || this.#conversation === null) return;
    this.#text.value = this.#conversation.draft = "";
    this.#fit();
    this.#session.say(text);
    this.#said();
    this.focus();
  }

  #pressed(event) {
    // While a character is being composed of several keys, Enter chooses it (keyCode 229: Safari).
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
    event.preventDefault();
    this.#form.requestSubmit();
  }

  #typed() {
    this.#conversation.draft = this.#text.value;
    if (this.#text.value !== "") this.#session.types();
    this.#fit();
  }

  // As high as its text; chat.css bounds it.
  #fit() {
    this.#text.style.height = "auto";
    this.#text.style.height = `${this.#text.scrollHeight + 2}px`;
  }
}
