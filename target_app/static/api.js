// What the page asks for over HTTP: tokens, who is where, and what was said earlier. Addresses are relative to the
// page, so it works under any host, and behind a proxy that adds a path.

/** A request that was not answered as hoped; `status` is null where there was no answer at all. */
export class ApiError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** The address of the rooms protocol: wss where the page came over https. */
export function socketUrl() {
  const url = new URL("ws/rooms", document.baseURI);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  url.search = url.hash = "";
  return url.href;
}

/** A token for a name and its password; throws ApiError with a sentence for the person. */
export async function logIn(username, password) {
  return grantOf(await post("login", { username, password }), {
    401: "Wrong name or password.",
    422: "A name has 1 to 64 characters, a password 1 to 256.",
  });
}

/** A token to look around with. */
export async function logInAsGuest() {
  return grantOf(await post("login/guest", {}), {
    404: "This server lets no guests in.",
    405: "This server lets no guests in.",
  });
}

/** The largest rooms, `{rooms: [{name, members}], more}`; throws ApiError. */
export async function readRooms(token) {
  return get("rooms", token);
}

/** Who is in a room, `{users: [name], count}`: names of 1,000 at most, and how many there are; throws ApiError. */
export async function readPeople(token, room) {
  return get(`rooms/${encodeURIComponent(room)}/users?limit=1000`, token);
}

/** The newest messages before a seq, oldest first, and whether there are `more`; throws ApiError. */
export async function readMessages(token, room, before, limit) {
  const query = new URLSearchParams({ before, limit });
  return get(`rooms/${encodeURIComponent(room)}/messages?${query}`, token);
}

async function grantOf(response, problems) {
  if (response.ok) return (await response.json()).access_token;
  if (response.status === 429) {
    const waitS = response.headers.get("Retry-After");
    throw new ApiError(429, `Too many attempts: wait ${waitS === null ? "a moment" : `${waitS} s`}.`);
  }
  throw new ApiError(response.status, problems[response.status] ?? `The server answered ${response.status}.`);
}

async function get(path, token) {
  const response = await ask(path, { headers: { Authorization: `Bearer ${token}` } });
  if (!response.ok) throw new ApiError(response.status, `The server answered ${response.status}.`);
  return response.json();
}

function post(path, body) {
  return ask(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
}

async function ask(path, options) {
  try {
    return await fetch(new URL(path, document.baseURI), { ...options, credentials: "omit", cache: "no-store" });
  } catch {
    throw new ApiError(null, "The server cannot be reached.");
  }
}
