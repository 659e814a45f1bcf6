//! A published feature as a signal: from features to trades without an alpha of one's own.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tradewind_core_types::{
    Alpha, BadInput, CorporateAction, Event, FeatureId, Interest, Invalid, Kinds, MarketData, Plugin, Signal, Signals,
    Span, Symbol, Time, View,
};

/// The score is the value of the feature over `full`, at most 1 in size; nothing where the value is smaller than `enter`.
///
/// A signal is given whenever the feature publishes, and ceases to hold after `max_age_days` without a new value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct FeatureSignalParams {
    /// The symbols to trade, at least one.
    pub symbols: Vec<String>,
    /// Name of the feature; `{symbol}` stands for the symbol.
    pub feature: String,
    /// Value of a full score, not 0; negative to trade against it.
    pub full: f64,
    /// Smallest size of the value that counts, zero or more.
    pub enter: f64,
    /// Whether negative scores become zero.
    pub long_only: bool,
    /// Days until a signal without a new value expires, above 0, at most 365.
    pub max_age_days: f64,
}

impl Default for FeatureSignalParams {
    fn default() -> Self {
        Self {
            symbols: vec!["SPY".into()],
            feature: "fe_kalman.{symbol}.trend".into(),
            full: 1.0,
            enter: 0.0,
            long_only: false,
            max_age_days: 5.0,
        }
    }
}

impl FeatureSignalParams {
    /// Checks and builds.
    ///
    /// # Errors
    /// All violations.
    pub fn build(&self) -> Result<FeatureSignal, Invalid> {
        let mut bad = Invalid::default();
        bad.require(!self.symbols.is_empty(), "symbols", "empty", "at least one symbol");
        bad.require(self.full.is_finite() && self.full != 0.0, "full", self.full, "a number other than 0");
        bad.require((0.0..=1e12).contains(&self.enter), "enter", self.enter, "zero or more");
        let age = self.max_age_days;
        bad.require(age > 0.0 && age <= 365.0, "max_age_days", age, "above 0, at most 365");
        let mut followed = Vec::new();
        for s in &self.symbols {
            match (Symbol::new(s), FeatureId::new(&self.feature.replace("{symbol}", s))) {
                (Ok(symbol), Ok(id)) => followed.push(Followed { symbol, id, seen: 0, last: None }),
                (Err(_), _) => bad.require(false, "symbols", s, "a symbol"),
                (_, Err(_)) => bad.require(false, "feature", &self.feature, "the name of a published feature"),
            }
        }
        bad.into_result(FeatureSignal { params: self.clone(), followed })
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Followed {
    symbol: Symbol,
    id: FeatureId,
    /// The number of the last value taken.
    seen: u64,
    /// That value and when it came, to be said again under a new name.
    last: Option<(f64, Time)>,
}

impl Followed {
    fn signal(&self, p: &FeatureSignalParams, value: f64, now: Time, expires: Time) -> Result<Signal, BadInput> {
        let wanted = if value.abs() < p.enter { 0.0 } else { (value / p.full).clamp(-1.0, 1.0) };
        let score = if p.long_only { wanted.max(0.0) } else { wanted };
        let mut s = Signal::new(now, self.symbol, score, score.abs(), format!("{} over {}", self.id, p.full))?;
        s.expires = Some(expires);
        Ok(s.with("value", value))
    }
}

/// The alpha.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FeatureSignal {
    params: FeatureSignalParams,
    followed: Vec<Followed>,
}

impl FeatureSignal {
    /// The features it reads.
    pub fn reads(&self) -> Vec<FeatureId> {
        self.followed.iter().map(|f| f.id).collect()
    }
}

impl Plugin for FeatureSignal {
    fn id(&self) -> &'static str {
        "feature_signal"
    }
    fn listens(&self) -> Interest {
        let symbols = self.followed.iter().map(|f| f.symbol);
        Interest::of(Kinds::NONE).only(symbols).reading(self.reads())
    }
}

impl Alpha for FeatureSignal {
    fn on_event(&mut self, event: &Event, view: &View<'_>, out: &mut Signals) -> Result<(), BadInput> {
        let p = &self.params;
        let most = Span::from_nanos((p.max_age_days * Span::DAY.nanos() as f64) as i64);
        if let (MarketData::CorporateAction(CorporateAction::SymbolChange { to }), Some(from)) =
            (&event.data, event.symbol)
        {
            // A signal ends with the name it was given under.
            for f in self.followed.iter_mut().filter(|f| f.symbol == from) {
                f.symbol = *to;
                if let Some((value, time)) = f.last.filter(|l| l.1.plus(most) > view.now) {
                    out.push(f.signal(p, value, view.now, time.plus(most))?);
                }
            }
        }
        for f in &mut self.followed {
            let Some(value) = view.features.fresh(f.id, &mut f.seen) else { continue };
            f.last = Some((value, view.now));
            out.push(f.signal(p, value, view.now, view.now.plus(most))?);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tradewind_core_types::{FeatureValues, Market, Origin, Portfolio, Time};

    #[test]
    fn by_hand() {
        let p = FeatureSignalParams { full: 0.5, enter: 0.1, ..FeatureSignalParams::default() };
        let id = FeatureId::new("fe_kalman.SPY.trend").unwrap();
        let (market, portfolio) = (Market::default(), Portfolio::default());
        let event = Event { time: Time::MIN, symbol: None, origin: Origin::default(), data: MarketData::SessionClose };
        for (long_only, against) in [(false, -0.4), (true, 0.0)] {
            let mut alpha = FeatureSignalParams { long_only, ..p.clone() }.build().unwrap();
            assert_eq!(alpha.reads(), [id]);
            let mut features = FeatureValues::default();
            let mut go = |value: Option<f64>| {
                if let Some(v) = value {
                    features.set(id, v, Time::MIN);
                }
                let view = View::new(Time::MIN, &market, &features, &portfolio);
                let mut out = Signals::new();
                alpha.on_event(&event, &view, &mut out).unwrap();
                out.first().map(|s| s.score)
            };
            // Nothing new, nothing said; 0.25 is half of 0.5; 0.09 does not count; 2 is more than full.
            let said = [None, Some(0.25), None, Some(0.09), Some(2.0), Some(-0.2)].map(&mut go);
            assert_eq!(said, [None, Some(0.5), None, Some(0.0), Some(1.0), Some(against)]);
        }
        // Under a new name the last value holds on, for as long as it would have.
        let (day, to) = (|n| Time::MIN.plus(Span::from_days(n)), Symbol::new("SPX").unwrap());
        for (now, said) in [(4, vec![("SPX", 0.5, Some(day(5)))]), (5, vec![])] {
            let (mut alpha, mut features) = (p.build().unwrap(), FeatureValues::default());
            features.set(id, 0.25, Time::MIN);
            let mut out = Signals::new();
            alpha.on_event(&event, &View::new(Time::MIN, &market, &features, &portfolio), &mut out).unwrap();
            out.clear();
            let data = MarketData::CorporateAction(CorporateAction::SymbolChange { to });
            let renamed = Event { time: day(now), symbol: Symbol::new("SPY").ok(), data, ..event.clone() };
            alpha.on_event(&renamed, &View::new(day(now), &market, &features, &portfolio), &mut out).unwrap();
            let got: Vec<_> = out.iter().map(|s| (s.symbol().as_str(), s.score, s.expires)).collect();
            assert_eq!(got, said, "after {now} days");
        }
        let wrong = FeatureSignalParams { symbols: vec![], full: 0.0, enter: f64::NAN, ..p };
        assert_eq!(wrong.build().unwrap_err().0.len(), 3);
    }
}
