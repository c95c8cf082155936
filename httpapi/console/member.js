// How a member is, in a word and a kind that gives it a colour.

// health is how a member is: a kind for its colour and a word.
export function health(m) {
  if (m.state === 'failed') return ['bad', 'failed'];
  if (m.state === 'gone') return ['bad', 'gone'];
  if (m.reach === 'unreachable') return ['bad', 'unreachable'];
  if (m.reach === 'suspect') return ['warn', 'suspect'];
  return ['good', m.state];
}

// equality is whether a member has this node's data: a kind and a word.
export function equality(m) {
  if (m.converged === undefined) return ['', 'not shown'];
  if (m.converged) return ['good', 'same'];
  if (!m.connected) return ['bad', 'not connected'];
  return ['warn', 'differs'];
}
