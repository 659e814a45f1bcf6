//! alpha_vix_regime as an exposure overlay.

use serde::{Deserialize, Serialize};
use tradewind_core_types::{
    Adjust, Adjustment, BadInput, Event, Interest, Invalid, Kinds, MarketData, Metrics, Online, Overlay, Params,
    Plugin, Span, Symbol, Time, View,
};

use super::{AlphaVixRegime, AlphaVixRegimeIn, AlphaVixRegimeParams, VixRegime};

/// Scales exposure in every symbol by the multiplier of the VIX regime.
///
/// Every level of the VIX may raise the regime at once. A session is counted, the regime lowered and the term structure
/// judged at the session close, with the last VIX and VIX3M that became known since the close before; levels published after the
/// close belong to the next session. A session without a VIX is not counted.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AlphaVixRegimeOverlay {
    calculator: AlphaVixRegime,
    symbol: Symbol,
    term_symbol: Option<Symbol>,
    max_age: Span,
    /// The last level and when it became known.
    last: Option<(f64, Time)>,
    /// The levels of the session that has not closed yet.
    vix: Option<f64>,
    vix3m: Option<f64>,
    /// The regime and the time it began.
    since: Option<(VixRegime, Time)>,
}

impl AlphaVixRegimeOverlay {
    /// From parameters.
    ///
    /// # Errors
    /// All violations at once.
    pub fn new(p: &AlphaVixRegimeParams) -> Result<Self, Invalid> {
        let calculator = p.build()?;
        let (symbol, term_symbol) = p.symbols()?;
        let max_age = Span::from_nanos((p.max_age_days * Span::DAY.nanos() as f64) as i64);
        Ok(Self { calculator, symbol, term_symbol, max_age, last: None, vix: None, vix3m: None, since: None })
    }
    fn note(&mut self, now: Time) {
        if let Some(regime) = self.calculator.regime()
            && self.since.is_none_or(|(before, _)| before != regime)
        {
            self.since = Some((regime, now));
        }
    }
}

impl Plugin for AlphaVixRegimeOverlay {
    fn id(&self) -> &'static str {
        AlphaVixRegimeParams::ID
    }
    fn listens(&self) -> Interest {
        Interest::of(Kinds::INDEX | Kinds::SESSION_CLOSE).only(self.term_symbol.into_iter().chain([self.symbol]))
    }
    fn observe(&mut self, event: &Event, _: &View<'_>) -> Result<(), BadInput> {
        match &event.data {
            MarketData::Index(b) if event.symbol == Some(self.symbol) => {
                let vix = b.close.to_f64();
                self.calculator.glance(vix)?;
                self.last = Some((vix, event.time));
                self.vix = Some(vix);
            }
            MarketData::Index(b) if event.symbol.is_some() && event.symbol == self.term_symbol => {
                self.vix3m = Some(b.close.to_f64());
            }
            MarketData::SessionClose => {
                let vix3m = self.vix3m.take();
                if let Some(vix) = self.vix.take() {
                    self.calculator.update(&AlphaVixRegimeIn { vix, vix3m })?;
                }
            }
            _ => return Ok(()),
        }
        self.note(event.time);
        Ok(())
    }
    fn metrics(&self, out: &mut Metrics) {
        if let Some(regime) = self.calculator.regime() {
            out.push(("vix_regime", f64::from(regime.level())));
            out.push(("vix_multiplier", self.calculator.multiplier(regime)));
        }
    }
}

impl Overlay for AlphaVixRegimeOverlay {
    fn exposure(&mut self, _: Symbol, view: &View<'_>) -> Adjustment {
        let (Some((regime, since)), Some((vix, seen))) = (self.since, self.last) else {
            return Adjustment::new(Adjust::Keep, format!("no {} yet", self.symbol));
        };
        let multiplier = self.calculator.multiplier(regime);
        let age = view.now.since(seen);
        let (year, month, day) = since.ymd();
        let (multiplier, stale) = if age > self.max_age {
            (multiplier.min(1.0), format!(", {} is {:.1} days old", self.symbol, age.days()))
        } else {
            (multiplier, String::new())
        };
        Adjustment::new(Adjust::Scale(multiplier), format!("{regime} since {year:04}-{month:02}-{day:02}{stale}"))
            .with("vix", vix)
            .with("age_days", age.days())
    }
}
