// Which versions of a key this node knows, and why one of them stands.

import { get, keyPath, query } from './api.js';
import { h, show } from './dom.js';
import { when } from './format.js';
import { curl, line, quoted } from './terminal.js';

export async function why(root, key) {
  const path = keyPath(key) + query({ explain: true });
  const { candidates } = await get(path);
  show(
    root,
    candidates.length === 0
      ? h('p.empty', 'This node knows no version of it.')
      : h(
          'ol.candidates',
          candidates.map((c) =>
            h(
              'li',
              h(
                'div',
                h(
                  'span',
                  { class: 'chip ' + (c.state === 'current' ? 'accent' : c.concurrent === 'yes' ? 'warn' : '') },
                  c.state === 'current' ? 'stands' : c.concurrent === 'yes' ? 'conflict' : 'lost',
                ),
                ' ',
                c.deleted ? 'delete' : 'value',
                ' from ',
                h('strong', c.origin),
                h('span.muted', ', ' + when(c.timestamp)),
              ),
              h('p', c.text + (c.decided_by ? '. ' + rule(c.decided_by) : '')),
              h('p.mono.muted.break', c.uuid),
            ),
          ),
        ),
    h('div.twin.below', line('curl', curl({ path })), line('kvs', 'kvs conflicts show ' + quoted(key))),
  );
}

// rule says what decided between two versions.
export const rule = (name) =>
  ({
    timestamp: 'The newer timestamp wins.',
    joined: 'The timestamps are equal: the node that joined the cluster first wins.',
    uuid: 'Timestamps and joins are equal: the smaller UUID wins.',
  })[name] || '';
