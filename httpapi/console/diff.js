// Two texts compared line by line.

import { h } from './dom.js';
import { plural } from './format.js';

const linesMax = 3000; // compared with each other; longer middles are shown as all new
const around = 3; // lines shown around a change

// diff shows what is different, and little of what is not.
export function diff(before, after) {
  const steps = compare(before === '' ? [] : before.split('\n'), after === '' ? [] : after.split('\n'));
  if (steps.every((s) => s.sign === ' ')) return h('p.muted', 'The same text.');
  const near = new Set();
  steps.forEach((s, i) => {
    if (s.sign !== ' ') for (let j = i - around; j <= i + around; j++) near.add(j);
  });
  const rows = [];
  for (let i = 0; i < steps.length; i++) {
    if (near.has(i)) {
      rows.push(row(steps[i]));
      continue;
    }
    let left = 0;
    while (i + left < steps.length && !near.has(i + left)) left++;
    rows.push(h('div.diff-gap', plural(left, 'line') + ' alike'));
    i += left - 1;
  }
  const of = (sign) => steps.filter((s) => s.sign === sign).length;
  return h('div.diff', { role: 'figure', 'aria-label': `${plural(of('+'), 'line')} added, ${of('-')} removed` }, rows);
}

const row = (s) =>
  h(
    `div.diff-row.${s.sign === '+' ? 'added' : s.sign === '-' ? 'removed' : 'same'}`,
    h('span.diff-sign', s.sign === ' ' ? ' ' : s.sign === '+' ? '+' : '−'),
    h('span', s.line),
  );

// compare is the lines of both with their signs: the longest common subsequence, after
// what is alike at both ends.
function compare(a, b) {
  let head = 0,
    tail = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head++;
  while (tail < a.length - head && tail < b.length - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail++;
  const same = (lines) => lines.map((line) => ({ sign: ' ', line }));
  const from = a.slice(head, a.length - tail),
    to = b.slice(head, b.length - tail);
  const middle =
    from.length > linesMax || to.length > linesMax
      ? [...from.map((line) => ({ sign: '-', line })), ...to.map((line) => ({ sign: '+', line }))]
      : common(from, to);
  return [...same(a.slice(0, head)), ...middle, ...same(a.slice(a.length - tail))];
}

function common(a, b) {
  const width = b.length + 1;
  const length = new Uint16Array((a.length + 1) * width); // of the longest from (i, j) on
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      length[i * width + j] =
        a[i] === b[j]
          ? length[(i + 1) * width + j + 1] + 1
          : Math.max(length[(i + 1) * width + j], length[i * width + j + 1]);
    }
  }
  const out = [];
  let i = 0,
    j = 0;
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      out.push({ sign: ' ', line: a[i] });
      i++;
      j++;
    } else if (i < a.length && (j === b.length || length[(i + 1) * width + j] >= length[i * width + j + 1]))
      out.push({ sign: '-', line: a[i++] });
    else out.push({ sign: '+', line: b[j++] });
  }
  return out;
}
