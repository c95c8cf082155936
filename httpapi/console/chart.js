// A chart of lines over time, as wide as its place.

import { h, show, svg } from './dom.js';
import { clock } from './format.js';

const height = 148,
  left = 54,
  right = 8,
  top = 8,
  bottom = 20;

// Chart draws series: {name, points: [[time, value or null]]}. unit words a value, ceiling
// is a round number above one, and the scale goes up to least at least.
export class Chart {
  #series = [];
  #from = 0;
  #to = 1;
  #width = 0;
  #at = null; // where the pointer is

  constructor({ title, unit, hint, least = 1, ceiling = roof }) {
    Object.assign(this, { unit, least, ceiling });
    this.plot = h('div.plot', {
      onpointermove: (e) => this.#point(e),
      onpointerleave: () => {
        this.#at = null;
        this.#draw();
      },
    });
    this.legend = h('div.legend');
    this.element = h('figure.panel.chart', h('header', h('h2', title), h('span.muted', hint)), this.plot, this.legend);
    this.resize = new ResizeObserver(() => {
      this.#width = this.plot.clientWidth;
      this.#draw();
    });
    this.resize.observe(this.plot);
  }

  // set shows other data, from one time to another.
  set(series, from, to) {
    this.#series = series;
    this.#from = from;
    this.#to = to;
    this.#draw();
  }

  stop() {
    this.resize.disconnect();
  }

  #x(t) {
    return left + ((t - this.#from) / (this.#to - this.#from)) * (this.#width - left - right);
  }
  #y(v, max) {
    return top + (1 - v / max) * (height - top - bottom);
  }

  #point(event) {
    const x = event.clientX - this.plot.getBoundingClientRect().left;
    this.#at = this.#from + ((x - left) / (this.#width - left - right)) * (this.#to - this.#from);
    this.#draw();
  }

  #draw() {
    if (this.#width < 80) return;
    const values = this.#series.flatMap((s) => s.points.map((p) => p[1])).filter((v) => v !== null);
    const max = this.ceiling(Math.max(this.least, ...values));
    const near = this.#at === null ? null : nearest(this.#series, this.#at);
    show(
      this.plot,
      svg(
        'svg',
        { width: this.#width, height, 'aria-hidden': 'true' },
        [0, 0.5, 1].map((f) =>
          svg(
            'g',
            svg('line.grid', {
              x1: left,
              x2: this.#width - right,
              y1: this.#y(f * max, max),
              y2: this.#y(f * max, max),
            }),
            svg('text.scale', { x: left - 6, y: this.#y(f * max, max) + 4 }, this.unit(f * max)),
          ),
        ),
        svg('text.time', { x: left, y: height - 4 }, clock(this.#from).slice(0, 8)),
        svg('text.time.end', { x: this.#width - right, y: height - 4 }, clock(this.#to).slice(0, 8)),
        near === null
          ? null
          : svg('line.cursor', { x1: this.#x(near), x2: this.#x(near), y1: top, y2: height - bottom }),
        this.#series.map((s, i) => svg('path', { class: 'series c' + ((i % 4) + 1), d: this.#path(s.points, max) })),
      ),
    );
    show(
      this.legend,
      this.#series.map((s, i) => {
        const point = near === null ? s.points.findLast((p) => p[1] !== null) : s.points.find((p) => p[0] === near);
        return h(
          'span',
          h(`span.swatch.c${(i % 4) + 1}`),
          s.name,
          ' ',
          h('strong', point && point[1] !== null ? this.unit(point[1]) : '–'),
        );
      }),
      near === null ? null : h('span.muted', clock(near).slice(0, 8)),
    );
    const word = this.#series
      .map((s) => s.name + ' ' + (s.points.length ? this.unit(s.points[s.points.length - 1][1] ?? 0) : 'nothing'))
      .join(', ');
    this.plot.setAttribute('role', 'img');
    this.plot.setAttribute('aria-label', word);
  }

  // #path has a gap where there is no value; a point alone is a dot.
  #path(points, max) {
    let d = '',
      pen = false;
    for (const [t, v] of points) {
      if (v === null) {
        pen = false;
        continue;
      }
      const at = this.#x(t).toFixed(1) + ' ' + this.#y(v, max).toFixed(1);
      d += pen ? 'L' + at : 'M' + at + 'h0';
      pen = true;
    }
    return d;
  }
}

// roof is a round number that is not below one.
export function roof(value) {
  if (value <= 0) return 1;
  const tens = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((f) => f * tens).find((r) => r >= value * (1 - 1e-9));
}

// binaryRoof is roof for bytes.
export function binaryRoof(value) {
  const thousands = 1024 ** Math.max(0, Math.floor(Math.log(value) / Math.log(1024)));
  return roof(value / thousands) * thousands;
}

function nearest(series, t) {
  let best = null;
  for (const s of series)
    for (const [at] of s.points) if (best === null || Math.abs(at - t) < Math.abs(best - t)) best = at;
  return best;
}
