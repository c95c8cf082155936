// Who may come in: users, groups, tokens, and why somebody may not.

import { get, send } from './api.js';
import { h, show } from './dom.js';
import { plural, span, when } from './format.js';
import { act, failed, open, toast } from './dialog.js';
import { caller, now } from './node.js';
import { table } from './table.js';
import { quoted, copied, curl, environment, line, twin } from './terminal.js';
import { denial } from './denial.js';

const form = (label, more = {}) => {
  const el = h('input', { type: 'text', spellcheck: 'false', autocomplete: 'off', ...more });
  return { el, field: h('label.field', h('span', label), el) };
};

export function access(root) {
  const head = (...actions) => h('div.head', h('h1', 'Access'), h('span.lead', who()), h('div.actions', actions));
  if (!caller.auth) return void show(root, head(), h('div.notice.warn', 'This node has ', h('code', 'auth_enabled: false'), ': whoever reaches its port may do everything.'));
  if (!caller.admin) return void show(root, head(), h('div.notice', 'Users, groups and tokens are for tokens of scope admin.'));
  const body = h('div');
  const load = async () => {
    try {
      const [{ users }, { groups }, { keys }] = await Promise.all([get('/auth/users'), get('/auth/groups'), get('/.well-known/jwks.json')]);
      show(body,
        h('div.columns', usersPanel(users, groups, load), groupsPanel(users, groups, load)),
        h('div.columns', denial(users, groups), tokensPanel(keys, load)));
    } catch (e) { show(body, failed(e)); }
  };
  show(root, head(h('button.quiet', { type: 'button', onclick: terminal }, 'Terminal')), body);
  load();
}

const who = () => (caller.auth ? `signed in with scope ${caller.scopes.join(', ')}${caller.expires ? ', for another ' + span(Math.max(0, caller.expires - now())) : ''}` : '');

function usersPanel(users, groups, again) {
  const of = (u) => groups.filter((g) => g.members.includes(u.uuid)).map((g) => g.name).join(', ');
  return h('div.panel', h('header', h('h2', 'Users'), h('div.actions', h('button.small', { type: 'button', onclick: () => newUser(again) }, 'New user'))),
    users.length === 0 ? h('p.empty', 'No users yet. The administrator of a node needs none.') : h('div.scroll', table('', ['Name', 'Groups', 'Since', ''], users.map((u) => h('tr',
        h('td', { title: u.uuid }, h('strong', u.nickname), u.email ? h('span.muted', ' ' + u.email) : null, u.disabled ? h('span.chip.warn', 'disabled') : null),
        h('td', of(u) || h('span.muted', '–')),
        h('td.nowrap', when(u.created).slice(0, 10)),
        h('td.right.nowrap',
          h('button.quiet.small', { type: 'button', onclick: () => newToken(u) }, 'Token…'),
          h('button.quiet.small.bad', { type: 'button', onclick: () => remove('user', u.nickname, '/auth/users/' + u.uuid, `kvs user rm ${quoted(u.nickname)} --yes`, 'Its tokens end on all nodes.', again) }, 'Delete…')))))));
}

function groupsPanel(users, groups, again) {
  const name = (id) => users.find((u) => u.uuid === id)?.nickname || id.slice(0, 8);
  return h('div.panel', h('header', h('h2', 'Groups'), h('div.actions', h('button.small', { type: 'button', onclick: () => newGroup(users, again) }, 'New group'))),
    groups.length === 0 ? h('p.empty', 'No groups yet.') : h('div.scroll', table('', ['Name', 'Members', ''], groups.map((g) => h('tr',
        h('td', { title: g.uuid }, h('strong', g.name)),
        h('td', g.members.map(name).join(', ') || h('span.muted', 'nobody')),
        h('td.right', h('button.quiet.small.bad', { type: 'button', onclick: () => remove('group', g.name, '/auth/groups/' + g.uuid, `kvs group rm ${quoted(g.name)} --yes`, 'What its members may through it ends.', again) }, 'Delete…')))))));
}

function tokensPanel(keys, again) {
  const jti = form('Its id (jti), as whoami and kvs token inspect show it', { class: 'mono', placeholder: '3q2-7wAAAAAAAAAAAAAAAA' });
  return h('div.panel', h('header', h('h2', 'Tokens and keys')), h('div.body.stack',
    h('p.muted', 'Tokens are not kept anywhere: each is shown once, where it is made. One that should not be good any more is ended by its id, on all nodes.'),
    h('form.inline', { onsubmit: (e) => { e.preventDefault(); if (jti.el.value) revoke(jti.el.value.trim(), () => { jti.el.value = ''; }); } },
      jti.field, h('button', { type: 'submit' }, 'End a token…')),
    h('p.muted', `Tokens are verified with ${plural(keys.length, 'key')}: those of each node. A node that signs with a new key goes on accepting tokens of the old one.`),
    h('div', h('button', { type: 'button', onclick: () => rotate(again) }, 'Sign with a new key…'))));
}

// remove deletes a user or a group.
function remove(kind, name, path, command, what, again) {
  act({
    title: `Delete the ${kind} ${name}`, label: 'Delete', danger: true, text: [h('p', what)], twin: twin({ method: 'DELETE', path }, command),
    run: async () => { await send('DELETE', path); toast(name + ' is deleted'); again(); },
  });
}

// created is a dialog that posts what body gives.
function created({ title, label = 'Create', path, fields, body, command, after }) {
  const terminal = h('div');
  const request = () => ({ method: 'POST', path, body: JSON.stringify(body()) });
  const draw = () => show(terminal, twin(request(), command()));
  const box = h('div.stack', { oninput: draw, onchange: draw }, fields);
  draw();
  return act({
    title, label, fields: [box], twin: terminal,
    run: async () => after(await (await send('POST', path, { body: request().body })).json()),
  });
}

function newUser(again) {
  const name = form('Nickname', { required: true, autofocus: true }), email = form('E-mail (may be left out)', { type: 'email' });
  created({
    title: 'New user', path: '/auth/users', fields: [name.field, email.field],
    body: () => ({ nickname: name.el.value, ...(email.el.value ? { email: email.el.value } : {}) }),
    command: () => `kvs user create ${quoted(name.el.value || 'NICKNAME')}${email.el.value ? ' --email ' + quoted(email.el.value) : ''}`,
    after: () => { toast('Created'); again(); },
  });
}

function newGroup(users, again) {
  const name = form('Name', { required: true, autofocus: true });
  const boxes = users.map((u) => ({ user: u, el: h('input', { type: 'checkbox' }) }));
  const members = () => boxes.filter((b) => b.el.checked).map((b) => b.user);
  created({
    title: 'New group', path: '/auth/groups',
    fields: [name.field, users.length ? h('fieldset.checks', h('legend', 'Members'), boxes.map((b) => h('label.check', b.el, b.user.nickname))) : null],
    body: () => ({ name: name.el.value, members: members().map((u) => u.uuid) }),
    command: () => `kvs group create ${quoted(name.el.value || 'NAME')}${members().map((u) => ' --member ' + quoted(u.nickname)).join('')}`,
    after: () => { toast('Created'); again(); },
  });
}

function newToken(user) {
  const scopes = ['read', 'write', 'admin'].map((name) => ({ name, el: h('input', { type: 'checkbox', checked: name === 'read' }) }));
  const ttl = form('Lives for', { placeholder: "the node's token_ttl" }), prefix = form('Only for this key and below', { class: 'mono', placeholder: 'all keys' });
  const chosen = () => scopes.filter((s) => s.el.checked).map((s) => s.name);
  created({
    title: 'Token for ' + user.nickname, label: 'Make the token', path: '/auth/tokens',
    fields: [h('fieldset.checks', h('legend', 'Scope'), scopes.map((s) => h('label.check', s.el, s.name))), h('div.fields', ttl.field, prefix.field)],
    body: () => ({ user_uuid: user.uuid, scopes: chosen(), ...(ttl.el.value ? { ttl: ttl.el.value } : {}), ...(prefix.el.value ? { path_prefix: prefix.el.value } : {}) }),
    command: () => `kvs token create ${quoted(user.nickname)} --scope ${chosen().join(',') || 'read'}${ttl.el.value ? ' --ttl ' + quoted(ttl.el.value) : ''}${prefix.el.value ? ' --path ' + quoted(prefix.el.value) : ''}`,
    after: (made) => { shown(user, made); },
  });
}

// shown shows a token, this once.
function shown(user, made) {
  const id = idOf(made.token);
  open('Token for ' + user.nickname, () => h('div.body',
    h('p', 'It is shown this once, and kept nowhere. It ends ' + when(made.expires_at) + '.'),
    h('pre.value.break.wrap', made.token),
    h('div', h('button.primary', { type: 'button', onclick: () => copied(made.token) }, 'Copy')),
    id ? h('p.muted', 'To end it early: ', h('code', id)) : null));
}

// idOf is the jti of a token: the middle of a JWT is readable to whoever has it.
function idOf(token) {
  try { return JSON.parse(atob(token.split('.')[1].replaceAll('-', '+').replaceAll('_', '/'))).jti; } catch { return ''; }
}

function revoke(jti, done) {
  const path = '/auth/tokens/' + encodeURIComponent(jti);
  act({
    title: 'End a token', label: 'End it', danger: true, text: [h('p', 'The token ', h('code', jti), ' ends on every node, as soon as the node hears of it.')],
    twin: twin({ method: 'DELETE', path }, 'kvs token revoke ' + quoted(jti)),
    run: async () => { await send('DELETE', path); toast('It has ended'); done(); },
  });
}

function rotate(again) {
  act({
    title: 'Sign with a new key', label: 'Make a new key', text: [h('p', 'This node signs with a new key from now on. Tokens of the old one stay good until they end.')],
    twin: twin({ method: 'POST', path: '/auth/keys/rotate' }, 'kvs key rotate'),
    run: async () => { await send('POST', '/auth/keys/rotate'); toast('Signing with a new key'); again(); },
  });
}

function terminal() {
  open('In a terminal', () => h('div.body', environment(),
    h('h3', 'Users and groups'), h('div.twin', line('curl', curl({ path: '/auth/users' })), line('kvs', 'kvs user ls')), h('div.twin', line('curl', curl({ path: '/auth/groups' })), line('kvs', 'kvs group ls')),
    h('h3', 'Who am I'), h('div.twin', line('curl', curl({ path: '/auth/whoami' })), line('kvs', 'kvs token whoami'))), { wide: true });
}
