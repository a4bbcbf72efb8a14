// What was seen of a run, second by second: a snapshot tells the last minutes alone.

class History {
  #runId = null;
  #rows = new Map();

  /** Take in the series of a document; another run than the one before starts anew. */
  add({ run, series }) {
    const runId = run?.id ?? null;
    if (runId !== this.#runId) this.forget();
    this.#runId = runId;
    (series?.t_s ?? []).forEach((second, i) => {
      const row = { t_s: second };
      for (const key of SERIES) row[key] = series[key]?.[i] ?? null;
      this.#rows.set(second, row);
    });
  }

  forget() {
    this.#rows.clear();
  }

  /** The last seconds, or all where `spanS` is null, rising: [{t_s, ...SERIES}]. What was not seen has no row. */
  last(spanS) {
    const rows = [...this.#rows.values()].sort((a, b) => a.t_s - b.t_s);
    if (spanS === null || rows.length === 0) return rows;
    const fromS = rows.at(-1).t_s + 1 - spanS;
    return rows.slice(rows.findIndex((row) => row.t_s >= fromS));
  }
}

const SERIES = [
  "delivery_time_p50_ms",
  "delivery_time_p90_ms",
  "delivery_time_p99_ms",
  "deliveries_received",
  "connections",
];
