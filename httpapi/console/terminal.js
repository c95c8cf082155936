// What a button does, as a line for a terminal: with curl, and with the kvs command.

import { h } from './dom.js';
import { caller, status } from './node.js';
import { toast } from './dialog.js';

// quoted is a word as a shell takes it.
export const quoted = (word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`);

// curl is the command for a request. A long body is a file's.
export function curl({ method = 'GET', path, headers = {}, body, stream = false }) {
  const words = ['curl', stream ? '-N' : '-s'];
  if (caller.auth) words.push('-H "Authorization: Bearer $TOKEN"');
  if (method !== 'GET') words.push('-X ' + method);
  for (const [name, value] of Object.entries(headers)) words.push('-H ' + quoted(`${name}: ${value}`));
  if (body !== undefined) {
    if (!headers['Content-Type']) words.push("-H 'Content-Type: application/json'");
    words.push('-d ' + (body.length > 300 ? '@value.json' : quoted(body)));
  }
  words.push(quoted(location.origin + path));
  return words.join(' ');
}

// copied puts a text on the clipboard, also where the page is not of a secure context.
export async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = h('textarea.offscreen', { value: text });
    (document.querySelector('dialog[open]') || document.body).append(area);
    area.select();
    document.execCommand('copy');
    area.remove();
  }
  toast('Copied');
}

// line is a command with a button that copies it.
export function line(label, command) {
  return h(
    'div.line',
    h('span.line-label', label),
    h('code', { tabindex: 0, 'aria-label': label + ' command' }, command),
    h(
      'button.quiet.small',
      { type: 'button', onclick: () => copied(command), 'aria-label': 'Copy the ' + label + ' command' },
      'Copy',
    ),
  );
}

// twin shows the same action with curl and with kvs.
export function twin(request, command) {
  return h('div.twin', line('curl', curl(request)), command ? line('kvs', command) : null);
}

// environment is what both need to know of the node. The file is on its machine.
export function environment() {
  const file = quoted((status.value?.storage?.data_dir || 'data') + '/admin.token');
  const token = caller.auth ? ' KVS_TOKEN_FILE=' + file : '';
  return h(
    'div.twin',
    line('kvs', `export KVS_ADDR=${location.origin}${token}`),
    caller.auth ? line('curl', 'TOKEN=$(cat ' + file + ')') : null,
  );
}
