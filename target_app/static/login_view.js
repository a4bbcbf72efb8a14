// Getting in: a name and a password, a token, or as a guest.

import { byId, say } from "./dom.js";
import { ApiError, logIn, logInAsGuest } from "./api.js";

// Three parts of base64url (RFC 7515). Anything else could not be a subprotocol either.
const TOKEN = /^[\w-]+\.[\w-]+\.[\w-]+$/;

export class LoginView {
  #problem = byId("login-problem");
  #loggedIn;

  /** `loggedIn(token)` is called with whatever token somebody got, or had. */
  constructor(loggedIn) {
    this.#loggedIn = loggedIn;
    byId("login-form").addEventListener("submit", (event) => {
      const { username, password } = event.target.elements;
      this.#get(event, () => logIn(username.value, password.value));
    });
    byId("token-form").addEventListener("submit", (event) => this.#get(event, () => pasted(byId("token").value)));
    byId("login-guest").addEventListener("click", (event) => this.#get(event, logInAsGuest));
  }

  /** Ask for a login; with a reason where there was one before. */
  show(why = null) {
    const isNews = byId("login").hidden;
    byId("login").hidden = false;
    if (isNews || why !== null) this.#say(why);
    if (isNews) byId(byId("username").value === "" ? "username" : "password").focus();
  }

  hide() {
    byId("login").hidden = true;
    byId("password").value = byId("token").value = "";
  }

  async #get(event, tokenOf) {
    event.preventDefault();
    this.#say(null);
    this.#enable(false);
    try {
      this.#loggedIn(await tokenOf());
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.#say(error.message);
    } finally {
      this.#enable(true);
    }
  }

  #enable(isEnabled) {
    for (const button of byId("login").querySelectorAll("button")) button.disabled = !isEnabled;
  }

  #say(problem) {
    this.#problem.hidden = problem === null;
    say(this.#problem, problem ?? "");
  }
}

async function pasted(text) {
  const token = text.trim().replace(/^bearer[\s.]+/i, "");
  if (!TOKEN.test(token)) throw new ApiError(null, "That is no token: it has three parts with dots between them.");
  return token;
}
