// One key: where it is shown, and reading it.

import { keyPath, query, Refused, send } from './api.js';
import { short } from './format.js';
import { members } from './json.js';

// address is where a key is shown.
export const address = (key) => '#/keys/' + key.split('/').map(encodeURIComponent).join('/');

const bytesShown = 64 << 10; // larger values are read when somebody asks for them

// read is a key as it stands: text of its value, uuid, timestamp, expires, origin, size;
// or {absent: the problem}; or {large: bytes} of a value that was not read.
export async function read(key, { large = false, signal } = {}) {
  const abort = new AbortController();
  signal?.addEventListener('abort', () => abort.abort());
  let answer;
  try {
    answer = await send('GET', keyPath(key) + query({ meta: true }), { signal: abort.signal });
  } catch (e) {
    if (e instanceof Refused && (e.code === 'key-not-found' || e.code === 'key-expired')) return { absent: e };
    throw e;
  }
  const size = Number(answer.headers.get('Content-Length'));
  if (size > bytesShown && !large) {
    abort.abort();
    return { large: size, uuid: (answer.headers.get('ETag') || '').replaceAll('"', '') };
  }
  const all = members(await answer.text());
  const field = (name) => (all.has(name) ? JSON.parse(all.get(name)) : '');
  return {
    text: all.get('data'),
    uuid: field('uuid'),
    timestamp: field('timestamp'),
    expires: field('expires_at') || 0,
    origin: field('origin_id') || short(field('origin')),
    size: new TextEncoder().encode(all.get('data')).length,
  };
}
