// The run is over and its report is written: the page shows the report, and keeps it when the server is gone.

class Ending {
  #url = null;

  constructor() {
    byId("view-report").addEventListener("click", () => this.#view(true));
    byId("view-live").addEventListener("click", () => this.#view(false));
  }

  /** Show the report at `url` once it is there, where the server stays; with null there is none, or none any more. */
  follow(url) {
    if (url === this.#url) return;
    this.#url = url;
    if (url !== null) {
      this.take(url);
      return;
    }
    byId("ending").hidden = true;
    this.#view(false);
  }

  /**
   * Show the report, once for reading and once for saving; where it cannot be had, the page stays as it was. Both are
   * asked for at once, since the server waits for us a moment only.
   */
  async take(url) {
    this.#view(true);
    try {
      const [report] = await Promise.all([this.#asked(url), this.#loaded(byId("report-page"), url)]);
      URL.revokeObjectURL(byId("save-report").href);
      byId("save-report").href = URL.createObjectURL(report);
      byId("ending").hidden = false;
    } catch {
      this.#view(false);
    }
  }

  async #asked(url) {
    const response = await fetch(url, { signal: AbortSignal.timeout(PATIENCE_MS) });
    if (!response.ok) throw new Error(`${url} answers ${response.status}`);
    return response.blob();
  }

  /** A frame says that it has loaded, be it that nobody answered. */
  #loaded(frame, url) {
    return new Promise((done) => {
      frame.addEventListener("load", done, { once: true });
      setTimeout(done, PATIENCE_MS);
      frame.src = url;
    });
  }

  #view(isReport) {
    document.body.classList.toggle("reporting", isReport);
    byId("report-view").hidden = !isReport;
    byId("live-view").hidden = isReport;
    byId("view-report").setAttribute("aria-pressed", isReport);
    byId("view-live").setAttribute("aria-pressed", !isReport);
  }
}
