// Writing a value: checked while it is typed, compared before it is stored, and stored
// only over the version that was read.

import { keyPath, query, Refused, send } from './api.js';
import { h, put, show } from './dom.js';
import { span } from './format.js';
import { act, toast } from './dialog.js';
import { diff } from './diff.js';
import { compact, flaw, pretty } from './json.js';
import { now } from './node.js';
import { read } from './key.js';
import { quoted, twin } from './terminal.js';

// drafts are texts that were typed and not saved, by their keys: who looks at another key
// in between finds them again.
const drafts = new Map();

// editor shows the value of a record, or where there is none a place for one.
export function editor(root, key, r, again) {
  const was = r.absent ? '' : pretty(r.text);
  const area = h('textarea.editor', {
    value: drafts.get(key) ?? was,
    spellcheck: 'false',
    autocomplete: 'off',
    'aria-label': 'Value of ' + key,
    oninput: () => check(),
    onkeydown: (e) => onKey(e),
  });
  const note = h('p.editor-note', { role: 'status' });
  const ttl = h('input', {
    type: 'text',
    placeholder: '1h',
    'aria-label': 'How long it is kept',
    spellcheck: 'false',
    hidden: true,
  });
  const keep = h(
    'select',
    {
      'aria-label': 'Expiry',
      onchange: () => {
        ttl.hidden = keep.value !== 'after';
        if (!ttl.hidden) ttl.focus();
        check();
      },
    },
    h('option', { value: 'keep' }, r.expires ? 'ends in ' + span(Math.max(0, r.expires - now())) : 'no expiry'),
    r.expires ? h('option', { value: 'never' }, 'never ends') : null,
    h('option', { value: 'after' }, 'ends after…'),
  );
  const save = h('button.primary', { type: 'button', onclick: () => store() }, r.absent ? 'Create' : 'Save');
  const discard = h(
    'button.quiet.small',
    {
      type: 'button',
      onclick: () => {
        area.value = was;
        check();
      },
    },
    'Discard',
  );
  const format = h(
    'button.quiet.small',
    {
      type: 'button',
      onclick: () => {
        area.value = pretty(area.value);
        check();
      },
    },
    'Format',
  );

  function check() {
    const wrong = flaw(area.value);
    const touched = area.value !== was || keep.value !== 'keep';
    if (area.value === was) drafts.delete(key);
    else drafts.set(key, area.value);
    save.disabled = !!wrong || !touched;
    discard.hidden = area.value === was;
    format.disabled = !!wrong;
    note.className = 'editor-note ' + (wrong && area.value ? 'bad' : 'muted');
    put(
      note,
      wrong && area.value
        ? `Line ${wrong.line}, column ${wrong.column}: ${wrong.message}`
        : !area.value
          ? 'Any JSON'
          : touched
            ? 'Not saved yet'
            : 'JSON',
    );
  }

  function onKey(event) {
    if ((event.ctrlKey || event.metaKey) && event.key === 's') {
      event.preventDefault();
      if (!save.disabled) store();
    }
  }

  // lifetime is the ttl parameter. Without one a node would give its default.
  function lifetime() {
    if (keep.value === 'after') return ttl.value.trim() || '1h';
    return keep.value === 'keep' && r.expires ? Math.max(1, r.expires - now()) + 'ms' : '0';
  }

  async function store() {
    if (!r.absent && area.value === was)
      return touch(key, r, keep.value === 'never' ? '0' : ttl.value.trim() || '1h', again);
    // A value without line breaks stays one: what is shown with some is stored without.
    const text = r.absent || !r.text.includes('\n') ? compact(area.value) : area.value;
    await write({
      key,
      text,
      before: r,
      ttl: lifetime(),
      label: r.absent ? 'Create' : 'Save',
      title: r.absent ? 'Create ' + key : 'Save ' + key,
      again: () => {
        drafts.delete(key);
        again();
      },
    });
  }

  show(root, area, h('div.editor-foot', note, discard, format, h('span.editor-ttl', keep, ttl), save));
  check();
}

// write asks with a comparison, and stores a value where nobody was faster. before is the
// record that it is written over.
export function write({ key, text, before, ttl, label, title, again, intro = null }) {
  let over = before;
  const compared = h('div'),
    warning = h('div'),
    terminal = h('div');
  const request = () => ({
    method: 'PUT',
    path: keyPath(key) + query({ raw: true, ttl }),
    body: text,
    headers: {
      'Content-Type': 'application/json',
      ...(over.absent ? { 'If-None-Match': '*' } : { 'If-Match': `"${over.uuid}"` }),
    },
  });
  const command = () =>
    `kvs put ${quoted(key)} ${text.length > 300 ? '@value.json' : quoted(text)} --ttl ${quoted(ttl)}${over.absent ? ' --create' : ' --if-match ' + over.uuid}`;
  const compare = () => {
    show(compared, diff(over.absent ? '' : pretty(over.text), pretty(text)));
    show(terminal, twin(request(), command()));
  };
  compare();
  return act({
    title,
    label,
    wide: true,
    text: [intro, warning, compared],
    twin: terminal,
    run: async () => {
      try {
        const { method, path, ...options } = request();
        await send(method, path, options);
      } catch (e) {
        if (!(e instanceof Refused) || e.status !== 412) throw e;
        over = await read(key, { large: true });
        show(
          warning,
          h(
            'div.notice.warn',
            'Somebody else has written this key meanwhile. This is the difference from what is there now; going on writes over it.',
          ),
        );
        compare();
        return false;
      }
      toast('Stored');
      again();
    },
  });
}

// touch sets how long a key is kept, its value as it is.
function touch(key, r, ttl, again) {
  const path = keyPath(key) + query({ ttl }),
    headers = { 'If-Match': `"${r.uuid}"`, 'Content-Type': 'application/merge-patch+json' };
  return act({
    title: 'Expiry of ' + key,
    label: 'Set',
    text: [h('p', ttl === '0' ? 'The key is kept for ever.' : `The key ends ${ttl} from now.`)],
    twin: twin({ method: 'PATCH', path, headers }, `kvs touch ${quoted(key)} --ttl ${ttl} --if-match ${r.uuid}`),
    run: async () => {
      await send('PATCH', path, { headers });
      toast('Set');
      again();
    },
  });
}
