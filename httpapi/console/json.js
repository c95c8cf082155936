// JSON as text. A value comes back from the store byte for byte, and the console keeps it
// so: it cuts values out of answers and changes white space alone, because
// JSON.parse would round numbers beyond 2^53 and drop members of the same name.

// members are the members of an object's text: name to the text of the value.
export function members(text) {
  const out = new Map();
  let i = blank(text, text.indexOf('{') + 1);
  while (i < text.length && text[i] !== '}') {
    const nameEnd = skip(text, i);
    const name = JSON.parse(text.slice(i, nameEnd));
    const from = blank(text, blank(text, nameEnd) + 1);
    const to = skip(text, from);
    out.set(name, text.slice(from, to));
    i = blank(text, to);
    if (text[i] === ',') i = blank(text, i + 1);
  }
  return out;
}

// elements are the texts of an array's elements.
export function elements(text) {
  const out = [];
  let i = blank(text, text.indexOf('[') + 1);
  while (i < text.length && text[i] !== ']') {
    const to = skip(text, i);
    out.push(text.slice(i, to));
    i = blank(text, to);
    if (text[i] === ',') i = blank(text, i + 1);
  }
  return out;
}

// blank is where the white space from i on ends.
function blank(text, i) {
  while (text[i] === ' ' || text[i] === '\n' || text[i] === '\t' || text[i] === '\r') i++;
  return i;
}

// skip is where the value that begins at i ends.
function skip(text, i) {
  if (text[i] === '"') return skipString(text, i);
  if (text[i] !== '{' && text[i] !== '[') {
    while (i < text.length && !',]}: \n\r\t'.includes(text[i])) i++;
    return i;
  }
  for (let depth = 0; i < text.length; i++) {
    const c = text[i];
    if (c === '"') i = skipString(text, i) - 1;
    else if (c === '{' || c === '[') depth++;
    else if ((c === '}' || c === ']') && --depth === 0) return i + 1;
  }
  return i;
}

function skipString(text, i) {
  for (i++; i < text.length && text[i] !== '"'; i++) if (text[i] === '\\') i++;
  return i + 1;
}

// compact is a JSON text without white space between its tokens.
export function compact(text) {
  let out = '';
  for (let i = blank(text, 0); i < text.length; i = blank(text, i)) {
    const to = text[i] === '"' ? skipString(text, i) : i + 1;
    out += text.slice(i, to);
    i = to;
  }
  return out;
}

// pretty is a JSON text with a line for each member and element; short arrays of
// scalars stay on one.
export function pretty(text, indent = '') {
  text = text.trim();
  const open = text[0];
  if (open !== '{' && open !== '[') return text;
  const inner = indent + '  ';
  const parts =
    open === '{'
      ? spelledMembers(text).map(([name, value]) => name + ': ' + pretty(value, inner))
      : elements(text).map((value) => pretty(value, inner));
  const close = open === '{' ? '}' : ']';
  if (parts.length === 0) return open + close;
  const flat = parts.join(', ');
  if (open === '[' && flat.length <= 72 && !/[[{\n]/.test(flat)) return '[' + flat + ']';
  return open + '\n' + parts.map((p) => inner + p).join(',\n') + '\n' + indent + close;
}

// spelledMembers is members with names as they are written, also such as come twice.
function spelledMembers(text) {
  const out = [];
  let i = blank(text, 1);
  while (i < text.length && text[i] !== '}') {
    const nameEnd = skip(text, i);
    const from = blank(text, blank(text, nameEnd) + 1);
    const to = skip(text, from);
    out.push([text.slice(i, nameEnd), text.slice(from, to)]);
    i = blank(text, to);
    if (text[i] === ',') i = blank(text, i + 1);
  }
  return out;
}

// flaw says what is wrong with a JSON text and where, or null. Browsers tell the place in
// their words: some as a position, some as a line and a column.
export function flaw(text) {
  if (text.trim() === '') return { message: 'a value is missing; null is one', line: 1, column: 1 };
  try {
    JSON.parse(text);
    return null;
  } catch (e) {
    const message = e.message.replace(/ (in JSON )?at (position|line) .*$/s, '').replace(/^JSON\.parse: /, '');
    const place = /at line (\d+) column (\d+)/.exec(e.message);
    if (place) return { message, line: Number(place[1]), column: Number(place[2]) };
    const at = /position (\d+)/.exec(e.message);
    const before = text.slice(0, at ? Number(at[1]) : text.length);
    return { message, line: before.split('\n').length, column: before.length - before.lastIndexOf('\n') };
  }
}
