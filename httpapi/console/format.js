// Words for numbers and times.

export const count = (n) => Math.round(n).toLocaleString('en-US');

export const plural = (n, one, many = one + 's') => count(n) + ' ' + (n === 1 ? one : many);

// bytes is a size with three digits at most.
export function bytes(n) {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let i = 0;
  for (; n >= 1000 && i < units.length - 1; i++) n /= 1024;
  return (i === 0 || n >= 100 ? Math.round(n) : Number(n.toFixed(1))) + ' ' + units[i];
}

// span is how long a number of milliseconds is, in its two greatest units at most.
export function span(ms) {
  if (ms < 1000) return Math.round(ms) + ' ms';
  if (ms < 10_000) return (ms / 1000).toFixed(1) + ' s';
  const s = Math.floor(ms / 1000);
  if (s < 60) return s + ' s';
  if (s < 3600) return Math.floor(s / 60) + ' min' + (s < 600 && s % 60 ? ' ' + (s % 60) + ' s' : '');
  if (s < 86400)
    return Math.floor(s / 3600) + ' h' + (s % 3600 >= 60 ? ' ' + Math.floor((s % 3600) / 60) + ' min' : '');
  return (
    Math.floor(s / 86400) + ' d' + (s < 864000 && s % 86400 >= 3600 ? ' ' + Math.floor((s % 86400) / 3600) + ' h' : '')
  );
}

// ago is how long a time of a node is past. Clocks differ a little: the future is now.
export function ago(ms, now) {
  if (!ms) return 'never';
  return now - ms < 1000 ? 'now' : span(now - ms) + ' ago';
}

const two = (n) => String(n).padStart(2, '0');

// clock is the time of day, to the millisecond.
export function clock(ms) {
  const d = new Date(ms);
  return `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}.${String(d.getMilliseconds()).padStart(3, '0')}`;
}

// when is a date and a time, in the browser's zone.
export function when(ms) {
  if (!ms) return 'never';
  const d = new Date(ms);
  return `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())} ${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`;
}

// short is the beginning of a root or an id.
export const short = (hex) => (hex || '').slice(0, 8);

// rate is a number a second.
export const rate = (n) => (n >= 100 ? count(n) : n >= 10 ? n.toFixed(0) : n === 0 ? '0' : n.toFixed(1));
