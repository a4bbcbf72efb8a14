// What the page says: times, initials, and why a connection ended. Pure.

const MINUTE_MS = 60_000;
// As many as chat.css has.
const HUE_COUNT = 10;

// Why, for the codes that tell it (RFC 6455, 7.4, and those of our server).
const REASONS = new Map([
  [1001, "the server went away"],
  [1006, "the connection was lost"],
  [1008, "the server refused"],
  [1009, "a message was too large"],
  [1011, "the server made a mistake"],
  [1012, "the server restarts"],
  [1013, "this page was reading too slowly"],
]);

/** One line for the state of the connection; null while there is nothing to say. */
export function stateInWords(state, removedBy, nowMs) {
  switch (state.kind) {
    case "connecting":
      return "Connecting …";
    case "waiting":
      return `${endInWords(state, removedBy)}; trying again in ${secondsUntil(state.retryAtMs, nowMs)} s`;
    case "ended":
      return `${endInWords(state, removedBy)}.`;
    default:
      return null;
  }
}

/** Why the connection ended, with the server's own words. */
export function endInWords({ code, reason, wasConnected }, removedBy) {
  if (code === 4401) return "Your session expired: log in again";
  if (code === 4403) return removedBy === null ? "You were removed by an admin" : `You were removed by ${removedBy}`;
  const detail = [code, reason].filter((part) => part !== null && part !== "").join(", ");
  if (!wasConnected && code === 1006) return `The server cannot be reached (${detail})`;
  return `You were disconnected because ${REASONS.get(code) ?? "the server ended it"} (${detail})`;
}

/** Whether the login is over, and not just the connection: a new token is needed. */
export function isLoginOver({ kind, code, reason }) {
  return kind === "ended" && (code === 4401 || (code === 1008 && /^Unauthorized|^Token/.test(reason)));
}

function secondsUntil(atMs, nowMs) {
  return Math.max(0, Math.ceil((atMs - nowMs) / 1000));
}

/** `14:05`, in the manner of the reader's place. */
export function clock(atMs) {
  return new Date(atMs).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
}

/** Day and time to the second, for those who want to know exactly. */
export function exactly(atMs) {
  return new Date(atMs).toLocaleString([], { dateStyle: "full", timeStyle: "medium" });
}

/** The day of a message, as a heading. */
export function dayInWords(atMs, nowMs) {
  const day = new Date(atMs);
  const yesterday = new Date(nowMs);
  yesterday.setDate(yesterday.getDate() - 1);
  if (isSameDay(atMs, nowMs)) return "Today";
  if (isSameDay(atMs, yesterday.getTime())) return "Yesterday";
  const withYear = day.getFullYear() === new Date(nowMs).getFullYear() ? {} : { year: "numeric" };
  return day.toLocaleDateString([], { weekday: "long", day: "numeric", month: "long", ...withYear });
}

/** Whether two instants lie in one day here. */
export function isSameDay(oneMs, otherMs) {
  return new Date(oneMs).toDateString() === new Date(otherMs).toDateString();
}

/** Whether a message goes on from the one before: same sender, same day, a few minutes later at most. */
export function goesOn(before, message) {
  const gapMs = message.sentAtMs - before.sentAtMs;
  return before.from === message.from && gapMs < 5 * MINUTE_MS && isSameDay(before.sentAtMs, message.sentAtMs);
}

/** One or two letters for a name: `AL` for Ada Lovelace, `U7` for user7 and user-000017. */
export function initials(name) {
  const words = name.split(/[^\p{L}\p{N}]+/u).filter((word) => word !== "");
  if (words.length === 0) return "?";
  const number = /\p{N}$/u.exec(words.at(-1))?.[0];
  return (first(words[0]) + (number ?? (words.length > 1 ? first(words[1]) : ""))).toLocaleUpperCase();
}

/** The colour of a name, as a class of chat.css: the same name has the same one everywhere. */
export function hue(name) {
  let hash = 0;
  for (const character of name) hash = (hash * 31 + character.codePointAt(0)) % 65_521;
  return `hue-${hash % HUE_COUNT}`;
}

/** A number of things, with the right form of the noun. */
export function counted(count, noun, plural = `${noun}s`) {
  return `${count.toLocaleString()} ${count === 1 ? noun : plural}`;
}

/** Who is writing, for the line above the composer. */
export function typingInWords(users) {
  if (users.length === 0) return "";
  if (users.length === 1) return `${users[0]} is writing …`;
  if (users.length === 2) return `${users[0]} and ${users[1]} are writing …`;
  return `${users[0]} and ${users.length - 1} others are writing …`;
}

function first(word) {
  return [...word][0];
}
