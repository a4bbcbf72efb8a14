// What this tab remembers over a reload: the token and the rooms. It ends with the tab, and no other tab sees it.

const FIRST_ROOM = "lobby";

/** The token of this tab; null before a login. */
export function token() {
  return sessionStorage.getItem("token");
}

/** Remember a token; null forgets it. */
export function keepToken(newToken) {
  if (newToken === null) sessionStorage.removeItem("token");
  else sessionStorage.setItem("token", newToken);
}

/** The rooms of this tab; at first the one where everybody begins. */
export function rooms() {
  return JSON.parse(sessionStorage.getItem("rooms")) ?? [FIRST_ROOM];
}

/** Remember the rooms. */
export function keepRooms(names) {
  sessionStorage.setItem("rooms", JSON.stringify(names));
}

/** Forget all of it. */
export function forget() {
  sessionStorage.clear();
}
