'use strict';
// Charts as SVG: lines, areas, bars and marks over sessions or months, with a cross-hair read-out. All text goes through textContent.
const Tradewind = {};
(() => {
  const NS = 'http://www.w3.org/2000/svg';
  const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
  const LEFT = 54, RIGHT = 10, TOP = 8, BOTTOM = 24;

  /** An HTML element with a class and text or children. */
  const html = (tag, cls, ...children) => {
    const e = document.createElement(tag);
    if (cls) e.className = cls;
    for (const c of children) if (c !== null && c !== undefined) e.append(c);
    return e;
  };
  /** An SVG element; a coordinate that is not finite is a mistake and stops here instead of reaching the page. */
  const svg = (tag, attributes, parent) => {
    const e = document.createElementNS(NS, tag);
    for (const [k, v] of Object.entries(attributes)) {
      if (typeof v === 'number' && !Number.isFinite(v)) throw new RangeError(tag + ' ' + k);
      e.setAttribute(k, typeof v === 'number' ? String(Math.round(v * 100) / 100) : v);
    }
    if (parent) parent.append(e);
    return e;
  };
  const known = v => v !== null && v !== undefined && Number.isFinite(v);

  /** A number with fixed decimals, thousands separated, and a true minus sign. */
  const number = (v, decimals) => {
    if (!known(v)) return '–';
    const s = Math.abs(v).toFixed(decimals);
    const [int, frac] = s.split('.');
    const grouped = int.replace(/\B(?=(\d{3})+$)/g, ',') + (frac ? '.' + frac : '');
    return (v < 0 && /[1-9]/.test(s) ? '−' : '') + grouped;
  };
  const decimalsFor = step => Math.max(0, Math.min(6, -Math.floor(Math.log10(step) + 1e-9)));
  const format = {
    percent: v => known(v) ? number(100 * v, 2) + ' %' : '–',
    plain: v => number(v, 2),
    bp: v => known(v) ? number(v, 2) + ' bp' : '–',
    dollars: v => !known(v) ? '–' : (v < 0 ? '−$' : '$') + number(Math.abs(v), Math.abs(v) < 1000 ? 2 : 0),
  };
  const axis = {
    percent: step => v => number(100 * v, decimalsFor(100 * step)) + ' %',
    plain: step => v => number(v, decimalsFor(step)),
    bp: step => v => number(v, decimalsFor(step)),
    dollars: (step, top) => {
      const [unit, suffix] = top >= 1e6 ? [1e6, 'm'] : top >= 1e4 ? [1e3, 'k'] : [1, ''];
      return v => Math.abs(v) < step * 1e-9 ? '$0' : (v < 0 ? '−$' : '$') + number(Math.abs(v) / unit, decimalsFor(step / unit)) + suffix;
    },
  };

  /** Multiples of 1, 2 or 5 times a power of ten between two values, about `count` of them. */
  const niceTicks = (lo, hi, count) => {
    const raw = (hi - lo) / Math.max(1, count);
    const power = 10 ** Math.floor(Math.log10(raw));
    const step = power * ([1, 2, 5, 10].find(m => m * power >= raw * 0.999) || 10);
    const ticks = [];
    for (let k = Math.ceil(lo / step - 1e-9); k * step <= hi + step * 1e-9; k++) ticks.push(k * step);
    return {ticks, step};
  };
  const logTicks = (lo, hi, count) => {
    if (hi / lo < 12) return niceTicks(lo, hi, count);
    const ticks = [];
    for (let e = Math.floor(Math.log10(lo)); e <= Math.log10(hi); e++) {
      for (const m of [1, 2, 5]) if (m * 10 ** e >= lo && m * 10 ** e <= hi) ticks.push(m * 10 ** e);
    }
    return {ticks, step: ticks.length ? ticks[0] : lo};
  };

  const parts = d => ({y: +d.slice(0, 4), m: +d.slice(5, 7), d: d.length > 7 ? +d.slice(8, 10) : 1});
  const longDate = d => {
    const p = parts(d);
    return (d.length > 7 ? p.d + ' ' : '') + MONTHS[p.m - 1] + ' ' + p.y;
  };
  /** Where a date axis has ticks: the first session of every so many months, weeks or days. */
  const dateTicks = (dates, max) => {
    const all = dates.map(parts);
    const at = step => {
      const out = [];
      for (let i = 0; i < all.length; i++) {
        const p = all[i], key = q => Math.floor((q.y * 12 + q.m - 1) / step);
        const begins = i > 0 ? key(p) !== key(all[i - 1]) : (p.m - 1) % step === 0 && p.d <= 7;
        if (begins) out.push({i, text: p.m === 1 || step >= 12 ? String(p.y) : MONTHS[p.m - 1], year: p.m === 1 || step >= 12});
      }
      return out;
    };
    const perMonth = at(1).length;
    if (perMonth < 3 && dates[0] && dates[0].length > 7) {
      const every = Math.max(1, Math.ceil(dates.length / Math.max(1, max)));
      return all.map((p, i) => ({i, text: p.d + ' ' + MONTHS[p.m - 1], year: false})).filter(t => t.i % every === 0);
    }
    for (const step of [1, 2, 3, 6, 12, 24, 60, 120, 240]) {
      const ticks = at(step);
      if (ticks.length <= max) return ticks;
    }
    return [];
  };

  const tip = html('div', 'tip');
  tip.setAttribute('role', 'status');
  document.body.append(tip);
  /** Shows the read-out beside a point of the window. */
  const showTip = (x, y, children) => {
    tip.replaceChildren(...children);
    const w = tip.offsetWidth, h = tip.offsetHeight;
    const left = x + 16 + w > innerWidth - 8 ? x - 16 - w : x + 16;
    tip.style.left = Math.max(8, Math.min(left, innerWidth - w - 8)) + 'px';
    tip.style.top = Math.max(8, Math.min(y - h / 2, innerHeight - h - 8)) + 'px';
    tip.classList.add('on');
  };
  const hideTip = () => tip.classList.remove('on');

  /** Charts over the same sessions share one cursor. */
  const linked = [];
  const moveCursors = (from, i) => { for (const c of linked) if (c !== from) c.cursor(i, false); };

  const swatch = s => {
    const g = svg('svg', {width: 20, height: 10, 'aria-hidden': 'true'});
    if (s.kind === 'mark') svg('path', {d: 'M10 0L15 5L10 10L5 5Z', style: `fill:var(${s.color})`}, g);
    else if (s.kind === 'bar') svg('rect', {x: 4, y: 0, width: 12, height: 10, style: `fill:var(${s.color})`}, g);
    else if (s.kind === 'band') svg('rect', {x: 0, y: 0, width: 20, height: 10, style: `fill:var(${s.color});stroke:var(--rule)`}, g);
    else svg('line', {x1: 0, x2: 20, y1: 5, y2: 5, style: `stroke:var(${s.color});stroke-width:${s.width || 1.5};stroke-dasharray:${s.dash || 'none'}`}, g);
    return g;
  };

  /**
   * Draws a chart into a figure.
   * spec: labels (dates or months), series [{name, y, kind: line|area|bar|mark, color, width, dash}], unit, height, zero, log,
   * bands [{from, to, name, level}], slots (months: bars side by side in slots), message (shown when there is nothing to draw).
   */
  Tradewind.chart = (id, spec) => {
    const host = document.getElementById(id), plot = host.querySelector('.plot'), legend = host.querySelector('.legend');
    const n = spec.labels.length;
    const series = spec.series.filter(s => s.y.some(known));
    if (n < 2 && !spec.slots || series.length === 0 || n === 0) {
      plot.replaceChildren(html('p', 'empty', spec.message || 'Nothing to draw: fewer than two sessions.'));
      return null;
    }
    const hidden = new Set();
    const self = {log: false, cursor: () => {}};
    const bands = spec.bands || [];

    const drawLegend = () => {
      legend.replaceChildren();
      for (const s of series) {
        const last = s.kind === 'mark' || s.kind === 'bar' ? null : s.y.findLast(known);
        const b = html('button', '', swatch(s), html('span', '', s.name), last === null ? null : html('b', '', format[spec.unit](last)));
        b.type = 'button';
        b.setAttribute('aria-pressed', String(!hidden.has(s)));
        b.title = 'Show or hide ' + s.name;
        b.onclick = () => {
          if (hidden.has(s)) hidden.delete(s); else if (hidden.size < series.length - 1) hidden.add(s);
          drawLegend();
          draw();
        };
        legend.append(b);
      }
      const seen = new Map();
      for (const b of bands) if (!seen.has(b.name)) seen.set(b.name, b.level);
      for (const [name, level] of [...seen].sort((a, b) => a[1] - b[1])) {
        legend.append(html('span', 'key', swatch({kind: 'band', color: '--b' + level}), name));
      }
    };

    const draw = () => {
      const width = Math.max(240, Math.floor(plot.clientWidth || 600));
      const height = width < 480 ? Math.max(150, Math.round(spec.height * 0.8)) : spec.height;
      const w = width - LEFT - RIGHT, h = height - TOP - BOTTOM;
      const shown = series.filter(s => !hidden.has(s));
      const bars = shown.filter(s => s.kind === 'bar');
      const x = spec.slots ? i => LEFT + (i + 0.5) / n * w : i => LEFT + i / (n - 1) * w;

      // Range of values: bars of months are stacked.
      let lo = Infinity, hi = -Infinity;
      const see = v => { if (known(v)) { lo = Math.min(lo, v); hi = Math.max(hi, v); } };
      for (const s of shown) if (!(spec.slots && s.kind === 'bar')) s.y.forEach(see);
      if (spec.slots) for (let i = 0; i < n; i++) see(bars.reduce((t, s) => t + (s.y[i] || 0), 0));
      if (spec.zero) see(0);
      const log = self.log && lo > 0;
      if (!(hi - lo > 1e-12 * Math.max(Math.abs(hi), Math.abs(lo)))) {
        const pad = Math.abs(hi) * 0.01 || spec.least || 0.01;
        lo -= spec.zero && lo === 0 && !spec.below ? 0 : pad;
        hi += spec.zero && hi === 0 && spec.below ? 0 : pad;
      }
      const f = log ? Math.log10 : v => v;
      const room = (f(hi) - f(lo)) * 0.05;
      const a = f(lo) - (spec.zero && lo === 0 ? 0 : room), b = f(hi) + (spec.zero && hi === 0 ? 0 : room);
      const y = v => TOP + (b - f(v)) / (b - a) * h;

      const g = svg('svg', {viewBox: `0 0 ${width} ${height}`, role: 'img', tabindex: 0, 'aria-label': label()});
      for (const band of bands) {
        const x0 = Math.max(LEFT, x(band.from - 0.5)), x1 = Math.min(LEFT + w, x(band.to + 0.5));
        svg('rect', {x: x0, y: TOP, width: Math.max(0.5, x1 - x0), height: h, style: `fill:var(--b${band.level})`}, g);
      }
      const count = Math.max(2, Math.round(h / 44));
      const back = log ? v => 10 ** v : v => v;
      const {ticks, step} = log ? logTicks(back(a), back(b), count) : niceTicks(a, b, count);
      const text = axis[spec.unit](step, Math.max(Math.abs(lo), Math.abs(hi)));
      for (const v of ticks) {
        const py = y(v);
        const zero = Math.abs(v) < step * 1e-9;
        svg('line', {x1: LEFT, x2: LEFT + w, y1: py, y2: py, class: zero && spec.zero ? 'zero' : 'grid'}, g);
        svg('text', {x: LEFT - 8, y: py + 4, 'text-anchor': 'end'}, g).textContent = text(v);
      }
      for (const t of dateTicks(spec.labels, Math.max(2, Math.floor(w / (width < 480 ? 48 : 62))))) {
        const px = x(t.i);
        svg('line', {x1: px, x2: px, y1: TOP + h, y2: TOP + h + 4, class: 'tick'}, g);
        const anchor = px > LEFT + w - 14 ? 'end' : 'middle';
        svg('text', {x: px, y: TOP + h + 17, 'text-anchor': anchor, class: t.year ? 'year' : ''}, g).textContent = t.text;
      }
      svg('line', {x1: LEFT, x2: LEFT + w, y1: TOP + h, y2: TOP + h, class: 'tick'}, g);

      if (spec.slots) drawStacks(g, bars, n, x, y, w);
      // The first series is the one that matters: it is drawn last, on top; bars stay behind lines and marks in front.
      const order = s => s.kind === 'bar' ? 0 : s.kind === 'mark' ? 2 : 1;
      for (const s of [...shown].reverse().sort((p, q) => order(p) - order(q))) {
        if (s.kind === 'mark') drawMarks(g, s, x, y);
        else if (s.kind === 'bar') { if (!spec.slots) drawNeedles(g, s, n, x, y, w); }
        else drawLine(g, s, n, x, y, w, width < 480 ? 0.75 : 1);
      }
      addCursor(g, shown, x, y, width, h, w);
      plot.replaceChildren(g);
      self.width = width;
    };

    const label = () => {
      const title = host.querySelector('h3').textContent;
      const ends = series.filter(s => s.kind !== 'mark').map(s => `${s.name} ${format[spec.unit](s.y.findLast(known))}`);
      return `${title}, ${longDate(spec.labels[0])} to ${longDate(spec.labels[n - 1])}: ${ends.join(', ')}. Arrow keys read values.`;
    };

    const addCursor = (g, shown, x, y, width, h, w) => {
      const cross = svg('line', {x1: 0, x2: 0, y1: TOP, y2: TOP + h, class: 'cross', visibility: 'hidden'}, g);
      const dots = shown.filter(s => !s.kind || s.kind === 'line' || s.kind === 'area')
        .map(s => ({s, dot: svg('circle', {r: 3.5, class: 'dot', style: `fill:var(${s.color})`, visibility: 'hidden'}, g)}));
      const rows = i => {
        const out = [html('h4', '', longDate(spec.labels[i]))];
        for (const s of shown) {
          if (!known(s.y[i]) && s.kind === 'mark') continue;
          const key = html('i');
          key.style.background = `var(${s.color})`;
          out.push(html('div', '', key, html('span', '', s.name), html('b', '', format[spec.unit](s.y[i]))));
        }
        const band = bands.find(b => b.from <= i && i <= b.to);
        if (band) out.push(html('div', '', html('i'), html('span', '', 'Regime'), html('b', '', band.name)));
        if (spec.note) for (const [k, v] of spec.note(i)) out.push(html('div', '', html('i'), html('span', '', k), html('b', '', v)));
        return out;
      };
      let current = null;
      self.cursor = (i, own) => {
        current = i;
        const on = i === null ? 'hidden' : 'visible';
        cross.setAttribute('visibility', on);
        if (i !== null) { const px = String(x(i)); cross.setAttribute('x1', px); cross.setAttribute('x2', px); }
        for (const {s, dot} of dots) {
          const visible = i !== null && own && known(s.y[i]);
          dot.setAttribute('visibility', visible ? 'visible' : 'hidden');
          if (visible) { dot.setAttribute('cx', String(x(i))); dot.setAttribute('cy', String(y(s.y[i]))); }
        }
      };
      const read = (i, px, py) => {
        self.cursor(i, true);
        if (!spec.slots) moveCursors(self, i);
        showTip(px, py, rows(i));
      };
      const leave = () => {
        self.cursor(null, true);
        if (!spec.slots) moveCursors(self, null);
        hideTip();
      };
      const over = e => {
        const box = g.getBoundingClientRect();
        const u = ((e.clientX - box.left) * (width / box.width) - LEFT) / w;
        const i = spec.slots ? Math.floor(u * n) : Math.round(u * (n - 1));
        read(Math.max(0, Math.min(n - 1, i)), e.clientX, e.clientY);
      };
      g.addEventListener('pointermove', over);
      g.addEventListener('pointerdown', over);
      g.addEventListener('pointerleave', leave);
      g.addEventListener('blur', leave);
      g.addEventListener('keydown', e => {
        const move = {ArrowLeft: -1, ArrowRight: 1, PageUp: -21, PageDown: 21, Home: -n, End: n}[e.key];
        if (!move) { if (e.key === 'Escape') leave(); return; }
        e.preventDefault();
        const i = Math.max(0, Math.min(n - 1, (current === null ? n - 1 : current) + move));
        const box = g.getBoundingClientRect();
        read(i, box.left + x(i) * box.width / width, box.top + box.height / 2);
      });
    };

    drawLegend();
    draw();
    self.redraw = draw;
    if (!spec.slots) linked.push(self);
    new ResizeObserver(() => { if (Math.floor(plot.clientWidth) !== self.width && plot.clientWidth >= 240) draw(); }).observe(plot);
    return self;
  };

  /** Points of a series; with many more sessions than pixels, the extremes of each pixel only. */
  const points = (ys, n, x, w) => {
    const bucket = Math.floor(n / Math.max(1, w * 2));
    if (bucket < 2) return ys.map((v, i) => [i, v]);
    const out = [];
    for (let s = 0; s < n; s += bucket * 2) {
      let lo = null, hi = null;
      for (let i = s; i < Math.min(n, s + bucket * 2); i++) {
        if (!known(ys[i])) continue;
        if (lo === null || ys[i] < ys[lo]) lo = i;
        if (hi === null || ys[i] > ys[hi]) hi = i;
      }
      if (lo === null) out.push([s, null]);
      else for (const i of lo === hi ? [lo] : lo < hi ? [lo, hi] : [hi, lo]) out.push([i, ys[i]]);
    }
    return out;
  };
  const fixed = v => (Math.round(v * 10) / 10).toString();
  const drawLine = (g, s, n, x, y, w, thin) => {
    const runs = [];
    let run = null;
    for (const [i, v] of points(s.y, n, x, w)) {
      if (!known(v)) { run = null; continue; }
      if (!run) runs.push(run = []);
      run.push([fixed(x(i)), fixed(y(v))]);
    }
    for (const r of runs) {
      const d = 'M' + r.map(p => p.join(' ')).join('L');
      if (s.kind === 'area') {
        const base = fixed(y(0));
        svg('path', {d: `${d}L${r[r.length - 1][0]} ${base}L${r[0][0]} ${base}Z`, style: `fill:var(${s.color});fill-opacity:.16`}, g);
      }
      svg('path', {d, class: 'line', style: `stroke:var(${s.color});stroke-width:${(s.width || 1.4) * thin};stroke-dasharray:${s.dash || 'none'}`}, g);
    }
  };
  const drawNeedles = (g, s, n, x, y, w) => {
    const base = fixed(y(0));
    const d = points(s.y, n, x, w).filter(p => known(p[1])).map(([i, v]) => `M${fixed(x(i))} ${base}V${fixed(y(v))}`).join('');
    const thick = Math.max(0.7, Math.min(8, w / n * 0.7));
    if (d) svg('path', {d, style: `stroke:var(${s.color});stroke-width:${thick.toFixed(2)};fill:none`}, g);
  };
  const drawMarks = (g, s, x, y) => {
    s.y.forEach((v, i) => {
      if (!known(v)) return;
      const px = x(i), py = y(v), r = 4.5;
      svg('path', {d: `M${fixed(px)} ${fixed(py - r)}l${r} ${r}l${-r} ${r}l${-r} ${-r}Z`, class: 'mark', style: `fill:var(${s.color})`}, g);
    });
  };
  const drawStacks = (g, bars, n, x, y, w) => {
    const thick = Math.max(1, Math.min(28, w / n * 0.72));
    for (let i = 0; i < n; i++) {
      let base = 0;
      for (const s of bars) {
        const v = s.y[i];
        if (!known(v) || v === 0) continue;
        const top = Math.min(y(base), y(base + v));
        svg('rect', {x: x(i) - thick / 2, y: top, width: thick, height: Math.abs(y(base) - y(base + v)), style: `fill:var(${s.color})`}, g);
        base += v;
      }
    }
  };

  Object.assign(Tradewind, {html, number, format, known, showTip, hideTip, longDate});
})();
