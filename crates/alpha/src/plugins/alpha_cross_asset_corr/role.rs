//! Correlations in a run: joins pairs and the universe by time, gives signals on the safe assets.

use serde::{Deserialize, Serialize};
use tradewind_core_types::{
    Alpha, BadInput, CorporateAction, Event, Interest, Invalid, Kinds, MarketData, Metrics, Online, Params, Plugin,
    Signal, Signals, Span, Symbol, Time, View,
};
use tradewind_numerics::{correlation::AverageCorrelation, math};

use super::{CrossAssetCorr, CrossAssetCorrIn, CrossAssetCorrOut, CrossAssetCorrParams};

/// A price and when it became known.
type Priced = Option<(Time, f64)>;

/// What a corporate action leaves of a price known before, and nothing when it leaves all.
fn remains(action: &CorporateAction, price: Priced) -> Option<f64> {
    let factor = match *action {
        CorporateAction::Split { numerator, denominator } => f64::from(denominator) / f64::from(numerator),
        CorporateAction::Dividend { amount } => price.map(|(_, p)| 1.0 - amount.to_f64() / p)?,
        _ => return None,
    };
    (factor.is_finite() && factor > 0.0).then_some(factor)
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Pair {
    legs: [Symbol; 2],
    safe: Symbol,
    now: [Priced; 2],
    /// The last two instants at which both legs had a price.
    joined: [Option<Time>; 2],
    calculator: CrossAssetCorr,
    out: Option<CrossAssetCorrOut>,
}

impl Pair {
    /// Takes the price of a symbol; whether both legs are now known at this instant, for the first time.
    fn see(&mut self, symbol: Symbol, time: Time, price: f64) -> Result<bool, BadInput> {
        let Some(leg) = self.legs.iter().position(|l| *l == symbol) else { return Ok(false) };
        self.now[leg] = Some((time, price));
        let [Some((t, a)), Some((u, b))] = self.now else { return Ok(false) };
        if t != u || self.joined[1] == Some(t) {
            return Ok(false);
        }
        self.out = self.calculator.update(&CrossAssetCorrIn { a, b })?;
        self.joined = [self.joined[1], Some(t)];
        Ok(true)
    }
    fn correct(&mut self, symbol: Symbol, action: &CorporateAction) {
        if let Some(leg) = self.legs.iter().position(|l| *l == symbol)
            && let Some(factor) = remains(action, self.now[leg])
        {
            self.calculator.rescale(leg, factor);
        }
    }
    fn signal(&self, time: Time, hold: Span) -> Option<Result<Signal, BadInput>> {
        let out = self.out?;
        let [a, b] = self.legs;
        let above = out.correlation.is_some_and(|r| r > self.calculator.level);
        let risen = out.z.is_some_and(|z| z > self.calculator.z);
        let what = match (out.correlation, above, risen) {
            (None, ..) => "does not vary: no correlation".to_owned(),
            (_, true, false) => format!("correlation above {}", self.calculator.level),
            (_, true, true) => format!("correlation above {} and risen", self.calculator.level),
            (_, false, true) => "correlation risen against its baseline".to_owned(),
            (_, false, false) => "correlation intact".to_owned(),
        };
        let signal = Signal::new(time, self.safe, out.score, out.confidence, format!("{a}-{b} {what}"));
        Some(signal.map(|mut s| {
            s.expires = Some(time.plus(hold));
            let numbers =
                [("correlation", out.correlation), ("baseline", out.baseline), ("z", out.z), ("p", out.p_value)];
            numbers.into_iter().filter_map(|(name, x)| Some((name, x?))).fold(s, |s, (name, x)| s.with(name, x))
        }))
    }
}

/// The symbols of the universe, joined at instants at which all of them have a price.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Universe {
    symbols: Vec<Symbol>,
    now: Vec<Priced>,
    /// Prices of the last joint instant; empty before the first.
    previous: Vec<f64>,
    returns: Vec<f64>,
    joined: Option<Time>,
    average: AverageCorrelation,
}

impl Universe {
    fn see(&mut self, symbol: Symbol, time: Time, price: f64) {
        let Some(i) = self.symbols.iter().position(|s| *s == symbol) else { return };
        self.now[i] = Some((time, price));
        if self.joined == Some(time) || !self.now.iter().all(|p| p.is_some_and(|(t, _)| t == time)) {
            return;
        }
        self.joined = Some(time);
        let prices = self.now.iter().flatten().map(|(_, p)| *p);
        self.returns.clear();
        self.returns.extend(prices.clone().zip(&self.previous).map(|(p, before)| math::ln(p / before)));
        self.previous.clear();
        self.previous.extend(prices);
        self.average.push(&self.returns);
    }
    fn correct(&mut self, symbol: Symbol, action: &CorporateAction) {
        if let Some(i) = self.symbols.iter().position(|s| *s == symbol)
            && let Some(factor) = remains(action, self.now[i])
            && let Some(p) = self.previous.get_mut(i)
        {
            *p *= factor;
        }
    }
}

/// Gives long signals on the safe assets. Built from [`CrossAssetCorrParams`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CrossAssetCorrAlpha {
    pairs: Vec<Pair>,
    universe: Universe,
    hold: Span,
}

impl CrossAssetCorrAlpha {
    /// Built from parameters.
    ///
    /// # Errors
    /// All violations at once.
    pub fn new(p: &CrossAssetCorrParams) -> Result<Self, Invalid> {
        let calculator = p.build()?;
        let symbol = |s: &String| Symbol::new(s).map_err(|e| Invalid::one("pairs", e.to_string()));
        let pair = |[a, b]: &[String; 2]| {
            Ok(Pair {
                legs: [symbol(a)?, symbol(b)?],
                safe: symbol(p.safe.as_ref().unwrap_or(b))?,
                now: [None; 2],
                joined: [None; 2],
                calculator: calculator.clone(),
                out: None,
            })
        };
        let symbols: Vec<Symbol> = p.universe.iter().map(symbol).collect::<Result<_, _>>()?;
        let k = symbols.len();
        let universe = Universe {
            now: vec![None; k],
            previous: Vec::with_capacity(k),
            returns: Vec::with_capacity(k),
            joined: None,
            average: AverageCorrelation::new(p.window, k),
            symbols,
        };
        let hold = Span::from_nanos((p.hold_days * Span::DAY.nanos() as f64) as i64);
        Ok(Self { pairs: p.pairs.iter().map(pair).collect::<Result<_, Invalid>>()?, universe, hold })
    }
}

impl Plugin for CrossAssetCorrAlpha {
    fn id(&self) -> &'static str {
        CrossAssetCorrParams::ID
    }
    fn listens(&self) -> Interest {
        let legs = self.pairs.iter().flat_map(|p| p.legs);
        Interest::of(Kinds::BAR | Kinds::INDEX).only(legs.chain(self.universe.symbols.iter().copied()))
    }
    fn metrics(&self, out: &mut Metrics) {
        let Some(pair) = self.pairs.first() else { return };
        let of = |f: fn(CrossAssetCorrOut) -> Option<f64>| pair.out.and_then(f);
        // An average that lags behind the pair is out of date.
        let average = self.universe.average.average().filter(|_| self.universe.joined >= pair.joined[1]);
        let values = [
            ("correlation", of(|o| o.correlation)),
            ("ewma_correlation", of(|o| o.ewma_correlation)),
            ("correlation_z", of(|o| o.z)),
            ("average_correlation", average),
        ];
        out.extend(values.into_iter().filter_map(|(name, x)| Some((name, x?))));
    }
}

impl Alpha for CrossAssetCorrAlpha {
    fn on_event(&mut self, event: &Event, _: &View<'_>, out: &mut Signals) -> Result<(), BadInput> {
        let Some(symbol) = event.symbol else { return Ok(()) };
        let price = match &event.data {
            MarketData::Bar(b) | MarketData::Index(b) => b.close.to_f64(),
            MarketData::CorporateAction(action) => {
                self.pairs.iter_mut().for_each(|p| p.correct(symbol, action));
                self.universe.correct(symbol, action);
                return Ok(());
            }
            _ => return Ok(()),
        };
        self.universe.see(symbol, event.time, price);
        // One price can complete several pairs: each safe asset gets one signal.
        let first = out.len();
        for i in 0..self.pairs.len() {
            if self.pairs[i].see(symbol, event.time, price)? {
                let pair = &self.pairs[i];
                let since = pair.joined[0];
                let strongest = self
                    .pairs
                    .iter()
                    .filter(|p| p.safe == pair.safe && p.joined[1] >= since)
                    .filter_map(|p| Some((p, p.out?.score)))
                    .reduce(|best, p| if p.1 > best.1 { p } else { best });
                if let Some(signal) = strongest.and_then(|(p, _)| p.signal(event.time, self.hold)) {
                    let signal = signal?;
                    match out[first..].iter_mut().find(|s| s.symbol() == signal.symbol()) {
                        Some(s) => *s = signal,
                        None => out.push(signal),
                    }
                }
            }
        }
        Ok(())
    }
}
