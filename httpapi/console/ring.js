// A drawing of the cluster: the node that serves the page in the middle of its links.

import { svg } from './dom.js';
import { equality, health } from './member.js';

const size = 320,
  middle = size / 2;

// ring draws members around this node. A link says how fast and whether at all, a node
// whether its data is the same.
export function ring(s, chosen, select) {
  const self = s.members.find((m) => m.self),
    others = s.members.filter((m) => !m.self);
  const radius = others.length > 6 ? 126 : 108;
  const spot = (i) => {
    const turn = others.length === 1 ? 0 : -Math.PI / 2 + (2 * Math.PI * (i + 0.5)) / others.length;
    return { x: middle + radius * Math.cos(turn), y: middle + radius * Math.sin(turn) };
  };
  return svg(
    'svg',
    { viewBox: `0 0 ${size} ${size}`, role: 'group', 'aria-label': 'Map of the cluster' },
    svg('circle.orbit', { cx: middle, cy: middle, r: radius }),
    others.map((m, i) => link(m, spot(i))),
    others.map((m, i) => dot(m, spot(i), m === chosen, select)),
    self ? dot(self, { x: middle, y: middle }, self === chosen, select) : null,
  );
}

function link(m, at) {
  const label = m.rtt_ms === null || m.rtt_ms === undefined ? '' : m.rtt_ms < 1 ? '<1 ms' : m.rtt_ms + ' ms';
  const kind = !m.connected ? 'lost' : m.rtt_ms > 200 ? 'slow' : m.rtt_ms > 50 ? 'fair' : 'fast';
  const x = middle + (at.x - middle) * 0.52,
    y = middle + (at.y - middle) * 0.52;
  return svg(
    'g',
    svg('line', { class: 'link ' + kind, x1: middle, y1: middle, x2: at.x, y2: at.y }),
    label && m.connected
      ? [
          svg('rect.under', { x: x - 21, y: y - 8, width: 42, height: 16, rx: 3 }),
          svg('text.rtt', { x, y: y + 4 }, label),
        ]
      : null,
  );
}

function dot(m, at, chosen, select) {
  const kind = m.self ? 'self' : health(m)[0] === 'bad' ? 'bad' : equality(m)[0] || 'plain';
  const below = m.self || at.y >= middle - 4;
  const word = m.self ? 'this node' : equality(m)[1];
  return svg(
    'g',
    {
      class: `dot ${kind}${chosen ? ' chosen' : ''}`,
      role: 'button',
      tabindex: 0,
      'aria-label': `${m.id}: ${health(m)[1]}, ${word}`,
      'aria-pressed': String(chosen),
      onclick: () => select(m.id),
      onkeydown: (e) => {
        if (e.key === 'Enter' || e.key === ' ') {
          e.preventDefault();
          select(m.id);
        }
      },
    },
    svg('circle.halo', { cx: at.x, cy: at.y, r: m.self ? 19 : 16 }),
    svg('circle.body', { cx: at.x, cy: at.y, r: m.self ? 13 : 10 }),
    svg('text.name', { x: at.x, y: below ? at.y + (m.self ? 34 : 30) : at.y - 22 }, m.id),
  );
}
