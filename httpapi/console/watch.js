// Watching is asking again and again, as seldom as will do: not at all while nobody looks
// at the page, and less often where the rate limit is nearly used up.

import { quota } from './api.js';

const sparse = 40; // requests left of a limit from which on the console holds back

// watch calls ask every period milliseconds, which may be a function, until the returned
// function is called; its now asks at once.
export function watch(period, ask) {
  let timer = 0,
    ended = false,
    busy = false;
  const pause = () =>
    (typeof period === 'function' ? period() : period) * (quota.left !== null && quota.left < sparse ? 4 : 1);
  const tick = async () => {
    clearTimeout(timer);
    if (ended || busy || document.hidden) return;
    busy = true;
    try {
      await ask();
    } finally {
      busy = false;
    }
    if (!ended) timer = setTimeout(tick, pause());
  };
  const wake = () => {
    if (!document.hidden) tick();
  };
  document.addEventListener('visibilitychange', wake);
  tick();
  const stop = () => {
    ended = true;
    clearTimeout(timer);
    document.removeEventListener('visibilitychange', wake);
  };
  stop.now = tick;
  return stop;
}

// Topic holds the newest of something and tells those who want to know.
export class Topic {
  #hearers = new Set();
  value = null;

  tell(value) {
    this.value = value;
    for (const f of this.#hearers) f(value);
  }

  // hear calls f with what is known and with what comes, until the returned function is
  // called.
  hear(f) {
    this.#hearers.add(f);
    if (this.value !== null) f(this.value);
    return () => this.#hearers.delete(f);
  }
}
