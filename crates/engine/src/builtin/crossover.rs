//! Moving-average crossover: long above, flat below. The strategy every engine is timed with.

use std::collections::VecDeque;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tradewind_core_types::{
    Alpha, BadInput, CorporateAction, Event, Interest, Invalid, Kinds, MarketData, Plugin, Signal, Signals, Symbol,
    SymbolMap, View,
};

/// Long a symbol while the mean of its last `fast` closes is above that of its last `slow` closes (1 <= fast < slow <= 10000).
///
/// Closes before a split or a dividend count in the dollars of those after it; a symbol that goes on under a new name takes them with it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CrossoverParams {
    /// Length of the fast mean in bars, at least 1 and below `slow`.
    pub fast: usize,
    /// Length of the slow mean in bars, at most 10000.
    pub slow: usize,
}

impl Default for CrossoverParams {
    fn default() -> Self {
        Self { fast: 20, slow: 50 }
    }
}

/// Sums in integer billionths of today's dollars: they cannot drift.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Sums {
    closes: VecDeque<i64>,
    fast: i128,
    slow: i128,
    long: bool,
}

/// The alpha, for every symbol that has bars.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Crossover {
    params: CrossoverParams,
    by_symbol: SymbolMap<Sums>,
}

impl CrossoverParams {
    /// Checks and builds.
    ///
    /// # Errors
    /// All violations.
    pub fn build(&self) -> Result<Crossover, Invalid> {
        let mut bad = Invalid::default();
        bad.require(self.fast >= 1 && self.fast < self.slow, "fast", self.fast, "at least 1 and below slow");
        bad.require(self.slow <= 10_000, "slow", self.slow, "at most 10000");
        bad.into_result(Crossover { params: self.clone(), by_symbol: SymbolMap::default() })
    }
}

impl Plugin for Crossover {
    fn id(&self) -> &'static str {
        "crossover"
    }
    fn listens(&self) -> Interest {
        Interest::of(Kinds::BAR)
    }
}

impl Sums {
    /// The closes so far in the dollars of those that come.
    fn adjust(&mut self, action: &CorporateAction, fast: usize) {
        let by = action.factor(self.closes.back().map(|c| *c as f64 / 1e9));
        if by == 1.0 {
            return;
        }
        self.closes.iter_mut().for_each(|c| *c = (*c as f64 / by).round() as i64);
        let sum = |n| self.closes.iter().rev().take(n).map(|c| i128::from(*c)).sum();
        (self.fast, self.slow) = (sum(fast), sum(usize::MAX));
    }
    fn signal(
        &self,
        p: &CrossoverParams,
        symbol: Symbol,
        why: &'static str,
        view: &View<'_>,
    ) -> Result<Signal, BadInput> {
        let mean = |sum: i128, n: usize| sum as f64 / (n as f64 * 1e9);
        let score = if self.long { 1.0 } else { 0.0 };
        let signal = Signal::new(view.now, symbol, score, 1.0, why)?;
        Ok(signal.with("fast", mean(self.fast, p.fast)).with("slow", mean(self.slow, p.slow)))
    }
}

impl Crossover {
    #[cold]
    fn action(
        &mut self,
        action: &CorporateAction,
        symbol: Symbol,
        view: &View<'_>,
        out: &mut Signals,
    ) -> Result<(), BadInput> {
        let Some(s) = self.by_symbol.get_mut(symbol) else { return Ok(()) };
        s.adjust(action, self.params.fast);
        match action {
            CorporateAction::SymbolChange { to } => {
                let Some(s) = self.by_symbol.remove(symbol) else { return Ok(()) };
                // A signal ends with the name it was given under.
                if s.long {
                    out.push(s.signal(&self.params, *to, "above its slow mean under its new name", view)?);
                }
                self.by_symbol.insert(*to, s);
            }
            CorporateAction::Delisting { .. } => {
                self.by_symbol.remove(symbol);
            }
            _ => {}
        }
        Ok(())
    }
}

impl Alpha for Crossover {
    #[inline]
    fn on_event(&mut self, event: &Event, view: &View<'_>, out: &mut Signals) -> Result<(), BadInput> {
        let Some(symbol) = event.symbol else { return Ok(()) };
        let bar = match &event.data {
            MarketData::Bar(bar) => bar,
            MarketData::CorporateAction(action) => return self.action(action, symbol, view, out),
            _ => return Ok(()),
        };
        let (fast, slow) = (self.params.fast, self.params.slow);
        let s = self.by_symbol.get_or_insert_with(symbol, || Sums {
            closes: VecDeque::with_capacity(slow + 1),
            fast: 0,
            slow: 0,
            long: false,
        });
        let close = bar.close.nanos();
        s.closes.push_back(close);
        s.fast += i128::from(close);
        s.slow += i128::from(close);
        let n = s.closes.len();
        if n > fast {
            s.fast -= i128::from(s.closes[n - 1 - fast]);
        }
        if n > slow
            && let Some(old) = s.closes.pop_front()
        {
            s.slow -= i128::from(old);
        }
        if n < slow {
            return Ok(());
        }
        // fast mean > slow mean, without division.
        let long = s.fast * slow as i128 > s.slow * fast as i128;
        if long != s.long {
            s.long = long;
            let why = if long { "fast mean crossed above slow" } else { "fast mean crossed below slow" };
            out.push(s.signal(&self.params, symbol, why, view)?);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tradewind_core_types::{Bar, FeatureValues, Market, Origin, Portfolio, Price, Snapshot, Symbol, Time};

    #[test]
    fn crosses_where_the_means_do() {
        let said = said([3.0, 2.0, 1.0, 2.0, 4.0, 1.0, 1.0].map(|c| ("A", bar(c))).to_vec());
        // means at 4: fast 3, slow 7/3 -> long; at 6: fast 1, slow 2 -> flat
        let got: Vec<_> = said.iter().map(|(i, s)| (*i, s.score)).collect();
        assert_eq!(got, [(4, 1.0), (6, 0.0)]);
        assert!(CrossoverParams { fast: 3, slow: 3 }.build().is_err());
    }

    fn bar(close: f64) -> MarketData {
        MarketData::Bar(Bar::close_only(Price::from_f64(close).unwrap()))
    }
    /// What `fast = 2, slow = 3` says, with the number of the event.
    fn said(events: Vec<(&str, MarketData)>) -> Vec<(usize, Signal)> {
        let mut c = CrossoverParams { fast: 2, slow: 3 }.build().unwrap();
        let (market, features, portfolio) = (Market::default(), FeatureValues::default(), Portfolio::default());
        let mut said = vec![];
        for (i, (symbol, data)) in events.into_iter().enumerate() {
            let time = Time::from_nanos(i as i64);
            let e = Event { time, symbol: Symbol::new(symbol).ok(), origin: Origin::default(), data };
            let view = View::new(time, &market, &features, &portfolio);
            let mut out = vec![];
            c.on_event(&e, &view, &mut out).unwrap();
            said.extend(out.into_iter().map(|s| (i, s)));
            let saved = c.save().unwrap();
            c.load(&saved).unwrap();
        }
        said
    }

    #[test]
    fn a_split_a_dividend_and_a_new_name_are_no_moves_of_the_price() {
        let act = |a| ("A", MarketData::CorporateAction(a));
        let four_for_one = act(CorporateAction::Split { numerator: 4, denominator: 1 });
        let dividend = act(CorporateAction::Dividend { amount: Price::from_f64(5.0).unwrap() });
        let said = said(vec![
            ("A", bar(90.0)),
            ("A", bar(92.0)),
            ("A", bar(100.0)), // fast 96, slow 94
            four_for_one,
            ("A", bar(26.0)), // 25.5 and (23 + 25 + 26) / 3
            dividend,
            ("A", bar(21.1)), // 26 became 21: rising still
            act(CorporateAction::SymbolChange { to: Symbol::new("B").unwrap() }),
            ("A", bar(1.0)), // Somebody else's now.
            ("B", bar(21.2)),
            ("B", bar(20.0)), // 20.6 and (21.1 + 21.2 + 20) / 3
        ]);
        let got: Vec<_> = said.iter().map(|(i, s)| (*i, s.symbol().as_str(), s.score)).collect();
        assert_eq!(got, [(2, "A", 1.0), (7, "B", 1.0), (10, "B", 0.0)]);
        let slow = said[1].1.numbers.iter().find(|n| n.0 == "slow").unwrap().1;
        // 25 and 26 before a dividend of 5 on 26 are 20.19... and 21.
        assert!((slow - (25.0 * 21.0 / 26.0 + 21.0 + 21.1) / 3.0).abs() < 1e-8, "{slow}");
    }
}
