//! `trader explain`.

use tradewind_core_types::{Decision, Fill, Order, Outcome};

use super::{say, say_json};
use crate::dataset::Dataset;
use crate::error::Failure;
use crate::run_folder::RunFolder;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The run: its folder, its name under runs/, or `latest`.
    run: String,
    /// The order's number.
    order: Option<u64>,
    /// Instead of an order: the decisions of this date (New York), traded or not.
    #[arg(long, conflicts_with = "order")]
    date: Option<jiff::civil::Date>,
    /// Only decisions on this symbol.
    #[arg(long)]
    symbol: Option<String>,
    /// Print as JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(a: &Args) -> Result<(), Failure> {
    if a.order.is_none() && a.date.is_none() {
        return Err(Failure::Usage(
            "name an order (trader explain RUN 12) or a date (trader explain RUN --date 2015-08-24)".into(),
        ));
    }
    let folder = RunFolder::open(&a.run)?;
    let (orders, fills) = (folder.orders()?, folder.fills()?);
    // An exit has no decision of its own: it is explained with the one that it protects.
    let behind = a.order.and_then(|n| orders.iter().find(|o| o.id.0 == n)).map(|o| o.decision);
    let wanted = |d: &Decision| {
        a.symbol.as_deref().is_none_or(|s| d.symbol.as_str() == s)
            && match (a.order, a.date) {
                (Some(_), _) => behind == Some(d.id),
                (None, Some(date)) => crate::run::date(d.time) == date,
                (None, None) => false,
            }
    };
    let mut found = Vec::new();
    for d in folder.decisions()? {
        let d = d?;
        if wanted(&d) {
            found.push(d);
        }
    }
    if found.is_empty() {
        let on = a.symbol.as_deref().map(|s| format!(" on {s}")).unwrap_or_default();
        return Err(Failure::Usage(match (a.order, a.date) {
            (Some(n), _) if orders.is_empty() => format!("there is no order {n}: this run sent none"),
            (Some(n), _) => format!("there is no order {n}{on} in this run: they are numbered 1 to {}", orders.len()),
            (_, Some(d)) => format!("no decision was taken on {d}{on}: is it a session of this run?"),
            _ => "no such decision".into(),
        }));
    }
    if a.json {
        return say_json(&found);
    }
    let summary = folder.summary()?;
    let mut text = String::new();
    let mut broken = None;
    // Without the data the decision is still explained; why the rows are missing is said at the end.
    let evidence = crate::evidence::rows(&folder.config()?, &summary.data_hash, &found);
    for (i, d) in found.iter().enumerate() {
        let order: Option<&Order> = match d.outcome {
            Outcome::Ordered(id) => orders.iter().find(|o| o.id == id),
            Outcome::NotTraded(_) => None,
        };
        let of_order: Vec<Fill> =
            fills.iter().map(|f| f.fill).filter(|f| order.is_some_and(|o| o.id == f.order)).collect();
        text.push_str(&tradewind_engine::explain(d, order, &of_order, |o| Dataset::describe(&summary.sources, o)));
        for exit in orders.iter().filter(|o| o.decision == d.id && order.is_none_or(|own| own.id != o.id)) {
            let of_exit = fills.iter().map(|f| f.fill).filter(|f| f.order == exit.id);
            text.push_str(&tradewind_engine::explain_exit(exit, of_exit));
        }
        // The operator's last word before the decision, and what else was commanded on its day.
        let before: Vec<_> = summary.commands.iter().filter(|c| c.time <= d.time && c.result == "done").collect();
        let today = |t| crate::run::date(t) == crate::run::date(d.time);
        let last = before.iter().rposition(|c| ["halt", "reduce", "resume", "flatten"].contains(&c.command.as_str()));
        for (_, c) in before.iter().enumerate().filter(|(k, c)| Some(*k) == last || today(c.time)) {
            text.push_str(&format!("operator   {c}\n"));
        }
        for row in evidence.as_ref().ok().and_then(|rows| rows.get(i)).into_iter().flatten() {
            text.push_str(&crate::evidence::line(row, &summary.sources));
        }
        text.push('\n');
        if let Err(e) = d.verify() {
            broken = Some(format!("decision {} does not multiply out: {e}", d.id));
        }
    }
    if let Err(e) = &evidence {
        text.push_str(&format!("rows       not shown: {e}\n"));
    }
    text.push_str(&format!("run {}  ledger {}\n", summary.run_id, summary.ledger_hash));
    say(&text)?;
    broken.map_or(Ok(()), |b| Err(Failure::Check(b)))
}
