// The audit log: its newest entries, and whether they are what was hashed.

import { get, query, text } from './api.js';
import { h, show } from './dom.js';
import { count, plural, when } from './format.js';
import { failed } from './dialog.js';
import { elements, members } from './json.js';
import { address } from './key.js';
import { status } from './node.js';
import { table } from './table.js';
import { line } from './terminal.js';
import { watch } from './watch.js';

const tail = 30,
  page = 1000,
  verifiedMax = 20_000; // entries

export function auditPanel() {
  const rows = h('tbody'),
    note = h('div'),
    verdict = h('div'),
    total = h('span.muted');
  let since = null,
    list = [];
  const ask = watch(5000, async () => {
    try {
      if (since === null) since = Math.max(0, (await get('/audit?since=0&limit=1')).last - tail);
      const got = await get('/audit' + query({ since: String(since), limit: page }));
      if (got.entries.length === 0 && list.length) return;
      since = got.next;
      list = [...got.entries.toReversed(), ...list].slice(0, tail);
      show(note, list.length === 0 ? h('p.empty', 'No entries yet.') : null);
      show(total, plural(got.last, 'entry', 'entries'));
      show(rows, list.map(row));
    } catch (e) {
      show(
        note,
        e.setting ? h('p.empty', 'This node keeps no audit log: ', h('code', e.setting), ' is off.') : failed(e),
      );
    }
  });
  const element = h(
    'div.panel',
    h(
      'header',
      h('h2', 'Audit log'),
      total,
      h('div.actions', h('button.small', { type: 'button', onclick: () => verify(verdict) }, 'Verify')),
    ),
    verdict,
    h('div.scroll.capped', table('audit', ['>Entry', 'When', 'Who', 'What', 'Key', 'Result'], rows)),
    note,
  );
  return { element, stop: ask };
}

const row = (e) =>
  h(
    'tr',
    h('td.right.mono', String(e.n)),
    h('td.nowrap', when(e.t)),
    h('td', e.actor.length > 20 ? h('span', { title: e.actor }, e.actor.slice(0, 8) + '…') : e.actor),
    h('td.nowrap', e.action),
    h(
      'td.mono.break',
      e.key && e.action.startsWith('kv.') ? h('a', { href: address(e.key) }, e.key) : e.key || h('span.muted', '–'),
    ),
    h('td', h('span', { class: 'chip ' + (e.result === 'ok' ? '' : 'warn') }, e.result)),
  );

// verify hashes entries anew, as far as a page can.
async function verify(root) {
  const dir = (status.value?.storage.data_dir || 'data') + '/audit';
  const full = h('div.twin', line('kvs', `kvs audit verify ${dir}`));
  if (!crypto.subtle) {
    return show(
      root,
      h(
        'div.notice.gap',
        h(
          'p',
          'A browser hashes for pages of HTTPS or of its own machine alone. The command does, and looks at the signatures too:',
        ),
        full,
      ),
    );
  }
  show(root, h('p.empty', 'Hashing…'));
  try {
    const found = await chain((n) => show(root, h('p.empty', `Hashing… ${count(n)}`)));
    show(
      root,
      h(
        'div',
        { class: 'notice gap ' + (found.wrong ? 'bad' : '') },
        h(
          'p',
          h(
            'strong',
            { class: found.wrong ? 'bad' : 'good' },
            found.wrong
              ? `Entry ${found.wrong} is not what was hashed.`
              : found.seen === 0
                ? 'There are no entries.'
                : `${plural(found.seen, 'entry is', 'entries are')} what was hashed, from ${found.first} to ${found.last}.`,
          ),
        ),
        found.checkpoint
          ? h(
              'p.muted',
              `The newest signed checkpoint is of entry ${found.checkpoint}: ${found.matches === null ? 'beyond what was looked at' : found.matches ? 'its hash is the same' : 'its hash is another'}.`,
            )
          : null,
        h(
          'p.muted',
          'The command also looks at signatures, and, with ',
          h('code', '--addr'),
          ' of another node, whether the end was cut off:',
        ),
        full,
      ),
    );
  } catch (e) {
    show(root, failed(e));
  }
}

// chain hashes the newest entries. The hash of an entry covers the one of the line before,
// which is an entry, a checkpoint or the head of a file.
async function chain(progress) {
  const last = (await get('/audit?since=0&limit=1')).last;
  const { checkpoints } = await get('/audit/checkpoints');
  const own = checkpoints
    .filter((c) => c.node === status.value?.node_id)
    .sort((a, b) => b.checkpoint - a.checkpoint)[0];
  const found = { seen: 0, first: 0, last: 0, wrong: 0, checkpoint: own?.checkpoint, matches: null };
  for (let since = Math.max(0, last - verifiedMax); !found.wrong;) {
    const all = members(await text('/audit' + query({ since: String(since), limit: page })));
    const entries = elements(all.get('entries'));
    if (entries.length === 0) break;
    for (const entry of entries) {
      const fields = members(entry);
      const n = Number(fields.get('n')),
        hash = JSON.parse(fields.get('hash'));
      found.first ||= n;
      if ((await lineHash(JSON.parse(fields.get('prev')), entry.slice(0, entry.lastIndexOf(',"hash":"')))) !== hash) {
        found.wrong = n;
        break;
      }
      if (own && n === own.checkpoint) found.matches = hash === own.head;
      found.seen++;
      found.last = n;
    }
    progress(found.seen);
    const next = JSON.parse(all.get('next'));
    if (next === since) break;
    since = next;
  }
  return found;
}

// lineHash is SHA-256 over a name, the hash before and the line up to its own hash.
async function lineHash(prev, body) {
  const before = Uint8Array.from(prev.match(/../g), (pair) => parseInt(pair, 16));
  const encoder = new TextEncoder();
  const bytes = new Blob([encoder.encode('kvs audit line 1\0'), before, encoder.encode(body)]);
  const sum = new Uint8Array(await crypto.subtle.digest('SHA-256', await bytes.arrayBuffer()));
  return Array.from(sum, (b) => b.toString(16).padStart(2, '0')).join('');
}
