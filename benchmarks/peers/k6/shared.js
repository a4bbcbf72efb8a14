// What both modules of k6 do with a delivery.
import { Trend } from 'k6/metrics';

const latency = new Trend('latency');

export const options = {
  scenarios: {
    readers: { executor: 'per-vu-iterations', vus: Number(__ENV.SOCKETS), iterations: 1, maxDuration: '1h' },
  },
  summaryTrendStats: ['p(50)', 'p(99)', 'count'],
};

// Date.now() is whole milliseconds, all that k6 has: the time of sending is cut to them too, so that the cuts even out.
export function taken(text) {
  const at = text.indexOf('sent=');
  if (at >= 0) latency.add(Date.now() - Number(text.slice(at + 5, at + 18)));
}

export function summary(data) {
  const seen = data.metrics.latency;
  return { stdout: JSON.stringify(seen ? seen.values : { count: 0 }) };
}
