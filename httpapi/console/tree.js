// Keys as directories, of which each is read when it is opened.

import { get, keyPath, query } from './api.js';

const pageSize = 1000;

// Tree is the rows of all open directories, one below the other. A row has key, name and
// level; dir, open and more (a row that stands for what was not read yet) where so.
export class Tree {
  rows = [];
  #dirs = new Map(); // path to {items, next, loading, whole}
  #open = new Set();

  get length() {
    return this.rows.length;
  }
  at(i) {
    return this.rows[i];
  }

  // load reads the next page of a directory, if there is one; '' is the root.
  load(path = '') {
    const dir = this.#dirs.get(path) || { items: [], next: undefined };
    this.#dirs.set(path, dir);
    if (!dir.whole)
      dir.loading ??= this.#page(path, dir).finally(() => {
        dir.loading = null;
      });
    return dir.loading || Promise.resolve();
  }

  async #page(path, dir) {
    const page = await get(
      keyPath(path) + query({ list: true, delimiter: '/', keys_only: true, limit: pageSize, cursor: dir.next }),
    );
    dir.items.push(...page.items.map((item) => item.key));
    dir.next = page.next;
    dir.whole = page.next === undefined;
    this.#flatten();
  }

  // toggle opens or closes the directory of a row.
  async toggle(row, open = !this.#open.has(row.key)) {
    if (open) this.#open.add(row.key);
    else this.#open.delete(row.key);
    if (open && !this.#dirs.has(row.key)) await this.load(row.key);
    else this.#flatten();
  }

  // reveal opens the directories above a key.
  async reveal(key) {
    for (let i = key.indexOf('/'); i >= 0; i = key.indexOf('/', i + 1)) {
      await this.toggle({ key: key.slice(0, i + 1) }, true);
    }
    return this.rows.findIndex((row) => row.key === key);
  }

  // above is the row of the directory that holds a row.
  above(i) {
    for (let j = i - 1; j >= 0; j--) if (this.rows[j].level < this.rows[i].level) return j;
    return i;
  }

  // again reads all that is open anew.
  async again() {
    const open = [...this.#open];
    this.#dirs.clear();
    await this.load('');
    for (const path of open.sort()) if (this.rows.some((row) => row.key === path)) await this.load(path);
  }

  #flatten() {
    this.rows = [];
    this.#append('', 1);
  }

  #append(path, level) {
    const dir = this.#dirs.get(path);
    if (!dir) return;
    for (const key of dir.items) {
      const isDir = key.endsWith('/');
      const open = isDir && this.#open.has(key);
      this.rows.push({ key, name: key.slice(path.length), level, dir: isDir, open });
      if (open) this.#append(key, level + 1);
    }
    if (dir.next !== undefined) this.rows.push({ key: path, name: 'more…', level, more: true });
  }
}
