//! fe_wavelet as a feature, and as a filter that smooths the scores of strategies.

use serde::{Deserialize, Serialize};
use tradewind_core_types::{
    Adjust, Adjustment, BadInput, Event, Feature, FeatureId, FeatureValues, Filter, Follow, Interest, Invalid, Kinds,
    MarketData, Metrics, Online, Params, Plugin, Published, Signal, StrategyId, Symbol, View,
};
use tradewind_numerics::lag::LagMeter;

use super::{FeWavelet, FeWaveletIn, FeWaveletParams};
use crate::input::{CLOSE, Series};

/// The names published for each symbol: denoised, noise, detail.
pub(super) fn names(p: &FeWaveletParams) -> Result<Vec<[FeatureId; 3]>, Invalid> {
    let id = |s: &str, what: &str| {
        FeatureId::new(&format!("{}.{s}.{what}", p.name)).map_err(|e| Invalid::one("name", e.to_string()))
    };
    let mut bad = Invalid::default();
    bad.absorb(id("X", "denoised"));
    let series = bad.absorb(p.series()).unwrap_or_default();
    bad.into_result(())?;
    let three = |s: &str| Ok([id(s, "denoised")?, id(s, "noise")?, id(s, "detail")?]);
    series.iter().map(|s| three(s.symbol().as_str())).collect()
}

/// Publishes `NAME.SYMBOL.denoised`, `.noise` and `.detail` with every value of the input.
///
/// Closes are denoised continuous over splits and dividends, and published in dollars of the day. `detail` is not published while nothing varies.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FeWaveletFeature {
    series: Vec<(Series, FeWavelet)>,
    names: Vec<[FeatureId; 3]>,
    close: bool,
    log: bool,
}

impl FeWaveletFeature {
    /// From parameters.
    ///
    /// # Errors
    /// All violations at once.
    pub fn new(p: &FeWaveletParams) -> Result<Self, Invalid> {
        let calculator = p.build()?;
        let series = p.series()?.into_iter().map(|s| (s, calculator.clone())).collect();
        Ok(Self { series, names: names(p)?, close: p.input == CLOSE, log: p.log })
    }
}

impl Plugin for FeWaveletFeature {
    fn id(&self) -> &'static str {
        FeWaveletParams::ID
    }
    fn listens(&self) -> Interest {
        Series::listen(self.series.iter().map(|(s, _)| s))
    }
}

impl Feature for FeWaveletFeature {
    fn outputs(&self) -> Vec<Published> {
        let unit = if self.close { "dollars" } else { "as the input" };
        let noise = if self.log { "log" } else { unit };
        let one = |[denoised, spread, detail]: &[FeatureId; 3]| {
            [(*denoised, unit), (*spread, noise), (*detail, "1")].map(|(id, unit)| Published { id, unit })
        };
        self.names.iter().flat_map(one).collect()
    }
    fn inputs(&self) -> Vec<FeatureId> {
        self.series.iter().filter_map(|(s, _)| s.reads()).collect()
    }
    fn on_event(&mut self, event: &Event, view: &View<'_>, out: &mut FeatureValues) -> Result<(), BadInput> {
        let mut bad = None;
        for ((series, calculator), [denoised, noise, detail]) in self.series.iter_mut().zip(&self.names) {
            let Some(value) = series.next(event, view) else { continue };
            match calculator.update(&FeWaveletIn { value }) {
                Ok(Some(now)) => {
                    let today = series.factor();
                    out.set(*denoised, now.denoised / today, event.time);
                    out.set(*noise, if self.log { now.noise } else { now.noise / today }, event.time);
                    if let Some(share) = now.detail {
                        out.set(*detail, share, event.time);
                    }
                }
                Ok(None) => {}
                // A value that cannot be used is passed over; the other symbols have theirs all the same.
                Err(e) => bad = bad.or(Some(e)),
            }
        }
        bad.map_or(Ok(()), Err)
    }
}

/// What is kept of the scores of one strategy for one (first) symbol.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Record {
    strategy: StrategyId,
    symbol: Symbol,
    calculator: FeWavelet,
    /// The session of the last score.
    session: u64,
    lag: LagMeter,
    /// Whether the meter has a pair of this session.
    metered: bool,
}

/// Sets a signal's score to its denoised value, from the scores of the same strategy and first symbol in the last `window` sessions.
///
/// - One score a session counts, the last one; a session without the signal counts as a score of zero.
/// - The result is never larger in size than the largest of the last 2^levels scores.
/// - A score of zero means "hold nothing" and stays zero; while the denoised score still points the other way, the result is zero. So the
///   filter never takes a side that the strategy does not take today.
/// - Until `window` scores are known the score stays as it is.
///
/// The metric `wavelet_lag` says by how many sessions scores trail because of it (mean over strategies and symbols), by [`LagMeter`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FeWaveletFilter {
    fresh: FeWavelet,
    meter: LagMeter,
    recent: usize,
    sessions: u64,
    /// Sorted by strategy and symbol.
    records: Vec<Record>,
    serves: Vec<StrategyId>,
}

impl FeWaveletFilter {
    /// From parameters.
    ///
    /// # Errors
    /// All violations at once.
    pub fn new(p: &FeWaveletParams) -> Result<Self, Invalid> {
        let fresh = FeWaveletParams { log: false, ..p.clone() }.build()?;
        let meter =
            LagMeter::new(p.lag_window, p.lag_window / 3).map_err(|e| Invalid::one("lag_window", e.to_string()))?;
        let recent = p.window.min(1 << p.levels.min(16));
        Ok(Self { fresh, meter, recent, sessions: 0, records: Vec::new(), serves: Vec::new() })
    }
    fn record(&mut self, strategy: StrategyId, symbol: Symbol) -> Option<&mut Record> {
        let at = self.records.binary_search_by(|r| r.strategy.cmp(&strategy).then(r.symbol.cmp(&symbol)));
        let at = at.unwrap_or_else(|place| {
            let (calculator, lag, session) = (self.fresh.clone(), self.meter.clone(), self.sessions);
            self.records.insert(place, Record { strategy, symbol, calculator, session, lag, metered: false });
            place
        });
        self.records.get_mut(at)
    }
    /// Whether the score of this session has been taken in.
    fn knows(&self, strategy: StrategyId, symbol: Symbol) -> bool {
        let at = self.records.binary_search_by(|r| r.strategy.cmp(&strategy).then(r.symbol.cmp(&symbol)));
        let record = at.ok().and_then(|at| self.records.get(at));
        record.is_some_and(|r| r.session == self.sessions && r.calculator.denoiser.values().next().is_some())
    }
    /// Takes the score of a session in and says what becomes of it.
    fn answer(&mut self, strategy: StrategyId, symbol: Symbol, raw: f64) -> Adjustment {
        let keep = |why: String| Adjustment::new(Adjust::Keep, why);
        let (session, recent) = (self.sessions, self.recent);
        let Some(record) = self.record(strategy, symbol) else { return keep("no record".into()) };
        let Some(smooth) = record.take(raw, session) else {
            let (held, window) = (record.calculator.denoiser.values().count(), record.calculator.denoiser.window());
            return keep(format!("{held} of {window} scores known"));
        };
        let peak = record.peak(recent);
        let (set, why) = if raw == 0.0 {
            (0.0, "a score of zero stays zero")
        } else if smooth * raw <= 0.0 {
            (0.0, "the denoised score does not agree yet")
        } else if smooth.abs() > peak {
            (peak * smooth.signum(), "denoised, at most the largest recent score")
        } else {
            (smooth, "denoised")
        };
        record.meter(raw, set);
        let out = Adjustment::new(Adjust::Set(set), why).with("raw", raw).with("smoothed", smooth).with("peak", peak);
        match record.lag.lag() {
            Some(lag) => out.with("lag", lag as f64),
            None => out,
        }
    }
}

impl Record {
    /// Takes the score of a session in: the denoised one, when warm.
    fn take(&mut self, raw: f64, session: u64) -> Option<f64> {
        let denoiser = &mut self.calculator.denoiser;
        let again = session == self.session && denoiser.values().next().is_some();
        let out = if again {
            denoiser.replace_last(raw)
        } else {
            // Sessions in which the strategy did not want anything.
            let missed = session.saturating_sub(self.session).saturating_sub(1).min(denoiser.window() as u64);
            (0..missed).for_each(|_| denoiser.store(0.0));
            self.metered = false;
            denoiser.push(raw)
        };
        self.session = session;
        out.map(|d| d.value)
    }
    /// The largest size among the last `n` scores.
    fn peak(&self, n: usize) -> f64 {
        self.calculator.denoiser.values().rev().take(n).fold(0.0, |m, x| x.abs().max(m))
    }
    fn meter(&mut self, raw: f64, smooth: f64) {
        if self.metered {
            self.lag.replace_last(raw, smooth);
        } else {
            self.lag.push(raw, smooth);
        }
        self.metered = true;
    }
}

impl Plugin for FeWaveletFilter {
    fn id(&self) -> &'static str {
        FeWaveletParams::ID
    }
    fn listens(&self) -> Interest {
        Interest::of_market(Kinds::SESSION_CLOSE)
    }
    fn observe(&mut self, event: &Event, view: &View<'_>) -> Result<(), BadInput> {
        if let MarketData::SessionClose = event.data {
            // The scores of the session before that nobody has asked about.
            for s in view.records.scores().iter().filter(|s| s.score.is_finite()) {
                if self.serves.contains(&s.strategy) && !self.knows(s.strategy, s.symbol) {
                    self.answer(s.strategy, s.symbol, s.score);
                }
            }
            self.sessions += 1;
        }
        Ok(())
    }
    fn version(&self) -> u32 {
        2
    }
    fn follows(&self) -> Follow {
        Follow::Scores
    }
    fn serve(&mut self, strategy: StrategyId) {
        if !self.serves.contains(&strategy) {
            self.serves.push(strategy);
        }
    }
    fn metrics(&self, out: &mut Metrics) {
        let lags = || self.records.iter().filter_map(|r| r.lag.lag());
        let n = lags().count();
        if n > 0 {
            out.push(("wavelet_lag", lags().sum::<usize>() as f64 / n as f64));
        }
    }
}

impl Filter for FeWaveletFilter {
    fn filter(&mut self, strategy: StrategyId, signal: &Signal, _: &View<'_>) -> Adjustment {
        match signal.legs.first() {
            None => Adjustment::new(Adjust::Keep, "signal without a leg"),
            Some(_) if !signal.score.is_finite() => Adjustment::new(Adjust::Veto, "the score is no number"),
            Some(leg) => self.answer(strategy, leg.symbol, signal.score),
        }
    }
}
