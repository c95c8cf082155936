// Running a node: its mode, its log, its backups, its probes and its settings.

import { get, send } from './api.js';
import { h, show } from './dom.js';
import { auditPanel } from './audit.js';
import { backupsPanel } from './backups.js';
import { choice } from './choice.js';
import { act, failed, open, toast } from './dialog.js';
import { caller, refresh, status } from './node.js';
import { curl, environment, line, twin } from './terminal.js';

export function ops(root) {
  if (!caller.admin)
    return void show(root, h('div.head', h('h1', 'Operations')), h('div.notice', 'This is for tokens of scope admin.'));
  const mode = h('div.panel'),
    probes = h('div.panel'),
    settings = h('div.panel'),
    log = h('div.panel');
  const backups = backupsPanel(),
    audit = auditPanel();
  show(
    root,
    h(
      'div.head',
      h('h1', 'Operations'),
      h('div.actions', h('button.quiet', { type: 'button', onclick: terminal }, 'Terminal')),
    ),
    h('div.columns', mode, log, probes),
    backups.element,
    audit.element,
    settings,
  );
  logPanel(log);
  let before = '';
  const stop = status.hear((s) => {
    const state = JSON.stringify([s.mode, s.probes, s.settings]);
    if (state === before) return;
    before = state;
    modePanel(mode, s);
    probesPanel(probes, s);
    settingsPanel(settings, s);
  });
  return {
    stop: () => {
      stop();
      backups.stop();
      audit.stop();
    },
  };
}

function modePanel(root, s) {
  const other = s.mode === 'read-only' ? 'normal' : 'read-only';
  const switchable = s.mode === 'normal' || s.mode === 'read-only';
  show(
    root,
    h(
      'header',
      h('h2', 'Mode'),
      h(
        'div.actions',
        switchable
          ? h(
              'button.small',
              { type: 'button', onclick: () => setMode(other) },
              other === 'normal' ? 'Take writes…' : 'Refuse writes…',
            )
          : null,
      ),
    ),
    h(
      'div.body',
      h('p', h('span', { class: 'state ' + (s.mode === 'normal' ? 'good' : 'warn') }, s.mode)),
      h(
        'p.muted',
        {
          normal: 'Clients write to this node.',
          'read-only': 'Writes of clients are refused; what others write still arrives.',
          syncing: 'It takes over the data of its cluster.',
          leaving: 'It leaves its cluster.',
        }[s.mode],
      ),
    ),
  );
}

function setMode(mode) {
  const body = JSON.stringify({ mode });
  act({
    title: mode === 'normal' ? 'Take writes' : 'Refuse writes',
    label: 'Switch',
    danger: mode !== 'normal',
    text: [
      h(
        'p',
        mode === 'normal'
          ? 'Clients can write to this node again.'
          : 'Writes of clients to this node are refused until it is switched back or started again. Other nodes go on taking them.',
      ),
    ],
    twin: twin({ method: 'PUT', path: '/admin/mode', body }, 'kvs mode ' + mode),
    run: async () => {
      await send('PUT', '/admin/mode', { body });
      toast('The mode is ' + mode);
      refresh();
    },
  });
}

async function logPanel(root) {
  const path = '/debug/log-level';
  const set = async (level) => {
    try {
      await send('PUT', path, { body: JSON.stringify({ level }) });
      toast('Logging from ' + level + ' on');
    } catch (e) {
      toast(e.message, 'bad');
    }
    logPanel(root);
  };
  try {
    const { level } = await get(path);
    show(
      root,
      h('header', h('h2', 'Log')),
      h(
        'div.body.stack',
        choice('Least level', { debug: 'debug', info: 'info', warn: 'warn', error: 'error' }, level, set),
        h('p.muted', 'From this level on, until the next start.'),
        h('div.twin', line('curl', curl({ method: 'PUT', path, body: JSON.stringify({ level }) }))),
      ),
    );
  } catch (e) {
    if (e.setting !== 'debug_endpoints') return show(root, h('header', h('h2', 'Log')), h('div.body', failed(e)));
    show(
      root,
      h('header', h('h2', 'Log')),
      h(
        'div.body',
        h('p', 'Logged from ', h('strong', status.value?.log_level || 'info'), ' on.'),
        h('p.muted', h('code', 'debug_endpoints: true'), ' lets it be changed here.'),
      ),
    );
  }
}

function probesPanel(root, s) {
  show(
    root,
    h(
      'header',
      h('h2', 'Probes'),
      h('span', { class: 'chip ' + (s.ready ? 'good' : 'bad') }, s.ready ? 'ready' : 'not ready'),
    ),
    h(
      'div.body',
      h(
        'dl.facts',
        s.probes.map((p) => [
          h('dt', p.name),
          h('dd', p.ok ? h('span.state.good', 'ok') : h('span.state.bad', p.why || 'failed')),
        ]),
      ),
    ),
  );
}

// reload has the node read its configuration again.
function reload() {
  act({
    title: 'Read the configuration again',
    label: 'Read it',
    text: [
      h('p', 'The node takes over all new values or none. Some settings it takes at its start only, and says which.'),
    ],
    twin: twin({ method: 'POST', path: '/config/reload' }, 'kvs config reload'),
    run: async () => {
      const { changed } = await (await send('POST', '/config/reload')).json();
      toast(changed.length ? 'Taken over: ' + changed.join(', ') : 'Nothing has changed');
      refresh();
    },
  });
}

function settingsPanel(root, s) {
  const all = Object.entries(s.settings);
  show(
    root,
    h(
      'header',
      h('h2', 'Settings'),
      h('span.muted', 'that are not the default, secrets aside'),
      h('div.actions', h('button.small', { type: 'button', onclick: reload }, 'Read again…')),
    ),
    all.length === 0
      ? h('p.empty', 'All settings have their defaults.')
      : h(
          'div.scroll',
          h(
            'table',
            h(
              'tbody',
              all.map(([name, value]) => h('tr', h('td.mono.nowrap.setting', name), h('td.mono.break', value))),
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
        h('h3', 'How the node is'),
        h('div.twin', line('curl', curl({ path: '/readyz?verbose' })), line('kvs', 'kvs doctor')),
        h('h3', 'Backups'),
        h('div.twin', line('curl', curl({ path: '/admin/backups' })), line('kvs', 'kvs backup ls')),
        h('div.twin', line('kvs', 'kvs backup create --out today.kvsbak')),
        h('h3', 'Restore'),
        h('div.twin', line('kvs', 'kvs restore today.kvsbak --merge --dry-run')),
        h('h3', 'Audit log'),
        h('div.twin', line('curl', curl({ path: '/audit?since=0&limit=100' })), line('kvs', 'kvs audit tail -f')),
      ),
    { wide: true },
  );
}
