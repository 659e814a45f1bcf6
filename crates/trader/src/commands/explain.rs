//! `trader explain`.

use tradewind_core_types::{Decision, Fill, Outcome};

use super::{say, say_json};
use crate::dataset::Dataset;
use crate::error::Failure;
use crate::keeper::OrderRow;
use crate::run_folder::RunFolder;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The run: its folder, its name under runs/, or `latest`.
    run: String,
    /// The order's number. The two may be given in either order.
    order: Option<String>,
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

/// The run and the number of the order: whichever of two words is no number names the run.
fn named(a: &Args) -> Result<(&str, Option<u64>), Failure> {
    let number = |s: &str| s.parse::<u64>().ok();
    match a.order.as_deref() {
        None => Ok((&a.run, None)),
        Some(order) => match (number(order), number(&a.run)) {
            (Some(n), _) => Ok((&a.run, Some(n))),
            (None, Some(n)) => Ok((order, Some(n))),
            (None, None) => {
                Err(Failure::Usage(format!("order is {order:?}: expected its number, see `trader explain --help`")))
            }
        },
    }
}

pub(super) fn run(a: &Args) -> Result<(), Failure> {
    if a.order.is_none() && a.date.is_none() {
        return Err(Failure::Usage(
            "name an order (trader explain RUN 12) or a date (trader explain RUN --date 2015-08-24)".into(),
        ));
    }
    let (name, order) = named(a)?;
    let folder = RunFolder::open(name)?;
    let (orders, fills) = (folder.orders()?, folder.fills()?);
    // An exit has no decision of its own: it is explained with the one that it protects.
    let behind = order.and_then(|n| orders.iter().find(|o| o.order.id.0 == n)).map(|o| o.order.decision);
    let wanted = |d: &Decision| {
        a.symbol.as_deref().is_none_or(|s| d.symbol.as_str() == s)
            && match (order, a.date) {
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
        return Err(Failure::Usage(match (order, a.date) {
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
        let row: Option<&OrderRow> = match d.outcome {
            Outcome::Ordered(id) => orders.iter().find(|o| o.order.id == id),
            Outcome::NotTraded(_) => None,
        };
        let order = row.map(|r| &r.order);
        let of_order: Vec<Fill> =
            fills.iter().map(|f| f.fill).filter(|f| order.is_some_and(|o| o.id == f.order)).collect();
        text.push_str(&tradewind_engine::explain(d, order, &of_order, |o| Dataset::describe(&summary.sources, o)));
        let others = |o: &&OrderRow| o.order.decision == d.id && order.is_none_or(|own| own.id != o.order.id);
        for exit in orders.iter().filter(others) {
            let of_exit = fills.iter().map(|f| f.fill).filter(|f| f.order == exit.order.id);
            text.push_str(&tradewind_engine::explain_exit(&exit.order, of_exit));
            text.push_str(&format!("outcome    {}\n", exit.ended));
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
        if let Some(row) = row {
            text.push_str(&format!("outcome    {}\n", row.ended));
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
