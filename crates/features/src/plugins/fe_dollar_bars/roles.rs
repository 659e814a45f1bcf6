//! fe_dollar_bars as a feature.

use serde::{Deserialize, Serialize};
use tradewind_core_types::{
    BadInput, CorporateAction, Event, Feature, FeatureId, FeatureValues, Interest, Invalid, Kinds, MarketData, Metrics,
    Params, Plugin, Published, Quantity, Symbol, Time, Trade, View,
};

use super::{BarInput, DollarBars, FeDollarBarsOut, FeDollarBarsParams, TradeBar};

/// What is published of every bar, with units.
const PUBLISHED: [(&str, &str); 11] = [
    ("open", "dollars"),
    ("high", "dollars"),
    ("low", "dollars"),
    ("close", "dollars"),
    ("vwap", "dollars"),
    ("volume", "shares"),
    ("value", "dollars"),
    ("buy_volume", "shares"),
    ("trades", "trades"),
    ("bars", "bars"),
    ("factor", "1"),
];

/// One symbol.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Slot {
    symbol: Symbol,
    bars: DollarBars,
    ids: [FeatureId; PUBLISHED.len()],
    /// By how much published prices are multiplied: splits and dividends since the beginning.
    factor: f64,
    /// The last price, from which a dividend is taken.
    last: Option<f64>,
}

impl Slot {
    fn publish(&self, b: &TradeBar, time: Time, out: &mut FeatureValues) {
        let o = FeDollarBarsOut::new(b, 1);
        let f = self.factor;
        let values = [
            o.open * f,
            o.high * f,
            o.low * f,
            o.close * f,
            o.vwap * f,
            o.volume,
            o.value,
            o.buy_volume,
            o.trades as f64,
            self.bars.totals().bars as f64,
            f,
        ];
        for (id, value) in self.ids.iter().zip(values) {
            out.set(*id, value, time);
        }
    }
    /// Runs `f` on the bars, and publishes the last bar that it closed.
    fn run<T>(
        &mut self,
        time: Time,
        out: &mut FeatureValues,
        f: impl FnOnce(&mut DollarBars, &mut dyn FnMut(&TradeBar)) -> T,
    ) -> T {
        let mut last = None;
        let result = f(&mut self.bars, &mut |b| last = Some(*b));
        if let Some(b) = last {
            self.publish(&b, time, out);
        }
        result
    }
    /// Splits and dividends are no change of price: the same convention as `Series` of this crate.
    fn action(&mut self, action: CorporateAction, time: Time, out: &mut FeatureValues) {
        let by = match (action, self.last) {
            (CorporateAction::SymbolChange { to }, _) => {
                self.symbol = to;
                return;
            }
            (CorporateAction::Split { numerator, denominator }, _) => {
                // The bar in progress ends, on the old basis.
                self.run(time, out, |bars, mut sink| bars.split(numerator, denominator, &mut sink));
                f64::from(numerator) / f64::from(denominator)
            }
            (CorporateAction::Dividend { amount }, Some(last)) => last / (last - amount.to_f64()),
            _ => return,
        };
        let factor = self.factor * by;
        if by > 0.0 && factor.is_finite() {
            self.factor = factor;
            self.last = self.last.map(|c| c / by);
        }
    }
}

/// Makes bars of each symbol's trades and publishes each as it closes.
///
/// Of several bars closed by one event (a split trade) the last is published; `bars` counts all. Prices are multiplied by `factor`, which
/// takes splits and dividends out of them; divide by it to get back to the prices traded.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FeDollarBarsFeature {
    input: BarInput,
    slots: Vec<Slot>,
    /// Bars taken as input that had no volume, known or traded.
    without_volume: u64,
}

impl FeDollarBarsFeature {
    /// From parameters.
    ///
    /// # Errors
    /// All violations at once.
    pub fn new(p: &FeDollarBarsParams) -> Result<Self, Invalid> {
        let bars = p.build()?;
        let mut slots = Vec::new();
        for symbol in p.symbols()? {
            let id = |what: &str| FeatureId::new(&format!("{}.{symbol}.{what}", p.name));
            let first = id("open").map_err(|e| Invalid::one("name", e.to_string()))?;
            let mut ids = [first; PUBLISHED.len()];
            for (slot, (what, _)) in ids.iter_mut().zip(PUBLISHED) {
                *slot = id(what).map_err(|e| Invalid::one("name", e.to_string()))?;
            }
            slots.push(Slot { symbol, bars: bars.clone(), ids, factor: 1.0, last: None });
        }
        Ok(Self { input: p.input, slots, without_volume: 0 })
    }
    /// Bars taken as input that had no volume and were left out.
    pub fn without_volume(&self) -> u64 {
        self.without_volume
    }
}

impl Plugin for FeDollarBarsFeature {
    fn id(&self) -> &'static str {
        FeDollarBarsParams::ID
    }
    fn listens(&self) -> Interest {
        // Its bars close with time, so every event is a clock.
        Interest::of(Kinds::ALL).only(self.slots.iter().map(|s| s.symbol))
    }
    fn metrics(&self, out: &mut Metrics) {
        out.push(("bars", self.slots.iter().map(|s| s.bars.totals().bars).sum::<u64>() as f64));
        out.push(("bars_without_volume", self.without_volume as f64));
    }
}

impl Feature for FeDollarBarsFeature {
    fn outputs(&self) -> Vec<Published> {
        let all = |s: &Slot| {
            s.ids.into_iter().zip(PUBLISHED).map(|(id, (_, unit))| Published { id, unit }).collect::<Vec<_>>()
        };
        self.slots.iter().flat_map(all).collect()
    }
    fn on_event(&mut self, event: &Event, _: &View<'_>, out: &mut FeatureValues) -> Result<(), BadInput> {
        let now = event.time;
        let Some(symbol) = event.symbol else {
            // A session's open and close are the whole market's clock.
            for s in &mut self.slots {
                s.run(now, out, |bars, mut sink| bars.advance(now, &mut sink));
            }
            return Ok(());
        };
        let Some(slot) = self.slots.iter_mut().find(|s| s.symbol == symbol) else { return Ok(()) };
        let trade = match (&event.data, self.input) {
            (MarketData::CorporateAction(action), _) => {
                slot.action(*action, now, out);
                return Ok(());
            }
            (MarketData::Trade(t), BarInput::Trades) => *t,
            (MarketData::Bar(b), BarInput::Bars) => match b.volume.filter(|v| *v > Quantity::ZERO) {
                Some(size) => Trade { price: b.close, size, buyer: None },
                None => {
                    self.without_volume += 1;
                    slot.run(now, out, |bars, mut sink| bars.advance(now, &mut sink));
                    return Ok(());
                }
            },
            _ => {
                slot.run(now, out, |bars, mut sink| bars.advance(now, &mut sink));
                return Ok(());
            }
        };
        slot.run(now, out, |bars, mut sink| bars.push(now, &trade, &mut sink))?;
        slot.last = Some(trade.price.to_f64());
        Ok(())
    }
}
