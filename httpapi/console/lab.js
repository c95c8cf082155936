// Breaking the nodes of a demo, and watching what becomes of it. Only a demo has this pane.

import { get, send } from './api.js';
import { h, show } from './dom.js';
import { failed, open, toast } from './dialog.js';
import { count, span } from './format.js';
import { caller, status } from './node.js';
import { table } from './table.js';
import { curl, environment, line } from './terminal.js';
import { watch } from './watch.js';

const SKEW_MS = 5000;

export function lab(root) {
  if (!caller.admin)
    return void show(root, h('div.head', h('h1', 'Lab')), h('div.notice', 'This is for tokens of scope admin.'));
  const lead = h('span.lead'),
    rows = h('tbody'),
    happened = h('ol.events'),
    writers = h('button', { type: 'button', onclick: () => act({ verb: 'writers', on: !writing }) }),
    error = h('div');
  let writing = false,
    drawn = '';
  const act = async (ask) => {
    try {
      await send('POST', '/lab', { body: JSON.stringify(ask) });
    } catch (e) {
      toast(e.message, 'bad');
    }
    look.now();
  };
  const draw = (s) => {
    show(error);
    const now = JSON.stringify(s);
    if (now === drawn) return; // what has the focus keeps it
    drawn = now;
    writing = s.writers;
    show(writers, s.writers ? 'Stop the writers' : 'Let all write');
    show(
      lead,
      h('span', { class: 'state ' + (s.equal ? 'good' : 'warn') }, s.equal ? 'all equal' : 'not all are there and equal'),
    );
    const self = status.value?.node_id;
    keepFocus(rows, () => show(rows, s.nodes.map((n) => row(n, n.name === self, act))));
    show(
      happened,
      s.events.toReversed().map((e) => h('li', h('time.mono', clock(e.at)), ' ', e.text)),
    );
  };
  const look = watch(500, async () => {
    try {
      draw(await get('/lab', { within: 5000 }));
    } catch (e) {
      show(error, failed(e));
    }
  });
  show(
    root,
    h(
      'div.head',
      h('h1', 'Lab'),
      lead,
      h(
        'div.actions',
        h('button', { type: 'button', onclick: () => act({ verb: 'conflict' }) }, 'Make a conflict'),
        writers,
        h('button.quiet', { type: 'button', onclick: terminal }, 'Terminal'),
      ),
    ),
    error,
    h('div.panel', h('div.scroll', table('lab', ['Node', 'State', '>Keys', 'Data', 'Clock', ''], rows))),
    h('div.panel', h('header', h('h2', 'What has happened')), h('div.body', happened)),
  );
  return { stop: look };
}

function row(n, self, act) {
  const button = (place, verb, text, more = {}, off = '') =>
    h(
      'button.quiet.small',
      {
        type: 'button',
        'data-place': n.name + ' ' + place,
        disabled: off !== '',
        title: off,
        onclick: () => act({ verb, node: n.name, ...more }),
      },
      text,
    );
  const killed = n.state === 'killed',
    cut = n.state === 'cut off',
    own = self ? 'this node serves the page' : '';
  return h(
    'tr',
    h('td', self ? h('strong', n.name) : h('a', { href: n.url + '/console/', target: '_blank', rel: 'noreferrer' }, n.name)),
    h('td', h('span', { class: 'chip ' + (killed ? 'bad' : cut ? 'warn' : 'good') }, n.state)),
    h('td.right', killed ? '–' : count(n.keys)),
    h('td.mono', killed ? '–' : n.root.slice(0, 8)),
    h('td.nowrap', n.skew_ms ? h('span.warn', span(Math.abs(n.skew_ms)) + (n.skew_ms > 0 ? ' ahead' : ' behind')) : 'right'),
    h(
      'td.right.nowrap',
      cut ? button('link', 'heal', 'Heal') : button('link', 'cut', 'Cut off', {}, killed ? 'it is killed' : ''),
      n.skew_ms
        ? button('clock', 'skew', 'Set the clock right', { by: 0 })
        : button('clock', 'skew', `Clock ${span(SKEW_MS)} ahead`, { by: SKEW_MS * 1e6 }),
      killed ? button('life', 'restart', 'Start again') : button('life', 'kill', 'Kill', {}, own),
    ),
  );
}

// keepFocus draws rows anew, and gives the focus to the button where it was.
function keepFocus(rows, drawRows) {
  const had = rows.contains(document.activeElement) ? document.activeElement.dataset.place : '';
  drawRows();
  if (had) rows.querySelector(`[data-place="${CSS.escape(had)}"]`)?.focus();
}

const clock = (at) => new Date(at).toLocaleTimeString([], { hour12: false }) + '.' + String(at % 1000).padStart(3, '0');

function terminal() {
  open(
    'In a terminal',
    () =>
      h(
        'div.body',
        environment(),
        h('h3', 'Break it'),
        h(
          'div.twin',
          line('curl', curl({ method: 'POST', path: '/lab', body: '{"verb":"cut","node":"gamma"}' })),
          line('kvs', 'kvs demo cut gamma'),
          line('kvs', 'kvs demo kill gamma'),
          line('kvs', 'kvs demo skew gamma 5s'),
          line('kvs', 'kvs demo conflict'),
        ),
        h('h3', 'Mend it'),
        h('div.twin', line('kvs', 'kvs demo heal'), line('kvs', 'kvs demo restart gamma'), line('kvs', 'kvs sync wait')),
      ),
    { wide: true },
  );
}
