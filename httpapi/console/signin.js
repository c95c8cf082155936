// Where a token is entered.

import { session } from './api.js';
import { h } from './dom.js';
import { line } from './terminal.js';

// signIn asks for a token and calls done with one kept. error is why the last one, if
// there was one, was refused.
export function signIn(error, refused, done) {
  const field = h('input', {
    type: 'password',
    name: 'token',
    autocomplete: 'off',
    spellcheck: 'false',
    required: true,
    autofocus: true,
    placeholder: 'eyJ…',
  });
  const submit = (event) => {
    event.preventDefault();
    session.keep(field.value);
    done();
  };
  return h(
    'div.signin',
    h('div', h('h1', 'Sign in'), h('p.muted', 'This node answers nobody without a token.')),
    refused ? h('div.notice.bad', { role: 'alert' }, h('p', error.message)) : null,
    h(
      'form',
      { onsubmit: submit },
      h('label.field', h('span', 'Token'), field),
      h('div', h('button.primary', { type: 'submit' }, 'Sign in')),
    ),
    h(
      'div',
      h(
        'p.muted',
        "The administrator's is in the file ",
        h('code', 'admin.token'),
        " of the node's ",
        h('code', 'data_dir'),
        ', which is ',
        h('code', './data'),
        ' unless its configuration says otherwise. It is readable on that machine alone:',
      ),
    ),
    h('div.twin', line('sh', 'cat data/admin.token')),
    h(
      'p.muted',
      'Others get one from an administrator (',
      h('code', 'kvs token create'),
      '). It is kept for this tab and sent to this node, in a header.',
    ),
  );
}
