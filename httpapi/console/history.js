// What a key was, as far as this node keeps it.

import { keyPath, query, text } from './api.js';
import { h, show } from './dom.js';
import { ago, when } from './format.js';
import { diff } from './diff.js';
import { write } from './editor.js';
import { elements, members, pretty } from './json.js';
import { now } from './node.js';
import { read } from './key.js';
import { table } from './table.js';
import { curl, line, quoted } from './terminal.js';

const kept = 100; // versions asked for

export async function history(root, key, r, again) {
  const path = keyPath(key) + query({ revisions: kept });
  const all = elements(members(await text(path)).get('revisions')).map(revision);
  const current = all.find((v) => v.state === 'current');
  const shown = h('div.revision-shown'),
    rows = h('tbody');
  const select = (v, row) => {
    for (const other of rows.children) other.classList.toggle('chosen', other === row);
    show(
      shown,
      v.deleted
        ? h('p.muted', 'Deleted here.')
        : v.text === undefined
          ? h('p.muted', 'Its value is not in this answer: more than 4 MiB are before it.')
          : [
              h(
                'div.revision-bar',
                h('h3', v === current ? 'The value that stands' : 'From what stands to this version'),
                v === current
                  ? null
                  : h('button.small', { type: 'button', onclick: () => revert(key, r, v, again) }, 'Revert to this…'),
              ),
              v === current
                ? h('pre.value', pretty(v.text))
                : diff(current && current.text !== undefined ? pretty(current.text) : '', pretty(v.text)),
            ],
    );
  };
  show(
    root,
    all.length === 0
      ? h('p.empty', 'This node keeps no older versions of it.')
      : h('div.scroll', table('revisions', ['Written', 'On', 'Became', 'Version'], rows)),
    shown,
    h('div.twin.below', line('curl', curl({ path })), line('kvs', 'kvs history ' + quoted(key))),
  );
  show(
    rows,
    all.map((v) => {
      const row = h(
        'tr',
        { onclick: () => select(v, row) },
        h('td.nowrap', h('button.link', { type: 'button', title: when(v.timestamp) }, ago(v.timestamp, now()))),
        h('td', v.origin),
        h(
          'td',
          h('span', { class: 'chip ' + (v.state === 'current' ? 'accent' : v.conflict ? 'warn' : '') }, became(v)),
        ),
        h('td.mono.break', v.uuid),
      );
      return row;
    }),
  );
  if (rows.children.length) select(all[0], rows.children[0]);
}

function revision(source) {
  const all = members(source);
  const field = (name) => (all.has(name) ? JSON.parse(all.get(name)) : undefined);
  return {
    text: all.get('data'),
    uuid: field('uuid'),
    timestamp: field('timestamp'),
    origin: field('origin'),
    deleted: field('deleted'),
    state: field('state'),
    conflict: field('conflict'),
    rule: field('rule'),
  };
}

function became(v) {
  const word =
    { current: 'stands', replaced: 'replaced', late: 'came late', unplaced: 'of before' }[v.state] || v.state;
  return (v.deleted ? 'delete, ' : '') + word + (v.conflict ? ', in conflict' : '');
}

// revert writes an old value as a new version.
export async function revert(key, r, v, again) {
  const before = r.large ? await read(key, { large: true }) : r;
  await write({
    key,
    text: v.text,
    before,
    ttl: '0',
    title: 'Revert ' + key,
    label: 'Revert',
    again,
    intro: h(
      'p',
      'The old value becomes a new version; what stands now stays in the history. It is kept without expiry.',
    ),
  });
}
