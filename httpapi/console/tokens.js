// Making tokens, ending them, and the keys that sign them.

import { send } from './api.js';
import { h } from './dom.js';
import { plural, when } from './format.js';
import { created, input } from './created.js';
import { act, open, toast } from './dialog.js';
import { copied, quoted, twin } from './terminal.js';

export function tokensPanel(keys, again) {
  const jti = input('Its id (jti), as whoami and kvs token inspect show it', {
    class: 'mono',
    placeholder: '3q2-7wAAAAAAAAAAAAAAAA',
  });
  return h(
    'div.panel',
    h('header', h('h2', 'Tokens and keys')),
    h(
      'div.body.stack',
      h(
        'p.muted',
        'Tokens are not kept anywhere: each is shown once, where it is made. One that should not be good any more is ended by its id, on all nodes.',
      ),
      h(
        'form.inline',
        {
          onsubmit: (e) => {
            e.preventDefault();
            if (jti.el.value)
              revoke(jti.el.value.trim(), () => {
                jti.el.value = '';
              });
          },
        },
        jti.field,
        h('button', { type: 'submit' }, 'End a token…'),
      ),
      h(
        'p.muted',
        `Tokens are verified with ${plural(keys.length, 'key')}: those of each node. A node that signs with a new key goes on accepting tokens of the old one.`,
      ),
      h('div', h('button', { type: 'button', onclick: () => rotate(again) }, 'Sign with a new key…')),
    ),
  );
}

// newToken makes a token for a user, and shows it.
export function newToken(user) {
  const scopes = ['read', 'write', 'admin'].map((name) => ({
    name,
    el: h('input', { type: 'checkbox', checked: name === 'read' }),
  }));
  const ttl = input('Lives for', { placeholder: "the node's token_ttl" }),
    prefix = input('Only for this key and below', { class: 'mono', placeholder: 'all keys' });
  const chosen = () => scopes.filter((s) => s.el.checked).map((s) => s.name);
  created({
    title: 'Token for ' + user.nickname,
    label: 'Make the token',
    path: '/auth/tokens',
    fields: [
      h(
        'fieldset.checks',
        h('legend', 'Scope'),
        scopes.map((s) => h('label.check', s.el, s.name)),
      ),
      h('div.fields', ttl.field, prefix.field),
    ],
    body: () => ({
      user_uuid: user.uuid,
      scopes: chosen(),
      ...(ttl.el.value ? { ttl: ttl.el.value } : {}),
      ...(prefix.el.value ? { path_prefix: prefix.el.value } : {}),
    }),
    command: () =>
      `kvs token create ${quoted(user.nickname)} --scope ${chosen().join(',') || 'read'}${ttl.el.value ? ' --ttl ' + quoted(ttl.el.value) : ''}${prefix.el.value ? ' --path ' + quoted(prefix.el.value) : ''}`,
    after: (made) => {
      shown(user, made);
    },
  });
}

// shown shows a token, this once.
function shown(user, made) {
  const id = idOf(made.token);
  open('Token for ' + user.nickname, () =>
    h(
      'div.body',
      h('p', 'It is shown this once, and kept nowhere. It ends ' + when(made.expires_at) + '.'),
      h('pre.value.break.wrap', made.token),
      h('div', h('button.primary', { type: 'button', onclick: () => copied(made.token) }, 'Copy')),
      id ? h('p.muted', 'To end it early: ', h('code', id)) : null,
    ),
  );
}

// idOf is the jti of a token: the middle of a JWT is readable to whoever has it.
function idOf(token) {
  try {
    return JSON.parse(atob(token.split('.')[1].replaceAll('-', '+').replaceAll('_', '/'))).jti;
  } catch {
    return '';
  }
}

function revoke(jti, done) {
  const path = '/auth/tokens/' + encodeURIComponent(jti);
  act({
    title: 'End a token',
    label: 'End it',
    danger: true,
    text: [h('p', 'The token ', h('code', jti), ' ends on every node, as soon as the node hears of it.')],
    twin: twin({ method: 'DELETE', path }, 'kvs token revoke ' + quoted(jti)),
    run: async () => {
      await send('DELETE', path);
      toast('It has ended');
      done();
    },
  });
}

function rotate(again) {
  act({
    title: 'Sign with a new key',
    label: 'Make a new key',
    text: [h('p', 'This node signs with a new key from now on. Tokens of the old one stay good until they end.')],
    twin: twin({ method: 'POST', path: '/auth/keys/rotate' }, 'kvs key rotate'),
    run: async () => {
      await send('POST', '/auth/keys/rotate');
      toast('Signing with a new key');
      again();
    },
  });
}
