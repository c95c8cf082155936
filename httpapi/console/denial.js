// Why somebody may not: the rule of the rights, step by step, with the node's own answers.

import { get, keyPath } from './api.js';
import { h, show } from './dom.js';
import { failed } from './dialog.js';
import { address } from './key.js';

const letters = { create: 0, delete: 1, write: 2, read: 3 };
const scopes = { create: 'write', delete: 'write', write: 'write', read: 'read' };

export function denial(users, groups) {
  const user = h(
    'select',
    { 'aria-label': 'User' },
    users.map((u) => h('option', { value: u.uuid }, u.nickname)),
  );
  const verb = h(
    'select',
    { 'aria-label': 'What' },
    Object.keys(letters)
      .reverse()
      .map((v) => h('option', { value: v }, v)),
  );
  const key = h('input', {
    type: 'text',
    class: 'mono',
    placeholder: 'users/john',
    required: true,
    spellcheck: 'false',
    'aria-label': 'Key',
  });
  const answer = h('div', { role: 'status' });
  const ask = async (event) => {
    event.preventDefault();
    try {
      show(
        answer,
        words(
          await judge(
            users.find((u) => u.uuid === user.value),
            groups,
            verb.value,
            key.value,
          ),
          verb.value,
        ),
      );
    } catch (e) {
      show(answer, failed(e));
    }
  };
  return h(
    'div.panel',
    h('header', h('h2', 'Why denied?')),
    h(
      'div.body.stack',
      users.length === 0
        ? h('p.muted', 'With users, this says whether one may do something to a key, and by which rights.')
        : h(
            'form.question',
            { onsubmit: ask },
            h('span', 'May'),
            user,
            verb,
            key,
            h('button', { type: 'submit' }, 'Ask'),
          ),
      answer,
    ),
  );
}

// judge looks up whose rights count: of the key for reading and writing, of the nearest
// key above for creating and deleting; and an owner may delete a key of its own.
async function judge(user, groups, verb, key) {
  const above = verb === 'create' || verb === 'delete';
  const place = above ? key.split('/').slice(0, -1).join('/') : key;
  const mine = groups.filter((g) => g.members.includes(user.uuid));
  const acl = await get(keyPath(place, '/acl/'));
  const found = grants(acl, user, mine, verb);
  if (!found.allowed && verb === 'delete') {
    const own = await get(keyPath(key, '/acl/'));
    if (!own.inherited && own.owner === user.uuid && own.mode.split(',')[0][letters.delete] !== '-') {
      return { user, key, place: key, acl: own, part: 'owner', allowed: true, own: true };
    }
  }
  return { user, key, place, acl, ...found };
}

// grants judges the one class of the three that counts.
function grants(acl, user, mine, verb) {
  const part =
    acl.owner === user.uuid ? 'owner' : acl.group && mine.some((g) => g.uuid === acl.group) ? 'group' : 'others';
  const bits = acl.mode.split(',')[['owner', 'group', 'others'].indexOf(part)];
  return { part, allowed: bits[letters[verb]] !== '-' };
}

function words(a, verb) {
  const where = a.place === '' ? 'the root' : h('a', { href: address(a.place) }, a.place);
  const whose = a.own
    ? ['It is the owner of the key itself, whose rights have ' + verb + '.']
    : [
        a.acl.inherited
          ? ['What counts are the rights of the nearest key above ', where, ' that has some']
          : ['What counts are the rights of ', where],
        ': ',
        h('code', a.acl.mode),
        '. There ',
        h('strong', a.user.nickname),
        { owner: ' is the owner', group: ' is of the group', others: ' is neither the owner nor of the group' }[a.part],
        ', and ' + (a.part === 'others' ? 'others' : 'the ' + a.part),
        a.allowed ? ' may ' : ' may not ',
        verb,
        '.',
      ];
  return h(
    'div.notice',
    { class: 'notice ' + (a.allowed ? '' : 'warn') },
    h(
      'p',
      h(
        'strong',
        a.user.disabled
          ? 'No: the user is disabled.'
          : a.allowed
            ? 'Yes, with a token of scope ' + scopes[verb] + '.'
            : 'No.',
      ),
    ),
    h('p', whose),
    h('p.muted', 'A token may allow less: by its scope, or by its path. One of scope admin asks for no rights.'),
  );
}
