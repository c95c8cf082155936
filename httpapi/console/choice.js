// A choice among a few words.

import { h } from './dom.js';

// choice is a row of buttons of which one is pressed.
export function choice(label, words, chosen, onChoose) {
  const buttons = Object.entries(words).map(([value, word]) =>
    h(
      'button.small',
      {
        type: 'button',
        'aria-pressed': String(value === chosen),
        onclick: (e) => {
          for (const b of buttons) b.setAttribute('aria-pressed', String(b === e.currentTarget));
          onChoose(value);
        },
      },
      word,
    ),
  );
  return h('div.segments', { role: 'group', 'aria-label': label }, buttons);
}
