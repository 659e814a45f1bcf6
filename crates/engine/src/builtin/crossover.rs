//! Moving-average crossover: long above, flat below. The strategy every engine is timed with.

use std::collections::VecDeque;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tradewind_core_types::{
    Alpha, BadInput, Event, Interest, Invalid, Kinds, MarketData, Plugin, Signal, Signals, SymbolMap, View,
};

/// Long a symbol while the mean of its last `fast` closes is above that of its last `slow` closes (1 <= fast < slow <= 10000).
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

/// Sums in integer billionths: they cannot drift.
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

impl Alpha for Crossover {
    #[inline]
    fn on_event(&mut self, event: &Event, view: &View<'_>, out: &mut Signals) -> Result<(), BadInput> {
        let (MarketData::Bar(bar), Some(symbol)) = (&event.data, event.symbol) else { return Ok(()) };
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
            let (score, why) =
                if long { (1.0, "fast mean crossed above slow") } else { (0.0, "fast mean crossed below slow") };
            let mean = |sum: i128, n: usize| sum as f64 / (n as f64 * 1e9);
            out.push(
                Signal::new(view.now, symbol, score, 1.0, why)?
                    .with("fast", mean(s.fast, fast))
                    .with("slow", mean(s.slow, slow)),
            );
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
        let mut c = CrossoverParams { fast: 2, slow: 3 }.build().unwrap();
        let (market, features, portfolio) = (Market::default(), FeatureValues::default(), Portfolio::default());
        let mut got = vec![];
        for (i, close) in [3.0, 2.0, 1.0, 2.0, 4.0, 1.0, 1.0].into_iter().enumerate() {
            let time = Time::from_nanos(i as i64);
            let bar = Bar::close_only(Price::from_f64(close).unwrap());
            let e =
                Event { time, symbol: Symbol::new("A").ok(), origin: Origin::default(), data: MarketData::Bar(bar) };
            let view = View::new(time, &market, &features, &portfolio);
            let mut out = vec![];
            c.on_event(&e, &view, &mut out).unwrap();
            got.extend(out.iter().map(|s| (i, s.score)));
            let saved = c.save().unwrap();
            c.load(&saved).unwrap();
        }
        // means at 4: fast 3, slow 7/3 -> long; at 6: fast 1, slow 2 -> flat
        assert_eq!(got, [(4, 1.0), (6, 0.0)]);
        assert!(CrossoverParams { fast: 3, slow: 3 }.build().is_err());
    }
}
