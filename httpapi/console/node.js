// What the console knows of the node that serves it.

import { get, Refused } from './api.js';
import { Topic, watch } from './watch.js';

const period = 3000; // milliseconds

// status is GET /status, or as much of it as the caller may see (partial). failure is why
// there was no answer, null while there are answers.
export const status = new Topic();
export const failure = new Topic();

// caller is who is signed in: { auth: whether the node asks for tokens, admin, scopes, id }.
export const caller = { auth: true, admin: false, scopes: [], id: '', expires: 0 };

// identify asks the node who the caller is. It throws where the node does not know.
export async function identify() {
  try {
    const me = await get('/auth/whoami');
    Object.assign(caller, {
      auth: true, admin: me.scopes.includes('admin'), scopes: me.scopes, id: me.user_uuid, expires: me.expires_at,
    });
  } catch (e) {
    if (!(e instanceof Refused) || e.setting !== 'auth_enabled') throw e;
    Object.assign(caller, { auth: false, admin: true, scopes: ['admin'], id: '', expires: 0 });
  }
}

// now is the time by the node's clock.
let ahead = 0;
export const now = () => Date.now() + ahead;

async function ask() {
  try {
    const s = caller.admin ? await get('/status') : await less();
    if (s.now) ahead = s.now - Date.now();
    failure.tell(false);
    status.tell(s);
  } catch (e) {
    failure.tell(e);
  }
}

// less is what anybody may see, in the shape of /status.
async function less() {
  const [health, members] = await Promise.all([get('/health'), get('/members/')]);
  return {
    ...health, partial: true,
    members: members.map((m) => ({ ...m, self: m.id === health.node_id, connected: m.reach === 'reachable' })),
  };
}

let stop = null;

// begin asks from now on; refresh asks at once; end asks no more.
export function begin() { end(); stop = watch(period, ask); }
export function refresh() { if (stop) stop.now(); }
export function end() { if (stop) { stop(); stop = null; } }
