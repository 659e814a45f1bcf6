//! The record of every strategy's signals, and the size their next session gets.

use serde::{Deserialize, Serialize};
use tradewind_core_types::{
    Adjust, Adjustment, BadInput, CorporateAction, Event, Interest, Invalid, Kinds, Leg, MarketData, Metrics, Params,
    Plugin, Price, Signal, Sizer, StrategyId, Symbol, SymbolMap, Time, View, smallvec::SmallVec,
};

use super::record::{Record, Rule, Sized, Unproven};
use crate::plugins::risk_frac_kelly_atten::{Method, Pool, RiskFracKellyAttenParams};

/// What a decision wants held: nothing, when the direction is 0.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Bet {
    direction: f64,
    legs: Vec<Leg>,
}

/// A bet on its way to the close at which it is filled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Waiting {
    bet: Bet,
    sessions: usize,
}

/// One leg since its return was last taken: `units` shares for each share then held, and cash from dividends.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Anchor {
    leg: Leg,
    price: f64,
    /// When that price became known.
    since: Time,
    units: f64,
    cash: f64,
}

/// The signal of one strategy in one symbol (its first leg's).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Slot {
    strategy: StrategyId,
    waiting: Vec<Waiting>,
    direction: f64,
    /// Empty when nothing is held.
    held: Vec<Anchor>,
    expires: Option<Time>,
    /// Where its record was found last.
    #[serde(skip)]
    place: usize,
}

impl Slot {
    /// What was held has earned since its anchors: the sum over the legs of ratio times total return, in the signal's direction.
    /// `gone` is a symbol that was delisted, and what its shares paid.
    fn earned(&self, view: &View<'_>, gone: Option<(Symbol, f64)>) -> Option<f64> {
        if self.held.is_empty() {
            return None;
        }
        let mut sum = 0.0;
        for a in &self.held {
            let price = match gone {
                Some((symbol, price)) if symbol == a.leg.symbol => price,
                _ => view.market.price(a.leg.symbol)?.to_f64(),
            };
            sum += a.leg.ratio * ((a.units * price + a.cash) / a.price - 1.0);
        }
        let r = self.direction * sum;
        // A gain of ten times what was invested in one session is an error in the data; a loss of that size is believed.
        (r.is_finite() && r <= 10.0).then_some(r)
    }
    /// Whether some leg has had no price since its anchor: then nothing can be said, or sold, before it has one.
    fn stale(&self, view: &View<'_>) -> bool {
        self.held.iter().any(|a| view.market.last(a.leg.symbol).is_none_or(|l| l.time <= a.since))
    }
    /// Counts from today's prices on.
    fn anchor(&mut self, view: &View<'_>) {
        for a in &mut self.held {
            match view.market.last(a.leg.symbol) {
                Some(l) => (a.price, a.since, a.units, a.cash) = (l.price.to_f64(), l.time, 1.0, 0.0),
                // Without a price there is nothing to measure by.
                None => a.price = f64::NAN,
            }
        }
        if self.held.iter().any(|a| a.price.is_nan()) {
            self.held.clear();
        }
    }
    fn hold(&mut self, bet: &Bet, view: &View<'_>) {
        self.held.clear();
        if bet.direction != 0.0 {
            self.direction = bet.direction;
            self.held.extend(bet.legs.iter().map(|l| Anchor {
                leg: *l,
                price: 0.0,
                since: Time::MIN,
                units: 1.0,
                cash: 0.0,
            }));
            self.anchor(view);
        }
    }
    /// Whether this is what is held.
    fn same(&self, bet: &Bet) -> bool {
        match bet.direction {
            0.0 => self.held.is_empty(),
            d => d == self.direction && self.held.iter().map(|a| a.leg).eq(bet.legs.iter().copied()),
        }
    }
}

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

/// Kelly sizes of every signal, from the record of those before it.
///
/// A bet is one session: a signal in force at a decision is held, from `delay` closes later, for one session after the other until a later
/// decision says otherwise. Each session's return (dividends and splits accounted for, before costs) goes into the record at its close.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct KellySizer {
    rule: Rule,
    pool: Pool,
    delay: usize,
    window: usize,
    session: u64,
    /// When the last session ended.
    closed: Option<Time>,
    /// By symbol, those of one by strategy.
    slots: SymbolMap<SmallVec<[Slot; 1]>>,
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
            closed: None,
            slots: SymbolMap::default(),
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
    /// A session has ended: its returns become known, and what was decided `delay` sessions ago is held from here on.
    fn close(&mut self, view: &View<'_>) {
        let mut slots = std::mem::take(&mut self.slots);
        for (symbol, s) in slots.iter_mut().flat_map(|(symbol, own)| own.iter_mut().map(move |s| (symbol, s))) {
            // A session without a price is none; the return of a gap comes whole at its end, to whoever is held over it.
            let stale = s.stale(view);
            let (strategy, earned) = (s.strategy, s.earned(view, None).filter(|_| !stale));
            if !stale {
                s.anchor(view);
            }
            for w in &mut s.waiting {
                w.sessions = w.sessions.saturating_sub(1);
            }
            // What was decided last wins, as soon as it can be filled: what is held can be sold, and all legs of the new have traded.
            let ready = s.waiting.iter().take_while(|w| w.sessions == 0).count();
            s.waiting.drain(..ready.saturating_sub(1));
            let filled = |w: &Waiting| {
                let traded = |l: &Leg| view.market.last(l.symbol).is_some_and(|x| Some(x.time) > self.closed);
                w.sessions == 0 && !stale && (w.bet.direction == 0.0 || w.bet.legs.iter().all(traded))
            };
            if s.waiting.first().is_some_and(filled) {
                let w = s.waiting.remove(0);
                if !s.same(&w.bet) {
                    s.hold(&w.bet, view);
                }
            }
            // A signal that has expired is decided upon like one that says: hold nothing.
            if s.expires.is_some_and(|t| t <= view.now) {
                s.expires = None;
                let nothing = Bet { direction: 0.0, legs: Vec::new() };
                if self.delay == 0 && !stale {
                    s.hold(&nothing, view);
                } else {
                    s.waiting.retain(|w| w.sessions != self.delay);
                    s.waiting.push(Waiting { bet: nothing, sessions: self.delay });
                }
            }
            if let Some(r) = earned {
                self.record(strategy, symbol, r);
            }
        }
        self.slots = slots;
        self.session += 1;
        self.closed = Some(view.now);
    }
    /// Takes in what is decided on; gives where its record was last.
    fn decided(&mut self, strategy: StrategyId, signal: &Signal, view: &View<'_>) -> usize {
        let sound = signal.score.is_finite() && signal.legs.iter().all(|l| l.ratio.is_finite());
        let direction = if sound && signal.score != 0.0 { signal.score.signum() } else { 0.0 };
        let symbol = signal.symbol();
        let own = self.slots.get_or_insert_with(symbol, SmallVec::new);
        let at = own.binary_search_by_key(&strategy, |s| s.strategy).unwrap_or_else(|at| {
            let slot = Slot { strategy, waiting: vec![], direction: 0.0, held: vec![], expires: None, place: 0 };
            own.insert(at, slot);
            at
        });
        let s = &mut own[at];
        s.expires = signal.expires;
        let again = |w: &Waiting| {
            w.sessions == self.delay && w.bet.direction == direction && w.bet.legs.as_slice() == signal.legs.as_slice()
        };
        if self.delay > 0 && s.waiting.last().is_some_and(again) {
            return s.place;
        }
        let bet = Bet { direction, legs: signal.legs.to_vec() };
        if self.delay > 0 {
            // Asked twice before the session ends, the later answer counts.
            s.waiting.retain(|w| w.sessions != self.delay);
            s.waiting.push(Waiting { bet, sessions: self.delay });
            return s.place;
        }
        let place = s.place;
        s.waiting.clear();
        if !s.same(&bet) {
            let earned = s.earned(view, None).filter(|r| *r != 0.0);
            s.hold(&bet, view);
            if let Some(r) = earned {
                self.record(strategy, symbol, r);
            }
        }
        place
    }
    fn action(&mut self, symbol: Symbol, action: CorporateAction, view: &View<'_>) {
        match action {
            CorporateAction::Delisting { price } => {
                let gone = (symbol, price.map_or(0.0, Price::to_f64));
                let mut slots = std::mem::take(&mut self.slots);
                for (first, s) in slots.iter_mut().flat_map(|(symbol, own)| own.iter_mut().map(move |s| (symbol, s))) {
                    let concerned = |l: &Leg| l.symbol == symbol;
                    s.waiting.retain(|w| !w.bet.legs.iter().any(concerned));
                    if s.held.iter().any(|a| a.leg.symbol == symbol) {
                        let (strategy, earned) = (s.strategy, s.earned(view, Some(gone)));
                        s.held.clear();
                        if let Some(r) = earned {
                            self.record(strategy, first, r);
                        }
                    }
                }
                self.slots = slots;
            }
            CorporateAction::SymbolChange { to } => self.rename(symbol, to),
            _ => {
                for a in self.slots.values_mut().flatten().flat_map(|s| &mut s.held).filter(|a| a.leg.symbol == symbol)
                {
                    match action {
                        CorporateAction::Split { numerator, denominator } if numerator > 0 && denominator > 0 => {
                            a.units *= f64::from(numerator) / f64::from(denominator);
                        }
                        CorporateAction::Dividend { amount } => a.cash += a.units * amount.to_f64(),
                        _ => {}
                    }
                }
            }
        }
    }
    fn rename(&mut self, from: Symbol, to: Symbol) {
        for s in self.slots.values_mut().flatten() {
            let held = s.held.iter_mut().map(|a| &mut a.leg);
            let waiting = s.waiting.iter_mut().flat_map(|w| &mut w.bet.legs);
            held.chain(waiting).filter(|l| l.symbol == from).for_each(|l| l.symbol = to);
        }
        // No two of a strategy may have one name: should the new name have been in use, that one is forgotten.
        if let Some(mut moved) = self.slots.remove(from) {
            let old = self.slots.remove(to).into_iter().flatten();
            let others: SmallVec<[Slot; 1]> = old.filter(|o| moved.iter().all(|m| m.strategy != o.strategy)).collect();
            moved.extend(others);
            moved.sort_by_key(|s| s.strategy);
            self.slots.insert(to, moved);
        }
        for k in &mut self.records {
            if k.key.1 == Some(from) {
                k.key.1 = Some(to);
            }
        }
        self.records.sort_by_key(|k| k.key);
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
            (MarketData::CorporateAction(action), Some(symbol)) => self.action(symbol, *action, view),
            (MarketData::SessionClose, _) => self.close(view),
            _ => {}
        }
        Ok(())
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
    fn size(&mut self, strategy: StrategyId, signal: &Signal, view: &View<'_>) -> Adjustment {
        let hint = self.decided(strategy, signal, view);
        let key = self.key(strategy, signal.symbol());
        let at = match self.records.get(hint) {
            Some(k) if k.key == key => Some(hint),
            _ => self.records.binary_search_by_key(&key, |k| k.key).ok(),
        };
        let Some(at) = at else {
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
        let own = self.slots.get_mut(signal.symbol()).into_iter().flatten();
        own.filter(|s| s.strategy == strategy).for_each(|s| s.place = at);
        said
    }
}
