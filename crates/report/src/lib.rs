//! A run as one self-contained HTML page: figures, charts, every trade with the explanation of its decision.
//!
//! [`render`] is a pure function: the same [`ReportData`] gives the same bytes, on any machine and at any time. The page loads
//! nothing from anywhere; all text from outside is escaped. See `docs/report.md`.
//!
//! ```
//! use tradewind_report::{Equity, ReportData, render};
//! let data = ReportData {
//!     equity: Equity {
//!         dates: vec!["2015-08-21".parse()?, "2015-08-24".parse()?],
//!         strategy: vec![100_000.0, 98_500.0],
//!         benchmarks: vec![],
//!     },
//!     ..ReportData::default()
//! };
//! let html = render(&data);
//! assert!(html.starts_with("<!doctype html>") && html.contains("−1.50 %"));
//! # Ok::<(), tradewind_core_types::BadInput>(())
//! ```

mod data;
mod day;
mod derive;
mod figures;
mod page;
mod payload;
mod sections;
mod text;

pub use data::{
    Ablation, Benchmark, Equity, ExposureSeries, Meta, Metric, Regime, ReportData, Severity, StrategyPnl, TradeRow,
    VarSeries, Warning,
};
pub use day::Day;
pub use page::render;
