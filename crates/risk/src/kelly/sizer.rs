//! What every strategy's signals earned, folded into records, and the size their next session gets.

use serde::{Deserialize, Serialize};
use tradewind_core_types::{
    Adjust, Adjustment, BadInput, CorporateAction, Event, Follow, Interest, Invalid, Kinds, MarketData, Metrics,
    Params, Plugin, Settled, Signal, Sizer, StrategyId, Symbol, View,
};

use super::record::{Record, Rule, Sized, Unproven};
use crate::plugins::risk_frac_kelly_atten::{Method, Pool, RiskFracKellyAttenParams};

/// Whose record it is; `None` stands for all.
type Key = (Option<StrategyId>, Option<Symbol>);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Kept {
    key: Key,
    record: Record,
    /// The size last answered.
    size: Option<f64>,
    /// What was said of it, to a signal with this confidence, since a return came last.
    #[serde(skip)]
    said: Option<(f64, Adjustment)>,
}

/// A gain of so many times what was invested in one session is an error in the data; a loss of that size is believed.
const LARGEST: f64 = 10.0;

/// Kelly sizes of every signal, from the record of those before it.
///
/// A bet is one session that a signal was held, from `delay` closes after its decision on, as the engine's records of strategies show it at each
/// session close. Its return (dividends and splits accounted for, before costs) counts in the signal's direction, whatever its strength.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct KellySizer {
    rule: Rule,
    pool: Pool,
    delay: usize,
    window: usize,
    session: u64,
    /// Whose signals it sizes, in order.
    serves: Vec<StrategyId>,
    /// By key.
    records: Vec<Kept>,
}

impl KellySizer {
    /// The sizer with these parameters.
    ///
    /// # Errors
    /// All violations at once.
    pub fn new(p: &RiskFracKellyAttenParams) -> Result<Self, Invalid> {
        p.build()?;
        Ok(Self {
            rule: Rule::new(p),
            pool: p.pool,
            delay: p.delay,
            window: p.window,
            session: 0,
            serves: Vec::new(),
            records: Vec::new(),
        })
    }
    fn key(&self, strategy: StrategyId, symbol: Symbol) -> Key {
        match self.pool {
            Pool::None => (Some(strategy), Some(symbol)),
            Pool::Strategy => (Some(strategy), None),
            Pool::Symbol => (None, Some(symbol)),
        }
    }
    fn record(&mut self, strategy: StrategyId, symbol: Symbol, ret: f64) {
        let key = self.key(strategy, symbol);
        let at = self.records.binary_search_by_key(&key, |k| k.key).unwrap_or_else(|at| {
            self.records.insert(at, Kept { key, record: Record::new(self.window), size: None, said: None });
            at
        });
        let session = self.session;
        if let Some(k) = self.records.get_mut(at) {
            k.record.push(ret, session);
            k.said = None;
        }
    }
    /// A session has ended: its returns become known.
    fn close(&mut self, settled: &[Settled]) {
        for s in settled {
            let Some(ret) = s.ret.filter(|_| s.score != 0.0 && self.serves.binary_search(&s.strategy).is_ok()) else {
                continue;
            };
            let r = s.score.signum() * ret;
            if r <= LARGEST {
                self.record(s.strategy, s.symbol, r);
            }
        }
        self.session += 1;
    }
    fn rename(&mut self, from: Symbol, to: Symbol) {
        for k in self.records.iter_mut().filter(|k| k.key.1 == Some(from)) {
            k.key.1 = Some(to);
        }
        // Of two records under one name the longer one counts.
        self.records.sort_by_key(|k| (k.key, std::cmp::Reverse(k.record.facts().bets)));
        self.records.dedup_by(|a, b| a.key == b.key);
    }
    fn explain(&self, s: &Sized) -> Adjustment {
        let percent = |x: f64| 100.0 * x;
        let rule = &self.rule;
        let reason = match s.unproven {
            Some(Unproven::Few) => {
                format!("{} of {} sessions on record: {:.1} % until then", s.n, rule.minimum, percent(s.size))
            }
            Some(Unproven::OneSided) => {
                format!("less than {} wins or losses on record: {:.1} % until then", rule.sides, percent(s.size))
            }
            Some(Unproven::Constant) => format!("the returns on record do not vary: {:.1} %", percent(s.size)),
            Some(Unproven::NoProbability) => {
                format!("the signal brings no probability: at most {:.1} %", percent(s.size))
            }
            None if s.kelly == Some(0.0) => format!("no edge in {} sessions", s.n),
            None if s.size == 0.0 => format!("no edge that is certain enough in {} sessions", s.n),
            None => {
                let (k, a) = (s.kelly.unwrap_or(0.0), s.attenuation.unwrap_or(0.0));
                let capped = if s.size >= rule.cap { ", capped" } else { "" };
                format!("Kelly {k:.2} x {} x {a:.2} from {} sessions{capped}", rule.fraction, s.n)
            }
        };
        let mut out = Adjustment::new(Adjust::Scale(s.size), reason).with("n", f64::from(s.n));
        let named = match rule.method {
            Method::Discrete => [("p", s.p), ("p_low", s.p_low), ("b", s.b)],
            Method::Continuous => [("mean", s.mean), ("mean_low", s.mean_low), ("variance", s.variance)],
        };
        for (name, value) in named.into_iter().chain([("kelly", s.kelly)]) {
            if let Some(v) = value {
                out = out.with(name, v);
            }
        }
        out = out.with("fraction", rule.fraction);
        match s.attenuation {
            Some(a) => out.with("attenuation", a),
            None => out,
        }
    }
}

impl Plugin for KellySizer {
    fn id(&self) -> &'static str {
        RiskFracKellyAttenParams::ID
    }
    fn listens(&self) -> Interest {
        Interest::of(Kinds::SESSION_CLOSE)
    }
    fn observe(&mut self, event: &Event, view: &View<'_>) -> Result<(), BadInput> {
        match (&event.data, event.symbol) {
            (MarketData::CorporateAction(CorporateAction::SymbolChange { to }), Some(from)) => self.rename(from, *to),
            (MarketData::SessionClose, _) => self.close(view.records.settled(self.delay)),
            _ => {}
        }
        Ok(())
    }
    fn version(&self) -> u32 {
        2
    }
    fn follows(&self) -> Follow {
        Follow::Bets(self.delay)
    }
    fn serve(&mut self, strategy: StrategyId) {
        if let Err(at) = self.serves.binary_search(&strategy) {
            self.serves.insert(at, strategy);
        }
    }
    fn metrics(&self, out: &mut Metrics) {
        let sizes = || self.records.iter().filter_map(|k| k.size);
        let n = sizes().count() as f64;
        if n > 0.0 {
            out.push(("kelly_size", sizes().sum::<f64>() / n));
            out.push(("kelly_bets", self.records.iter().map(|k| f64::from(k.record.facts().bets)).sum::<f64>()));
        }
    }
}

impl Sizer for KellySizer {
    fn size(&mut self, strategy: StrategyId, signal: &Signal, _: &View<'_>) -> Adjustment {
        let key = self.key(strategy, signal.symbol());
        let Ok(at) = self.records.binary_search_by_key(&key, |k| k.key) else {
            return self.explain(&Sized {
                size: self.rule.unproven,
                unproven: Some(Unproven::Few),
                ..Sized::default()
            });
        };
        if let Some((confidence, said)) = &self.records[at].said
            && confidence.to_bits() == signal.confidence.to_bits()
        {
            return said.clone();
        }
        let s = self.rule.size(self.records[at].record.facts(), Some(signal.confidence));
        let said = self.explain(&s);
        let k = &mut self.records[at];
        (k.size, k.said) = (Some(s.size), Some((signal.confidence, said.clone())));
        said
    }
}
