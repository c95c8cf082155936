// The frame: who is signed in, which pane is shown, keys and colours.

import { session } from './api.js';
import { h, show, put } from './dom.js';
import { count } from './format.js';
import * as node from './node.js';
import { follow } from './convergence.js';
import { failed, open } from './dialog.js';
import { signIn } from './signin.js';
import { shortcuts } from './shortcuts.js';
import { themeButton } from './theme.js';
import { cluster } from './cluster.js';
import { sync } from './sync.js';
import { keys } from './keys.js';
import { live } from './live.js';
import { conflicts } from './conflicts.js';
import { metrics } from './metrics.js';
import { access } from './access.js';
import { ops } from './ops.js';
import { lab } from './lab.js';
import { drop, gather } from './series.js';

// panes in the order of the rail: what the address calls them, their names, and the key
// that leads there after g. Each is a function that fills an element and returns what
// ends it.
const panes = [
  { id: 'cluster', name: 'Cluster', key: 'c', run: cluster },
  { id: 'sync', name: 'Sync', key: 's', run: sync },
  { id: 'keys', name: 'Keys', key: 'k', run: keys },
  { id: 'live', name: 'Live', key: 'l', run: live },
  { id: 'conflicts', name: 'Conflicts', key: 'x', run: conflicts },
  { id: 'metrics', name: 'Metrics', key: 'm', run: metrics },
  { id: 'access', name: 'Access', key: 'a', run: access },
  { id: 'ops', name: 'Operations', key: 'o', run: ops },
];
// The nodes of a demo say so in the page: they may be broken.
if ('lab' in document.body.dataset) panes.push({ id: 'lab', name: 'Lab', key: 'b', run: lab });

const main = document.getElementById('main');
let shown = null,
  leave = () => {};

// takeToken reads a token from the address and takes it out of there, so that neither the
// history nor a copied address has it.
function takeToken() {
  const given = /^#token=(.*)$/.exec(location.hash);
  if (!given) return;
  if (given[1]) session.keep(decodeURIComponent(given[1]));
  history.replaceState(null, '', location.pathname + '#/cluster');
}

// place is what the address names: the id of a pane, and the rest for the pane itself.
function place() {
  const [, id = '', rest = ''] = /^#\/(\w+)\/?(.*)$/.exec(location.hash) || [];
  return { pane: panes.find((p) => p.id === id) || panes[0], rest };
}

function route() {
  takeToken();
  const { pane, rest } = place();
  if (shown && shown.pane === pane && shown.move) return shown.move(rest);
  leave();
  document.title = pane.name + ' · kvs console';
  drawNav(pane);
  const root = h('section', { 'aria-label': pane.name });
  show(main, root);
  window.scrollTo(0, 0);
  const running = pane.run(root, rest) || {};
  shown = { pane, move: running.move };
  leave = running.stop || (() => {});
}

// drawNav shows the ways to the panes, to who is signed in.
function drawNav(current) {
  show(
    document.getElementById('nav'),
    (current ? panes : []).map((p) =>
      h(
        'a',
        { href: '#/' + p.id, 'aria-current': p === current ? 'page' : null },
        p.name,
        h('kbd', { 'aria-hidden': 'true' }, 'g ' + p.key),
      ),
    ),
  );
  document.querySelector('#nav [aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
}

let forget = () => {}; // ends the foot of who was signed in before

function drawFoot() {
  forget();
  const name = h('strong'),
    mode = h('span.chip'),
    keyCount = h('span.muted.count', { title: "live keys on this node, the system's own included" });
  forget = node.status.hear((s) => {
    put(name, s.node_id);
    name.title = 'the node that serves this page';
    const [kind, word] =
      s.status !== 'ok' ? ['warn', s.status] : s.mode !== 'normal' ? ['warn', s.mode] : ['good', 'ok'];
    mode.className = 'chip ' + kind;
    mode.title = (s.reasons || []).join('; ');
    put(mode, word);
    put(keyCount, s.sync ? count(s.sync.keys) + ' keys' : '');
  });
  show(
    document.getElementById('foot'),
    h('div.who', name, h('span', mode), keyCount),
    h(
      'div.row',
      themeButton(),
      h(
        'button.quiet.icon',
        { type: 'button', title: 'Keyboard and help (?)', 'aria-label': 'Help', onclick: help },
        '?',
      ),
      node.caller.auth ? h('button.quiet.small', { type: 'button', onclick: signOut }, 'Sign out') : null,
    ),
  );
}

function signOut() {
  session.keep('');
  begin();
}

function help() {
  open('Keyboard', () =>
    h(
      'div.body',
      h(
        'dl.facts',
        panes.map((p) => [h('dt', h('kbd', 'g'), ' ', h('kbd', p.key)), h('dd', p.name)]),
        h('dt', h('kbd', '/')),
        h('dd', 'search or filter'),
        h('dt', h('kbd', 'j'), ' ', h('kbd', 'k'), ' ', h('kbd', 'Enter')),
        h('dd', 'down, up and open in a list; arrows do the same'),
        h('dt', h('kbd', 'r')),
        h('dd', 'ask the node at once'),
        h('dt', h('kbd', 't')),
        h('dd', 'light or dark'),
        h('dt', h('kbd', 'Esc')),
        h('dd', 'close, or leave a field'),
        h('dt', h('kbd', '?')),
        h('dd', 'this'),
      ),
      h(
        'p.muted',
        'The console asks this node alone, with the token of this tab. ',
        h('a', { href: '/docs', target: '_blank', rel: 'noreferrer' }, 'The API it uses'),
      ),
    ),
  );
}

function drawBanner() {
  const banner = document.getElementById('banner');
  node.failure.hear((e) => {
    banner.hidden = !e;
    main.classList.toggle('stale', !!e);
    if (!e) return;
    banner.className = 'banner bad';
    show(
      banner,
      h('strong', e.message[0].toUpperCase() + e.message.slice(1)),
      e.setting ? [' (', h('code', e.setting), ')'] : null,
      e.try ? '. Try: ' + e.try : '',
    );
  });
}

// begin finds out who asks, and shows the pane of the address or the way to sign in.
async function begin() {
  takeToken();
  leave();
  leave = () => {};
  shown = null;
  node.end();
  drop();
  try {
    await node.identify();
  } catch (e) {
    drawNav(null);
    show(document.getElementById('foot'), h('div.row', themeButton()));
    show(
      main,
      e.status === 401
        ? signIn(e, session.token !== '', begin)
        : [failed(e), h('p', h('button', { type: 'button', onclick: begin }, 'Try again'))],
    );
    return;
  }
  drawFoot();
  node.begin();
  gather();
  route();
}

session.whenRefused(() => {
  if (shown) begin();
});
addEventListener('hashchange', () => (shown ? route() : begin()));
shortcuts(panes, { help, refresh: () => node.refresh() });
drawBanner();
follow();
begin();
