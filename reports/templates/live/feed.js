// Asks how the run is doing, each second and for ever.

const INTERVAL_MS = 1000;
const PATIENCE_MS = 5000;
// Until then an answer is merely slow.
const SILENT_AFTER_MS = 3000;

class Feed {
  #url;
  #answeredMs = performance.now();
  #problem = null;

  constructor(url) {
    this.#url = url;
  }

  /** Give each answer to `show`; `tell` learns each second what is wrong with the feed and since when, or null. */
  async follow(show, tell) {
    setInterval(() => tell(this.#state()), INTERVAL_MS);
    for (;;) {
      const startedMs = performance.now();
      this.#problem = await this.#ask(show);
      if (this.#problem === null) this.#answeredMs = performance.now();
      tell(this.#state());
      await new Promise((done) => setTimeout(done, startedMs + INTERVAL_MS - performance.now()));
    }
  }

  /** Ask once; what went wrong, or null. */
  async #ask(show) {
    let answer;
    try {
      const response = await fetch(this.#url, { cache: "no-store", signal: AbortSignal.timeout(PATIENCE_MS) });
      if (!response.ok) return `${this.#url} answers ${response.status} instead of figures,`;
      if (response.redirected) return `${this.#url} leads elsewhere (load this page again to log in),`;
      answer = await response.json();
    } catch (error) {
      if (error instanceof SyntaxError) return `${this.#url} answers something else than figures,`;
      return this.#noAnswer();
    }
    try {
      show(answer);
    } catch (error) {
      reportError(error);
      return `${this.#url} answers what this page does not understand,`;
    }
    return null;
  }

  #state() {
    const silentMs = performance.now() - this.#answeredMs;
    const what = this.#problem ?? (silentMs > SILENT_AFTER_MS ? this.#noAnswer() : null);
    return what === null ? null : { what: printable(what), since: `since ${elapsed(silentMs / 1000)}; still trying.` };
  }

  #noAnswer() {
    return `no answer from ${this.#url}`;
  }
}
