// Where writes met that did not know of each other: what stands, what lost, and why.

import { get, keyPath, query, Refused, text } from './api.js';
import { h, show } from './dom.js';
import { ago, plural, span, when } from './format.js';
import { failed, open } from './dialog.js';
import { write } from './editor.js';
import { members, pretty } from './json.js';
import { address, read } from './key.js';
import { now } from './node.js';
import { table } from './table.js';
import { curl, environment, line } from './terminal.js';
import { watch } from './watch.js';

const pageSize = 100;

export function conflicts(root) {
  const rows = h('tbody'),
    detail = h('div.panel'),
    lead = h('span.lead'),
    more = h('div.more'),
    error = h('div');
  let prefix = '',
    shown = [],
    next,
    selected = null;
  const search = h('input', {
    type: 'search',
    placeholder: 'Keys that begin with',
    'aria-label': 'Prefix',
    spellcheck: 'false',
    onchange: () => {
      prefix = search.value;
      ask.now();
    },
  });
  const name = (c) => c.key + c.winner.uuid + c.loser.uuid;
  const select = (c) => {
    selected = name(c);
    draw();
    compare(detail, c);
  };
  const draw = () => {
    show(error);
    lead.textContent = shown.length
      ? plural(shown.length, 'conflict') + (next ? ', and older ones' : '') + ' seen by this node'
      : '';
    show(
      rows,
      shown.map((c) =>
        h(
          name(c) === selected ? 'tr.chosen' : 'tr',
          { onclick: () => select(c) },
          h('td.nowrap', { title: when(c.at) }, ago(c.at, now())),
          h('td.mono.break', h('button.link.mono', { type: 'button' }, c.key)),
          h('td', c.winner.origin),
          h('td', c.loser.origin),
          h('td', rule(c)),
        ),
      ),
    );
    show(
      more,
      shown.length === 0 ? h('p.empty', 'No two writes met here that did not know of each other.') : null,
      next ? h('button', { type: 'button', onclick: older }, 'Older ones') : null,
    );
    if (!selected && shown.length) select(shown[0]);
    detail.hidden = shown.length === 0;
  };
  const page = (cursor) => get('/conflicts' + query({ prefix, limit: pageSize, cursor }));
  const older = async () => {
    const got = await page(next);
    shown.push(...got.conflicts);
    next = got.next;
    draw();
  };
  const ask = watch(10_000, async () => {
    try {
      const got = await page();
      if (shown.length > pageSize && got.conflicts.length && name(got.conflicts[0]) === name(shown[0])) return;
      shown = got.conflicts;
      next = got.next;
      draw();
    } catch (e) {
      show(error, failed(e));
    }
  });
  show(
    root,
    h(
      'div.head',
      h('h1', 'Conflicts'),
      lead,
      h('div.actions', h('button.quiet', { type: 'button', onclick: terminal }, 'Terminal')),
    ),
    error,
    h(
      'div.panel',
      h('header', search),
      h('div.scroll.capped', table('conflicts', ['Seen', 'Key', 'Won', 'Lost', 'Because'], rows)),
      more,
    ),
    detail,
  );
  return { stop: ask };
}

// rule is what decided, in words.
function rule(c) {
  if (c.rule === 'timestamp')
    return `the timestamp of ${c.winner.origin} is ${span(c.winner.timestamp - c.loser.timestamp)} newer`;
  if (c.rule === 'joined') return `equal timestamps; ${c.winner.origin} joined the cluster first`;
  return 'equal timestamps and joins; its UUID is the smaller one';
}

// compare shows both versions side by side, as far as this node keeps their values.
async function compare(root, c) {
  const version = async (side) => {
    if (side.deleted) return { deleted: true };
    try {
      return { text: members(await text(keyPath(c.key) + query({ rev: side.uuid }))).get('data') };
    } catch (e) {
      if (!(e instanceof Refused)) throw e;
      return { gone: true };
    }
  };
  show(root, h('p.empty', 'Reading both versions…'));
  try {
    const [winner, loser, current] = await Promise.all([
      version(c.winner),
      version(c.loser),
      read(c.key, { large: true }),
    ]);
    show(
      root,
      h('header', h('h2.mono.break', c.key), h('div.actions', h('a', { href: address(c.key) }, 'Open the key'))),
      h(
        'div.body',
        h(
          'p',
          capital(rule(c)) + '.',
          current.uuid === c.winner.uuid
            ? ''
            : [' The key was written again since: ', h('a', { href: address(c.key) }, 'what stands now'), '.'],
        ),
        h(
          'div.columns.sides',
          side('Won', 'accent', c.winner, winner, c.key),
          side(
            'Lost',
            'warn',
            c.loser,
            loser,
            c.key,
            loser.text === undefined
              ? null
              : h(
                  'button.small',
                  { type: 'button', onclick: () => restore(c, loser, current, () => compare(root, c)) },
                  'Restore this one…',
                ),
          ),
        ),
      ),
    );
  } catch (e) {
    show(root, failed(e));
  }
}

const capital = (s) => s[0].toUpperCase() + s.slice(1);

function side(word, kind, meta, version, key, action = null) {
  return h(
    'section',
    h(
      'div.revision-bar',
      h(
        'span',
        h('span', { class: 'chip ' + kind }, word),
        ' from ',
        h('strong', meta.origin),
        h('span.muted', ' ' + when(meta.timestamp)),
      ),
      action,
    ),
    version.deleted
      ? h('p.notice', 'A delete.')
      : version.gone
        ? h('p.notice', 'This node does not keep its value any more. The node that wrote it may.')
        : h('pre.value', pretty(version.text)),
    h('p.mono.muted.break', meta.uuid),
    version.text === undefined
      ? null
      : h('div.twin', line('curl', curl({ path: keyPath(key) + query({ rev: meta.uuid }) }))),
  );
}

// restore writes what lost as a new version.
function restore(c, loser, current, again) {
  return write({
    key: c.key,
    text: loser.text,
    before: current,
    ttl: '0',
    title: 'Restore what lost at ' + c.key,
    label: 'Restore',
    again,
    intro: h(
      'p',
      'The value that lost becomes a new version. What stands now stays in the history. It is kept without expiry.',
    ),
  });
}

function terminal() {
  open(
    'In a terminal',
    () =>
      h(
        'div.body',
        environment(),
        h('h3', 'This pane'),
        h('div.twin', line('curl', curl({ path: '/conflicts' })), line('kvs', 'kvs conflicts')),
        h('h3', 'One key'),
        h('div.twin', line('kvs', 'kvs conflicts show users/john')),
        h('h3', 'Restore a version'),
        h('div.twin', line('kvs', 'kvs revert users/john UUID')),
      ),
    { wide: true },
  );
}
