// What changes, as it happens.

import { lines, query } from './api.js';
import { h, put, show } from './dom.js';
import { clock, count, plural, rate, span } from './format.js';
import { open } from './dialog.js';
import { members } from './json.js';
import { address } from './key.js';
import { now } from './node.js';
import { table } from './table.js';
import { curl, environment, line, quoted } from './terminal.js';

const shownMax = 400,
  lagsMax = 200;
const kept = { prefix: '', values: true };

// Feed follows the changes with a prefix, and goes on from its cursor when the
// connection ends.
class Feed {
  #abort = null;
  #cursor = 'now';
  #again = 0;

  constructor(prefix, values, { onChange, onState }) {
    this.path = (since) =>
      '/changes' + query({ feed: 'continuous', since, prefix, include: values ? 'value' : undefined, heartbeat: '5s' });
    this.onChange = onChange;
    this.onState = onState;
  }

  async start() {
    this.#abort = new AbortController();
    this.onState('warn', 'connecting');
    try {
      await lines(this.path(this.#cursor), (batch) => batch.forEach((text) => this.#take(text)), {
        signal: this.#abort.signal,
        onOpen: () => this.onState('good', 'following'),
      });
      this.#later('the feed ended');
    } catch (e) {
      if (e.name === 'AbortError') return;
      if (e.code === 'cursor-expired') this.#cursor = 'now';
      this.#later(e.message);
    }
  }

  #later(why) {
    this.onState('bad', why + '; trying again');
    this.#again = setTimeout(() => this.start(), 1500);
  }

  #take(text) {
    const all = members(text);
    const field = (name) => (all.has(name) ? JSON.parse(all.get(name)) : '');
    const op = field('op');
    if (field('cursor')) this.#cursor = field('cursor');
    if (op === 'reset') this.#cursor = 'now';
    if (op === 'synced' || op === 'heartbeat') return;
    this.onChange({
      op,
      key: field('key'),
      timestamp: field('timestamp') || 0,
      came: now(),
      data: all.get('data') ?? '',
      reason: field('reason'),
    });
  }

  stop() {
    clearTimeout(this.#again);
    this.#abort?.abort();
  }
}

export function live(root) {
  let feed,
    paused = false,
    changes = [],
    waiting = [],
    total = 0,
    dirty = true,
    recent = [];
  const state = h('span.state.warn', 'connecting'),
    lead = h('span.lead'),
    rows = h('tbody');
  const pause = h('button', { type: 'button', onclick: () => setPaused(!paused) }, 'Pause');
  const prefix = h('input', {
    type: 'search',
    value: kept.prefix,
    placeholder: 'Prefix, such as users/',
    'aria-label': 'Prefix',
    spellcheck: 'false',
    onchange: () => {
      kept.prefix = prefix.value;
      begin();
    },
  });
  const values = h('input', {
    type: 'checkbox',
    checked: kept.values,
    onchange: () => {
      kept.values = values.checked;
      begin();
    },
  });

  function begin() {
    feed?.stop();
    feed = new Feed(kept.prefix, kept.values, {
      onChange: (c) => {
        total++;
        (paused ? waiting : changes).unshift(c);
        recent.push(c.came);
        trim();
        dirty = true;
      },
      onState: (kind, word) => {
        state.className = 'state ' + kind;
        put(state, word);
      },
    });
    feed.start();
  }

  const trim = () => {
    if (changes.length > shownMax) changes.length = shownMax;
    if (waiting.length > shownMax) waiting.length = shownMax;
  };

  function setPaused(on) {
    paused = on;
    put(pause, on ? 'Go on' : 'Pause');
    pause.classList.toggle('primary', on);
    if (!on) {
      changes = [...waiting, ...changes];
      waiting = [];
      trim();
    }
    dirty = true;
  }

  function paint() {
    recent = recent.filter((t) => now() - t < 5000);
    const lags = changes
      .filter((c) => c.op === 'put' || c.op === 'delete')
      .slice(0, lagsMax)
      .map(lag)
      .sort((a, b) => a - b);
    const at = (q) => span(lags[Math.min(lags.length - 1, Math.floor(lags.length * q))]);
    put(
      lead,
      (total ? `${count(total)} so far, ${rate(recent.length / 5)} a second` : 'nothing yet') +
        (lags.length ? `; lag ${at(0.5)}, 99th of 100 ${at(0.99)}` : '') +
        (waiting.length ? `; ${plural(waiting.length, 'new one')} waiting` : ''),
    );
    if (!dirty) return;
    dirty = false;
    show(
      rows,
      changes.length
        ? changes.map(row)
        : h('tr', h('td.muted', { colspan: 5 }, 'Nothing has changed since this pane was opened.')),
    );
  }

  show(
    root,
    h(
      'div.head',
      h('h1', 'Live'),
      state,
      lead,
      h('div.actions', h('button.quiet', { type: 'button', onclick: () => terminal(kept.prefix) }, 'Terminal')),
    ),
    h(
      'div.panel',
      h(
        'header',
        prefix,
        h('label.check', values, 'Values'),
        h(
          'div.actions',
          pause,
          h(
            'button.quiet',
            {
              type: 'button',
              onclick: () => {
                changes = [];
                waiting = [];
                total = 0;
                dirty = true;
                paint();
              },
            },
            'Clear',
          ),
        ),
      ),
      h('div.scroll', table('changes', ['Time', 'What', 'Key', '>Lag', 'Value'], rows)),
    ),
  );
  begin();
  const painting = setInterval(paint, 250);
  return {
    stop: () => {
      feed.stop();
      clearInterval(painting);
    },
  };
}

// lag is how old a write was when it was shown here. An expiry has none.
const lag = (c) => Math.max(0, c.came - c.timestamp);

function row(c) {
  const kind = { put: 'accent', delete: 'bad', expire: 'warn', damaged: 'bad', reset: 'warn' }[c.op] || '';
  return h(
    'tr',
    h('td.mono.nowrap', clock(c.came)),
    h('td', h('span', { class: 'chip ' + kind }, c.op)),
    h('td.mono.break', c.key ? h('a', { href: address(c.key) }, c.key) : h('span.muted', c.reason)),
    h('td.right.nowrap', c.op === 'put' || c.op === 'delete' ? span(lag(c)) : h('span.muted', '–')),
    h('td.mono.cut', { title: c.data.length > 60 ? c.data.slice(0, 2000) : null }, c.data.slice(0, 300)),
  );
}

function terminal(prefix) {
  open(
    'In a terminal',
    () =>
      h(
        'div.body',
        environment(),
        h(
          'div.twin',
          line(
            'curl',
            curl({ path: '/changes' + query({ feed: 'continuous', prefix, include: 'value' }), stream: true }),
          ),
          line('kvs', 'kvs watch ' + (prefix ? quoted(prefix) : '')),
        ),
      ),
    { wide: true },
  );
}
