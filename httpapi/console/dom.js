// Elements are made by calls. Text is always text: nothing here, nor anywhere in the
// console, parses markup.

// h makes an element: a name with classes ("button.primary"), then attributes as
// objects, children as nodes or text, in any order. null and false are left out.
export function h(name, ...parts) {
  const [tag, ...classes] = name.split('.');
  const el = document.createElement(tag);
  if (classes.length) el.className = classes.join(' ');
  return fill(el, parts);
}

// svg is h for drawings.
export function svg(name, ...parts) {
  const [tag, ...classes] = name.split('.');
  const el = document.createElementNS('http://www.w3.org/2000/svg', tag);
  if (classes.length) el.setAttribute('class', classes.join(' '));
  return fill(el, parts);
}

// show replaces what an element holds.
export function show(el, ...parts) {
  el.replaceChildren();
  return fill(el, parts);
}

// put sets an element's text if it is another: what a screen reader hears and what is
// selected stays as it is where nothing has changed.
export function put(el, text) {
  if (el.textContent !== text) el.textContent = text;
}

function fill(el, parts) {
  for (const part of parts.flat(Infinity)) {
    if (part === null || part === undefined || part === false) continue;
    if (part instanceof Node) el.append(part);
    else if (typeof part === 'object') attributes(el, part);
    else el.append(String(part));
  }
  return el;
}

const properties = new Set(['value', 'checked', 'disabled', 'hidden', 'open', 'selected', 'indeterminate']);

function attributes(el, all) {
  for (const [name, value] of Object.entries(all)) {
    if (name.startsWith('on')) el.addEventListener(name.slice(2), value);
    else if (properties.has(name)) el[name] = value;
    else if (value === true) el.setAttribute(name, '');
    else if (value !== false && value !== null && value !== undefined) el.setAttribute(name, value);
  }
}
