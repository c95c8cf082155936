// Keys: a list or a tree on one side, the record of one key on the other.

import { h, put, show } from './dom.js';
import { count, plural } from './format.js';
import { choice } from './choice.js';
import { failed, open } from './dialog.js';
import { Flat } from './flat.js';
import { address } from './key.js';
import { Tree } from './tree.js';
import { VirtualList } from './virtual.js';
import { record } from './record.js';
import { counted, deleteBelow, exportKeys, newKey } from './keyactions.js';
import { curl, environment, line, quoted } from './terminal.js';

// What the list shows, kept while other panes are looked at.
const kept = { view: 'tree', match: 'prefix', text: '' };

export function keys(root, rest) {
  const list = new KeyList();
  const side = h('div.panel.record');
  const split = h('div.keys-split', list.panel, side);
  let current = null;
  const move = (encoded) => {
    const key = encoded.split('/').map(decodeURIComponent).join('/');
    split.classList.toggle('opened', key !== '');
    current?.();
    current = key === '' ? null : record(side, key, { changed: () => list.again() });
    if (key === '') show(side, h('p.empty', 'Choose a key, or make one.'));
    list.mark(key);
  };
  show(
    root,
    h(
      'div.head',
      h('h1', 'Keys'),
      list.lead,
      h(
        'div.actions',
        h('button.primary', { type: 'button', onclick: () => newKey(kept.text, () => list.again()) }, 'New key'),
        h('button', { type: 'button', onclick: () => exportKeys(list.prefix) }, 'Export'),
        h('button.quiet', { type: 'button', onclick: () => terminal(list.prefix) }, 'Terminal'),
      ),
    ),
    split,
  );
  list.begin();
  move(rest);
  return {
    move,
    stop: () => {
      list.stop();
      current?.();
    },
  };
}

function terminal(prefix) {
  open(
    'In a terminal',
    () =>
      h(
        'div.body',
        environment(),
        h('h3', 'One level'),
        h(
          'div.twin',
          line('curl', curl({ path: '/kv/?list&delimiter=/&keys_only' })),
          line('kvs', 'kvs ls ' + quoted(prefix || '/')),
        ),
        h('h3', 'All keys'),
        h(
          'div.twin',
          line(
            'curl',
            curl({
              path: '/kv/_range?keys_only&prefix=' + encodeURIComponent(prefix),
              headers: { Accept: 'application/x-ndjson' },
            }),
          ),
          line('kvs', 'kvs ls -R ' + quoted(prefix || '/')),
        ),
        h('h3', 'One key'),
        h('div.twin', line('curl', curl({ path: '/kv/users/john?meta' })), line('kvs', 'kvs get users/john --meta')),
      ),
    { wide: true },
  );
}

// KeyList is the side with the list.
class KeyList {
  lead = h('span.lead');
  #rows = null; // a Tree or a Flat
  #list = null; // the VirtualList that shows it
  #place = h('div.virtual-place');
  #note = h('div.list-note');
  #marked = '';
  #dir = { key: '', element: null }; // the directory that was chosen last
  #timer = 0;

  constructor() {
    this.search = h('input', {
      type: 'search',
      value: kept.text,
      placeholder: 'Search keys',
      'aria-label': 'Search keys',
      spellcheck: 'false',
      autocomplete: 'off',
      oninput: () => {
        clearTimeout(this.#timer);
        this.#timer = setTimeout(() => {
          kept.text = this.search.value;
          this.begin();
        }, 180);
      },
      onkeydown: (e) => {
        if (e.key === 'Enter' || e.key === 'ArrowDown') {
          e.preventDefault();
          this.#list?.element.focus();
          this.#list?.choose(0);
        }
      },
    });
    this.panel = h(
      'div.panel.list',
      h(
        'div.list-bar',
        this.search,
        choice('Match', { prefix: 'Starts with', part: 'Contains' }, kept.match, (v) => {
          kept.match = v;
          this.begin();
        }),
        choice('View', { tree: 'Tree', flat: 'Flat' }, kept.view, (v) => {
          kept.view = v;
          this.begin();
        }),
      ),
      this.#place,
      this.#note,
    );
  }

  // prefix is what all keys of the list begin with.
  get prefix() {
    return kept.match === 'prefix' ? kept.text : '';
  }

  stop() {
    this.#rows?.stop?.();
    clearTimeout(this.#timer);
  }

  // begin reads the list anew for another view or search.
  begin() {
    this.stop();
    const tree = kept.view === 'tree' && kept.text === '';
    this.#rows = tree ? new Tree() : new Flat(this.prefix, kept.match === 'part' ? kept.text : '');
    this.#list = new VirtualList({
      role: tree ? 'tree' : 'listbox',
      label: 'Keys',
      draw: (i) => this.#draw(this.#rows.at(i)),
      open: (i) => this.#open(i),
      key: (e, i) => this.#key(e, i),
    });
    show(this.#place, this.#list.element);
    put(this.lead, '');
    const rows = this.#rows;
    const loading = tree
      ? rows.load().then(() => this.#redraw())
      : rows.load(() => rows === this.#rows && this.#grown());
    loading.then(() => this.mark(this.#marked)).catch((e) => rows === this.#rows && show(this.#note, failed(e)));
  }

  // again reads the list as it is now, at the same place.
  async again() {
    if (!(this.#rows instanceof Tree)) return this.begin();
    await this.#rows.again();
    this.#redraw();
    this.mark(this.#marked);
  }

  // mark shows which key is open.
  async mark(key) {
    this.#marked = key;
    if (key === '' || !this.#list) return;
    const rows = this.#rows;
    const i = rows instanceof Tree ? await rows.reveal(key).catch(() => -1) : rows.keys.indexOf(key);
    if (rows !== this.#rows) return;
    if (rows instanceof Tree) this.#redraw();
    if (i >= 0) this.#list.choose(i);
  }

  // #redraw shows the tree as it is now, unless another view was chosen while it was read.
  #redraw() {
    if (!(this.#rows instanceof Tree)) return;
    this.#list.reset(this.#rows.length);
    const there = this.#rows.rows.some((row) => row.key === this.#dir.key);
    show(this.#note, this.#rows.length === 0 ? h('p.empty', 'No keys yet.') : there ? this.#dir.element : null);
  }

  #grown() {
    const f = this.#rows;
    this.#list.grow(f.length);
    put(
      this.lead,
      f.contains
        ? `${count(f.length)} of ${plural(f.loaded, 'key')}${f.done ? '' : '…'}`
        : plural(f.length, 'key') + (f.done ? '' : '…'),
    );
    if (!f.done) return;
    show(
      this.#note,
      f.length === 0
        ? h(
            'p.empty',
            'No key ' + (f.contains ? 'contains' : 'begins with') + ' this. ',
            h('a', { href: address(kept.text) }, 'Look at it as a key'),
            ', also one that was deleted.',
          )
        : null,
      f.cut ? h('p.muted', 'There are more. A longer prefix shows them.') : null,
      f.filtered ? h('p.muted', 'Keys that you may not read are left out.') : null,
    );
  }

  #draw(row) {
    if (row.more && !row.asked) {
      row.asked = true; // what is in sight is read
      this.#rows.load(row.key).then(() => this.#redraw());
    }
    const indent = h('span.indent');
    indent.style.width = (row.level - 1) * 14 + 'px';
    const twist = h('span.twist', { 'aria-hidden': 'true' }, row.dir ? (row.open ? '▾' : '▸') : '');
    return {
      level: this.#rows instanceof Tree ? row.level : null,
      expanded: row.dir ? row.open : undefined,
      parts: [
        { title: row.key },
        this.#rows instanceof Tree ? [indent, twist] : null,
        h(row.dir ? 'span.dir' : row.more ? 'span.muted' : 'span', row.name),
      ],
    };
  }

  async #open(i) {
    const row = this.#rows.at(i);
    if (!row.dir && !row.more) {
      location.hash = address(row.key);
      return;
    }
    this.#dir = { key: row.key, element: row.dir ? this.#directory(row.key) : null };
    if (row.dir) await this.#rows.toggle(row);
    this.#redraw();
    this.#list.choose(row.more ? i : this.#rows.rows.findIndex((r) => r.key === row.key));
  }

  // #directory is what can be done with a directory as a whole.
  #directory(path) {
    const total = h('span.muted');
    const button = (word, kind, run) => h('button.quiet.small' + kind, { type: 'button', onclick: run }, word);
    return h(
      'div.list-dir',
      h('code.break', path),
      total,
      button('Count', '', async () => {
        put(total, await counted(path));
      }),
      button('Export…', '', () => exportKeys(path)),
      button('Delete all…', '.bad', () => deleteBelow(path, () => this.again())),
    );
  }

  #key(event, i) {
    if (i < 0) return false;
    const row = this.#rows.at(i);
    if (event.key === 'Delete' && row.dir) {
      deleteBelow(row.key, () => this.again());
      return true;
    }
    if (!(this.#rows instanceof Tree)) return false;
    if (event.key === 'ArrowRight' && row.dir && !row.open) {
      this.#open(i);
      return true;
    }
    if (event.key === 'ArrowLeft' && row.open) {
      this.#open(i);
      return true;
    }
    if (event.key === 'ArrowLeft') {
      this.#list.choose(this.#rows.above(i));
      return true;
    }
    return false;
  }
}
