// An hour of what /metrics says, gathered by the page itself while it is open.

import { text } from './api.js';
import { caller } from './node.js';
import { Topic, watch } from './watch.js';

const period = 5000; // milliseconds between samples
const samplesMax = 720; // an hour

// samples tells the ring of samples, oldest first. A sample is {at, values}, with the sums
// that the charts need by name.
export const samples = new Topic();
export const missing = new Topic(); // why there are none

// parse reads the text format of Prometheus: name to a list of {labels, value}.
export function parse(body) {
  const out = new Map();
  for (const row of body.split('\n')) {
    const found = /^(\w+)(?:\{(.*)\})? (\S+)/.exec(row);
    if (!found) continue;
    const labels = {};
    for (const [, name, value] of (found[2] || '').matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)) labels[name] = value;
    if (!out.has(found[1])) out.set(found[1], []);
    out.get(found[1]).push({ labels, value: Number(found[3]) });
  }
  return out;
}

// keep sums what the charts need: counters by a label, and buckets of histograms.
export function keep(all) {
  const sums = {};
  const add = (name, label, out) => {
    for (const { labels, value } of all.get(name) || []) {
      const key = out + (label ? ' ' + labels[label] : '');
      sums[key] = (sums[key] || 0) + value;
    }
  };
  const buckets = (name, out, by) => {
    for (const { labels, value } of all.get(name + '_bucket') || []) {
      const key = (by ? out + ' ' + labels[by] : out) + ' le ' + labels.le;
      sums[key] = (sums[key] || 0) + value;
    }
  };
  add('kvs_http_requests_total', 'class', 'requests');
  add('kvs_writes_total', 'origin', 'writes');
  add('kvs_peer_bytes_total', 'dir', 'peer');
  buckets('kvs_http_request_duration_seconds', 'request');
  buckets('kvs_storage_commit_seconds', 'commit');
  buckets('kvs_replication_lag_seconds', 'lag', 'peer');
  return sums;
}

// perSecond is how fast a counter grew between two samples, null where it began anew.
export function perSecond(before, after, name) {
  const grown = (after.values[name] || 0) - (before.values[name] || 0);
  return grown < 0 ? null : (grown / (after.at - before.at)) * 1000;
}

// quantile is that of what a histogram counted between two samples, null for nothing.
export function quantile(before, after, name, q) {
  const start = name + ' le ';
  const bounds = Object.keys(after.values)
    .filter((k) => k.startsWith(start))
    .map((k) => k.slice(start.length))
    .map((le) => [
      le === '+Inf' ? Infinity : Number(le),
      (after.values[start + le] || 0) - (before.values[start + le] || 0),
    ])
    .sort((a, b) => a[0] - b[0]);
  const all = bounds.length ? bounds[bounds.length - 1][1] : 0;
  if (all <= 0) return null;
  let low = 0,
    below = 0;
  for (const [bound, upTo] of bounds) {
    if (upTo >= q * all) {
      if (bound === Infinity) return low;
      return low + (bound - low) * ((q * all - below) / Math.max(upTo - below, 1e-9));
    }
    [low, below] = [bound, upTo];
  }
  return low;
}

let stop = null;

// gather begins to take samples; drop ends it and forgets them.
export function gather() {
  drop();
  if (!caller.admin) return;
  const ring = [];
  stop = watch(period, async () => {
    try {
      ring.push({ at: Date.now(), values: keep(parse(await text('/metrics'))) });
      if (ring.length > samplesMax) ring.shift();
      missing.tell(false);
      samples.tell(ring);
    } catch (e) {
      missing.tell(e);
    }
  });
}

export function drop() {
  if (stop) stop();
  stop = null;
  samples.value = null;
}
