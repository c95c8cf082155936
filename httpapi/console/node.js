// What the console knows of the node that serves it.

import { get, Refused } from './api.js';
import { Topic, watch } from './watch.js';

const period = 3000,
  within = 5000; // milliseconds

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
      auth: true,
      admin: me.scopes.includes('admin'),
      scopes: me.scopes,
      id: me.user_uuid,
      expires: me.expires_at,
    });
  } catch (e) {
    if (!(e instanceof Refused) || e.setting !== 'auth_enabled') throw e;
    Object.assign(caller, { auth: false, admin: true, scopes: ['admin'], id: '', expires: 0 });
  }
}

// now is the time by the node's clock, as near as answers tell: the quickest tells best,
// and what is within its time on the way may be no difference at all.
let ahead = 0,
  quickest = Infinity;
export const now = () => Date.now() + ahead;

function learnClock(sent, theirs) {
  const way = Date.now() - sent;
  if (way > quickest * 1.5) return;
  quickest = way;
  const difference = theirs - (sent + way / 2);
  ahead = Math.abs(difference) <= way ? 0 : difference;
}

async function ask() {
  const sent = Date.now();
  try {
    const s = caller.admin ? await get('/status', { within }) : await less();
    if (s.now) learnClock(sent, s.now);
    failure.tell(false);
    status.tell(s);
  } catch (e) {
    failure.tell(e);
  }
}

// less is what anybody may see, in the shape of /status.
async function less() {
  const [health, members] = await Promise.all([get('/health', { within }), get('/members/', { within })]);
  return {
    ...health,
    partial: true,
    members: members.map((m) => ({ ...m, self: m.id === health.node_id, connected: m.reach === 'reachable' })),
  };
}

let stop = null;

// begin asks from now on; refresh asks at once; end asks no more.
export function begin() {
  end();
  stop = watch(period, ask);
}
export function refresh() {
  if (stop) stop.now();
}
export function end() {
  if (stop) {
    stop();
    stop = null;
  }
}
