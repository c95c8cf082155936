// Keys that work wherever no text is being written.

import { switchTheme } from './theme.js';

const writing = (el) => el.matches('input:not([type=checkbox]):not([type=radio]), textarea, select');

// shortcuts leads to panes by g and their key; "/" goes to the search of the pane.
export function shortcuts(panes, { help, refresh }) {
  let going = 0;
  const go = (on) => {
    clearTimeout(going);
    going = on ? setTimeout(() => go(false), 1500) : 0;
    document.body.classList.toggle('going', on);
  };
  addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector('dialog[open]')) return;
    if (writing(event.target)) {
      if (event.key !== 'Escape') return;
      event.preventDefault(); // a browser would empty a field of searches
      event.target.blur();
      return;
    }
    const pane = going ? panes.find((p) => p.key === event.key) : null;
    if (pane) location.hash = '#/' + pane.id;
    else if (event.key === '/') document.querySelector('main [type=search]')?.focus();
    else if (event.key === '?') help();
    else if (event.key === 't') switchTheme();
    else if (event.key === 'r') refresh();
    else if (event.key !== 'g') return go(false);
    event.preventDefault();
    go(event.key === 'g' && !pane);
  });
}
