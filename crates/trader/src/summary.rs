//! The summary of a run: what the terminal shows and `summary.json` holds.

use std::collections::BTreeMap;
use std::fmt::{self, Write};

use serde::{Deserialize, Serialize};
use tradewind_core_types::Time;
use tradewind_engine::{Command, Instruction, Obeyed};
use tradewind_numerics::performance as stats;

/// The figures of one equity curve. Conventions: `docs/statistics.md`. What is not defined is `None`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// Return over the whole period.
    pub total_return: Option<f64>,
    /// Compound annual growth rate.
    pub cagr: Option<f64>,
    /// Annualised volatility.
    pub volatility: Option<f64>,
    /// Annualised Sharpe ratio.
    pub sharpe: Option<f64>,
    /// Annualised Sortino ratio.
    pub sortino: Option<f64>,
    /// CAGR over maximum drawdown.
    pub calmar: Option<f64>,
    /// Deepest fall from a peak, positive.
    pub max_drawdown: Option<f64>,
    /// Sessions from that peak to its recovery, or to the end.
    pub drawdown_sessions: Option<usize>,
    /// Share of sessions with a gain among those with a change.
    pub hit_rate: Option<f64>,
    /// Gains over losses, by session.
    pub profit_factor: Option<f64>,
    /// Regression slope on the first benchmark.
    pub beta: Option<f64>,
    /// Annualised regression intercept on the first benchmark.
    pub alpha: Option<f64>,
    /// Annualised mean active return over its deviation.
    pub information_ratio: Option<f64>,
}

impl Figures {
    /// From returns by session, against those of the first benchmark. Once equity was zero or below, only total return and drawdown are defined.
    pub fn of(returns: &[f64], benchmark: Option<&[f64]>, periods: f64, risk_free: f64) -> Self {
        let rf = risk_free / periods;
        let drawdown = stats::max_drawdown(returns);
        if stats::ruined(returns) {
            return Self {
                total_return: stats::cumulative_return(returns),
                max_drawdown: drawdown.as_ref().map(|d| d.depth),
                drawdown_sessions: drawdown.as_ref().map(|d| d.duration),
                ..Self::default()
            };
        }
        let relative = benchmark.and_then(|b| stats::alpha_beta(returns, b, rf, periods));
        Self {
            total_return: stats::cumulative_return(returns),
            cagr: stats::cagr(returns, periods),
            volatility: stats::annual_volatility(returns, periods),
            sharpe: stats::sharpe(returns, rf, periods),
            sortino: stats::sortino(returns, rf, periods),
            calmar: stats::calmar(returns, periods),
            max_drawdown: drawdown.as_ref().map(|d| d.depth),
            drawdown_sessions: drawdown.as_ref().map(|d| d.duration),
            hit_rate: stats::hit_rate(returns),
            profit_factor: stats::profit_factor(returns),
            beta: relative.as_ref().map(|r| r.beta),
            alpha: relative.as_ref().map(|r| r.alpha),
            information_ratio: benchmark.and_then(|b| stats::information_ratio(returns, b, periods)),
        }
    }
}

/// A benchmark's curve and figures.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct BenchmarkSummary {
    /// Its name.
    pub name: String,
    /// Equity by session, as many as the run has.
    pub equity: Vec<f64>,
    /// Its figures.
    pub figures: Figures,
}

/// An operator's command and what became of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CommandRow {
    /// When it was given.
    pub time: Time,
    /// Its id.
    pub id: String,
    /// Who gave it.
    pub actor: String,
    /// Why.
    pub reason: String,
    /// What was to be done, in words.
    pub command: String,
    /// What became of it, in words.
    pub result: String,
}

impl CommandRow {
    /// A command as the engine answered it.
    pub fn new(time: Time, c: &Command, obeyed: &Obeyed) -> Self {
        let command = match &c.order {
            Instruction::Deposit(x) | Instruction::Withdraw(x) => format!("{} {x}", c.order.as_str()),
            Instruction::Set { key, value } => format!("set engine.{key} = {value}"),
            Instruction::LogLevel(l) => format!("log level {l:?}").to_lowercase(),
            other => other.as_str().to_owned(),
        };
        let result = match obeyed {
            Obeyed::Done => "done".to_owned(),
            Obeyed::Repeated => "nothing: this id was given before".to_owned(),
            Obeyed::Refused(why) => format!("refused: {why}"),
        };
        Self { time, id: c.id.clone(), actor: c.actor.clone(), reason: c.reason.clone(), command, result }
    }
}

impl fmt::Display for CommandRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let why = if self.reason.is_empty() { String::new() } else { format!(": {}", self.reason) };
        write!(f, "{} at {} by {} (id {}){why}; {}", self.command, self.time, self.actor, self.id, self.result)
    }
}

/// What a run was and how it went.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Headline.
    pub title: String,
    /// Id: from the configuration, the data and the ledger hash, so that the same run has the same id.
    pub run_id: String,
    /// Program and version.
    pub program: String,
    /// First session.
    pub from: String,
    /// Last session.
    pub to: String,
    /// How many sessions.
    pub sessions: usize,
    /// How many events were processed, warm-up included.
    pub events: u64,
    /// Whether the data were simulated.
    pub simulated: bool,
    /// Hash of the ledger.
    pub ledger_hash: String,
    /// Hash of the bytes of all data files.
    pub data_hash: String,
    /// Names of the sources by number.
    pub sources: Vec<String>,
    /// Equity at the end.
    pub final_equity: f64,
    /// The strategy's figures.
    pub figures: Figures,
    /// Value traded a year over mean equity, one-sided (half the sum of purchases and sales).
    pub turnover: Option<f64>,
    /// Mean gross exposure.
    pub exposure: Option<f64>,
    /// Decisions.
    pub decisions: u64,
    /// Decisions without an order.
    pub not_traded: u64,
    /// Orders.
    pub orders: usize,
    /// Fills.
    pub fills: usize,
    /// Commissions and fees in dollars.
    pub fees: f64,
    /// Paid in slippage, in dollars.
    pub slippage: f64,
    /// Orders that ended otherwise than filled, by kind.
    pub ended: BTreeMap<String, u64>,
    /// Profit and loss by strategy.
    pub strategies: BTreeMap<String, f64>,
    /// The benchmarks.
    pub benchmarks: Vec<BenchmarkSummary>,
    /// The run without each of its parts, when `report.ablation` asks for it; first the run as it is.
    pub ablation: Vec<tradewind_report::Ablation>,
    /// What the reader should know.
    pub warnings: Vec<String>,
    /// What operators commanded, in order.
    #[serde(default)]
    pub commands: Vec<CommandRow>,
}

fn cell(x: Option<f64>, percent: bool) -> String {
    match x {
        None => "-".into(),
        Some(x) if percent => format!("{:.2} %", 100.0 * x),
        Some(x) => format!("{x:.2}"),
    }
}

impl Summary {
    /// As a table for the terminal.
    pub fn table(&self) -> String {
        let mut out = String::new();
        let _ = writeln!(out, "{}", self.title);
        let simulated = if self.simulated { "   SIMULATED DATA" } else { "" };
        let _ = writeln!(
            out,
            "{} to {}, {} sessions, {} events{simulated}\n",
            self.from, self.to, self.sessions, self.events
        );
        let mut columns = vec![("strategy".to_owned(), &self.figures)];
        columns.extend(self.benchmarks.iter().map(|b| (b.name.clone(), &b.figures)));
        let _ = write!(out, "{:<26}", "");
        for (name, _) in &columns {
            let _ = write!(out, "{name:>14}");
        }
        out.push('\n');
        type Get = fn(&Figures) -> Option<f64>;
        let rows: [(&str, Get, bool); 13] = [
            ("total return", |f| f.total_return, true),
            ("CAGR", |f| f.cagr, true),
            ("volatility", |f| f.volatility, true),
            ("Sharpe", |f| f.sharpe, false),
            ("Sortino", |f| f.sortino, false),
            ("Calmar", |f| f.calmar, false),
            ("max drawdown", |f| f.max_drawdown, true),
            ("drawdown, sessions", |f| f.drawdown_sessions.map(|n| n as f64), false),
            ("hit rate", |f| f.hit_rate, true),
            ("profit factor", |f| f.profit_factor, false),
            ("beta", |f| f.beta, false),
            ("alpha", |f| f.alpha, true),
            ("information ratio", |f| f.information_ratio, false),
        ];
        for (label, get, percent) in rows {
            let _ = write!(out, "{label:<26}");
            for (_, f) in &columns {
                let _ = write!(out, "{:>14}", cell(get(f), percent));
            }
            out.push('\n');
        }
        let _ = writeln!(out);
        let _ = writeln!(out, "{:<26}{:>14.2}", "final equity", self.final_equity);
        let _ = writeln!(out, "{:<26}{:>14}", "turnover a year", cell(self.turnover, false));
        let _ = writeln!(out, "{:<26}{:>14}", "mean gross exposure", cell(self.exposure, true));
        let _ = writeln!(out, "{:<26}{:>14.2}", "fees", self.fees);
        let _ = writeln!(out, "{:<26}{:>14.2}", "slippage", self.slippage);
        for (name, pnl) in &self.strategies {
            let _ = writeln!(out, "{:<26}{pnl:>14.2}", format!("P&L {name}"));
        }
        let _ = writeln!(
            out,
            "{:<26}{:>14}   {} not traded, {} orders, {} fills",
            "decisions", self.decisions, self.not_traded, self.orders, self.fills
        );
        for (kind, n) in &self.ended {
            let _ = writeln!(out, "{:<26}{n:>14}", format!("orders {kind}"));
        }
        if let [whole, parts @ ..] = self.ablation.as_slice() {
            let _ = writeln!(
                out,
                "\n{:<44}{:>10}{:>12}{:>14}{:>10}",
                "without", "return", "volatility", "max drawdown", "turnover"
            );
            for a in std::iter::once(whole).chain(parts) {
                let _ = writeln!(
                    out,
                    "{:<44}{:>10}{:>12}{:>14}{:>10}",
                    a.part,
                    cell(a.total_return, true),
                    cell(a.volatility, true),
                    cell(a.max_drawdown, true),
                    cell(a.turnover, false)
                );
            }
            out.push('\n');
        }
        for w in &self.warnings {
            let _ = writeln!(out, "note: {w}");
        }
        let _ = writeln!(out, "\nledger hash  {}", self.ledger_hash);
        out
    }
}
