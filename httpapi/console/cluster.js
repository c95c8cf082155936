// The members, who has the same data, and how this node is.

import { send } from './api.js';
import { h, show } from './dom.js';
import { ago, bytes, count, short, span, when } from './format.js';
import { act, open, toast } from './dialog.js';
import { equality, health } from './member.js';
import { caller, now, refresh, status } from './node.js';
import { ring } from './ring.js';
import { table } from './table.js';
import { curl, environment, line, twin } from './terminal.js';

export function cluster(root) {
  const lead = h('span.lead'),
    drawing = h('div.panel.ring'),
    facts = h('div.panel'),
    rows = h('tbody');
  let selected = null;
  const select = (id) => {
    selected = id;
    draw(status.value);
  };
  const draw = (s) => {
    if (!s) return;
    const chosen = s.members.find((m) => m.id === selected) || s.members.find((m) => m.self);
    show(lead, summary(s));
    show(drawing, ring(s, chosen, select));
    show(facts, chosen.self ? ofThis(s) : ofMember(s, chosen));
    show(
      rows,
      s.members.map((m) => row(s, m, m === chosen, select)),
    );
  };
  show(
    root,
    h(
      'div.head',
      h('h1', 'Cluster'),
      lead,
      h('div.actions', h('button.quiet', { type: 'button', onclick: terminal }, 'Terminal')),
    ),
    h('div.columns.split', drawing, facts),
    h(
      'div.panel',
      h(
        'div.scroll',
        table('members', ['Node', 'State', 'Data', '>Behind', '>Round trip', '>Clock', 'Last heard', 'Address'], rows),
      ),
    ),
  );
  return { stop: status.hear(draw) };
}

function summary(s) {
  const apart = s.members.filter((m) => m.converged === false).length;
  const lost = s.members.filter((m) => health(m)[0] === 'bad').length;
  if (lost) return h('span.state.bad', `${lost} of ${s.members.length} nodes out of reach`);
  if (apart) return h('span.state.warn', `${apart} of ${s.members.length} nodes not equal yet`);
  return h(
    'span.state.good',
    s.members.length === 1
      ? 'One node'
      : s.partial
        ? `${s.members.length} nodes`
        : `${s.members.length} nodes, all equal`,
  );
}

function row(s, m, chosen, select) {
  const [kind, word] = health(m),
    [dataKind, dataWord] = m.self ? ['accent', short(s.sync?.root) || 'this node'] : equality(m);
  const behind = m.missing_dots || m.lacking_dots ? `${count(m.missing_dots)} / ${count(m.lacking_dots)}` : '';
  return h(
    chosen ? 'tr.chosen' : 'tr',
    { onclick: () => select(m.id) },
    h(
      'td',
      h('button.link', { type: 'button', 'aria-pressed': String(chosen) }, m.id),
      m.self ? h('span.muted', ' this') : null,
    ),
    h('td', h(`span.state.${kind}`, word)),
    h('td', h('span', { class: 'chip ' + dataKind }, dataWord)),
    h(
      'td.right',
      { title: behind ? 'writes that this node lacks / that it lacks' : null },
      behind || h('span.muted', '–'),
    ),
    h(
      'td.right',
      m.rtt_ms === null || m.rtt_ms === undefined ? h('span.muted', '–') : m.rtt_ms < 1 ? '< 1 ms' : m.rtt_ms + ' ms',
    ),
    h(
      'td.right',
      { class: 'right ' + (Math.abs(m.skew_ms) > 100 ? 'warn' : '') },
      m.skew_ms === null || m.skew_ms === undefined
        ? h('span.muted', '–')
        : (m.skew_ms > 0 ? '+' : '') + m.skew_ms + ' ms',
    ),
    h('td.nowrap', m.self ? h('span.muted', '–') : ago(m.last_seen, now())),
    h('td.mono', m.address),
  );
}

const fact = (name, ...value) => [h('dt', name), h('dd', ...value)];

function ofThis(s) {
  return [
    h(
      'header',
      h('h2', s.node_id),
      h('span.muted', 'this node'),
      h(
        'div.actions',
        caller.admin ? h('button.danger.small', { type: 'button', onclick: () => leaveCluster(s) }, 'Leave…') : null,
      ),
    ),
    h(
      'div.body',
      h(
        'dl.facts',
        fact(
          'State',
          h('span', { class: 'state ' + (s.status === 'ok' ? 'good' : 'warn') }, s.status),
          s.mode === 'normal' ? null : [' ', h('span.chip.warn', s.mode)],
        ),
        (s.reasons || []).length ? fact('Because', s.reasons.join('; ')) : null,
        s.partial
          ? fact('More', h('span.muted', 'for tokens of scope admin'))
          : [
              fact('Root', h('code', short(s.sync.root)), h('span.muted', ' over ' + count(s.sync.keys) + ' keys')),
              fact('Deletes kept', count(s.sync.tombstones)),
              fact(
                'Clock',
                s.clock.clamped
                  ? h('span.warn', 'stamps held back, it is ahead')
                  : `${span(Math.abs(s.clock.skew_ms))} from the others`,
              ),
              fact('Disk', bytes(s.disk.free_bytes) + ' free of ' + bytes(s.disk.total_bytes)),
              fact('Stored', bytes(s.storage.lsm_bytes + s.storage.vlog_bytes)),
              fact('Memory', bytes(s.heap_bytes) + ' heap'),
              fact('Up', span(s.uptime_ms) + ', since ' + when(s.started)),
              fact(
                'Certificates',
                Object.entries(s.certificates)
                  .map(([use, end]) => `${use} until ${when(end).slice(0, 10)}`)
                  .join(', ') || 'none',
              ),
            ],
        fact('Version', s.version, s.go ? h('span.muted', ' ' + s.go) : null),
        fact('Cluster', h('code', short(s.cluster_id))),
      ),
    ),
  ];
}

function ofMember(s, m) {
  const [kind, word] = health(m),
    [dataKind, dataWord] = equality(m);
  const base = location.protocol + '//' + m.address;
  return [
    h(
      'header',
      h('h2', m.id),
      h(
        'div.actions',
        caller.admin ? h('button.danger.small', { type: 'button', onclick: () => forget(m) }, 'Forget…') : null,
      ),
    ),
    h(
      'div.body',
      h(
        'dl.facts',
        fact('State', h(`span.state.${kind}`, word)),
        fact('Data', h('span', { class: 'chip ' + dataKind }, dataWord)),
        s.partial
          ? null
          : [
              fact('This node lacks', count(m.missing_dots) + ' of its writes'),
              fact('It lacks', count(m.lacking_dots) + " of this node's"),
              fact('Last equal', ago(m.last_equal, now())),
            ],
        fact('Last heard', ago(m.last_seen, now())),
        fact('Round trip', m.rtt_ms === null ? 'unknown' : m.rtt_ms < 1 ? 'below 1 ms' : m.rtt_ms + ' ms'),
        fact(
          'Its clock',
          m.skew_ms === null
            ? 'unknown'
            : m.skew_ms === 0
              ? "as this node's"
              : span(Math.abs(m.skew_ms)) + (m.skew_ms > 0 ? ' ahead' : ' behind'),
        ),
        fact('Replica', h('code', m.replica)),
        fact('Address', h('code', m.address)),
        // The address is what peers dial. It is that of clients too unless the ports differ.
        s.settings && !s.settings.cluster_port
          ? fact(
              'Console',
              h('a', { href: base + '/console/', target: '_blank', rel: 'noreferrer' }, base + '/console/'),
            )
          : null,
      ),
    ),
  ];
}

function forget(m) {
  const path = '/members/' + encodeURIComponent(m.replica);
  act({
    title: 'Forget ' + m.id,
    label: 'Forget it',
    danger: true,
    confirm: m.id,
    text: [
      h(
        'p',
        'For a node that will not come back. What only it had is lost, and it is told to go if it does come back. ',
        'A node that is to go while it runs should leave by itself.',
      ),
    ],
    twin: twin({ method: 'DELETE', path }, 'kvs cluster forget ' + m.replica),
    run: async () => {
      await send('DELETE', path);
      toast(m.id + ' is forgotten');
      refresh();
    },
  });
}

function leaveCluster(s) {
  const path = '/members/leave?drain=all';
  act({
    title: s.node_id + ' leaves the cluster',
    label: 'Leave for good',
    danger: true,
    confirm: s.node_id,
    text: [
      h(
        'p',
        'This node hands its last writes to every member, leaves for good and takes no writes any more. ',
        'It can join again only as a new node, with an empty directory.',
      ),
    ],
    twin: twin({ method: 'POST', path }, 'kvs leave --all'),
    run: async () => {
      await send('POST', path, { within: 0 });
      toast(s.node_id + ' has left');
      refresh();
    },
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
        h('div.twin', line('curl', curl({ path: '/status' })), line('kvs', 'kvs status')),
        h('div.twin', line('curl', curl({ path: '/members/' })), line('kvs', 'kvs members')),
        h('h3', 'All members, once a second'),
        h('div.twin', line('kvs', 'kvs top')),
      ),
    { wide: true },
  );
}
