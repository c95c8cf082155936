// Where in the digest tree two nodes differ, to go down into: 64 nodes below the root, 64 below
// each of them, and 64 leaves below each of those. The hash of its key leads to a record.

import { h } from './dom.js';
import { plural } from './format.js';
import { address } from './key.js';
import { table } from './table.js';

const LEVELS = 3,
  WIDTH = 64,
  OPEN_MAX = 3; // so few branches are open from the start

// pathOf is the numbers of the nodes on the way to a record: six bits of its hash each.
export function pathOf(hash) {
  const top = parseInt(hash.slice(0, 5), 16) >> 2; // 18 bits
  return [top >> 12, (top >> 6) % WIDTH, top % WIDTH];
}

// digestTree shows the nodes that differ.
export function digestTree(differences) {
  return h(
    'div.scroll.capped.digesttree',
    {
      role: 'region',
      tabindex: '0',
      'aria-label': 'Differences in the digest tree',
    },
    branches(differences, 0),
  );
}

function branches(all, level) {
  const below = Map.groupBy(all, (d) => pathOf(d.hash)[level]);
  return [...below.keys()].sort((a, b) => a - b).map((n) => branch(below.get(n), level, below.size <= OPEN_MAX));
}

function branch(all, level, open) {
  const name = pathOf(all[0].hash)
    .slice(0, level + 1)
    .map((n) => String(n).padStart(2, '0'))
    .join('.');
  const leaf = level === LEVELS - 1;
  const inside = h('div.inside');
  const element = h(
    'details',
    { open },
    h(
      'summary',
      h('span.mono', `${leaf ? 'leaf' : 'node'} ${name}`),
      h('span.muted', ' ' + plural(all.length, 'record')),
    ),
    inside,
  );
  // What is below is made when it is looked at.
  const fill = () => {
    if (element.open && !inside.firstChild) inside.append(...(leaf ? [records(all)] : branches(all, level + 1)));
  };
  element.addEventListener('toggle', fill);
  fill();
  return element;
}

function records(all) {
  return table(
    '',
    ['Key', 'Here', 'There'],
    all.map((d) =>
      h(
        'tr',
        h('td.mono', d.key ? h('a', { href: address(d.key) }, d.key) : h('span.muted', 'hash ' + d.hash)),
        h('td', place(d.here)),
        h('td', place(d.there)),
      ),
    ),
  );
}

const place = (live) => (live ? h('span.chip.accent', 'live') : h('span.chip', 'not live'));
