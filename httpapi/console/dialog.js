// Dialogs, and short words on what was done.

import { h, show } from './dom.js';

// toast says something for a few seconds; a failure stays until it is clicked away.
export function toast(text, kind = 'note') {
  const box = h(`button.toast.${kind}`, { type: 'button', title: 'Dismiss', onclick: () => box.remove() }, text);
  const all = document.getElementById('toasts');
  all.append(box);
  while (all.children.length > 3) all.firstChild.remove();
  if (kind !== 'bad') setTimeout(() => box.remove(), 2600);
}

// words is what to say of an error: what went wrong, which setting, what to try.
export function words(error) {
  return h(
    'div',
    h('p', error.message),
    error.setting ? h('p.muted', 'Setting: ', h('code', error.setting)) : null,
    error.try ? h('p.muted', 'Try: ', error.try) : null,
  );
}

// failed is the box that shows an error where an answer would be.
export const failed = (error) => h('div.notice.bad', { role: 'alert' }, words(error));

let opened = 0;

// open shows a dialog and returns a promise of what it is closed with; undefined is
// Escape. build gets close, and returns the body.
export function open(title, build, { wide = false } = {}) {
  return new Promise((resolve) => {
    let result;
    const close = (value) => {
      result = value;
      box.close();
    };
    const id = 'dialog-' + ++opened;
    const box = h(wide ? 'dialog.wide' : 'dialog', { 'aria-labelledby': id });
    box.append(
      h(
        'header',
        h('h2', { id }, title),
        h('button.quiet.icon', { type: 'button', onclick: () => close(), 'aria-label': 'Close' }, '×'),
      ),
      build(close, box),
    );
    box.addEventListener('close', () => {
      box.remove();
      resolve(result);
    });
    document.body.append(box);
    box.showModal();
  });
}

// act asks before it does something, and shows the error where it fails. what has: title,
// text (parts), label of the button, danger, confirm (a word to be typed), twin (an
// element), fields (elements), run (async). The promise is of whether it was done.
export function act({
  title,
  text = [],
  label,
  danger = false,
  confirm = '',
  twin = null,
  fields = [],
  run,
  wide = false,
}) {
  return open(
    title,
    (close) => {
      const error = h('div');
      const typed = h('input', {
        type: 'text',
        autocomplete: 'off',
        spellcheck: 'false',
        'aria-label': 'Type ' + confirm,
        oninput: () => {
          go.disabled = typed.value !== confirm;
        },
      });
      const go = h(
        danger ? 'button.danger' : 'button.primary',
        { type: 'submit', disabled: confirm !== '', autofocus: !danger && fields.length === 0 },
        label,
      );
      const submit = async (event) => {
        event.preventDefault();
        go.disabled = true;
        show(error);
        try {
          const done = await run();
          if (done !== false) close(true);
          else go.disabled = false;
        } catch (e) {
          show(error, failed(e));
          go.disabled = false;
        }
      };
      return h(
        'form',
        { onsubmit: submit },
        h(
          'div.body',
          text,
          fields,
          confirm ? h('label.field', h('span', 'Type ', h('code', confirm), ' to go on'), typed) : null,
          error,
          twin ? h('section.terminal', h('h3', 'In a terminal'), twin) : null,
        ),
        h('footer', h('button.quiet', { type: 'button', onclick: () => close() }, 'Cancel'), go),
      );
    },
    { wide },
  );
}
