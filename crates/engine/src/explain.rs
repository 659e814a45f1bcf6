//! A decision as text: step by step from the data to the order.

use std::fmt::Write;

use tradewind_core_types::{Adjust, Cash, Decision, Fill, Order, Outcome, Side, Step};

/// A fraction as a percentage with two decimals.
pub fn percent(x: f64) -> String {
    format!("{:.2} %", 100.0 * x)
}

fn effect(step: &Step) -> String {
    match step.adjustment.adjust {
        Adjust::Keep => "keep".into(),
        Adjust::Set(x) => format!("= {x:+.4}"),
        Adjust::Scale(f) => format!("x {f:.4}"),
        Adjust::Cap(c) => format!("<= {c:.4}"),
        Adjust::Add(x) => format!("{x:+.4}"),
        Adjust::Veto => "veto".into(),
    }
}

/// A number as a trader reads it: enough digits to tell values apart, none to spare.
fn number(x: f64) -> String {
    let size = x.abs();
    if x == x.trunc() && size < 1e9 {
        format!("{x}")
    } else if size >= 1000.0 {
        format!("{x:.2}")
    } else if size >= 0.001 {
        format!("{x:.4}")
    } else {
        format!("{x:.3e}")
    }
}

fn write_steps(out: &mut String, steps: &[Step]) {
    for s in steps {
        let numbers: Vec<String> = s.adjustment.numbers.iter().map(|(n, v)| format!("{n} {}", number(*v))).collect();
        let _ = writeln!(
            out,
            "{:<10} {:<22} {:<10} -> {:<9} {}{}{}",
            s.stage.as_str(),
            s.plugin,
            effect(s),
            format!("{:+.5}", s.after),
            s.adjustment.reason,
            if numbers.is_empty() { "" } else { ": " },
            numbers.join(", "),
        );
    }
}

/// Writes a decision, with its order and fills when there are, and says whether the steps multiply out to the quantity.
/// `source` names the data row behind an origin.
pub fn explain(
    d: &Decision,
    order: Option<&Order>,
    fills: &[Fill],
    source: impl Fn(tradewind_core_types::Origin) -> String,
) -> String {
    let mut out = String::new();
    match (order, &d.outcome) {
        (Some(o), _) => {
            let side = if o.side == Side::Buy { "BUY" } else { "SELL" };
            let _ = writeln!(
                out,
                "order {:06}  {}  {side} {} {} {:?}   decision {}",
                o.id.0, d.time, o.quantity, o.symbol, o.kind, d.id
            );
        }
        (None, Outcome::NotTraded(why)) => {
            let _ = writeln!(out, "no order  {}  {}  decision {}: {why}", d.time, d.symbol, d.id);
        }
        (None, Outcome::Ordered(id)) => {
            let _ = writeln!(out, "order {:06}  {}  {}  decision {}", id.0, d.time, d.symbol, d.id);
        }
    }
    if d.contributions.is_empty() {
        let _ = writeln!(out, "no strategy wants {}", d.symbol);
    }
    for c in &d.contributions {
        let _ = writeln!(out, "strategy   {}  (signal of {})", c.strategy, c.signal_time);
        write_steps(&mut out, &c.steps);
        if c.ratio != 1.0 {
            let _ = writeln!(out, "leg        x {:.6} -> {:+.5}", c.ratio, c.weight);
        }
    }
    if d.contributions.len() > 1 {
        let sum: f64 = d.contributions.iter().fold(0.0, |a, c| a + c.weight);
        let _ = writeln!(out, "sum        {sum:+.5} over {} strategies", d.contributions.len());
    }
    write_steps(&mut out, &d.rules);
    if let Some(s) = &d.sizing {
        let _ = writeln!(out, "data       {} {} at {}  {}", d.symbol, s.price, s.price_time, source(s.price_origin));
        let value = Cash::from_f64(d.weight * s.equity.to_f64()).unwrap_or_default();
        let _ = writeln!(
            out,
            "target     {:.6} of {} = {:.2} / {} -> {} (lot {}); held {}, working {} -> trade {}",
            d.weight,
            money(s.equity),
            value.to_f64(),
            s.price,
            s.target,
            s.lot,
            s.held,
            s.working,
            s.delta()
        );
    }
    write_steps(&mut out, &d.checks);
    fills.iter().for_each(|f| write_fill(&mut out, f));
    match d.verify() {
        Ok(()) => out.push_str("verified   the steps multiply out to the quantity, bit by bit\n"),
        Err(e) => {
            let _ = writeln!(out, "BROKEN     {e}");
        }
    }
    out
}

/// Writes an exit that worked as an order, with its fills.
pub fn explain_exit(o: &Order, fills: impl Iterator<Item = Fill>) -> String {
    let side = if o.side == Side::Buy { "BUY" } else { "SELL" };
    let mut out = format!("exit       order {:06}  {side} {} {} {:?}\n", o.id.0, o.quantity, o.symbol, o.kind);
    fills.for_each(|f| write_fill(&mut out, &f));
    out
}

fn write_fill(out: &mut String, f: &Fill) {
    let _ = writeln!(
        out,
        "fill       {}  {} @ {}  slippage {:.2} bp, fees {}",
        f.time, f.quantity, f.price, f.slippage_bps, f.fee
    );
}

fn money(c: Cash) -> String {
    format!("{:.2}", c.to_f64())
}
