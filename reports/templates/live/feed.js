// How the run is doing, for ever: told by the server each second, and asked for where it cannot be told.

const INTERVAL_MS = 1000;
const PATIENCE_MS = 5000;
// Until then an answer is merely slow.
const SILENT_AFTER_MS = 3000;
// Where a stream has brought nothing, as behind a proxy that holds it back, it is tried again after so many answers.
const ANSWERS_BETWEEN_STREAMS = 30;

class Feed {
  #dataUrl;
  #eventsUrl;
  #show;
  #answeredMs = performance.now();
  #problem = null;
  #ending = null;

  /** `eventsUrl` streams what `dataUrl` answers; null where there is no stream. */
  constructor(dataUrl, eventsUrl) {
    [this.#dataUrl, this.#eventsUrl] = [dataUrl, eventsUrl];
  }

  /**
   * Give each answer to `show`, which gives null, or, of the last one, a promise: whoever tells is held until it is
   * kept. `tell` learns each second what is wrong with the feed and since when, or null; after the last answer nothing
   * is.
   */
  async follow(show, tell) {
    this.#show = show;
    const telling = setInterval(() => tell(this.#state()), INTERVAL_MS);
    let answersToCome = 0;
    while (this.#ending === null) {
      if (answersToCome === 0 && this.#eventsUrl !== null) {
        const hasTold = await this.#listen(tell);
        answersToCome = hasTold ? 1 : ANSWERS_BETWEEN_STREAMS;
        if (this.#ending !== null) break;
      }
      const startedMs = performance.now();
      this.#problem = await this.#ask();
      if (this.#problem === null) {
        this.#answeredMs = performance.now();
        answersToCome = Math.max(0, answersToCome - 1);
      }
      tell(this.#state());
      await new Promise((done) => setTimeout(done, startedMs + INTERVAL_MS - performance.now()));
    }
    await this.#ending;
    clearInterval(telling);
    tell(null);
  }

  /** Listen to the stream until it fails, falls silent or has told the last; whether it has told anything. */
  #listen(tell) {
    const source = new EventSource(this.#eventsUrl);
    let toldMs = performance.now();
    let hasTold = false;
    return new Promise((done) => {
      const end = () => {
        clearInterval(watching);
        source.close();
        done(hasTold);
      };
      // A browser tries again by itself where it can; whoever slept, or is cut off without a word, would wait for ever.
      const watching = setInterval(() => {
        if (source.readyState === EventSource.CLOSED || performance.now() - toldMs > PATIENCE_MS) end();
      }, INTERVAL_MS / 4);
      source.onmessage = ({ data }) => {
        [toldMs, hasTold] = [performance.now(), true];
        this.#problem = this.#taken(data, this.#eventsUrl);
        if (this.#problem === null) this.#answeredMs = toldMs;
        tell(this.#state());
        this.#ending?.then(end);
      };
    });
  }

  /** Ask once; what went wrong, or null. */
  async #ask() {
    const url = this.#dataUrl;
    try {
      const response = await fetch(url, { cache: "no-store", signal: AbortSignal.timeout(PATIENCE_MS) });
      if (!response.ok) return `${url} answers ${response.status} instead of figures,`;
      if (response.redirected) return `${url} leads elsewhere (load this page again to log in),`;
      return this.#taken(await response.text(), url);
    } catch {
      return this.#noAnswer();
    }
  }

  /** Show an answer; what is wrong with it, or null. */
  #taken(text, url) {
    try {
      this.#ending = this.#show(JSON.parse(text));
    } catch (error) {
      if (error instanceof SyntaxError) return `${url} answers something else than figures,`;
      reportError(error);
      return `${url} answers what this page does not understand,`;
    }
    return null;
  }

  #state() {
    if (this.#ending !== null) return null;
    const silentMs = performance.now() - this.#answeredMs;
    const what = this.#problem ?? (silentMs > SILENT_AFTER_MS ? this.#noAnswer() : null);
    return what === null ? null : { what: printable(what), since: `since ${elapsed(silentMs / 1000)}; still trying.` };
  }

  #noAnswer() {
    return `no answer from ${this.#dataUrl}`;
  }
}
