//! The premium in a run: joins the index with its VIX, gives signals, modifies those of others.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use tradewind_core_types::{
    Adjust, Adjustment, Alpha, BadInput, Bar, CorporateAction, Event, Filter, Interest, Invalid, Kinds, MarketData,
    Metrics, Params, Plugin, Price, Signal, Signals, Span, StrategyId, Symbol, Time, View,
};
use tradewind_numerics::realised::Ohlc;

use super::{Vrp, VrpForecast, VrpOut, VrpParams, VrpSignal};

/// Closing levels that lie less than half a day apart are of the same session.
const SAME_SESSION: Span = Span::from_secs(12 * 3600);

/// Gives signals on the premium, or modifies those of others. Built from [`VrpParams`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct VrpRole {
    symbol: Symbol,
    index: Symbol,
    vix: Symbol,
    /// `realised(21)`, or `forecast(21)` for HAR.
    expected: String,
    max_age: Span,
    hold: Span,
    calculator: Vrp,
    close: Option<f64>,
    /// The session that awaits its VIX.
    pending: Option<Time>,
    session: Option<Time>,
    level: Option<(Time, f64)>,
    last: Option<(Time, VrpOut)>,
}

impl VrpRole {
    /// Built from parameters.
    ///
    /// # Errors
    /// All violations at once.
    pub fn new(p: &VrpParams) -> Result<Self, Invalid> {
        let calculator = p.build()?;
        let symbol = |field, s: &str| Symbol::new(s).map_err(|e| Invalid::one(field, e.to_string()));
        let span = |days: f64| Span::from_nanos((days * Span::DAY.nanos() as f64) as i64);
        let name = if p.forecast == VrpForecast::Har { "forecast" } else { "realised" };
        Ok(Self {
            symbol: symbol("symbol", &p.symbol)?,
            index: symbol("index", &p.index)?,
            vix: symbol("vix", &p.vix)?,
            expected: format!("{name}({})", p.window),
            max_age: span(p.max_age_days),
            hold: span(p.hold_days),
            calculator,
            close: None,
            pending: None,
            session: None,
            level: None,
            last: None,
        })
    }
    /// Takes an event; the premium when this event completes a session.
    fn see(&mut self, e: &Event) -> Result<Option<VrpOut>, BadInput> {
        match &e.data {
            MarketData::Bar(bar) | MarketData::Index(bar) if e.symbol == Some(self.index) => {
                // A second level for the same instant would be a session of no length.
                if self.session == Some(e.time) {
                    return Ok(None);
                }
                let Bar { open, high, low, close, .. } = *bar;
                let f = |p: Option<Price>| p.map(Price::to_f64);
                self.calculator.session(&Ohlc { open: f(open), high: f(high), low: f(low), close: close.to_f64() })?;
                self.close = Some(close.to_f64());
                self.session = Some(e.time);
                self.pending = Some(e.time);
                Ok(if self.level.is_some_and(|(t, _)| t == e.time) { self.complete(e.time) } else { None })
            }
            MarketData::Bar(bar) | MarketData::Index(bar) if e.symbol == Some(self.vix) => {
                self.level = Some((e.time, bar.close.to_f64()));
                Ok(self.complete(e.time))
            }
            MarketData::SessionClose => Ok(self.complete(e.time)),
            MarketData::CorporateAction(action) if e.symbol == Some(self.index) => {
                self.calculator.realised.rescale(match *action {
                    CorporateAction::Split { numerator, denominator } => f64::from(denominator) / f64::from(numerator),
                    CorporateAction::Dividend { amount } => self.close.map_or(1.0, |c| 1.0 - amount.to_f64() / c),
                    _ => 1.0,
                });
                Ok(None)
            }
            _ => Ok(None),
        }
    }
    /// The premium of the session that awaits its VIX, when the VIX known now is near enough in time.
    fn complete(&mut self, now: Time) -> Option<VrpOut> {
        let (session, (time, vix)) = (self.pending?, self.level?);
        // A VIX before its index is carried as far as allowed; one that comes later must be of the same session.
        let (early, late) = (session.since(time), time.since(session));
        if early > self.max_age || late > self.max_age.min(SAME_SESSION) {
            return None;
        }
        self.pending = None;
        let out = self.calculator.premium(Some(vix))?;
        out.raw_score?;
        self.last = Some((now, out));
        Some(out)
    }
    fn numbers(&self, out: &VrpOut) -> [Option<(Cow<'static, str>, f64)>; 3] {
        let named = |name: &'static str, x: Option<f64>| x.map(|x| (name.into(), x));
        [named("implied", out.implied), out.expected.map(|x| (self.expected.clone().into(), x)), named("z", out.z)]
    }
}

impl Plugin for VrpRole {
    fn id(&self) -> &'static str {
        VrpParams::ID
    }
    fn listens(&self) -> Interest {
        Interest::of(Kinds::BAR | Kinds::INDEX | Kinds::SESSION_CLOSE).only([self.index, self.vix])
    }
    fn observe(&mut self, event: &Event, _: &View<'_>) -> Result<(), BadInput> {
        self.see(event).map(|_| ())
    }
    fn metrics(&self, out: &mut Metrics) {
        let Some((_, o)) = self.last else { return };
        out.push(("realised_volatility", o.realised.sqrt()));
        let root = |x: Option<f64>| x.map(f64::sqrt);
        let forecast = if self.calculator.har.is_some() { root(o.expected) } else { None };
        let values = [
            ("implied_volatility", root(o.implied)),
            ("forecast_volatility", forecast),
            ("vrp", o.vrp),
            ("vrp_z", o.z),
        ];
        out.extend(values.into_iter().filter_map(|(name, x)| Some((name, x?))));
    }
}

impl Alpha for VrpRole {
    fn on_event(&mut self, event: &Event, _: &View<'_>, out: &mut Signals) -> Result<(), BadInput> {
        let Some(o) = self.see(event)? else { return Ok(()) };
        let (Some(score), Some(raw), Some(confidence)) = (o.score, o.raw_score, o.confidence) else { return Ok(()) };
        let reason = match (self.calculator.signal, raw >= 0.0, raw < score) {
            (VrpSignal::Ratio, true, _) => "implied variance above expected",
            (VrpSignal::Ratio, false, false) => "implied variance below expected",
            (VrpSignal::Ratio, false, true) => "implied variance below expected: no position (long only)",
            (VrpSignal::Zscore, true, _) => "premium above its mean",
            (VrpSignal::Zscore, false, false) => "premium below its mean",
            (VrpSignal::Zscore, false, true) => "premium below its mean: no position (long only)",
        };
        let mut signal = Signal::new(event.time, self.symbol, score, confidence, reason)?;
        signal.expires = Some(event.time.plus(self.hold));
        signal.numbers.extend(self.numbers(&o).into_iter().flatten());
        out.push(signal);
        Ok(())
    }
}

impl Filter for VrpRole {
    fn filter(&mut self, _: StrategyId, signal: &Signal, view: &View<'_>) -> Adjustment {
        let Some((time, out)) = self.last else {
            return Adjustment::new(Adjust::Keep, "no variance premium known yet");
        };
        if view.now.since(time) > self.hold {
            return Adjustment::new(Adjust::Keep, "variance premium out of date");
        }
        let raw = out.raw_score.unwrap_or(0.0);
        let along = if signal.score < 0.0 { -raw } else { raw };
        let factor = (0.5 + 0.5 * along).clamp(0.0, 1.0);
        let reason = if raw >= 0.0 { "variance premium positive" } else { "variance premium negative" };
        let mut step = Adjustment::new(Adjust::Scale(factor), reason);
        step.numbers.extend(self.numbers(&out).into_iter().flatten());
        step
    }
}
