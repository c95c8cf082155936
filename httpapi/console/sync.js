// How far the members and this node are apart, and since when.

import { get, query, send } from './api.js';
import { h, show } from './dom.js';
import { ago, bytes, count, plural, short, span } from './format.js';
import { convergence, learn } from './convergence.js';
import { failed, open, toast } from './dialog.js';
import { digestTree } from './digesttree.js';
import { caller, now } from './node.js';
import { table } from './table.js';
import { curl, environment, line } from './terminal.js';
import { watch } from './watch.js';

export function sync(root) {
  if (!caller.admin)
    return void show(
      root,
      h('div.head', h('h1', 'Sync')),
      h('div.notice', 'These are numbers over all records, whoever may read them: they take a token of scope admin.'),
    );
  const lead = h('span.lead'),
    rows = h('tbody'),
    facts = h('div.columns'),
    found = h('div'),
    error = h('div');
  let compared = '';
  const compare = async (peer) => {
    compared = peer;
    show(found, h('div.panel', h('p.empty', 'Comparing with ' + peer + '…')));
    const path = '/sync/diff' + query({ peer, keys: true });
    try {
      const result = await get(path, { within: 120_000 });
      if (compared === peer)
        show(
          found,
          differences(result, path, () => {
            compared = '';
            show(found);
          }),
        );
    } catch (e) {
      show(found, failed(e));
    }
  };
  const draw = (s) => {
    show(error);
    show(
      rows,
      s.peers.length === 0
        ? h('tr', h('td.muted', { colspan: 9 }, 'No other members.'))
        : s.peers.map((p) => row(p, compare, ask.now)),
    );
    show(facts, data(s), collection(s));
    learn(s.converged);
    tell();
  };
  const tell = () =>
    show(
      lead,
      convergence.since
        ? h('span.state.warn', 'apart for ' + span(now() - convergence.since))
        : h('span.state.good', 'all equal' + (convergence.took ? `, after ${span(convergence.took)} apart` : '')),
    );
  const ask = watch(
    () => (convergence.since ? 800 : 2500),
    async () => {
      try {
        draw(await get('/sync/status', { within: 5000 }));
      } catch (e) {
        show(error, failed(e));
      }
    },
  );
  const ticking = setInterval(() => {
    if (convergence.since) tell();
  }, 200);
  show(
    root,
    h(
      'div.head',
      h('h1', 'Sync'),
      lead,
      h(
        'div.actions',
        h('button.primary', { type: 'button', onclick: () => syncNow('', ask.now) }, 'Sync all now'),
        h('button.quiet', { type: 'button', onclick: terminal }, 'Terminal'),
      ),
    ),
    error,
    h(
      'div.panel',
      h(
        'div.scroll',
        table('peers', ['Member', 'State', 'Data', '>It lacks', '>We lack', '>In flight', 'Digest', 'Scrub', ''], rows),
      ),
    ),
    found,
    facts,
  );
  return {
    stop: () => {
      ask();
      clearInterval(ticking);
    },
  };
}

function row(p, compare, again) {
  const [kind, word] = !p.connected ? ['bad', 'not connected'] : p.equal_root ? ['good', 'same'] : ['warn', 'differs'];
  return h(
    'tr',
    h('td', h('strong', p.id)),
    h('td', h('span', { class: 'state ' + (p.state === 'alive' ? 'good' : 'bad') }, p.state)),
    h('td', h('span', { class: 'chip ' + kind }, word)),
    h('td.right', number(p.lacking_dots)),
    h('td.right', number(p.missing_dots), p.oldest_ms ? h('span.muted', ' for ' + span(p.oldest_ms)) : null),
    h('td.right', p.bytes ? bytes(p.bytes) : h('span.muted', '–')),
    h('td.nowrap', ago(p.last_digest, now())),
    h('td.nowrap', ago(p.last_scrub, now())),
    h(
      'td.right.nowrap',
      h('button.quiet.small', { type: 'button', onclick: () => compare(p.id) }, 'Compare'),
      h('button.quiet.small', { type: 'button', onclick: () => syncNow(p.id, again) }, 'Sync now'),
    ),
  );
}

const number = (n) => (n ? h('strong.warn', count(n)) : h('span.muted', '0'));

async function syncNow(peer, again) {
  try {
    const { peers } = await (await send('POST', '/sync/now' + query({ peer }))).json();
    toast(peers.length ? 'Comparing with ' + peers.map((p) => p.id).join(', ') : 'There is nobody to compare with');
    again();
  } catch (e) {
    toast(e.message, 'bad');
  }
}

function differences(d, path, close) {
  return h(
    'div.panel',
    h(
      'header',
      h(
        'h2',
        d.count === 0
          ? `${d.peer} has the same records`
          : `${plural(d.count, 'record')}${d.more ? ' and more' : ''} not alike on ${d.peer}`,
      ),
      h('div.actions', h('button.quiet.icon', { type: 'button', onclick: close, 'aria-label': 'Close' }, '×')),
    ),
    d.count === 0 ? null : digestTree(d.differences),
    h('div.body', h('div.twin', line('curl', curl({ path })), line('kvs', `kvs sync tree ${d.peer}`))),
  );
}

const fact = (name, ...value) => [h('dt', name), h('dd', ...value)];

function data(s) {
  return h(
    'div.panel',
    h('header', h('h2', 'Data of ' + s.node_id)),
    h(
      'div.body',
      h(
        'dl.facts',
        fact('Root', h('code.break', s.root)),
        fact('Over', count(s.keys) + ' keys'),
        fact('Mode', s.mode),
        fact(
          'Copy',
          s.copy.phase === 'none' ? 'none is being made' : s.copy.phase,
          s.copy.reconcile ? ', then records of an earlier life' : '',
        ),
      ),
    ),
  );
}

function collection(s) {
  const c = s.collection;
  return h(
    'div.panel',
    h('header', h('h2', 'Forgetting deletes')),
    h(
      'div.body',
      h(
        'dl.facts',
        fact('Deletes kept', count(c.tombstones)),
        fact('Expiring', plural(c.expiring, 'record')),
        fact(
          'Waits for',
          c.blocked_by.length
            ? h(
                'span.warn',
                c.blocked_by.map((p) => p.id || short(p.replica)).join(', ') +
                  ', since ' +
                  ago(c.blocked_since_ms, now()),
              )
            : 'nobody',
        ),
        fact(
          'Copies taken',
          c.pins
            ? plural(c.pins, 'copy', 'copies') + ' from this node; meanwhile it forgets nothing'
            : 'none from this node',
        ),
      ),
    ),
  );
}

function terminal() {
  open(
    'In a terminal',
    () =>
      h(
        'div.body',
        environment(),
        h('h3', 'This pane'),
        h('div.twin', line('curl', curl({ path: '/sync/status' })), line('kvs', 'kvs sync status')),
        h('h3', 'Sync all now'),
        h('div.twin', line('curl', curl({ method: 'POST', path: '/sync/now' })), line('kvs', 'kvs sync now')),
        h('h3', 'Wait until all are equal'),
        h('div.twin', line('kvs', 'kvs sync wait --timeout 10s')),
      ),
    { wide: true },
  );
}
