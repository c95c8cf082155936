// The one place that talks to the node. Everything is of the page's own origin.

// Refused is an answer that says no: a problem document (RFC 9457), or its status.
export class Refused extends Error {
  constructor(status, problem) {
    super(problem.detail || `the node answered ${status}`);
    this.status = status;
    this.code = problem.code || '';
    this.try = problem.try || '';
    this.setting = problem.config_key || '';
    this.problem = problem;
  }
}

// Unreachable says that there was no answer.
export class Unreachable extends Error {
  constructor() {
    super('the node does not answer');
    this.code = 'unreachable';
    this.try = 'see that it runs and that this machine reaches it; the console goes on by itself';
  }
}

// The token is kept for the tab, and sent in a header, never in an address.
const place = 'kvs-token';
let token = sessionStorage.getItem(place) || '';
let onStranger = () => {};

export const session = {
  get token() {
    return token;
  },
  keep(text) {
    token = text.trim();
    if (token) sessionStorage.setItem(place, token);
    else sessionStorage.removeItem(place);
  },
  // whenRefused is called when the node does not know who asks.
  whenRefused(f) {
    onStranger = f;
  },
};

// quota is what is left of the rate limit; null where there is none.
export const quota = { left: null, of: null };

function heed(headers) {
  const left = /;r=(\d+)/.exec(headers.get('RateLimit') || '');
  const of = /;q=(\d+)/.exec(headers.get('RateLimit-Policy') || '');
  quota.left = left ? Number(left[1]) : null;
  quota.of = of ? Number(of[1]) : null;
}

// keyPath is where a key or a directory is. Slashes separate segments, always.
export const keyPath = (key, root = '/kv/') => root + key.split('/').map(encodeURIComponent).join('/');

// query makes a query of the values that are not undefined; true is a flag.
export function query(values) {
  const parts = Object.entries(values).filter(([, v]) => v !== undefined && v !== false && v !== '');
  return parts.length === 0
    ? ''
    : '?' + parts.map(([k, v]) => (v === true ? k : k + '=' + encodeURIComponent(v))).join('&');
}

const patience = 30_000; // milliseconds for an answer to begin and end, unless told

// send makes one request and returns the Response of a good answer. within is how many
// milliseconds all of it may take; 0 is no bound.
export async function send(method, path, { body, headers = {}, signal, within = patience } = {}) {
  const all = { ...headers };
  if (token) all.Authorization = 'Bearer ' + token;
  if (body !== undefined && !all['Content-Type']) all['Content-Type'] = 'application/json';
  const ends = [signal, within && AbortSignal.timeout(within)].filter(Boolean);
  let answer;
  try {
    answer = await fetch(path, {
      method,
      body,
      headers: all,
      signal: AbortSignal.any(ends),
      cache: 'no-store',
      credentials: 'omit',
      redirect: 'error',
      referrerPolicy: 'no-referrer',
    });
  } catch (e) {
    throw e.name === 'AbortError' ? e : new Unreachable();
  }
  heed(answer.headers);
  if (answer.ok) return answer;
  let problem = {};
  try {
    problem = await answer.json();
  } catch {
    /* a proxy's page */
  }
  if (answer.status === 401) onStranger(problem);
  throw new Refused(answer.status, problem);
}

export const get = async (path, options) => (await send('GET', path, options)).json();

export const text = async (path, options) => (await send('GET', path, options)).text();

// lines hands on the lines of an endless or long answer, as many as have come at a time.
export async function lines(path, onLines, { signal, onOpen = () => {} } = {}) {
  const answer = await send('GET', path, { signal, within: 0, headers: { Accept: 'application/x-ndjson' } });
  onOpen(answer);
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    const got = (rest + value).split('\n');
    rest = got.pop();
    if (got.length) onLines(got);
  }
  if (rest) onLines([rest]);
}
