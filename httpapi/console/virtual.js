// A list of which only the rows in sight exist. A hundred thousand keys scroll like ten.

import { h } from './dom.js';

const rowHeight = 25; // pixels; panes.css has the same
const spare = 12; // rows beyond either edge, for fast scrolling

// VirtualList shows rows 0 to length-1. draw(i) gives {parts, level, expanded} of a row,
// open(i) is called on Enter and click, and key(event, i) gets other keys first.
export class VirtualList {
  #length = 0;
  #chosen = -1;
  #rows = new Map();
  #draw;
  #open;
  #key;

  constructor({ role, label, draw, open, key = () => false }) {
    this.#draw = draw;
    this.#open = open;
    this.#key = key;
    this.space = h('div.virtual-space', { role: 'presentation' });
    this.element = h(
      'div.virtual',
      {
        role,
        tabindex: 0,
        'aria-label': label,
        onscroll: () => this.#paint(),
        onkeydown: (e) => this.#onKey(e),
        onclick: (e) => this.#onClick(e),
      },
      this.space,
    );
    this.role = role === 'tree' ? 'treeitem' : 'option';
    new ResizeObserver(() => this.#paint()).observe(this.element);
  }

  get length() {
    return this.#length;
  }
  get chosen() {
    return this.#chosen;
  }

  // reset says that there are other rows now.
  reset(length, chosen = this.#chosen) {
    this.#length = length;
    this.#chosen = Math.min(chosen, length - 1);
    this.space.style.height = length * rowHeight + 'px';
    for (const el of this.#rows.values()) el.remove();
    this.#rows.clear();
    this.#paint();
  }

  // grow says that rows were appended; those before are as they were.
  grow(length) {
    this.#length = length;
    this.space.style.height = length * rowHeight + 'px';
    this.#paint();
  }

  // choose marks a row and brings it in sight.
  choose(i) {
    if (this.#length === 0) return;
    const before = this.#chosen;
    this.#chosen = Math.max(0, Math.min(i, this.#length - 1));
    const top = this.#chosen * rowHeight,
      view = this.element;
    if (top < view.scrollTop) view.scrollTop = top;
    else if (top + rowHeight > view.scrollTop + view.clientHeight) view.scrollTop = top + rowHeight - view.clientHeight;
    this.#paint();
    this.#mark(before);
    this.#mark(this.#chosen);
  }

  #mark(i) {
    const el = this.#rows.get(i);
    if (!el) return;
    el.setAttribute('aria-selected', String(i === this.#chosen));
    if (i === this.#chosen) this.element.setAttribute('aria-activedescendant', el.id);
  }

  #paint() {
    const view = this.element;
    const first = Math.max(0, Math.floor(view.scrollTop / rowHeight) - spare);
    const last = Math.min(this.#length, Math.ceil((view.scrollTop + view.clientHeight) / rowHeight) + spare);
    for (const [i, el] of this.#rows) {
      if (i < first || i >= last) {
        el.remove();
        this.#rows.delete(i);
      }
    }
    for (let i = first; i < last; i++) if (!this.#rows.has(i)) this.#add(i);
  }

  #add(i) {
    const row = this.#draw(i);
    const el = h(
      'div.virtual-row',
      {
        role: this.role,
        id: 'row-' + i,
        'data-row': i,
        'aria-selected': String(i === this.#chosen),
        'aria-setsize': this.#length,
        'aria-posinset': i + 1,
        'aria-level': row.level ?? null,
        'aria-expanded': row.expanded === undefined ? null : String(row.expanded),
      },
      row.parts,
    );
    el.style.transform = `translateY(${i * rowHeight}px)`;
    this.#rows.set(i, el);
    this.space.append(el);
  }

  #onClick(event) {
    const el = event.target.closest('[data-row]');
    if (!el) return;
    this.choose(Number(el.dataset.row));
    this.#open(this.#chosen);
  }

  #onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const page = Math.max(1, Math.floor(this.element.clientHeight / rowHeight) - 1);
    const to = {
      ArrowDown: this.#chosen + 1,
      j: this.#chosen + 1,
      ArrowUp: this.#chosen - 1,
      k: this.#chosen - 1,
      PageDown: this.#chosen + page,
      PageUp: this.#chosen - page,
      Home: 0,
      End: this.#length - 1,
    }[event.key];
    // After g a letter leads to a pane.
    if (document.body.classList.contains('going')) return;
    if (to !== undefined) this.choose(to);
    else if (event.key === 'Enter' && this.#chosen >= 0) this.#open(this.#chosen);
    else if (!this.#key(event, this.#chosen)) return;
    event.preventDefault();
    event.stopPropagation();
  }
}
