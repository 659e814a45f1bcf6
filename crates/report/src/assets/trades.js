'use strict';
// The lists of trades and of decisions not taken. Rows are made in batches and explanations when unfolded, so that long lists stay fast.
(() => {
  const {html, number, known} = Tradewind;
  const BATCH = 50;
  const data = JSON.parse(document.getElementById('trade-data').textContent);
  const text = i => data.texts[i];

  /** An exact decimal from text, thousands separated: nothing is rounded. */
  const exact = s => {
    const [int, frac] = s.replace('-', '').split('.');
    return (s.startsWith('-') ? '−' : '') + int.replace(/\B(?=(\d{3})+$)/g, ',') + (frac ? '.' + frac : '');
  };
  const money = (s, decimals) => (s.startsWith('-') && Number(s) !== 0 ? '−$' : '$') + number(Math.abs(Number(s)), decimals);
  /** Up to six significant digits, without trailing zeros. */
  const value = v => {
    if (!known(v)) return '–';
    if (v === 0) return '0';
    const a = Math.abs(v);
    if (a < 1e-4) return (v < 0 ? '−' : '') + a.toPrecision(3);
    const s = number(v, Math.max(0, Math.min(8, 5 - Math.floor(Math.log10(a)))));
    return s.includes('.') ? s.replace(/\.?0+$/, '') : s;
  };
  const percent = v => known(v) ? number(100 * v, 2) + ' %' : '–';
  const clock = t => t.slice(11, 16);
  const when = t => {
    const e = html('span', '', t.slice(0, 10));
    e.append(html('span', 'clock', ' ' + clock(t)));
    return e;
  };
  const moment = t => `${t.slice(0, 10)} ${clock(t)}`;
  const cell = (cls, content) => html('span', cls, content);

  const EFFECT = {
    keep: () => 'unchanged', set: v => '= ' + value(v), scale: v => '× ' + value(v), cap: v => '≤ ' + value(v),
    add: v => (v < 0 ? '− ' : '+ ') + value(Math.abs(v)), veto: () => 'veto',
  };
  const steps = list => {
    const top = Math.max(...list.map(s => Math.abs(s[4] || 0)), 1e-300);
    const ol = html('ol', 'steps');
    for (const [stage, plugin, what, x, after, reason, numbers] of list) {
      const pairs = [];
      for (let i = 0; i < numbers.length; i += 2) pairs.push(`${text(numbers[i])} ${value(numbers[i + 1])}`);
      const meter = html('i', after < 0 ? 'short' : '');
      meter.style.width = (100 * Math.min(1, Math.abs(after || 0) / top)).toFixed(1) + '%';
      const why = html('span', 'text', text(reason));
      if (pairs.length) why.append(html('span', '', (text(reason) ? ' · ' : '') + pairs.join(', ')));
      ol.append(html('li', what === 'veto' ? 'veto' : '',
        cell('stage', stage), cell('plugin', text(plugin)), cell('effect', EFFECT[what](x)), cell('after', value(after)),
        html('span', 'meter', meter), why));
    }
    return ol;
  };
  const heading = (title, note) => {
    const h = html('h4', '', title);
    if (note) h.append(html('span', '', note));
    return h;
  };

  /** A decision, step by step, down to the quantity. */
  const explain = d => {
    const box = html('div', 'why-box');
    box.append(html('div', 'head', cell('', `Decision ${d.id}`), cell('', `${moment(d.time)} UTC`), cell('', text(d.symbol)),
      d.fault === null ? cell('checked', '✓ the steps multiply out exactly') : cell('fault', `✗ ${d.fault}`)));
    for (const c of d.contributions) {
      box.append(heading(text(c.strategy), `signal of ${moment(c.time)} UTC`), steps(c.steps));
      if (c.ratio !== 1) box.append(html('p', 'sum', `Leg ratio × ${value(c.ratio)} → ${percent(c.weight)} of equity`));
    }
    if (d.contributions.length > 1) {
      const terms = d.contributions.map(c => `${text(c.strategy)} ${percent(c.weight)}`);
      box.append(html('p', 'sum', `Strategies together: ${terms.join(' + ')}`));
    }
    if (d.rules.length) box.append(heading('Portfolio rules'), steps(d.rules));
    const s = d.sizing;
    box.append(heading('Sizing'));
    if (s) {
      const source = data.sources[s.source];
      const origin = s.row > 0 ? `, ${source === undefined ? 'source ' + s.source : source} row ${s.row}` : '';
      const p = html('p', '', `${percent(d.weight)} of equity ${money(s.equity, 2)} at ${exact(s.price)} → target ${exact(s.target)}, `
        + `held ${exact(s.held)}, working ${exact(s.working)} → `);
      const delta = s.delta.startsWith('-') ? `sell ${exact(s.delta.slice(1))}` : /[1-9]/.test(s.delta) ? `buy ${exact(s.delta)}` : 'nothing to trade';
      p.append(html('b', '', delta));
      box.append(p, html('p', 'sum', html('small', '', `Price of ${moment(s.time)} UTC${origin}; lots of ${exact(s.lot)}; weight ${value(d.weight)}.`)));
    } else box.append(html('p', '', `${percent(d.weight)} of equity; no price was known yet.`));
    if (d.checks.length) box.append(heading('Pre-trade checks'), steps(d.checks));
    if (d.order === null) box.append(html('p', 'sum', html('b', '', 'Not traded: '), text(d.reason)));
    return box;
  };

  const side = sell => cell('side ' + (sell ? 'sell' : 'buy'), sell ? 'SELL' : 'BUY');
  const fold = (summary, contents) => {
    const row = html('details', 'row', summary);
    row.addEventListener('toggle', () => { if (row.open && row.children.length === 1) row.append(contents()); });
    return row;
  };
  const tradeRow = t => {
    const [time, symbol, sell, quantity, price, fee, slip, realised, strategy, decision, order] = t;
    const gain = realised === null ? cell('r', '') : cell('r' + (realised.startsWith('-') ? ' neg' : ''), money(realised, 2));
    const summary = html('summary', '', when(time), cell('s', text(symbol)), side(sell),
      cell('r', number(Number(quantity), places)), cell('r mid', number(Number(price), 2)),
      cell('r wide', money(String(worth(t)), 2)), cell('r wide', money(fee, 2)), cell('r wide', known(slip) ? number(slip, 1) : '–'), gain,
      cell('name wide', text(strategy)));
    return fold(summary, () => {
      const d = decision === null ? null : data.decisions[decision];
      const box = d ? explain(d) : html('div', 'why-box', html('p', '', 'The decision behind this fill was not recorded.'));
      const parts = [`order ${order}`, `${moment(time)} UTC`, `${exact(quantity)} at ${exact(price)}`, `fee ${money(fee, Math.min(6, Math.max(2, (fee.split('.')[1] || '').length)))}`,
        known(slip) ? `slippage ${number(slip, 2)} bp` : null, text(strategy)];
      box.append(heading('Fill'), html('p', '', parts.filter(p => p !== null && p !== '').join(' · ')));
      return box;
    });
  };
  /** Shares are shown with as many decimals as the list needs, three at most. */
  const places = data.rows.reduce((m, t) => Math.max(m, Math.min(3, (t[3].split('.')[1] || '').length)), 0);
  const worth = t => Number(t[3]) * Number(t[4]);

  const head = (...names) => {
    const row = html('div', 'row-head');
    for (const [name, cls] of names) row.append(cell(cls, name));
    return row;
  };
  /** A list of rows made batch by batch. */
  const list = (host, header, items, make, counter) => {
    const body = html('div'), pager = html('div', 'pager');
    host.append(header, body, pager);
    let shown = 0, current = items;
    const more = count => {
      const batch = document.createDocumentFragment();
      for (const item of current.slice(shown, shown + count)) batch.append(make(item));
      shown = Math.min(current.length, shown + count);
      body.append(batch);
      pager.replaceChildren();
      const left = current.length - shown;
      for (const [name, size] of [[`Show ${Math.min(left, 200)} more`, 200], [`Show all ${number(current.length, 0)}`, left]]) {
        if (left === 0 || size === left && left <= 200) continue;
        const b = html('button', '', name);
        b.type = 'button';
        b.onclick = () => more(size);
        pager.append(b);
      }
      if (counter) counter(shown, current.length);
    };
    const set = next => {
      current = next;
      shown = 0;
      body.replaceChildren();
      more(BATCH);
      if (!current.length) body.append(html('p', 'empty', 'None matches.'));
    };
    more(BATCH);
    return set;
  };

  const trades = document.getElementById('trade-list');
  trades.className = 'trades';
  if (data.rows.length) {
    const search = html('input');
    search.type = 'search';
    search.placeholder = 'Symbol, strategy, side or date';
    search.setAttribute('aria-label', 'Search trades');
    const sort = html('select');
    sort.setAttribute('aria-label', 'Order of trades');
    const by = {
      'Oldest first': null, 'Newest first': (a, b) => b[1] - a[1],
      'Largest value': (a, b) => worth(b[0]) - worth(a[0]) || a[1] - b[1],
      'Largest gain': (a, b) => gainOf(b[0], -Infinity) - gainOf(a[0], -Infinity) || a[1] - b[1],
      'Largest loss': (a, b) => gainOf(a[0], Infinity) - gainOf(b[0], Infinity) || a[1] - b[1],
      'Worst slippage': (a, b) => b[0][6] - a[0][6] || a[1] - b[1],
    };
    const gainOf = (t, none) => t[7] === null ? none : Number(t[7]);
    for (const name of Object.keys(by)) sort.append(html('option', '', name));
    const count = html('output');
    trades.append(html('div', 'tools', search, sort, count));
    const header = head(['Time'], ['Symbol'], ['Side'], ['Quantity', 'r'], ['Price', 'r mid'], ['Value', 'r wide'], ['Fee', 'r wide'],
      ['Slip, bp', 'r wide'], ['Realised', 'r'], ['Strategy', 'wide']);
    const all = data.rows.map((t, i) => [t, i, `${t[0].slice(0, 10)} ${text(t[1])} ${t[2] ? 'sell' : 'buy'} ${text(t[8])}`.toLowerCase()]);
    const set = list(trades, header, all, item => tradeRow(item[0]), (n, of) => { count.value = `${number(n, 0)} of ${number(of, 0)} shown`; });
    const apply = () => {
      const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
      const found = all.filter(item => words.every(w => item[2].includes(w)));
      const order = by[sort.value];
      set(order ? found.sort(order) : found);
    };
    search.addEventListener('input', apply);
    sort.addEventListener('change', apply);
  } else trades.append(html('p', 'empty', 'No trades were made.'));

  const missed = document.getElementById('not-taken-list');
  missed.className = 'missed';
  if (data.notTaken.length) {
    const header = head(['Time'], ['Symbol'], ['Wanted', 'r'], ['Why not', 'why']);
    list(missed, header, data.notTaken, d => fold(
      html('summary', '', when(d.time), cell('s', text(d.symbol)), cell('r', percent(d.weight)), cell('why', d.reason === null ? '' : text(d.reason))),
      () => explain(d)));
  } else missed.append(html('p', 'empty', 'No decision worth noting was left untraded.'));
})();
