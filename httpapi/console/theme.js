// Light or dark: as the system has it, until somebody chooses.

import { h } from './dom.js';

const place = 'kvs-theme';
const system = matchMedia('(prefers-color-scheme: dark)');

const current = () => localStorage.getItem(place) || (system.matches ? 'dark' : 'light');

function apply() {
  document.documentElement.dataset.theme = current();
}

export function switchTheme() {
  localStorage.setItem(place, current() === 'dark' ? 'light' : 'dark');
  apply();
}

export const themeButton = () =>
  h(
    'button.quiet.icon',
    { type: 'button', title: 'Light or dark (t)', 'aria-label': 'Switch between light and dark', onclick: switchTheme },
    '◐',
  );

system.addEventListener('change', apply);
apply();
