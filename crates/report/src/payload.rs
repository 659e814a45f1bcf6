//! The data of charts and trade list, as compact JSON.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tradewind_core_types::{Adjust, Decision, Outcome, Side, Step};

use crate::data::ReportData;
use crate::derive::Derived;

/// A number with so many significant digits; what is not finite becomes null.
fn rounded(x: f64, digits: usize) -> Value {
    if !x.is_finite() {
        return Value::Null;
    }
    format!("{x:.*e}", digits.saturating_sub(1))
        .parse::<f64>()
        .map_or(Value::Null, |y| json!(if y == 0.0 { 0.0 } else { y }))
}

fn list(xs: &[f64], digits: usize) -> Value {
    xs.iter().map(|x| rounded(*x, digits)).collect()
}

fn optional(xs: &[Option<f64>]) -> Value {
    xs.iter().map(|x| x.map_or(Value::Null, |x| rounded(x, 6))).collect()
}

/// Every text once, referred to by number.
#[derive(Default)]
struct Texts {
    numbers: BTreeMap<String, usize>,
    list: Vec<String>,
}

impl Texts {
    fn number(&mut self, s: &str) -> usize {
        if let Some(i) = self.numbers.get(s) {
            return *i;
        }
        let i = self.list.len();
        self.numbers.insert(s.to_owned(), i);
        self.list.push(s.to_owned());
        i
    }
}

/// What the charts draw.
pub(crate) fn charts(data: &ReportData, d: &Derived) -> Value {
    let line = |l: &crate::derive::Line| {
        json!({
            "name": l.name,
            "level": list(&l.level, 9),
            "drawdown": list(&l.drawdown, 6),
            "volatility": optional(&l.volatility),
            "beta": optional(&l.beta),
        })
    };
    let at = |day: &crate::Day| d.dates.partition_point(|x| x < day);
    let regimes: Vec<Value> = data
        .regimes
        .iter()
        .filter(|r| r.from <= r.to)
        .map(|r| (at(&r.from), d.dates.partition_point(|x| *x <= r.to), r))
        .filter(|(a, b, _)| a < b)
        .map(|(a, b, r)| json!({"from": a, "to": b - 1, "name": r.name, "level": r.level.min(3)}))
        .collect();
    let months: Vec<Value> = d
        .months
        .iter()
        .map(|((y, m), x)| {
            let of = |v: f64| rounded(v / x.equity, 6);
            json!([
                format!("{y:04}-{m:02}"),
                of(0.5 * x.traded),
                of(x.fees * 1e4),
                of(x.slippage * 1e4),
                rounded(x.fees + x.slippage, 8)
            ])
        })
        .collect();
    let strategies: Vec<Value> = d
        .strategies
        .iter()
        .filter_map(|i| data.strategies.get(*i))
        .map(|s| json!({"name": s.name, "pnl": list(&s.pnl, 9)}))
        .collect();
    json!({
        "dates": d.dates.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "window": d.window,
        "strategy": line(&d.strategy),
        "benchmarks": d.benchmarks.iter().map(line).collect::<Vec<_>>(),
        "returns": list(&d.strategy.returns, 6),
        "gross": d.gross.as_ref().map(|x| list(x, 6)),
        "net": d.net.as_ref().map(|x| list(x, 6)),
        "regimes": regimes,
        "var": d.var.as_ref().map(|x| optional(x)),
        "varLevel": data.var.as_ref().map(|v| rounded(v.level, 6)),
        "exceedances": d.exceedances(),
        "months": months,
        "strategies": strategies,
    })
}

/// The trade list: one array per trade, texts by number.
pub(crate) fn trades(data: &ReportData) -> Value {
    let mut texts = Texts::default();
    // Decisions are written in the order in which trades refer to them.
    let known: BTreeMap<u64, &Decision> = data.decisions.iter().map(|d| (d.id, d)).collect();
    let mut place: BTreeMap<u64, usize> = BTreeMap::new();
    let mut used: Vec<&Decision> = Vec::new();
    let rows: Vec<Value> = data
        .trades
        .iter()
        .map(|t| {
            let f = &t.fill;
            let decision = t.decision.and_then(|id| known.get(&id)).map(|d| {
                *place.entry(d.id).or_insert_with(|| {
                    used.push(d);
                    used.len() - 1
                })
            });
            json!([
                f.time.to_string(),
                texts.number(f.symbol.as_str()),
                i32::from(f.side == Side::Sell),
                f.quantity.to_string(),
                f.price.to_string(),
                f.fee.to_string(),
                rounded(f.slippage_bps, 6),
                t.realised.map(|c| c.to_string()),
                texts.number(&t.strategy),
                decision,
                f.order.0,
            ])
        })
        .collect();
    let decisions: Vec<Value> = used.iter().map(|d| decision(d, &mut texts)).collect();
    let not_taken: Vec<Value> = data.not_taken.iter().map(|d| decision(d, &mut texts)).collect();
    json!({
        "rows": rows,
        "decisions": decisions,
        "notTaken": not_taken,
        "texts": texts.list,
        "sources": data.meta.sources,
    })
}

fn steps(steps: &[Step], texts: &mut Texts) -> Value {
    steps
        .iter()
        .map(|s| {
            let (what, number) = match s.adjustment.adjust {
                Adjust::Keep => ("keep", None),
                Adjust::Set(x) => ("set", Some(x)),
                Adjust::Scale(x) => ("scale", Some(x)),
                Adjust::Cap(x) => ("cap", Some(x)),
                Adjust::Add(x) => ("add", Some(x)),
                Adjust::Veto => ("veto", None),
            };
            let numbers: Vec<Value> =
                s.adjustment.numbers.iter().flat_map(|(name, x)| [json!(texts.number(name)), rounded(*x, 7)]).collect();
            json!([
                s.stage.as_str(),
                texts.number(s.plugin.as_str()),
                what,
                number.map(|x| rounded(x, 7)),
                rounded(s.after, 7),
                texts.number(&s.adjustment.reason),
                numbers,
            ])
        })
        .collect()
}

fn decision(d: &Decision, texts: &mut Texts) -> Value {
    let contributions: Vec<Value> = d
        .contributions
        .iter()
        .map(|c| {
            json!({
                "strategy": texts.number(c.strategy.as_str()),
                "time": c.signal_time.to_string(),
                "steps": steps(&c.steps, texts),
                "ratio": rounded(c.ratio, 7),
                "weight": rounded(c.weight, 7),
            })
        })
        .collect();
    let sizing = d.sizing.as_ref().map(|s| {
        json!({
            "equity": s.equity.to_string(),
            "price": s.price.to_string(),
            "time": s.price_time.to_string(),
            "source": s.price_origin.source,
            "row": s.price_origin.row,
            "lot": s.lot.to_string(),
            "target": s.target.to_string(),
            "held": s.held.to_string(),
            "working": s.working.to_string(),
            "delta": s.delta().to_string(),
        })
    });
    let (order, reason) = match &d.outcome {
        Outcome::Ordered(id) => (Some(id.0), None),
        Outcome::NotTraded(why) => (None, Some(texts.number(why))),
    };
    json!({
        "id": d.id,
        "time": d.time.to_string(),
        "symbol": texts.number(d.symbol.as_str()),
        "contributions": contributions,
        "rules": steps(&d.rules, texts),
        "weight": rounded(d.weight, 7),
        "sizing": sizing,
        "checks": steps(&d.checks, texts),
        "order": order,
        "reason": reason,
        "fault": d.verify().err().map(|e| e.to_string()),
    })
}
