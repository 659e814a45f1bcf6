//! Keeps a run: streams decisions and journal to files, gathers what summary and report need.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};
use tradewind_core_types::{
    Artefact, Cash, Decision, Fill, Order, OrderId, OrderReport, Outcome, Portfolio, Quantity, StrategyId, Time,
};
use tradewind_engine::{
    Command, Effect, Emitted, Frame, Given, JournalWriter, Notice, Obeyed, Recorder, SessionRecord, dispatch,
};

use crate::config::JournalLevel;
use crate::summary::CommandRow;

/// One session of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SessionRow {
    /// The close.
    pub time: Time,
    /// Cash plus positions.
    pub equity: f64,
    /// Cash.
    pub cash: f64,
    /// Paid in so far, less paid out.
    pub deposits: f64,
    /// Sum of the sizes of positions over equity.
    pub gross: f64,
    /// Longs less shorts over equity.
    pub net: f64,
    /// Metrics of plugins by `plugin.name`.
    pub metrics: BTreeMap<String, f64>,
    /// Profit and loss so far by strategy, after costs, and under `(none)` what belongs to none; the sum is equity less cash paid in.
    pub strategies: BTreeMap<String, f64>,
}

/// A fill with what it realised and who wanted it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FillRow {
    /// The fill.
    pub fill: Fill,
    /// Number of the decision; 0 when a delisting paid out what was held.
    pub decision: u64,
    /// The strategies behind it, joined by `+`; `(delisting)` when a delisting paid out what was held.
    pub strategy: String,
    /// Profit and loss it realised, before fees; `None` when it only opened or added.
    pub realised: Option<Cash>,
}

/// An order with what became of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OrderRow {
    /// The order.
    #[serde(flatten)]
    pub order: Order,
    /// How it ended, in words: filled, expired, cancelled or rejected and why, or still working when the run ended.
    pub ended: String,
}

/// What is said of an order that the run did not see end.
const WORKING: &str = "still working at the end of the run";

/// Where a run's files go while it runs.
struct Files {
    folder: String,
    decisions: BufWriter<File>,
    journal: Option<JournalWriter<BufWriter<File>>>,
    level: JournalLevel,
}

/// The row of profit and loss that belongs to no strategy: hedges, interest, what is paid to borrow.
pub const UNASSIGNED: &str = "(none)";
/// In a list of fills, what a delisting paid out.
const DELISTED: &str = "(delisting)";

/// The recorder of `trader backtest`.
#[derive(Default)]
pub struct Keeper {
    files: Option<Files>,
    /// The sessions.
    pub sessions: Vec<SessionRow>,
    /// The orders sent.
    pub orders: Vec<OrderRow>,
    /// The fills booked.
    pub fills: Vec<FillRow>,
    /// How many decisions there were.
    pub decisions: u64,
    /// How many of them led to no order.
    pub not_traded: u64,
    /// Strategies that ever had a signal.
    pub signalled: BTreeSet<StrategyId>,
    /// Reports other than fills, by kind.
    pub ended: BTreeMap<&'static str, u64>,
    /// What operators commanded.
    pub commands: Vec<CommandRow>,
    /// What was told, but for changes of the kill switch.
    pub notices: Vec<Notice>,
    /// What observers left behind, with their names.
    pub artefacts: Vec<(String, Artefact)>,
    /// The first reject, in words.
    pub first_reject: Option<String>,
    wanted_by: BTreeMap<OrderId, (u64, String)>,
    /// How much was filled of orders that are not filled whole.
    booked: BTreeMap<OrderId, Quantity>,
    line: Vec<u8>,
}

impl Keeper {
    /// Keeps files in a folder as well.
    ///
    /// # Errors
    /// When a file cannot be made.
    pub fn in_folder(folder: &Path, level: JournalLevel, config: &str) -> std::io::Result<Self> {
        let decisions = BufWriter::with_capacity(1 << 18, File::create(folder.join("decisions.jsonl"))?);
        let journal = if level == JournalLevel::None {
            None
        } else {
            let file = BufWriter::with_capacity(1 << 18, File::create(folder.join("journal"))?);
            let mut w = JournalWriter::new(file).map_err(std::io::Error::other)?;
            w.write(&Frame::Config(config.to_owned())).map_err(std::io::Error::other)?;
            Some(w)
        };
        Ok(Self {
            files: Some(Files { folder: folder.display().to_string(), decisions, journal, level }),
            ..Self::default()
        })
    }

    fn end(&mut self, order: OrderId, how: String) {
        // Orders are numbered in the order in which they are sent.
        let at = self.orders.binary_search_by_key(&order, |o| o.order.id).ok();
        if let Some(row) = at.and_then(|i| self.orders.get_mut(i)) {
            row.ended = how;
        }
    }

    /// Notes a fill with its order.
    fn filled(&mut self, f: &Fill) {
        let sum = self.booked.entry(f.order).or_default();
        *sum += f.quantity;
        let sum = *sum;
        let order = self.orders.binary_search_by_key(&f.order, |o| o.order.id).ok().and_then(|i| self.orders.get(i));
        if order.is_some_and(|o| o.order.quantity == sum) {
            self.booked.remove(&f.order);
            self.end(f.order, format!("filled at {}", f.time));
        } else {
            self.end(f.order, format!("{sum} of it filled by {}", f.time));
        }
    }

    /// The fills of orders: without what delistings paid out.
    pub fn ordered_fills(&self) -> impl Iterator<Item = &FillRow> {
        self.fills.iter().filter(|f| !f.fill.is_payout())
    }

    /// Writes everything out.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn finish(&mut self, hash: tradewind_engine::LedgerHash) -> std::io::Result<()> {
        let Some(mut f) = self.files.take() else { return Ok(()) };
        f.decisions.flush()?;
        f.decisions.get_ref().sync_all()?;
        if let Some(mut j) = f.journal {
            j.write(&Frame::Hash(hash)).map_err(std::io::Error::other)?;
            j.finish().map_err(std::io::Error::other)?.get_ref().sync_all()?;
        }
        Ok(())
    }
}

/// What to say when a file of the run cannot be written.
#[cold]
fn refused(folder: &str, e: &dyn std::fmt::Display) -> String {
    format!("{folder}: {e}: make room there, or choose another folder with --out")
}

/// The full name of a metric; features name theirs in full already.
fn metric(plugin: &str, name: &str) -> String {
    let full = name.strip_prefix(plugin).is_some_and(|rest| rest.starts_with('.'));
    if full { name.to_owned() } else { format!("{plugin}.{name}") }
}

impl Recorder for Keeper {
    #[inline]
    fn input(&mut self, x: &Given<'_>) -> Result<(), String> {
        match &mut self.files {
            Some(Files { journal: Some(j), level: JournalLevel::Full, folder, .. }) => {
                j.input(x).map_err(|e| refused(folder, &e))
            }
            _ => Ok(()),
        }
    }

    fn effect(&mut self, effect: &Effect, portfolio: &Portfolio) -> Result<(), String> {
        // A decision is written to the journal with its line of decisions.jsonl.
        if !matches!(effect, Effect::Emit(Emitted::Decision(_)))
            && let Some(Files { journal: Some(j), folder, .. }) = &mut self.files
        {
            j.write(&Frame::of(effect)?).map_err(|e| refused(folder, &e))?;
        }
        dispatch(self, effect, portfolio)
    }

    fn decision(&mut self, d: &Decision) -> Result<(), String> {
        self.decisions += 1;
        self.not_traded += u64::from(matches!(d.outcome, Outcome::NotTraded(_)));
        self.signalled.extend(d.contributions.iter().map(|c| c.strategy));
        if let Outcome::Ordered(id) = d.outcome {
            let mut names: Vec<&str> = d.contributions.iter().map(|c| c.strategy.as_str()).collect();
            names.dedup();
            self.wanted_by.insert(id, (d.id, if names.is_empty() { "exit".into() } else { names.join("+") }));
        }
        if let Some(f) = &mut self.files {
            self.line.clear();
            serde_json::to_writer(&mut self.line, d).map_err(|e| e.to_string())?;
            self.line.push(b'\n');
            f.decisions.write_all(&self.line).map_err(|e| refused(&f.folder, &format_args!("decisions.jsonl: {e}")))?;
            if let Some(j) = &mut f.journal {
                let text = String::from_utf8_lossy(&self.line[..self.line.len() - 1]).into_owned();
                j.write(&Frame::Decision(text)).map_err(|e| refused(&f.folder, &e))?;
            }
        }
        Ok(())
    }

    fn order(&mut self, o: &Order) -> Result<(), String> {
        self.orders.push(OrderRow { order: o.clone(), ended: WORKING.into() });
        Ok(())
    }

    fn report(&mut self, r: &OrderReport, realised: Cash) -> Result<(), String> {
        match r {
            OrderReport::Filled(f) => {
                let (decision, strategy) = if f.is_payout() {
                    (0, DELISTED.to_owned())
                } else {
                    self.filled(f);
                    self.wanted_by.get(&f.order).cloned().unwrap_or_default()
                };
                self.fills.push(FillRow {
                    fill: *f,
                    decision,
                    strategy,
                    realised: (realised != Cash::ZERO).then_some(realised),
                });
            }
            OrderReport::Accepted { .. } | OrderReport::Noted { .. } | OrderReport::Replaced { .. } => {}
            OrderReport::Rejected { order, reason, time } => {
                *self.ended.entry("rejected").or_default() += 1;
                self.end(*order, format!("rejected at {time}: {reason}"));
                self.first_reject.get_or_insert_with(|| format!("order {} at {time}: {reason}", order.0));
            }
            OrderReport::Cancelled { order, time, remaining } => {
                *self.ended.entry("cancelled").or_default() += 1;
                self.end(*order, format!("cancelled at {time}, {remaining} of it not filled"));
            }
            OrderReport::Expired { order, time, remaining } => {
                *self.ended.entry("expired").or_default() += 1;
                self.end(*order, format!("expired at {time}, {remaining} of it not filled"));
            }
        }
        Ok(())
    }

    fn command(&mut self, time: Time, c: &Command, obeyed: &Obeyed) -> Result<(), String> {
        self.commands.push(CommandRow::new(time, c, obeyed));
        Ok(())
    }

    fn notice(&mut self, n: &Notice) -> Result<(), String> {
        // The engine keeps those itself.
        if n.who != "kill switch" {
            self.notices.push(n.clone());
        }
        Ok(())
    }

    fn session(&mut self, s: &SessionRecord<'_>) -> Result<(), String> {
        let mut strategies: BTreeMap<String, f64> =
            s.profits.iter().map(|(id, earned)| (id.to_string(), earned.to_f64())).collect();
        if s.unassigned != Cash::ZERO {
            strategies.insert(UNASSIGNED.to_owned(), s.unassigned.to_f64());
        }
        let equity = s.portfolio.equity().to_f64();
        let net = if equity > 0.0 { s.portfolio.market_value().to_f64() / equity } else { 0.0 };
        self.sessions.push(SessionRow {
            time: s.time,
            equity,
            cash: s.portfolio.cash().to_f64(),
            deposits: s.portfolio.totals().deposits.to_f64(),
            gross: s.portfolio.gross(),
            net,
            metrics: s.metrics.iter().map(|(plugin, name, v)| (metric(plugin, name), *v)).collect(),
            strategies,
        });
        Ok(())
    }
}
