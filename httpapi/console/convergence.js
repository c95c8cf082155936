// Since when the nodes are apart, and how long it took them the last time. The clock runs
// whichever pane is shown.

import { now, status } from './node.js';

export const convergence = { since: 0, took: 0 };

// learn hears that the nodes are equal, or that they are not, perhaps since a time.
export function learn(equal, since = now()) {
  if (!equal && !convergence.since) convergence.since = since;
  if (!equal || !convergence.since) return;
  convergence.took = now() - convergence.since;
  convergence.since = 0;
}

// follow learns from every status.
export function follow() {
  status.hear((s) => {
    if (s.sync)
      learn(
        s.sync.converged,
        Math.min(...s.members.filter((m) => !m.converged && m.last_equal).map((m) => m.last_equal), now()),
      );
  });
}
