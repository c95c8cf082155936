// Tables.

import { h } from './dom.js';

// table has columns by their headings, numbers' with ">" in front, and rows: a list of
// them, or a tbody that is filled elsewhere.
export const table = (kind, columns, rows) =>
  h(
    'table',
    { class: kind },
    h(
      'thead',
      h(
        'tr',
        columns.map((c) => (c[0] === '>' ? h('th.right', { scope: 'col' }, c.slice(1)) : h('th', { scope: 'col' }, c))),
      ),
    ),
    rows instanceof Element ? rows : h('tbody', rows),
  );
