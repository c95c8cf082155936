// Who may come in: users, groups, tokens, and why somebody may not.

import { get } from './api.js';
import { h, show } from './dom.js';
import { span } from './format.js';
import { denial } from './denial.js';
import { failed, open } from './dialog.js';
import { groupsPanel, usersPanel } from './directory.js';
import { caller, now } from './node.js';
import { curl, environment, line } from './terminal.js';
import { tokensPanel } from './tokens.js';

export function access(root) {
  const head = (...actions) => h('div.head', h('h1', 'Access'), h('span.lead', who()), h('div.actions', actions));
  if (!caller.auth)
    return void show(
      root,
      head(),
      h(
        'div.notice.warn',
        'This node has ',
        h('code', 'auth_enabled: false'),
        ': whoever reaches its port may do everything.',
      ),
    );
  if (!caller.admin)
    return void show(root, head(), h('div.notice', 'Users, groups and tokens are for tokens of scope admin.'));
  const body = h('div');
  const load = async () => {
    try {
      const [{ users }, { groups }, { keys }] = await Promise.all([
        get('/auth/users'),
        get('/auth/groups'),
        get('/.well-known/jwks.json'),
      ]);
      show(
        body,
        h('div.columns', usersPanel(users, groups, load), groupsPanel(users, groups, load)),
        h('div.columns', denial(users, groups), tokensPanel(keys, load)),
      );
    } catch (e) {
      show(body, failed(e));
    }
  };
  show(root, head(h('button.quiet', { type: 'button', onclick: terminal }, 'Terminal')), body);
  load();
}

const who = () =>
  caller.auth
    ? `signed in with scope ${caller.scopes.join(', ')}${caller.expires ? ', for another ' + span(Math.max(0, caller.expires - now())) : ''}`
    : '';

function terminal() {
  open(
    'In a terminal',
    () =>
      h(
        'div.body',
        environment(),
        h('h3', 'Users and groups'),
        h('div.twin', line('curl', curl({ path: '/auth/users' })), line('kvs', 'kvs user ls')),
        h('div.twin', line('curl', curl({ path: '/auth/groups' })), line('kvs', 'kvs group ls')),
        h('h3', 'Who am I'),
        h('div.twin', line('curl', curl({ path: '/auth/whoami' })), line('kvs', 'kvs token whoami')),
      ),
    { wide: true },
  );
}
