// One key: its value, its history, its rights, and why it is what it is.

import { h, show } from './dom.js';
import { ago, bytes, span, when } from './format.js';
import { failed } from './dialog.js';
import { read } from './key.js';
import { caller, now } from './node.js';
import { editor } from './editor.js';
import { history } from './history.js';
import { rights } from './rights.js';
import { why } from './why.js';
import { copyKey, deleteKey, moveKey } from './keyactions.js';

// record shows a key until the returned function is called.
export function record(root, key, { changed }) {
  const abort = new AbortController();
  const title = h('h2.break.mono', key),
    meta = h('div.record-meta'),
    body = h('div.record-body');
  const tabs = [
    ['value', 'Value'],
    ['history', 'History'],
    ...(caller.auth ? [['rights', 'Rights']] : []),
    ['why', 'Why'],
  ];
  let tab = 'value',
    stopTab = () => {};
  const select = (id) => {
    tab = id;
    load();
  };
  const tabRow = h(
    'div.segments',
    { role: 'tablist', 'aria-label': 'About this key' },
    tabs.map(([id, name]) =>
      h(
        'button.small',
        {
          type: 'button',
          role: 'tab',
          'data-tab': id,
          onclick: () => select(id),
        },
        name,
      ),
    ),
  );
  const actions = h('div.actions');
  show(
    root,
    h('header', h('a.back', { href: '#/keys', 'aria-label': 'Back to the list' }, '‹'), title),
    h('div.record-bar', tabRow, actions),
    meta,
    body,
  );

  let loads = 0; // of several at once the last one draws

  async function load(large = false) {
    const turn = ++loads;
    stopTab();
    for (const b of tabRow.children) b.setAttribute('aria-selected', String(b.dataset.tab === tab));
    try {
      const r = await read(key, { large, signal: abort.signal });
      if (abort.signal.aborted || turn !== loads) return;
      drawMeta(r);
      // The list is another one only where the key came or went.
      const again = () => {
        load();
        if (r.absent) changed();
      };
      show(
        actions,
        r.absent
          ? null
          : [
              h('button.quiet.small', { type: 'button', onclick: () => copyKey(key, changed) }, 'Copy…'),
              h('button.quiet.small', { type: 'button', onclick: () => moveKey(key, r, changed) }, 'Move…'),
              h(
                'button.quiet.small.bad',
                {
                  type: 'button',
                  onclick: () =>
                    deleteKey(key, r, () => {
                      load();
                      changed();
                    }),
                },
                'Delete…',
              ),
            ],
      );
      const panes = {
        value: () => value(r, again),
        history: () => history(body, key, r, again),
        rights: () => rights(body, key),
        why: () => why(body, key),
      };
      stopTab = (await panes[tab]()) || (() => {});
    } catch (e) {
      if (e.name !== 'AbortError') show(body, failed(e));
    }
  }

  function value(r, again) {
    if (!r.large) return editor(body, key, r, again);
    show(
      body,
      h(
        'p.empty',
        `This value has ${bytes(r.large)}. `,
        h('button', { type: 'button', onclick: () => load(true) }, 'Read it'),
      ),
    );
  }

  function drawMeta(r) {
    if (r.absent) {
      const at = r.absent.problem.deleted_at || r.absent.problem.expired_at;
      const how = r.absent.problem.expired_at ? 'Expired' : 'Deleted';
      return show(
        meta,
        h('span.chip.warn', at ? `${how} ${ago(at, now())}` : 'Not there'),
        at ? h('span.muted', when(at)) : null,
      );
    }
    show(
      meta,
      r.timestamp
        ? h(
            'span',
            { title: when(r.timestamp) },
            'written ' + ago(r.timestamp, now()) + (r.origin ? ' on ' + r.origin : ''),
          )
        : null,
      r.size === undefined ? null : h('span', bytes(r.size)),
      r.expires ? h('span.warn', { title: when(r.expires) }, 'ends in ' + span(Math.max(0, r.expires - now()))) : null,
      h('span.mono', { title: 'version ' + r.uuid }, r.uuid),
    );
  }

  load();
  return () => {
    stopTab();
    abort.abort();
  };
}
