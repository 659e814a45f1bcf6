'use strict';
// Which charts the page has, and the explanations of its terms.
(() => {
  const {html, chart, format, showTip, hideTip} = Tradewind;
  const data = JSON.parse(document.getElementById('chart-data').textContent);
  const dates = data.dates;
  const short = dates.length < 2 ? 'Nothing to draw: fewer than two sessions.' : null;
  const BENCHMARK = [['--c2', '5 3'], ['--c3', '2 2.5'], ['--c4', '8 3 2 3'], ['--c5', '1 2']];
  const STRATEGY = ['--c1', '--c2', '--c3', '--c4', '--c5', '--c6', '--c7', '--c8'];
  const DASH = [null, '6 3', '2 2.5', '8 3 2 3'];

  const own = key => ({name: data.strategy.name, y: data.strategy[key], color: '--c1', width: 2});
  const benchmarks = key => data.benchmarks.map((b, i) => {
    const [color, dash] = BENCHMARK[i % BENCHMARK.length];
    return {name: b.name, y: b[key], color, dash, width: 1.4};
  });
  const against = key => [own(key), ...benchmarks(key)];

  const equity = chart('c-equity', {labels: dates, series: against('level'), unit: 'dollars', height: 330, message: short});
  if (equity) {
    const group = document.querySelector('#c-equity .switch');
    for (const [name, log] of [['Linear', false], ['Log', true]]) {
      const b = html('button', '', name);
      b.type = 'button';
      b.setAttribute('aria-pressed', String(!log));
      b.onclick = () => {
        equity.log = log;
        for (const other of group.children) other.setAttribute('aria-pressed', String(other === b));
        equity.redraw();
      };
      group.append(b);
    }
  } else document.querySelector('#c-equity .switch').remove();

  const falls = against('drawdown');
  falls[0].kind = 'area';
  chart('c-drawdown', {labels: dates, series: falls, unit: 'percent', height: 190, zero: true, below: true, message: short});

  const lacking = `Nothing to draw: fewer than ${data.window} returns.`;
  chart('c-volatility', {labels: dates, series: against('volatility'), unit: 'percent', height: 210, zero: true, message: lacking});
  const betas = benchmarks('beta').map((s, i) => ({...s, name: 'to ' + s.name, width: i === 0 ? 2 : 1.4, color: i === 0 ? '--c1' : s.color, dash: i === 0 ? null : s.dash}));
  chart('c-beta', {labels: dates, series: betas, unit: 'plain', height: 210, zero: true,
    message: data.benchmarks.length ? lacking.replace('.', ', or a benchmark that does not move.') : 'No benchmark to compare with.'});

  const exposure = [];
  const longOnly = data.gross && data.net && data.gross.every((g, i) => g === data.net[i]);
  if (data.gross) exposure.push({name: longOnly ? 'Gross and net' : 'Gross', y: data.gross, color: '--c1', width: 1.6});
  if (data.net && !longOnly) exposure.push({name: 'Net', y: data.net, color: '--c3', width: 1.3, dash: '4 2.5'});
  chart('c-exposure', {labels: dates, series: exposure, unit: 'percent', height: 220, zero: true, least: 1, bands: data.regimes,
    message: exposure.length ? short : 'No exposure was recorded.'});

  const returns = [null, ...data.returns];
  const limit = data.var ? data.var.map(v => v === null ? null : -v) : [];
  const exceeded = new Set(data.exceedances);
  chart('c-var', {labels: dates, unit: 'percent', height: 240, zero: true,
    series: data.var ? [
      {name: 'Return', y: returns, kind: 'bar', color: '--bar'},
      {name: 'VaR ' + format.percent(data.varLevel).replace('.00', ''), y: limit, color: '--c2', width: 1.6},
      {name: 'Loss beyond VaR', y: returns.map((v, i) => exceeded.has(i) ? v : null), kind: 'mark', color: '--neg'},
    ] : [],
    message: data.var ? short : 'No risk forecast was recorded.'});

  const lines = data.strategies.map((s, i) => ({name: s.name, y: s.pnl, color: STRATEGY[i % STRATEGY.length], dash: DASH[Math.floor(i / 2) % DASH.length], width: 1.6}));
  if (lines.length > 1) {
    const sum = dates.map((_, i) => data.strategies.reduce((t, s) => t + s.pnl[i], 0));
    lines.unshift({name: 'All', y: sum, color: '--ink', width: 2.2});
  }
  chart('c-strategies', {labels: dates, series: lines, unit: 'dollars', height: 270, zero: true, least: 100,
    message: lines.length ? short : 'No profit and loss by strategy was recorded.'});

  const months = data.months, none = 'No trades.';
  const traded = months.some(m => m[1] > 0);
  const labels = months.map(m => m[0]);
  chart('c-turnover', {labels, slots: true, unit: 'percent', height: 200, zero: true, message: none,
    series: traded ? [{name: 'Turnover', y: months.map(m => m[1]), kind: 'bar', color: '--c1'}] : []});
  chart('c-costs', {labels, slots: true, unit: 'bp', height: 200, zero: true, message: none,
    note: i => [['In dollars', format.dollars(months[i][4])]],
    series: traded ? [
      {name: 'Fees', y: months.map(m => m[2]), kind: 'bar', color: '--c2'},
      {name: 'Slippage', y: months.map(m => m[3]), kind: 'bar', color: '--c1'},
    ] : []});

  for (const term of document.querySelectorAll('.term')) {
    const show = () => {
      const box = term.getBoundingClientRect();
      showTip(box.left + Math.min(box.width, 150), box.top + box.height + 14, [html('span', '', term.dataset.help)]);
    };
    term.addEventListener('mouseenter', show);
    term.addEventListener('focus', show);
    term.addEventListener('click', show);
    term.addEventListener('mouseleave', hideTip);
    term.addEventListener('blur', hideTip);
  }
  addEventListener('scroll', hideTip, {passive: true});
})();
