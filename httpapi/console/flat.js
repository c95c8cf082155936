// Keys in their order, one a row, as a listing streams them in.

import { lines, query } from './api.js';

export const keysMax = 500_000; // held at once; a narrower prefix shows the others

// Flat loads the keys with a prefix and keeps those that contain a text.
export class Flat {
  keys = [];
  loaded = 0; // keys looked at
  done = false;
  cut = false; // whether there are more than keysMax
  filtered = false; // whether rights hide some
  #abort = new AbortController();

  constructor(prefix, contains) {
    this.prefix = prefix;
    this.contains = contains.toLowerCase();
    this.path = '/kv/_range' + query({ prefix, keys_only: true });
  }

  // load calls changed whenever keys have come.
  async load(changed) {
    const take = (batch) => {
      for (const line of batch) {
        const { key } = JSON.parse(line);
        this.loaded++;
        if (this.contains && !key.toLowerCase().includes(this.contains)) continue;
        if (this.keys.length === keysMax) {
          this.cut = true;
          return this.stop();
        }
        this.keys.push(key);
      }
      changed();
    };
    try {
      await lines(this.path, take, {
        signal: this.#abort.signal,
        onOpen: (answer) => {
          this.filtered = answer.headers.has('KVS-Results-Filtered');
        },
      });
    } catch (e) {
      if (e.name !== 'AbortError') throw e;
      if (!this.cut) return;
    }
    this.done = true;
    changed();
  }

  stop() {
    this.#abort.abort();
  }

  get length() {
    return this.keys.length;
  }
  at(i) {
    return { key: this.keys[i], name: this.keys[i], level: 1 };
  }
}
