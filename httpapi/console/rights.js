// Who may do what at a key.

import { get, keyPath, send } from './api.js';
import { h, show } from './dom.js';
import { failed, toast } from './dialog.js';
import { caller } from './node.js';
import { curl, line, quoted } from './terminal.js';

const who = ['Owner', 'Group', 'Others'],
  may = ['create', 'delete', 'write', 'read'];
const letters = 'cdwr';

export async function rights(root, key) {
  const path = keyPath(key, '/acl/');
  let acl;
  try {
    acl = await get(path);
  } catch (e) {
    return show(root, failed(e));
  }
  const [users, groups] = caller.admin
    ? await Promise.all([get('/auth/users').then((a) => a.users), get('/auth/groups').then((a) => a.groups)])
    : [[], []];
  const boxes = who.map((_, i) =>
    may.map((_, j) =>
      h('input', {
        type: 'checkbox',
        checked: acl.mode.split(',')[i][j] !== '-',
        'aria-label': `${who[i]} may ${may[j]}`,
        onchange: () => drawTwin(),
      }),
    ),
  );
  const owner = pick(
    'Owner',
    acl.owner,
    users.map((u) => [u.uuid, u.nickname]),
    'nobody',
  );
  const group = pick(
    'Group',
    acl.group,
    groups.map((g) => [g.uuid, g.name]),
    'none',
  );
  const error = h('div'),
    terminal = h('div.below');
  const mode = () => boxes.map((row) => row.map((b, j) => (b.checked ? letters[j] : '-')).join('')).join(',');
  const body = () => JSON.stringify({ owner: owner.value(), group: group.value(), mode: mode() });
  const drawTwin = () =>
    show(
      terminal,
      h(
        'div.twin',
        line('curl', curl({ method: 'PUT', path, body: body() })),
        line('kvs', `kvs chmod ${mode()} ${quoted(key)}`),
      ),
    );
  const save = async () => {
    show(error);
    try {
      await send('PUT', path, { body: body() });
      toast('Rights set');
      rights(root, key);
    } catch (e) {
      show(error, failed(e));
    }
  };
  show(
    root,
    h(
      'div.rights',
      h(
        'p',
        acl.inherited
          ? [
              h('span.chip', 'inherited'),
              ' These are the rights of the nearest key above. Setting them gives this key its own.',
            ]
          : [h('span.chip.accent', 'own'), ' These rights are set at this key.'],
      ),
      h(
        'table.modes',
        h(
          'thead',
          h(
            'tr',
            h('td'),
            may.map((m) => h('th', { scope: 'col' }, m)),
          ),
        ),
        h(
          'tbody',
          who.map((w, i) =>
            h(
              'tr',
              h('th', { scope: 'row' }, w),
              boxes[i].map((b) => h('td', b)),
            ),
          ),
        ),
      ),
      h('div.fields', owner.element, group.element),
      error,
      h('div', h('button.primary', { type: 'button', onclick: save }, 'Set rights')),
      terminal,
    ),
  );
  drawTwin();
}

// pick is a choice among names, or their ids alone for who may not list them.
function pick(label, value, names, nobody) {
  const options = [['', nobody], ...names];
  if (value && !names.some(([id]) => id === value)) options.push([value, value]);
  const select = h(
    'select',
    options.map(([id, name]) => h('option', { value: id, selected: id === value }, name)),
  );
  return { element: h('label.field', h('span', label), select), value: () => select.value };
}
