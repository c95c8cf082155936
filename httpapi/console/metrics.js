// Six charts of the last minutes.

import { h, show } from './dom.js';
import { bytes, rate, span } from './format.js';
import { binaryRoof, Chart } from './chart.js';
import { choice } from './choice.js';
import { failed, open } from './dialog.js';
import { caller } from './node.js';
import { missing, perSecond, quantile, samples } from './series.js';
import { curl, environment, line } from './terminal.js';

const speed = (name) => (b, a) => perSecond(b, a, name);
const percentile = (name, q) => (b, a) => {
  const v = quantile(b, a, name, q);
  return v === null ? null : v * 1000;
};
const time = (ms) =>
  ms === 0 ? '0' : ms < 1 ? Math.round(ms * 1000) + ' µs' : ms < 100 ? ms.toPrecision(2) + ' ms' : span(ms);

// lines are [name, what of two samples that follow each other].
const charts = [
  {
    title: 'Requests',
    hint: 'a second',
    unit: rate,
    lines: () => [
      ['good', speed('requests 2xx')],
      ['refused', speed('requests 4xx')],
      ['failed', speed('requests 5xx')],
    ],
  },
  {
    title: 'Time of a request',
    hint: 'median, and 99th of 100',
    unit: time,
    lines: () => [
      ['median', percentile('request', 0.5)],
      ['99th', percentile('request', 0.99)],
    ],
  },
  {
    title: 'Writes',
    hint: 'a second',
    unit: rate,
    lines: () => [
      ['of clients here', speed('writes local')],
      ['of other nodes', speed('writes remote')],
    ],
  },
  {
    title: 'Lag of replication',
    hint: '99th of 100 writes, from',
    unit: time,
    lines: (last) => peers(last).map((p) => [p, percentile('lag ' + p, 0.99)]),
  },
  {
    title: 'Time of a commit',
    hint: 'median, and 99th of 100',
    unit: time,
    lines: () => [
      ['median', percentile('commit', 0.5)],
      ['99th', percentile('commit', 0.99)],
    ],
  },
  {
    title: 'Between nodes',
    hint: 'bytes a second',
    unit: bytes,
    least: 1024,
    ceiling: binaryRoof,
    lines: () => [
      ['sent', speed('peer sent')],
      ['received', speed('peer received')],
    ],
  },
];

// peers are those of whose writes something was seen, four at most.
const peers = (last) =>
  [
    ...new Set(
      Object.keys(last.values)
        .map((k) => /^lag (.+) le /.exec(k)?.[1])
        .filter(Boolean),
    ),
  ]
    .sort()
    .slice(0, 4);

let minutes = '5';

export function metrics(root) {
  if (!caller.admin)
    return void show(root, h('div.head', h('h1', 'Metrics')), h('div.notice', 'Metrics take a token of scope admin.'));
  const drawn = charts.map((c) => ({ ...c, chart: new Chart(c) }));
  const note = h('div');
  const draw = () => {
    const ring = samples.value;
    if (!ring || ring.length === 0) return;
    const to = ring[ring.length - 1].at,
      from = to - Number(minutes) * 60_000;
    const first = Math.max(
      1,
      ring.findIndex((s) => s.at >= from),
    );
    for (const { chart, lines } of drawn) {
      chart.set(
        lines(ring[ring.length - 1]).map(([name, of]) => ({
          name,
          points: ring.slice(first).map((s, i) => [s.at, of(ring[first + i - 1], s)]),
        })),
        from,
        to,
      );
    }
    show(
      note,
      ring.length < 3 ? h('p.muted', 'The charts begin with this page: the first points come in a few seconds.') : null,
    );
  };
  show(
    root,
    h(
      'div.head',
      h('h1', 'Metrics'),
      h('span.lead', 'of this node, gathered by this page'),
      h(
        'div.actions',
        choice('Window', { 5: '5 min', 15: '15 min', 60: '1 h' }, minutes, (v) => {
          minutes = v;
          draw();
        }),
        h('button.quiet', { type: 'button', onclick: terminal }, 'Terminal'),
      ),
    ),
    note,
    h(
      'div.charts',
      drawn.map((d) => d.chart.element),
    ),
  );
  const ends = [
    samples.hear(draw),
    missing.hear((e) => {
      if (e) show(note, failed(e));
    }),
  ];
  return {
    stop: () => {
      ends.forEach((f) => f());
      drawn.forEach((d) => d.chart.stop());
    },
  };
}

function terminal() {
  open(
    'In a terminal',
    () =>
      h(
        'div.body',
        environment(),
        h('div.twin', line('curl', curl({ path: '/metrics' })), line('kvs', 'kvs top')),
        h(
          'p.muted',
          'For more than an hour and more than one node: Prometheus, with the alerts and the dashboard in contrib/.',
        ),
      ),
    { wide: true },
  );
}
