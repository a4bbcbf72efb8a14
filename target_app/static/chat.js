// The chat page: makes its parts and connects them. Whatever changes, all that is seen is brought up to date once
// before the next picture; each part touches only what differs.
//
//   connection   a WebSocket that comes back          conversation, people   what was said, who is there
//   outgoing     what we say, until it is acked       room_sync              in, and up to date, after each loss
//   session      all of it, for who is logged in      hearing                what the server says to it
//   *_view, drawers   what is seen of it              memory                 what a reload does not end

import { ComposerView } from "./composer_view.js";
import { PERSON } from "./conversation.js";
import { byId } from "./dom.js";
import { Drawers } from "./drawers.js";
import { LoginView } from "./login_view.js";
import { MessagesView } from "./messages_view.js";
import * as memory from "./memory.js";
import { Session } from "./session.js";
import { SidesView } from "./sides_view.js";
import { StatusView } from "./status_view.js";
import { endInWords, isLoginOver } from "./words.js";

let isDrawing = false;

const session = new Session({
  changed: draw,
  heard: (conversation, message) => conversation === session.current && status.announce(message),
  isSeen: (conversation) => messages.isSeen(conversation),
});
const drawers = new Drawers();
const login = new LoginView(enter);
const messages = new MessagesView(session);
const sides = new SidesView(session, chosen);
const status = new StatusView(session);
const composer = new ComposerView(session, () => messages.toTheEnd());

byId("log-out").addEventListener("click", leave);
document.addEventListener("keydown", pressed);
document.addEventListener("visibilitychange", draw);

const token = memory.token();
if (token === null) login.show();
else enter(token);

function enter(newToken) {
  memory.keepToken(newToken);
  session.logIn(newToken, memory.rooms());
  login.hide();
  byId("chat").hidden = false;
  composer.focus();
}

function leave() {
  memory.forget();
  session.logOut();
  byId("chat").hidden = true;
  login.show();
}

function draw() {
  if (isDrawing) return;
  isDrawing = true;
  // A hidden page gets no pictures, but it has a title.
  const soon = document.hidden ? setTimeout : requestAnimationFrame;
  soon(() => {
    isDrawing = false;
    drawNow();
  });
}

function drawNow() {
  if (byId("chat").hidden) return;
  const { state } = session.connection;
  if (isLoginOver(state)) {
    // All stays as it was, for the same user to go on.
    memory.keepToken(null);
    byId("chat").hidden = true;
    const why = state.code === 4401 ? endInWords(state, null) : "The server did not accept the token: log in again";
    login.show(`${why}.`);
    return;
  }
  messages.render();
  sides.render();
  status.render();
  composer.render();
  memory.keepRooms(session.rooms.map(({ name }) => name));
}

function chosen() {
  drawers.close();
  composer.focus();
}

function pressed(event) {
  if (byId("chat").hidden) return;
  if (event.key === "Escape") {
    if (!drawers.close() && session.current?.kind === PERSON) session.show(session.rooms.at(-1) ?? null);
  } else if (event.altKey && (event.key === "ArrowUp" || event.key === "ArrowDown")) {
    event.preventDefault();
    step(event.key === "ArrowUp" ? -1 : 1);
  }
}

function step(by) {
  const all = [...session.rooms, ...session.directs];
  if (all.length > 0) session.show(all[(all.indexOf(session.current) + by + all.length) % all.length]);
}
