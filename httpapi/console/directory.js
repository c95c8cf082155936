// Users and groups.

import { send } from './api.js';
import { h } from './dom.js';
import { when } from './format.js';
import { created, input } from './created.js';
import { act, toast } from './dialog.js';
import { table } from './table.js';
import { quoted, twin } from './terminal.js';
import { newToken } from './tokens.js';

export function usersPanel(users, groups, again) {
  const of = (u) =>
    groups
      .filter((g) => g.members.includes(u.uuid))
      .map((g) => g.name)
      .join(', ');
  return h(
    'div.panel',
    h(
      'header',
      h('h2', 'Users'),
      h('div.actions', h('button.small', { type: 'button', onclick: () => newUser(again) }, 'New user')),
    ),
    users.length === 0
      ? h('p.empty', 'No users yet. The administrator of a node needs none.')
      : h(
          'div.scroll',
          table(
            '',
            ['Name', 'Groups', 'Since', ''],
            users.map((u) =>
              h(
                'tr',
                h(
                  'td',
                  { title: u.uuid },
                  h('strong', u.nickname),
                  u.email ? h('span.muted', ' ' + u.email) : null,
                  u.disabled ? h('span.chip.warn', 'disabled') : null,
                ),
                h('td', of(u) || h('span.muted', '–')),
                h('td.nowrap', when(u.created).slice(0, 10)),
                h(
                  'td.right.nowrap',
                  h('button.quiet.small', { type: 'button', onclick: () => newToken(u) }, 'Token…'),
                  h(
                    'button.quiet.small.bad',
                    {
                      type: 'button',
                      onclick: () =>
                        remove(
                          'user',
                          u.nickname,
                          '/auth/users/' + u.uuid,
                          `kvs user rm ${quoted(u.nickname)} --yes`,
                          'Its tokens end on all nodes.',
                          again,
                        ),
                    },
                    'Delete…',
                  ),
                ),
              ),
            ),
          ),
        ),
  );
}

export function groupsPanel(users, groups, again) {
  const name = (id) => users.find((u) => u.uuid === id)?.nickname || id.slice(0, 8);
  return h(
    'div.panel',
    h(
      'header',
      h('h2', 'Groups'),
      h('div.actions', h('button.small', { type: 'button', onclick: () => newGroup(users, again) }, 'New group')),
    ),
    groups.length === 0
      ? h('p.empty', 'No groups yet.')
      : h(
          'div.scroll',
          table(
            '',
            ['Name', 'Members', ''],
            groups.map((g) =>
              h(
                'tr',
                h('td', { title: g.uuid }, h('strong', g.name)),
                h('td', g.members.map(name).join(', ') || h('span.muted', 'nobody')),
                h(
                  'td.right',
                  h(
                    'button.quiet.small.bad',
                    {
                      type: 'button',
                      onclick: () =>
                        remove(
                          'group',
                          g.name,
                          '/auth/groups/' + g.uuid,
                          `kvs group rm ${quoted(g.name)} --yes`,
                          'What its members may through it ends.',
                          again,
                        ),
                    },
                    'Delete…',
                  ),
                ),
              ),
            ),
          ),
        ),
  );
}

// remove deletes a user or a group.
function remove(kind, name, path, command, what, again) {
  act({
    title: `Delete the ${kind} ${name}`,
    label: 'Delete',
    danger: true,
    text: [h('p', what)],
    twin: twin({ method: 'DELETE', path }, command),
    run: async () => {
      await send('DELETE', path);
      toast(name + ' is deleted');
      again();
    },
  });
}

function newUser(again) {
  const name = input('Nickname', { required: true, autofocus: true }),
    email = input('E-mail (may be left out)', { type: 'email' });
  created({
    title: 'New user',
    path: '/auth/users',
    fields: [name.field, email.field],
    body: () => ({ nickname: name.el.value, ...(email.el.value ? { email: email.el.value } : {}) }),
    command: () =>
      `kvs user create ${quoted(name.el.value || 'NICKNAME')}${email.el.value ? ' --email ' + quoted(email.el.value) : ''}`,
    after: () => {
      toast('Created');
      again();
    },
  });
}

function newGroup(users, again) {
  const name = input('Name', { required: true, autofocus: true });
  const boxes = users.map((u) => ({ user: u, el: h('input', { type: 'checkbox' }) }));
  const members = () => boxes.filter((b) => b.el.checked).map((b) => b.user);
  created({
    title: 'New group',
    path: '/auth/groups',
    fields: [
      name.field,
      users.length
        ? h(
            'fieldset.checks',
            h('legend', 'Members'),
            boxes.map((b) => h('label.check', b.el, b.user.nickname)),
          )
        : null,
    ],
    body: () => ({ name: name.el.value, members: members().map((u) => u.uuid) }),
    command: () =>
      `kvs group create ${quoted(name.el.value || 'NAME')}${members()
        .map((u) => ' --member ' + quoted(u.nickname))
        .join('')}`,
    after: () => {
      toast('Created');
      again();
    },
  });
}
