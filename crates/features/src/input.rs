//! What a feature takes in: the closes of a symbol, or the values that another feature publishes of it.

use serde::{Deserialize, Serialize};
use tradewind_core_types::{CorporateAction, Event, FeatureId, Interest, Invalid, Kinds, MarketData, Symbol, View};

/// The input of a feature that reads no other feature.
pub const CLOSE: &str = "close";

/// One series: closes of bars and index levels of a symbol, made continuous over splits and dividends, or another feature's values.
///
/// Closes are multiplied by [`Series::factor`], which takes splits and dividends out of them (total return, in dollars of the series'
/// beginning), so that a feature never takes a corporate action for a change of price.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Series {
    symbol: Symbol,
    source: Source,
    factor: f64,
    close: Option<f64>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Source {
    Close,
    /// The feature, and the number of its last value that was taken in.
    Feature(FeatureId, u64),
}

impl Series {
    /// The series that the parameter `input` names: `close`, or a published feature in which `{symbol}` stands for the symbol.
    ///
    /// # Errors
    /// When `input` is no name of a feature.
    pub fn new(input: &str, symbol: Symbol) -> Result<Self, Invalid> {
        let source = if input == CLOSE {
            Source::Close
        } else {
            let id = FeatureId::new(&input.replace("{symbol}", symbol.as_str()));
            let expected = "`close` or the name of a published feature, such as fe_fracdiff.{symbol}.value";
            Source::Feature(
                id.map_err(|e| Invalid::one("input", format!("is {input:?}: {e}; expected {expected}")))?,
                0,
            )
        };
        Ok(Self { symbol, source, factor: 1.0, close: None })
    }
    /// The symbol.
    pub fn symbol(&self) -> Symbol {
        self.symbol
    }
    /// The feature it reads, when it reads one.
    pub fn reads(&self) -> Option<FeatureId> {
        match self.source {
            Source::Close => None,
            Source::Feature(id, _) => Some(id),
        }
    }
    /// What these series have to see.
    pub fn listen<'a>(all: impl IntoIterator<Item = &'a Self>) -> Interest {
        all.into_iter().fold(Interest::nothing(), |sum, s| {
            sum.and(match s.source {
                Source::Close => Interest::of(Kinds::BAR | Kinds::INDEX).only([s.symbol]),
                // Its symbol's changes of name.
                Source::Feature(id, _) => Interest::of(Kinds::NONE).only([s.symbol]).reading([id]),
            })
        })
    }
    /// By how much closes are multiplied: divide by it to get back to today's dollars. Always 1 for features.
    pub fn factor(&self) -> f64 {
        self.factor
    }
    /// The value that an event brings, when it brings one.
    pub fn next(&mut self, event: &Event, view: &View<'_>) -> Option<f64> {
        let mine = event.symbol == Some(self.symbol);
        match (&mut self.source, &event.data) {
            (_, MarketData::CorporateAction(action)) if mine => {
                self.action(*action);
                None
            }
            (Source::Feature(id, seen), _) => view.features.fresh(*id, seen),
            (Source::Close, MarketData::Bar(b) | MarketData::Index(b)) if mine => {
                let close = b.close.to_f64();
                self.close = Some(close);
                Some(close * self.factor)
            }
            _ => None,
        }
    }
    fn action(&mut self, action: CorporateAction) {
        if let CorporateAction::SymbolChange { to } = action {
            self.symbol = to;
        }
        let by = action.factor(self.close);
        let factor = self.factor * by;
        if matches!(self.source, Source::Close) && factor.is_finite() {
            self.factor = factor;
            self.close = self.close.map(|c| c / by);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tradewind_core_types::{Bar, FeatureValues, Market, Origin, Portfolio, Price, Time};

    fn event(data: MarketData) -> Event {
        Event { time: Time::MIN, symbol: Some(Symbol::new("ACME").unwrap()), origin: Origin::default(), data }
    }

    #[test]
    fn closes_go_on_through_splits_and_dividends() {
        let (market, features, portfolio) = (Market::default(), FeatureValues::default(), Portfolio::default());
        let view = View::new(Time::MIN, &market, &features, &portfolio);
        let mut s = Series::new(CLOSE, Symbol::new("ACME").unwrap()).unwrap();
        let bar = |x| event(MarketData::Bar(Bar::close_only(Price::from_f64(x).unwrap())));
        assert_eq!(s.next(&bar(100.0), &view), Some(100.0));
        let split = CorporateAction::Split { numerator: 2, denominator: 1 };
        assert_eq!(s.next(&event(MarketData::CorporateAction(split)), &view), None);
        assert_eq!(s.next(&bar(50.0), &view), Some(100.0));
        let dividend = CorporateAction::Dividend { amount: Price::from_f64(5.0).unwrap() };
        s.next(&event(MarketData::CorporateAction(dividend)), &view);
        // 45 after a dividend of 5 on 50: nothing was gained or lost.
        assert!((s.next(&bar(45.0), &view).unwrap() - 100.0).abs() < 1e-12);
        assert!((45.0 * s.factor() - 100.0).abs() < 1e-12);
    }

    #[test]
    fn values_of_a_feature_are_taken_once() {
        let (market, portfolio) = (Market::default(), Portfolio::default());
        let mut features = FeatureValues::default();
        let mut s = Series::new("fe_x.{symbol}.value", Symbol::new("ACME").unwrap()).unwrap();
        let close = event(MarketData::SessionClose);
        let ask = |s: &mut Series, features: &FeatureValues| {
            s.next(&close, &View::new(Time::MIN, &market, features, &portfolio))
        };
        assert_eq!(ask(&mut s, &features), None);
        features.set(s.reads().unwrap(), 0.5, Time::MIN);
        assert_eq!((ask(&mut s, &features), ask(&mut s, &features)), (Some(0.5), None));
        assert!(Series::new("no name!", s.symbol()).unwrap_err().to_string().contains("fe_fracdiff"));
    }
}
