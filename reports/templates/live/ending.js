// The run is over and its report is written: the page shows the report, and keeps it when the server is gone.

class Ending {
  constructor() {
    byId("view-report").addEventListener("click", () => this.#view(true));
    byId("view-live").addEventListener("click", () => this.#view(false));
  }

  /** Have the report loaded, then show it; where it cannot be had, the page stays as it is. */
  async take(url) {
    try {
      const response = await fetch(url, { signal: AbortSignal.timeout(PATIENCE_MS) });
      if (!response.ok) return;
      byId("save-report").href = URL.createObjectURL(await response.blob());
    } catch {
      return;
    }
    byId("ending").hidden = false;
    this.#view(true);
    await this.#loaded(byId("report-page"), url);
  }

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
