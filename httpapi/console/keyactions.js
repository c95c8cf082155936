// What can be done with keys as a whole.

import { get, keyPath, lines, query, send, text as readText } from './api.js';
import { h, show } from './dom.js';
import { bytes, count, plural } from './format.js';
import { input } from './created.js';
import { act, toast, words } from './dialog.js';
import { compact, flaw } from './json.js';
import { address } from './key.js';
import { quoted, twin } from './terminal.js';

const goTo = (key) => {
  location.hash = address(key);
};

// newKey creates a key, and refuses one that is there.
export function newKey(prefix, changed) {
  const key = input('Key', {
    value: prefix,
    class: 'mono',
    required: true,
    placeholder: 'users/john',
    autofocus: true,
  });
  const ttl = input('Kept for', { placeholder: 'ever, or a time such as 1h' });
  const value = h('textarea.mono', { rows: 7, spellcheck: 'false', value: '{}' });
  const note = h('p.bad', { role: 'status' });
  const terminal = h('div');
  const body = () => {
    try {
      return flaw(value.value) ? value.value : compact(value.value);
    } catch {
      return value.value;
    }
  };
  const request = () => ({
    method: 'PUT',
    path: keyPath(key.el.value) + query({ raw: true, ttl: ttl.el.value.trim() || '0' }),
    body: body(),
    headers: { 'Content-Type': 'application/json', 'If-None-Match': '*' },
  });
  const draw = () => {
    const wrong = flaw(value.value);
    show(note, wrong ? `Line ${wrong.line}, column ${wrong.column}: ${wrong.message}` : '');
    show(
      terminal,
      twin(
        request(),
        `kvs put ${quoted(key.el.value || 'KEY')} ${quoted(body())} --ttl ${quoted(ttl.el.value.trim() || '0')} --create`,
      ),
    );
  };
  for (const el of [key.el, ttl.el, value]) el.addEventListener('input', draw);
  draw();
  return act({
    title: 'New key',
    label: 'Create',
    wide: true,
    fields: [key.field, h('label.field', h('span', 'Value (JSON)'), value), note, ttl.field],
    twin: terminal,
    run: async () => {
      const wrong = flaw(value.value);
      if (wrong) {
        value.focus();
        return false;
      }
      const { method, path, ...options } = request();
      await send(method, path, options);
      toast('Created');
      changed();
      goTo(key.el.value.replace(/^\//, ''));
    },
  });
}

// copyKey copies a value, byte for byte and without an expiry, to a key that is not there.
export function copyKey(key, changed) {
  const to = input('To', { value: key, class: 'mono', required: true });
  return act({
    title: 'Copy ' + key,
    label: 'Copy',
    fields: [to.field],
    text: [h('p.muted', 'To a key that is not there yet. The copy has no expiry, and the rights of where it goes.')],
    twin: transfer('cp', key, to.el),
    run: async () => {
      await copy(key, to.el.value);
      toast('Copied');
      changed();
      goTo(to.el.value);
    },
  });
}

// moveKey is a copy, then a delete of the version that was copied.
export function moveKey(key, r, changed) {
  const to = input('To', { value: key, class: 'mono', required: true });
  return act({
    title: 'Move ' + key,
    label: 'Move',
    fields: [to.field],
    text: [
      h(
        'p.muted',
        'A copy to a key that is not there yet, then a delete of what was copied. Both are writes of their own, not one transaction.',
      ),
    ],
    twin: transfer('mv', key, to.el),
    run: async () => {
      await copy(key, to.el.value);
      await send('DELETE', keyPath(key), { headers: { 'If-Match': `"${r.uuid}"` } });
      toast('Moved');
      changed();
      goTo(to.el.value);
    },
  });
}

// transfer is the commands of a copy or a move, as its target is typed.
function transfer(verb, key, target) {
  const box = h('div');
  const draw = () => {
    const to = target.value || 'TO';
    show(
      box,
      twin(
        {
          method: 'PUT',
          path: keyPath(to) + '?raw&ttl=0',
          headers: { 'Content-Type': 'application/json', 'If-None-Match': '*' },
          body: `<the value of ${key}>`,
        },
        `kvs ${verb} ${quoted(key)} ${quoted(to)}`,
      ),
    );
  };
  target.addEventListener('input', draw);
  draw();
  return box;
}

async function copy(from, to) {
  const body = await readText(keyPath(from) + '?raw');
  await send('PUT', keyPath(to) + query({ raw: true, ttl: '0' }), { body, headers: { 'If-None-Match': '*' } });
}

export function deleteKey(key, r, changed) {
  const path = keyPath(key),
    headers = { 'If-Match': `"${r.uuid}"` };
  return act({
    title: 'Delete ' + key,
    label: 'Delete',
    danger: true,
    text: [h('p', 'The value goes from all nodes. Its history brings it back, as long as this node keeps it.')],
    twin: twin({ method: 'DELETE', path, headers }, `kvs del ${quoted(key)} --if-match ${r.uuid}`),
    run: async () => {
      await send('DELETE', path, { headers });
      toast('Deleted');
      changed();
    },
  });
}

// counted is how many keys are below a directory, and how much they hold, in words.
export async function counted(dir) {
  let keys = 0,
    size = 0;
  try {
    for (let next; ;) {
      const page = await get(keyPath(dir) + query({ list: true, count: true, cursor: next }));
      keys += page.keys;
      size += page.bytes;
      if (!(next = page.next)) return `${plural(keys, 'key')}, ${bytes(size)}`;
    }
  } catch (e) {
    return e.message;
  }
}

// deleteBelow deletes a directory, page by page, after it has counted.
export async function deleteBelow(dir, changed) {
  const name = dir.slice(0, -1);
  const path = (more) => keyPath(dir) + query({ recurse: true, ...more });
  const sweep = async (more, headers) => {
    const sum = { matched: 0, deleted: 0, refused: 0, changed: 0 };
    for (let next; ;) {
      const page = await (await send('DELETE', path({ ...more, cursor: next }), { headers })).json();
      for (const k of Object.keys(sum)) sum[k] += page[k];
      if (!(next = page.next)) return sum;
    }
  };
  let found;
  try {
    found = await sweep({ dry_run: true }, {});
  } catch (e) {
    return toast(e.message, 'bad');
  }
  const headers = { 'KVS-Confirm': name };
  return act({
    title: 'Delete all below ' + dir,
    label: `Delete ${plural(found.matched, 'key')}`,
    danger: true,
    confirm: name,
    text: [h('p', `${plural(found.matched, 'key')} below this path. What somebody writes meanwhile stays.`)],
    twin: twin({ method: 'DELETE', path: path({}), headers }, `kvs del ${quoted(dir)} -r --yes`),
    run: async () => {
      const sum = await sweep({}, headers);
      toast(
        `${count(sum.deleted)} deleted${sum.refused ? `, ${sum.refused} not allowed` : ''}${sum.changed ? `, ${sum.changed} written meanwhile` : ''}`,
      );
      changed();
    },
  });
}

// exportKeys saves the records with a prefix, a line of JSON each.
export function exportKeys(prefix) {
  const path = '/kv/_range' + query({ prefix });
  const at = h('p.muted', { role: 'status' });
  return act({
    title: 'Export',
    label: 'Save as a file',
    text: [
      h(
        'p',
        prefix
          ? ['All keys that begin with ', h('code', prefix), ', with their values, a line each.']
          : 'All keys with their values, a line each.',
      ),
      at,
    ],
    twin: twin(
      { path, headers: { Accept: 'application/x-ndjson' } },
      `kvs export ${prefix ? quoted(prefix) + ' ' : ''}> keys.jsonl`,
    ),
    run: async () => {
      const parts = [];
      let n = 0;
      await lines(path, (batch) => {
        parts.push(batch.join('\n') + '\n');
        n += batch.length;
        show(at, plural(n, 'key') + '…');
      });
      const url = URL.createObjectURL(new Blob(parts, { type: 'application/x-ndjson' }));
      h('a', { href: url, download: (prefix.replaceAll('/', '-').replace(/-$/, '') || 'keys') + '.jsonl' }).click();
      setTimeout(() => URL.revokeObjectURL(url), 10_000);
      toast(plural(n, 'key') + ' exported');
    },
  }).catch((e) => toast(words(e).textContent, 'bad'));
}
