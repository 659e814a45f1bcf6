//! The parts of the page that are text and tables.

use std::fmt::Write as _;

use tradewind_numerics::performance::{drawdowns, hit_rate, monthly_returns, yearly_returns};

use crate::data::{ReportData, Severity};
use crate::derive::{Derived, ordered, slippage_cost};
use crate::figures::{groups, headlines};
use crate::text::{UNDEFINED, dollars, esc, number, p_value, percent, plural};

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// The headline figures.
pub(crate) fn headline_tiles(d: &Derived) -> String {
    headlines(d).iter().fold(String::new(), |mut out, h| {
        let _ = write!(
            out,
            "<div class=\"tile\"><dt>{}</dt><dd><b>{}</b><span>{}</span></dd></div>",
            esc(h.label),
            esc(&h.value),
            esc(&h.beside)
        );
        out
    })
}

/// From when to when, how many sessions, from how much to how much. The starting point itself is no session of the run.
pub(crate) fn period(d: &Derived) -> String {
    match (d.dates.get(1).or(d.dates.first()), d.dates.last()) {
        (Some(a), Some(b)) => format!(
            "{a} to {b} · {} · {} → {}",
            plural(d.dates.len().saturating_sub(1) as u64, "session"),
            dollars(d.strategy.level.first().copied()),
            dollars(d.strategy.level.last().copied())
        ),
        _ => "no sessions".into(),
    }
}

/// All statistics with their explanations.
pub(crate) fn statistics(data: &ReportData, d: &Derived) -> String {
    let mut out = String::new();
    for g in groups(data, d) {
        let _ = write!(out, "<table class=\"stats\"><thead><tr><th scope=\"col\">{}</th>", esc(g.title));
        for c in &g.columns {
            let _ = write!(out, "<th scope=\"col\">{}</th>", esc(c));
        }
        out.push_str("</tr></thead><tbody>");
        for f in g.figures {
            let _ = write!(
                out,
                "<tr><th scope=\"row\"><button type=\"button\" class=\"term\" data-help=\"{}\">{}</button></th>",
                esc(&f.help),
                esc(f.label)
            );
            for c in &f.cells {
                let class = if c.starts_with('−') { " class=\"neg\"" } else { "" };
                let _ = write!(out, "<td{class}>{}</td>", esc(c));
            }
            out.push_str("</tr>");
        }
        out.push_str("</tbody></table>");
    }
    out
}

/// The conventions once more, in full, for print and for those who do not hover.
pub(crate) fn conventions(data: &ReportData, d: &Derived) -> String {
    let mut out = String::from("<dl class=\"conventions\">");
    for g in groups(data, d) {
        for f in g.figures {
            let _ = write!(out, "<div><dt>{}</dt><dd>{}</dd></div>", esc(f.label), esc(&f.help));
        }
    }
    out.push_str("</dl>");
    out
}

fn heat(value: Option<f64>, scale: f64, class: &str) -> String {
    let Some(v) = value else { return format!("<td class=\"{class}\"></td>") };
    let strength = if scale > 0.0 { (v.abs() / scale).min(1.0) } else { 0.0 };
    let side = if v < 0.0 { "down" } else { "up" };
    let title = percent(Some(v));
    format!("<td class=\"{class} {side}\" style=\"--s:{strength:.2}\" title=\"{title}\">{}</td>", number(100.0 * v, 1))
}

/// Monthly returns as a heat map, with the year's.
pub(crate) fn monthly(d: &Derived) -> String {
    let keys = d.return_months();
    let months = monthly_returns(&keys, &d.strategy.returns);
    if months.is_empty() {
        return empty("No returns yet: a month needs two sessions.");
    }
    let years = yearly_returns(&keys, &d.strategy.returns);
    let first = d.benchmarks.first().map(|b| (b.name.as_str(), yearly_returns(&keys, &b.returns)));
    // The strongest colour is the largest month, but at least 2 %, so that small changes stay pale.
    let scale = months.iter().map(|m| m.value.abs()).fold(0.02, f64::max);
    let mut out = String::from("<div class=\"scroll\"><table class=\"heat\"><thead><tr><th scope=\"col\">Year</th>");
    for m in MONTHS {
        let _ = write!(out, "<th scope=\"col\">{m}</th>");
    }
    out.push_str("<th scope=\"col\" class=\"total\">Year</th>");
    if let Some((name, _)) = &first {
        let _ = write!(out, "<th scope=\"col\" class=\"other\">{}</th>", esc(name));
    }
    out.push_str("</tr></thead><tbody>");
    for (year, total) in &years {
        let _ = write!(out, "<tr><th scope=\"row\">{year}</th>");
        for m in 1..=12_u8 {
            let v = months.iter().find(|x| x.year == *year && x.month == m).map(|x| x.value);
            out.push_str(&heat(v, scale, "cell"));
        }
        out.push_str(&heat(Some(*total), 3.0 * scale, "cell total"));
        if let Some((_, b)) = &first {
            let v = b.iter().find(|x| x.0 == *year).map(|x| number(100.0 * x.1, 1)).unwrap_or_default();
            let _ = write!(out, "<td class=\"other\">{v}</td>");
        }
        out.push_str("</tr>");
    }
    out.push_str("</tbody></table></div>");
    out
}

/// The deepest drawdowns.
pub(crate) fn drawdown_table(d: &Derived) -> String {
    let mut all = drawdowns(&d.strategy.returns);
    if all.is_empty() {
        let fell = "Equity never fell below an earlier value.";
        let defined = d.strategy.summary.cumulative_return.is_some();
        return empty(if defined { fell } else { "Not defined: there are no returns, or equity is not above zero." });
    }
    all.sort_by(|a, b| b.depth.total_cmp(&a.depth).then(a.peak.cmp(&b.peak)));
    let date = |i: usize| d.dates.get(i).map_or_else(|| UNDEFINED.to_owned(), ToString::to_string);
    let mut out = String::from(
        "<div class=\"scroll\"><table class=\"plain\"><thead><tr><th scope=\"col\">Depth</th><th scope=\"col\">Peak</th>\
         <th scope=\"col\">Trough</th><th scope=\"col\">Recovery</th><th scope=\"col\">Sessions</th></tr></thead><tbody>",
    );
    for x in all.iter().take(5) {
        let _ = write!(
            out,
            "<tr><td class=\"neg\">{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}{}</td></tr>",
            percent(Some(-x.depth)),
            date(x.peak),
            date(x.trough),
            x.recovery.map_or_else(|| "not yet".to_owned(), date),
            x.duration,
            if x.recovery.is_none() { " +" } else { "" }
        );
    }
    out.push_str("</tbody></table></div>");
    out
}

/// What each strategy earned, traded and cost.
pub(crate) fn strategy_table(data: &ReportData, d: &Derived) -> String {
    if d.strategies.is_empty() {
        return String::new();
    }
    let chosen: Vec<_> = d.strategies.iter().filter_map(|i| data.strategies.get(*i)).collect();
    let last = |v: &[f64]| v.last().copied().unwrap_or(0.0);
    let total: f64 = chosen.iter().map(|s| last(&s.pnl)).sum();
    let start = d.strategy.level.first().copied();
    let mut out = String::from(
        "<div class=\"scroll\"><table class=\"plain\"><thead><tr><th scope=\"col\">Strategy</th><th scope=\"col\">P&amp;L</th>\
         <th scope=\"col\"><button type=\"button\" class=\"term\" data-help=\"Profit and loss over the starting equity.\">Of start</button></th>\
         <th scope=\"col\"><button type=\"button\" class=\"term\" data-help=\"Largest fall of cumulative profit and loss below its highest value before, in dollars.\">Worst fall</button></th>\
         <th scope=\"col\">Fills</th><th scope=\"col\">Hit rate</th><th scope=\"col\">Fees</th><th scope=\"col\">Slippage</th></tr></thead><tbody>",
    );
    let row = |out: &mut String, name: &str, pnl: f64, fall: String, of: &dyn Fn(&str) -> bool| {
        let trades: Vec<_> = data.trades.iter().filter(|t| of(&t.strategy)).collect();
        let realised: Vec<f64> = trades.iter().filter_map(|t| t.realised).map(|c| c.to_f64()).collect();
        let class = if pnl < 0.0 { " class=\"neg\"" } else { "" };
        let _ = write!(
            out,
            "<tr><th scope=\"row\">{}</th><td{class}>{}</td><td{class}>{}</td><td>{fall}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            esc(name),
            dollars(Some(pnl)),
            percent(start.map(|s| pnl / s)),
            number(ordered(trades.iter().copied()) as f64, 0),
            percent(hit_rate(&realised)),
            dollars(Some(trades.iter().map(|t| t.fill.fee.to_f64()).sum())),
            dollars(Some(trades.iter().map(|t| slippage_cost(t)).sum()))
        );
    };
    for s in &chosen {
        let (_, fall) =
            s.pnl.iter().fold((0.0_f64, 0.0_f64), |(top, fall), x| (top.max(*x), fall.min(x - top.max(*x))));
        row(&mut out, &s.name, last(&s.pnl), dollars(Some(fall)), &|n| n == s.name);
    }
    row(&mut out, "All", total, String::new(), &|_| true);
    out.push_str("</tbody></table></div>");
    out
}

/// How the run goes without each of its parts, with the difference to the run as it is.
pub(crate) fn ablation(data: &ReportData) -> String {
    let [whole, parts @ ..] = data.ablation.as_slice() else { return String::new() };
    let mut out = String::from(
        "<h3>What each part does</h3><p class=\"hint\">The same run with one part left out; below each figure the difference to the run as \
         it is. One period is little evidence: to choose parts by this table would be fitting.</p><div class=\"scroll\"><table \
         class=\"plain\"><thead><tr><th scope=\"col\">Without</th><th scope=\"col\">Return</th><th scope=\"col\">Volatility</th>\
         <th scope=\"col\">Sharpe</th><th scope=\"col\">Max drawdown</th><th scope=\"col\">Turnover a year</th></tr></thead><tbody>",
    );
    let cell = |x: Option<f64>, base: Option<f64>, show: &dyn Fn(Option<f64>) -> String, own: bool| {
        let difference = match (x, base) {
            (Some(x), Some(b)) if !own => {
                let sign = if x >= b { "+" } else { "" };
                format!("<br><small>{sign}{}</small>", esc(&show(Some(x - b))))
            }
            _ => String::new(),
        };
        format!("<td>{}{difference}</td>", esc(&show(x)))
    };
    let plain = |x: Option<f64>| x.map_or_else(|| UNDEFINED.to_owned(), |x| number(x, 2));
    let row = |out: &mut String, name: &str, a: &crate::data::Ablation, own: bool| {
        let _ = write!(
            out,
            "<tr><th scope=\"row\">{}</th>{}{}{}{}{}</tr>",
            esc(name),
            cell(a.total_return, whole.total_return, &percent, own),
            cell(a.volatility, whole.volatility, &percent, own),
            cell(a.sharpe, whole.sharpe, &plain, own),
            cell(a.max_drawdown, whole.max_drawdown, &percent, own),
            cell(a.turnover, whole.turnover, &plain, own)
        );
    };
    row(&mut out, &whole.part, whole, true);
    for p in parts {
        row(&mut out, &p.part, p, false);
    }
    out.push_str("</tbody></table></div>");
    out
}

/// What plugins measured.
pub(crate) fn metrics(data: &ReportData) -> String {
    if data.metrics.is_empty() {
        return String::new();
    }
    let mut out = String::from(
        "<details class=\"more\"><summary>What plugins measured at session closes</summary><div class=\"scroll\"><table class=\"plain\"><thead>\
         <tr><th scope=\"col\">Value</th><th scope=\"col\">Sessions</th><th scope=\"col\">Mean</th><th scope=\"col\">Smallest</th>\
         <th scope=\"col\">Largest</th><th scope=\"col\">Last</th></tr></thead><tbody>",
    );
    for m in &data.metrics {
        let _ = write!(out, "<tr><th scope=\"row\">{}</th><td>{}</td>", esc(&m.name), number(m.count as f64, 0));
        for x in [m.mean, m.min, m.max, m.last] {
            let _ = write!(out, "<td>{}</td>", number(x, 4));
        }
        out.push_str("</tr>");
    }
    out.push_str("</tbody></table></div></details>");
    out
}

/// Lines of an artefact that the page shows.
const SHOWN: usize = 20;

/// What observers left behind: pictures, and the beginning of everything else.
pub(crate) fn artefacts(data: &ReportData) -> String {
    let mut out = String::new();
    for (file, content) in &data.artefacts {
        let _ = write!(out, "<details class=\"more\"><summary>{}</summary>", esc(file));
        if file.ends_with(".svg") {
            // As an image: whatever is in it, it runs nothing and loads nothing.
            let encoded = content.bytes().fold(String::new(), |mut text, b| {
                let _ = if b.is_ascii_alphanumeric() {
                    write!(text, "{}", char::from(b))
                } else {
                    write!(text, "%{b:02X}")
                };
                text
            });
            let _ = write!(out, "<img alt=\"{}\" src=\"data:image/svg+xml,{encoded}\">", esc(file));
        } else {
            let lines = content.lines().count();
            let first: Vec<&str> = content.lines().take(SHOWN).collect();
            let _ = write!(out, "<pre>{}</pre>", esc(&first.join("\n")));
            if lines > SHOWN {
                let _ = write!(out, "<p class=\"hint\">The first {SHOWN} of {lines} lines.</p>");
            }
        }
        out.push_str("</details>");
    }
    out
}

/// How the risk forecast did, in words.
pub(crate) fn var_verdict(data: &ReportData, d: &Derived) -> String {
    let (Some(v), Some(forecast)) = (&data.var, &d.var) else { return String::new() };
    let n = forecast.iter().skip(1).flatten().count();
    let k = d.exceedances().len();
    let expected = (1.0 - v.level) * n as f64;
    let judge = |p: Option<f64>| match p {
        Some(p) if p < 0.01 => "rejected at 1 %",
        Some(p) if p < 0.05 => "rejected at 5 %",
        Some(_) => "not rejected",
        None => "not enough data",
    };
    format!(
        "<p class=\"verdict\"><b>{}</b> in {}, {} expected at {} %. Kupiec (number of exceedances): p = {}, {}. \
         Christoffersen (independence): p = {}, {}. Forecast: {}.</p>",
        plural(k as u64, "exceedance"),
        plural(n as u64, "forecast"),
        number(expected, 1),
        number(100.0 * v.level, if (100.0 * v.level).fract() == 0.0 { 0 } else { 1 }),
        p_value(v.kupiec_p),
        judge(v.kupiec_p),
        p_value(v.christoffersen_p),
        judge(v.christoffersen_p),
        esc(&v.method)
    )
}

/// Warnings and data quality, the gravest first.
pub(crate) fn warnings(d: &Derived) -> String {
    if d.warnings.is_empty() {
        return "<p class=\"ok\">No warnings: nothing was skipped, filled in or out of range.</p>".into();
    }
    let mut sorted: Vec<_> = d.warnings.iter().collect();
    sorted.sort_by_key(|w| std::cmp::Reverse(w.severity));
    let mut out = String::from("<ul class=\"warnings\">");
    for w in sorted {
        let (class, word) = match w.severity {
            Severity::Error => ("error", "Error"),
            Severity::Warning => ("warning", "Warning"),
            Severity::Note => ("note", "Note"),
        };
        let count = if w.count > 1 { format!(" <span>× {}</span>", number(w.count as f64, 0)) } else { String::new() };
        let _ = write!(out, "<li class=\"{class}\"><b>{word}</b> {}{count}</li>", esc(&w.message));
    }
    out.push_str("</ul>");
    out
}

/// A line at the top when something grave is in the warnings.
pub(crate) fn alert(d: &Derived) -> String {
    let count = |s: Severity| d.warnings.iter().filter(|w| w.severity == s).count() as u64;
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    if errors == 0 && warnings == 0 {
        return String::new();
    }
    let class = if errors > 0 { "error" } else { "warning" };
    let parts: Vec<String> =
        [(errors, "error"), (warnings, "warning")].iter().filter(|(n, _)| *n > 0).map(|(n, w)| plural(*n, w)).collect();
    format!("<p class=\"alert {class}\"><a href=\"#quality\">{} about data or run</a></p>", parts.join(" and "))
}

/// The configuration and what identifies the run.
pub(crate) fn configuration(data: &ReportData) -> String {
    let m = &data.meta;
    let own =
        [("Run", &m.run_id), ("Mode", &m.mode), ("Ledger hash", &m.ledger_hash), ("Generated by", &m.generated_by)];
    let mut out = String::from("<dl class=\"config\">");
    let pairs = own.iter().filter(|(_, v)| !v.is_empty()).map(|(k, v)| (*k, v.as_str()));
    for (k, v) in pairs.chain(m.config.iter().map(|(k, v)| (k.as_str(), v.as_str()))) {
        let _ = write!(out, "<div><dt>{}</dt><dd>{}</dd></div>", esc(k), esc(v));
    }
    out.push_str("</dl>");
    out
}

/// A message in place of what cannot be shown.
pub(crate) fn empty(message: &str) -> String {
    format!("<p class=\"empty\">{}</p>", esc(message))
}
