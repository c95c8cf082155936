// The backups of the node: making them, saving and removing them.

import { get, send } from './api.js';
import { h, show } from './dom.js';
import { ago, bytes, plural, span, when } from './format.js';
import { act, failed, toast } from './dialog.js';
import { now } from './node.js';
import { table } from './table.js';
import { twin } from './terminal.js';
import { watch } from './watch.js';

// backupsPanel lists the backups of the node, more often while one is being made.
export function backupsPanel() {
  const rows = h('tbody'),
    note = h('div');
  let running = false,
    list = [];
  const draw = () => {
    show(
      rows,
      list
        .toReversed()
        .map((b) =>
          h(
            'tr',
            h('td.nowrap', { title: b.id }, when(b.time)),
            h('td', state(b)),
            h('td.right', bytes(b.size)),
            h('td.right', contents(b)),
            h('td.nowrap', b.state === 'done' ? ago(b.time, now()) : ''),
            h(
              'td.right.nowrap',
              b.state === 'done'
                ? h('button.quiet.small', { type: 'button', onclick: () => download(b) }, 'Download')
                : null,
              b.state === 'running'
                ? null
                : h('button.quiet.small.bad', { type: 'button', onclick: () => removeBackup(b, ask.now) }, 'Delete…'),
            ),
          ),
        ),
    );
    show(note, list.length === 0 ? h('p.empty', 'No backups of this node yet.') : null);
  };
  const ask = watch(
    () => (running ? 600 : 15_000),
    async () => {
      try {
        list = (await get('/admin/backups')).backups;
        running = list.some((b) => b.state === 'running');
        draw();
      } catch (e) {
        show(note, failed(e));
      }
    },
  );
  const create = () =>
    act({
      title: 'Make a backup',
      label: 'Begin',
      text: [
        h(
          'p',
          'Of all data of this node, from one snapshot, while it serves. The file is written where ',
          h('code', 'backup_path'),
          ' says, read again, and only then has its name.',
        ),
      ],
      twin: twin({ method: 'POST', path: '/admin/backups' }, 'kvs backup create'),
      run: async () => {
        await send('POST', '/admin/backups');
        running = true;
        ask.now();
      },
    });
  const element = h(
    'div.panel',
    h(
      'header',
      h('h2', 'Backups'),
      h('div.actions', h('button.small', { type: 'button', onclick: create }, 'Make one…')),
    ),
    h('div.scroll', table('', ['Made', 'State', '>Size', '>Of', '', ''], rows)),
    note,
  );
  return { element, stop: ask };
}

// contents says what is in a backup, as far as the node knows.
function contents(b) {
  const what = b.encrypted ? 'encrypted' : plural(b.keys, b.base ? 'changed key' : 'key');
  return b.base ? h('span', { title: 'builds on ' + b.base }, what + ', incremental') : what;
}

function state(b) {
  if (b.state === 'running') return h('span.progress', h('progress', { 'aria-label': 'being made' }), ' being made');
  if (b.state === 'failed') return h('span.state.bad', { title: b.error }, b.error || 'failed');
  return h(
    'span.state',
    { class: 'state ' + (b.verified ? 'good' : 'warn') },
    b.verified ? 'sound' : 'not verified',
    b.took_ms ? h('span.muted', ' in ' + span(b.took_ms)) : null,
  );
}

// download saves a backup as a file. It passes through the memory of the tab, because a
// link could not show the token.
async function download(b) {
  try {
    toast('Reading the backup…');
    const answer = await send('GET', `/admin/backups/${b.id}/download`, { within: 0 });
    const url = URL.createObjectURL(await answer.blob());
    h('a', { href: url, download: b.id + '.kvsbak' }).click();
    setTimeout(() => URL.revokeObjectURL(url), 60_000);
  } catch (e) {
    toast(e.message, 'bad');
  }
}

function removeBackup(b, again) {
  const path = '/admin/backups/' + b.id;
  act({
    title: 'Delete a backup',
    label: 'Delete',
    danger: true,
    text: [h('p', 'The file of ' + when(b.time) + ' is removed from this node.')],
    twin: twin({ method: 'DELETE', path }),
    run: async () => {
      await send('DELETE', path);
      toast('Removed');
      again();
    },
  });
}
