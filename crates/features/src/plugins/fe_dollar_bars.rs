//! Trades sampled into time, tick, volume and dollar bars, and into imbalance and run bars.

mod bar;
mod columns;
mod engine;
mod flow;
mod input;
mod roles;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tradewind_core_types::{
    BadInput, Cash, FeatureId, Invalid, Online, Params, PluginInfo, Price, Quantity, Symbol, Time, parse_params,
};

pub use bar::{BarColumns, TradeBar};
pub use engine::{DollarBars, Totals};
pub use input::{FeDollarBarsIn, FeDollarBarsOut};
pub use roles::FeDollarBarsFeature;

use engine::{Closing, Days, Tick};
use flow::{Flow, FlowRule};

/// What closes a bar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BarKind {
    /// The end of an interval of `threshold` seconds.
    Time,
    /// `threshold` trades.
    Tick,
    /// `threshold` shares.
    Volume,
    /// `threshold` dollars traded.
    Dollar,
    /// Purchases less sales, in trades, beyond what is expected.
    TickImbalance,
    /// The same in shares.
    VolumeImbalance,
    /// The same in dollars.
    DollarImbalance,
    /// The larger of purchases and sales, in trades, beyond what is expected.
    TickRun,
    /// The same in shares.
    VolumeRun,
    /// The same in dollars.
    DollarRun,
}

/// Where the threshold of tick, volume and dollar bars comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BarSizing {
    /// It is `threshold`.
    Fixed,
    /// The mean amount of the last `days` days, over `bars_per_day`; `threshold` until a day is complete.
    Adaptive,
}

/// What becomes of the trade that reaches the threshold of a volume or dollar bar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Crossing {
    /// It belongs to the bar that it closes, and the next bar counts from zero.
    Whole,
    /// It belongs to the bar that it closes, and what it was too large counts for the next bar (whole thresholds within it do not).
    Carry,
    /// It is divided: every bar gets just what it needs, so that one trade may close many bars.
    Split,
}

/// What the feature makes bars of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BarInput {
    /// Trades.
    Trades,
    /// Bars, each as one trade of its volume at its close.
    Bars,
}

/// The unit of an amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Unit {
    Tick,
    Volume,
    Dollar,
}

impl Unit {
    /// Integers in one unit: billionths of a share, 1e-18 dollars.
    fn scale(self) -> f64 {
        match self {
            Self::Tick => 1.0,
            Self::Volume => 1e9,
            Self::Dollar => 1e18,
        }
    }
    fn to_f64(self, amount: i128) -> f64 {
        match self {
            Self::Tick => amount as f64,
            Self::Volume => bar::shares(amount),
            Self::Dollar => Cash::from_atto(amount).to_f64(),
        }
    }
}

/// Parameters of `fe_dollar_bars`.
///
/// A bar holds the trades since the one before: first, highest, lowest and last price, volume sum q, value sum p q, vwap = value / volume,
/// number of trades, and the volume bought. It closes with the trade
/// * `tick`, `volume`, `dollar`: with which its trades, shares or dollars reach T = `threshold` (`sizing = "fixed"`) or
///   T = (mean of the last `days` complete days) / `bars_per_day` (`"adaptive"`),
/// * `*_imbalance`: with which |sum b v| > E\[T\] |E\[b v\]|; b is 1 for a purchase and -1 for a sale, v is 1, q or p q,
/// * `*_run`: with which max(sum of v bought, sum of v sold) > E\[T\] max(P E\[v | bought\], (1 - P) E\[v | sold\]), P the share of purchases,
///
/// and a `time` bar with the first trade (or, in the pipeline, event) at or after the end of its interval of `threshold` seconds; an
/// interval without trades gives no bar. The sign b is the `side` where it is given, and otherwise that of the last change of price
/// (tick rule); trades before the first change have b = 0. E\[T\] is an exponentially weighted mean (span `bars_window`) of the trades of past
/// bars within \[`min_ticks`, `max_ticks`\]; E\[b v\], E\[v | bought\], E\[v | sold\] are those (span `ticks_window`) of the last trades, as
/// of the last bar; the first bar closes only after `first_ticks` trades (run bars: of each side).
///
/// Sums are integers (billionths of a share, 1e-18 dollars): bars and the one in progress together hold exactly what was traded. A trade
/// larger than the threshold closes one bar (`whole`, `carry`) or as many as it fills (`split`, at most 1,000,000).
///
/// Table: input `time`, `price`, `size`, `side`; a row gives output only when it closes a bar, and then the last one and how many these
/// were (`bars`). There is no warm-up. For all bars of a split trade use [`DollarBars::push`] or [`DollarBars::push_columns`]. Feature:
/// per symbol `NAME.SYMBOL.open`, `high`, `low`, `close`, `vwap`, `volume`, `value`, `buy_volume`, `trades`, `bars` and `factor`.
///
/// Source: Lopez de Prado (2018), Advances in Financial Machine Learning, sections 2.3.1 and 2.3.2.
///
/// ```
/// use tradewind_core_types::{Online, Params, Time};
/// use tradewind_features::plugins::fe_dollar_bars::{Crossing, FeDollarBarsIn, FeDollarBarsParams};
/// let p = FeDollarBarsParams { threshold: 100.0, crossing: Crossing::Split, ..Default::default() };
/// let mut bars = p.build()?;
/// let trade = |price, size| FeDollarBarsIn { time: Time::from_nanos(1), price, size, side: None };
/// assert!(bars.update(&trade(10.0, 4.0))?.is_none());
/// // 40 dollars are there: 3 shares at 20 complete the bar; of the other 9, two times 5 would be needed for a bar, and 4 are left.
/// let out = bars.update(&trade(20.0, 12.0))?.ok_or("a bar")?;
/// assert_eq!((out.bars, out.volume, out.value, out.open, out.vwap), (2, 5.0, 100.0, 20.0, 20.0));
/// assert_eq!(bars.pending().map(|b| b.volume()), Some(4.0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct FeDollarBarsParams {
    /// What closes a bar: `time`, `tick`, `volume`, `dollar`, `tick_imbalance`, `volume_imbalance`, `dollar_imbalance`, `tick_run`,
    /// `volume_run` or `dollar_run`.
    pub kind: BarKind,
    /// Size of a bar in seconds, trades (a whole number), shares or dollars by `kind`, at least 1e-9 and at most 1e15; with `adaptive` sizing
    /// that of the first day. Not used by imbalance and run bars.
    pub threshold: f64,
    /// Where the threshold of tick, volume and dollar bars comes from: `fixed` or `adaptive`.
    pub sizing: BarSizing,
    /// Bars aimed at a day, 1 to 1,000,000; used by `adaptive`.
    pub bars_per_day: u32,
    /// Complete days with trades whose mean amount counts, 1 to 250; used by `adaptive`.
    pub days: usize,
    /// When a day begins, in hours after midnight UTC, in [0, 24). The default, 5, is around midnight in New York. Intervals of time bars
    /// are counted from it.
    pub day_start_hour: f64,
    /// Whether a bar ends with the day, complete or not, so that none spans the night.
    pub break_at_day_end: bool,
    /// What becomes of the trade that reaches the threshold: `whole`, `carry` or `split`; used by volume and dollar bars.
    pub crossing: Crossing,
    /// Expected trades of the first imbalance or run bar, from `min_ticks` to `max_ticks`.
    pub first_ticks: usize,
    /// Fewest trades expected of an imbalance or run bar, 1 to 1e9.
    pub min_ticks: usize,
    /// Most trades expected of an imbalance or run bar, at least `min_ticks` and at most 1e9.
    pub max_ticks: usize,
    /// Whether imbalance and run bars themselves keep within `min_ticks` and `max_ticks` trades, rather than their expectation alone.
    pub hard_bounds: bool,
    /// Trades whose amounts are averaged for imbalance and run bars, 2 to 1,000,000.
    pub ticks_window: usize,
    /// Bars whose trades are averaged for imbalance and run bars, 1 to 10,000.
    pub bars_window: usize,
    /// What the feature makes bars of: `trades`, or `bars` (each as one trade of its volume at its close).
    pub input: BarInput,
    /// The symbols the feature follows, at least one, each once.
    pub symbols: Vec<String>,
    /// Prefix of the names of what the feature publishes.
    pub name: String,
}

impl Default for FeDollarBarsParams {
    fn default() -> Self {
        Self {
            kind: BarKind::Dollar,
            threshold: 10_000_000.0,
            sizing: BarSizing::Fixed,
            bars_per_day: 50,
            days: 5,
            day_start_hour: 5.0,
            break_at_day_end: false,
            crossing: Crossing::Whole,
            first_ticks: 1000,
            min_ticks: 100,
            max_ticks: 10_000,
            hard_bounds: true,
            ticks_window: 10_000,
            bars_window: 3,
            input: BarInput::Trades,
            symbols: vec!["SPY".into()],
            name: "fe_dollar_bars".into(),
        }
    }
}

impl FeDollarBarsParams {
    /// Unit, and whether it is of flow (and then of runs).
    fn shape(&self) -> (Option<Unit>, Option<bool>) {
        match self.kind {
            BarKind::Time => (None, None),
            BarKind::Tick => (Some(Unit::Tick), None),
            BarKind::Volume => (Some(Unit::Volume), None),
            BarKind::Dollar => (Some(Unit::Dollar), None),
            BarKind::TickImbalance => (Some(Unit::Tick), Some(false)),
            BarKind::VolumeImbalance => (Some(Unit::Volume), Some(false)),
            BarKind::DollarImbalance => (Some(Unit::Dollar), Some(false)),
            BarKind::TickRun => (Some(Unit::Tick), Some(true)),
            BarKind::VolumeRun => (Some(Unit::Volume), Some(true)),
            BarKind::DollarRun => (Some(Unit::Dollar), Some(true)),
        }
    }
    fn symbols(&self) -> Result<Vec<Symbol>, Invalid> {
        let mut bad = Invalid::default();
        bad.require(!self.symbols.is_empty(), "symbols", "empty", "at least one symbol");
        let mut all: Vec<Symbol> = Vec::new();
        for s in &self.symbols {
            match Symbol::new(s) {
                Ok(s) => {
                    bad.require(!all.contains(&s), "symbols", s, "each symbol once");
                    all.push(s);
                }
                Err(e) => bad.require(false, "symbols", format!("{s:?}"), &e.expected),
            }
        }
        bad.into_result(all)
    }
}

impl Params for FeDollarBarsParams {
    const ID: &'static str = "fe_dollar_bars";
    type Built = DollarBars;

    fn build(&self) -> Result<DollarBars, Invalid> {
        let mut bad = Invalid::default();
        let (unit, flow) = self.shape();
        let t = self.threshold;
        bad.require((1e-9..=1e15).contains(&t), "threshold", t, "a size in [1e-9, 1e15]");
        if self.kind == BarKind::Tick {
            bad.require(t >= 1.0 && t.fract() == 0.0, "threshold", t, "a whole number of trades, 1 or more");
        }
        let sized = flow.is_none() && unit.is_some();
        let adaptive = self.sizing == BarSizing::Adaptive;
        bad.require(sized || !adaptive, "sizing", "adaptive", "fixed, unless bars are of ticks, volume or dollars");
        bad.require(
            (1..=1_000_000).contains(&self.bars_per_day),
            "bars_per_day",
            self.bars_per_day,
            "1 to 1000000 bars",
        );
        bad.require((1..=250).contains(&self.days), "days", self.days, "1 to 250 days");
        let hour = self.day_start_hour;
        bad.require((0.0..24.0).contains(&hour), "day_start_hour", hour, "hours after midnight UTC in [0, 24)");
        let (first, min, max) = (self.first_ticks, self.min_ticks, self.max_ticks);
        bad.require((1..=1_000_000_000).contains(&min), "min_ticks", min, "1 to 1e9");
        bad.require(min <= max && max <= 1_000_000_000, "max_ticks", max, "at least min_ticks, at most 1e9");
        bad.require(min <= first && first <= max, "first_ticks", first, "from min_ticks to max_ticks");
        let window = self.ticks_window;
        bad.require((2..=1_000_000).contains(&window), "ticks_window", window, "2 to 1000000 trades");
        bad.require((1..=10_000).contains(&self.bars_window), "bars_window", self.bars_window, "1 to 10000 bars");
        bad.absorb(self.symbols());
        let named = FeatureId::new(&format!("{}.SPY.close", self.name));
        bad.require(named.is_ok(), "name", format!("{:?}", self.name), "a prefix of names of features");
        bad.into_result(())?;

        let starts = (hour * 3.6e12).round() as i64;
        let closing = match (unit, flow) {
            (None, _) => Closing::Clock(((t * 1e9).round().min(9e18) as i64).max(1)),
            (Some(unit), None) => Closing::Amount(unit, self.crossing),
            (Some(unit), Some(runs)) => {
                let (hard, bars) = (self.hard_bounds, self.bars_window);
                let rule = FlowRule { unit, runs, first, min, max, hard, window, bars };
                Closing::Flow(unit, Box::new(Flow::new(rule)))
            }
        };
        let target = match &closing {
            // Nine decimals of a dollar, like any amount of cash.
            Closing::Amount(Unit::Dollar, _) => (t * 1e9).round() as i128 * 1_000_000_000,
            Closing::Amount(unit, _) => (t * unit.scale()).round() as i128,
            _ => i128::MAX,
        };
        let breaks = self.break_at_day_end;
        let days = (adaptive || breaks || unit.is_none()).then(|| Days {
            starts,
            breaks,
            adaptive: adaptive.then_some((self.bars_per_day, self.days)),
            history: Vec::with_capacity(self.days),
            end: None,
            before: 0,
        });
        Ok(DollarBars::new(closing, target.max(1), days))
    }
}

impl Online for DollarBars {
    type In = FeDollarBarsIn;
    type Out = FeDollarBarsOut;

    fn update(&mut self, x: &FeDollarBarsIn) -> Result<Option<FeDollarBarsOut>, BadInput> {
        let (price, size) = (columns::nanos(x.price), columns::nanos(x.size));
        let tick = Tick { time: x.time.nanos(), price, size, side: x.sign() };
        let mut last = None;
        // The number as it was given, not as it was rounded.
        let bars = self
            .take(tick, &mut |b| last = Some(*b))
            .map_err(|e| Price::from_f64(x.price).err().or(Quantity::from_f64(x.size).err()).unwrap_or(e))?;
        Ok(last.map(|b| FeDollarBarsOut::new(&b, bars)))
    }
    fn warmup(&self) -> usize {
        0
    }
    fn summary(&self) -> Value {
        let (t, open) = (self.totals(), self.pending());
        let shares = |nanos: i128| Cash::from_atto(nanos * 1_000_000_000).to_string();
        json!({
            "bars": t.bars,
            "trades": t.trades + open.map_or(0, |b| b.trades),
            "volume": shares(t.volume + open.map_or(0, |b| b.volume)),
            "value": Cash::from_atto(t.value + open.map_or(0, |b| b.value)).to_string(),
            "in_progress": open.map(|b| json!({
                "since": Time::from_nanos(b.start).to_string(),
                "trades": b.trades,
                "volume": shares(b.volume),
                "value": Cash::from_atto(b.value).to_string(),
            })),
            "threshold": self.target(),
            "expected_ticks": self.expectation().map(|e| e.0),
            "expected_flow": self.expectation().and_then(|e| e.1),
            "most_bars_of_one_trade": self.largest_split(),
        })
    }
}

/// The registry entry.
pub const PLUGIN: PluginInfo = PluginInfo {
    feature: Some(|v| Ok(Box::new(FeDollarBarsFeature::new(&parse_params(v)?)?))),
    ..PluginInfo::of::<FeDollarBarsParams>(
        3,
        "Trades sampled into time, tick, volume and dollar bars, and into imbalance and run bars.",
        "Lopez de Prado (2018), Advances in Financial Machine Learning, sections 2.3.1 and 2.3.2",
    )
    .with_table::<FeDollarBarsParams>()
};

#[cfg(test)]
mod tests;
