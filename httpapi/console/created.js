// Fields, and dialogs that make something of them.

import { send } from './api.js';
import { h, show } from './dom.js';
import { act } from './dialog.js';
import { twin } from './terminal.js';

// input is a text field with its label.
export const input = (label, more = {}) => {
  const el = h('input', { type: 'text', spellcheck: 'false', autocomplete: 'off', ...more });
  return { el, field: h('label.field', h('span', label), el) };
};

// created is a dialog that posts what body gives.
export function created({ title, label = 'Create', path, fields, body, command, after }) {
  const terminal = h('div');
  const request = () => ({ method: 'POST', path, body: JSON.stringify(body()) });
  const draw = () => show(terminal, twin(request(), command()));
  const box = h('div.stack', { oninput: draw, onchange: draw }, fields);
  draw();
  return act({
    title,
    label,
    fields: [box],
    twin: terminal,
    run: async () => after(await (await send('POST', path, { body: request().body })).json()),
  });
}
