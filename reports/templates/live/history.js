// What is known of a run, interval by interval: an answer tells the whole of it, or what is new.

class History {
  #runId = null;
  #rows = new Map();

  /** Take in the series of a document; another run than the one before starts anew, as does the whole of one. */
  add({ run, series }, isWhole) {
    const runId = run?.id ?? null;
    if (isWhole || runId !== this.#runId) this.forget();
    this.#runId = runId;
    (series?.t_s ?? []).forEach((second, i) => {
      const row = { t_s: second, length_s: series.interval_s ?? 1 };
      for (const key of SERIES) row[key] = series[key]?.[i] ?? null;
      this.#rows.set(second, row);
    });
  }

  forget() {
    this.#rows.clear();
  }

  /** The last seconds, or all where `spanS` is null, rising: [{t_s, length_s, ...SERIES}]. What was not seen has no row. */
  last(spanS) {
    const rows = [...this.#rows.values()].sort((a, b) => a.t_s - b.t_s);
    if (spanS === null || rows.length === 0) return rows;
    const fromS = endOf(rows.at(-1)) - spanS;
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
