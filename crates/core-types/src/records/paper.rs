//! Paper bets: each signal in force, followed from its entry to its exit at the prices that were known.

use serde::{Deserialize, Serialize};
use smallvec::{SmallVec, smallvec};

use crate::event::CorporateAction;
use crate::name::{StrategyId, Symbol};
use crate::signal::{Leg, Signal};
use crate::symbol_map::SymbolMap;
use crate::time::Time;
use crate::view::Market;

/// What one paper bet earned from one close at which all its legs had traded to the next.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Settled {
    /// Whose signal.
    pub strategy: StrategyId,
    /// Its first leg, under the name of today.
    pub symbol: Symbol,
    /// The score that was followed, in [-1, 1]; 0 stood aside.
    pub score: f64,
    /// Total return of one unit of the signal, before costs: the sum over the legs of ratio times return, decimal. `None` when nothing was
    /// held, and what is shown is the cost of having left.
    pub ret: Option<f64>,
    /// What the changes of exposure since the settlement before cost, as a fraction of a full signal; 0 or more.
    pub cost: f64,
    /// When the bet was decided on.
    pub decided: Time,
    /// When it was entered; the delay is the time between.
    pub entered: Time,
    /// When it was settled.
    pub time: Time,
    /// Whether a delisting ends it.
    pub delisted: bool,
}

impl Settled {
    /// Score times return, before costs; 0 when nothing was held.
    pub fn gross(&self) -> f64 {
        self.score * self.ret.unwrap_or(0.0)
    }
    /// Score times return, after costs.
    pub fn net(&self) -> f64 {
        self.gross() - self.cost
    }
}

/// What a signal in force wants held.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Bet {
    decided: Time,
    score: f64,
    legs: SmallVec<[Leg; 1]>,
}

impl Bet {
    /// A score or a ratio that is no number wants nothing.
    fn of(signal: &Signal, now: Time) -> Option<Self> {
        let sound = signal.score.is_finite() && signal.legs.iter().all(|l| l.ratio.is_finite());
        sound.then(|| Self { decided: now, score: signal.score, legs: signal.legs.iter().copied().collect() })
    }
    /// Whether both want the same held, whenever they were decided.
    fn same(a: Option<&Self>, b: Option<&Self>) -> bool {
        match (a, b) {
            (Some(a), Some(b)) => a.score == b.score && a.legs == b.legs,
            (None, None) => true,
            _ => false,
        }
    }
    fn exposure(bet: Option<&Self>, symbol: Symbol) -> f64 {
        bet.map_or(0.0, |b| b.score * b.legs.iter().filter(|l| l.symbol == symbol).map(|l| l.ratio).sum::<f64>())
    }
    fn symbols(bet: Option<&Self>) -> impl Iterator<Item = Symbol> {
        bet.into_iter().flat_map(|b| b.legs.iter().map(|l| l.symbol))
    }
    /// How much has to be bought and sold from one bet to the next, as a fraction of a full signal.
    fn turnover(from: Option<&Self>, to: Option<&Self>) -> f64 {
        let mut symbols: SmallVec<[Symbol; 4]> = Self::symbols(from).chain(Self::symbols(to)).collect();
        symbols.sort();
        symbols.dedup();
        symbols.iter().map(|s| (Self::exposure(to, *s) - Self::exposure(from, *s)).abs()).sum()
    }
}

/// One leg since its return was last taken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Anchor {
    price: f64,
    /// When that price became known.
    since: Time,
    /// Shares for each share then held.
    units: f64,
    /// Dividends.
    cash: f64,
    /// What a delisting has left of each share.
    paid: Option<f64>,
}

impl Anchor {
    fn at(symbol: Symbol, market: &Market) -> Option<Self> {
        let l = market.last(symbol)?;
        Some(Self { price: l.price.to_f64(), since: l.time, units: 1.0, cash: 0.0, paid: None })
    }
}

/// A bet that has been entered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Held {
    bet: Bet,
    entered: Time,
    /// One for each leg.
    anchors: SmallVec<[Anchor; 1]>,
}

impl Held {
    fn enter(bet: Bet, market: &Market, now: Time) -> Option<Self> {
        let anchors = bet.legs.iter().map(|l| Anchor::at(l.symbol, market)).collect::<Option<_>>()?;
        Some(Self { bet, entered: now, anchors })
    }
    fn legs(&self) -> impl Iterator<Item = (&Leg, &Anchor)> {
        self.bet.legs.iter().zip(&self.anchors)
    }
    /// Whether a leg has had no price since its anchor: then nothing can be said before it has one.
    fn stale(&self, market: &Market) -> bool {
        let old = |l: &Leg, a: &Anchor| market.last(l.symbol).is_none_or(|x| x.time <= a.since);
        self.legs().any(|(l, a)| a.paid.is_none() && old(l, a))
    }
    fn delisted(&self) -> bool {
        self.anchors.iter().any(|a| a.paid.is_some())
    }
    /// Total return of one unit since the anchors.
    fn earned(&self, market: &Market) -> Option<f64> {
        let mut sum = 0.0;
        for (l, a) in self.legs() {
            let price = a.paid.or_else(|| market.price(l.symbol).map(|p| p.to_f64()))?;
            sum += l.ratio * ((a.units * price + a.cash) / a.price - 1.0);
        }
        sum.is_finite().then_some(sum)
    }
}

/// A bet on its way to its entry; `None` wants nothing held.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Waiting {
    bet: Option<Bet>,
    /// Closes to come before it is due.
    closes: usize,
}

/// The bets of one strategy on one first leg.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Slot {
    strategy: StrategyId,
    /// The round in which it was last told what stands.
    round: u64,
    /// In the order of their decisions.
    waiting: SmallVec<[Waiting; 1]>,
    held: Option<Held>,
    /// Cost of changes that is not settled yet.
    owed: f64,
}

impl Slot {
    fn is_over(&self) -> bool {
        self.held.is_none() && self.waiting.is_empty() && self.owed == 0.0
    }
    fn wants(&self) -> Option<&Bet> {
        self.held.as_ref().map(|h| &h.bet)
    }
    fn settled(&self, symbol: Symbol, ret: Option<f64>, now: Time) -> Settled {
        let (score, decided, entered) =
            self.held.as_ref().map_or((0.0, now, now), |h| (h.bet.score, h.bet.decided, h.entered));
        let delisted = self.held.as_ref().is_some_and(Held::delisted);
        Settled { strategy: self.strategy, symbol, score, ret, cost: self.owed, decided, entered, time: now, delisted }
    }
    /// Leaves what is held for another bet, at the last prices, once every leg that is left or entered has traded after `since`; says
    /// whether it has.
    fn turn(&mut self, bet: Option<&Bet>, since: Option<Time>, cost: f64, market: &Market, now: Time) -> bool {
        let traded = |s: Symbol| market.last(s).is_some_and(|l| !l.index && Some(l.time) > since);
        let left = self.held.as_ref().is_none_or(|h| h.legs().all(|(l, a)| a.paid.is_some() || traded(l.symbol)));
        // Whoever stands aside trades nothing.
        let entered = bet.is_none_or(|b| b.score == 0.0 || b.legs.iter().all(|l| traded(l.symbol)));
        if left && entered {
            self.owed += cost * Bet::turnover(self.wants(), bet);
            self.held = bet.and_then(|b| Held::enter(b.clone(), market, now));
        }
        left && entered
    }
    fn rename(&mut self, from: Symbol, to: Symbol) {
        let waiting = self.waiting.iter_mut().flat_map(|w| &mut w.bet);
        let bets = waiting.chain(self.held.as_mut().map(|h| &mut h.bet));
        bets.flat_map(|b| &mut b.legs).filter(|l| l.symbol == from).for_each(|l| l.symbol = to);
    }
}

/// All paper bets that are entered `delay` closes after their decisions.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct PaperBook {
    delay: usize,
    round: u64,
    /// When the last session ended, and the one before.
    closed: Option<Time>,
    before: Option<Time>,
    /// By first leg, those of one by strategy.
    slots: SymbolMap<SmallVec<[Slot; 1]>>,
    /// What bets earned that ended within a session.
    pieces: Vec<Settled>,
    settled: Vec<Settled>,
    lost: u64,
}

impl PaperBook {
    pub(super) fn new(delay: usize) -> Self {
        Self { delay, ..Self::default() }
    }
    pub(super) fn delay(&self) -> usize {
        self.delay
    }
    pub(super) fn settled(&self) -> &[Settled] {
        &self.settled
    }
    pub(super) fn lost(&self) -> u64 {
        self.lost
    }
    /// How many strategies have a bet on how many first legs.
    pub(super) fn len(&self) -> usize {
        self.slots.values().flatten().filter(|s| !s.is_over()).count()
    }

    /// Begins a round in which every signal in force is told of.
    pub(super) fn begin(&mut self) {
        self.round += 1;
    }
    /// Ends it: a bet whose signal was not told of is wanted no more.
    pub(super) fn end(&mut self, cost: f64, market: &Market, now: Time) {
        let round = self.round;
        let gone: SmallVec<[(StrategyId, Symbol); 8]> = {
            let each = self.slots.entries().iter().flat_map(|(symbol, own)| own.iter().map(move |s| (s, *symbol)));
            each.filter(|(s, _)| s.round != round).map(|(s, symbol)| (s.strategy, symbol)).collect()
        };
        for (strategy, symbol) in gone {
            self.note(strategy, symbol, None, cost, market, now);
        }
    }
    /// What stands of a strategy on a symbol at a decision.
    pub(super) fn note(
        &mut self,
        strategy: StrategyId,
        symbol: Symbol,
        signal: Option<&Signal>,
        cost: f64,
        market: &Market,
        now: Time,
    ) {
        let bet = signal.and_then(|s| Bet::of(s, now));
        if bet.is_none() && !self.slots.contains(symbol) {
            return;
        }
        let own = self.slots.get_or_insert_with(symbol, SmallVec::new);
        let at = match own.binary_search_by_key(&strategy, |s| s.strategy) {
            Ok(at) => at,
            Err(_) if bet.is_none() => return,
            Err(at) => {
                own.insert(at, Slot { strategy, round: 0, waiting: smallvec![], held: None, owed: 0.0 });
                at
            }
        };
        let Some(s) = own.get_mut(at) else { return };
        s.round = self.round;
        // Asked twice before the session ends, the later answer counts.
        s.waiting.retain(|w| w.closes != self.delay);
        let last = s.waiting.last().map_or(s.wants(), |w| w.bet.as_ref());
        if Bet::same(last, bet.as_ref()) {
            return;
        }
        if self.delay == 0 {
            // The session that runs, or the one that has just ended.
            let since = if self.closed == Some(now) { self.before } else { self.closed };
            let earned = s.held.as_ref().and_then(|h| h.earned(market)).filter(|r| *r != 0.0);
            let piece = earned.map(|r| s.settled(symbol, Some(r), now));
            let owed = if piece.is_some() { std::mem::take(&mut s.owed) } else { 0.0 };
            if s.turn(bet.as_ref(), since, cost, market, now) {
                self.pieces.extend(piece);
                return;
            }
            s.owed += owed;
        }
        s.waiting.push(Waiting { bet, closes: self.delay });
    }

    /// A session has ended: what is held has earned what it has earned, and what is due is entered.
    pub(super) fn close(&mut self, cost: f64, market: &Market, now: Time) {
        self.settled.clear();
        self.settled.append(&mut self.pieces);
        let Self { slots, settled, lost, closed, .. } = self;
        for (symbol, s) in slots.iter_mut().flat_map(|(symbol, own)| own.iter_mut().map(move |s| (symbol, s))) {
            // A session without a price is none; the return of a gap comes whole at its end, to whoever is held over it.
            let stale = s.held.as_ref().is_some_and(|h| h.stale(market));
            if stale {
                *lost += 1;
            } else if s.held.is_some() || s.owed != 0.0 {
                let earned = s.held.as_ref().map(|h| h.earned(market));
                match earned {
                    Some(None) => *lost += 1,
                    _ => settled.push(s.settled(symbol, earned.flatten(), now)),
                }
                s.owed = 0.0;
                if s.held.as_ref().is_some_and(Held::delisted) {
                    // What else the signal held has lost its reason.
                    s.turn(None, None, cost, market, now);
                }
                if let Some(h) = &mut s.held {
                    let anchors = h.bet.legs.iter().map(|l| Anchor::at(l.symbol, market)).collect::<Option<_>>();
                    h.anchors = anchors.unwrap_or_default();
                }
            }
            s.waiting.iter_mut().for_each(|w| w.closes = w.closes.saturating_sub(1));
            // What was decided last wins, as soon as it can be traded.
            let due = s.waiting.iter().take_while(|w| w.closes == 0).count();
            s.waiting.drain(..due.saturating_sub(1));
            if due > 0 {
                let w = s.waiting.remove(0);
                if !Bet::same(s.wants(), w.bet.as_ref()) && !s.turn(w.bet.as_ref(), *closed, cost, market, now) {
                    *lost += u64::from(!stale);
                    s.waiting.insert(0, w);
                }
            }
        }
        slots.retain(|_, own| {
            own.retain(|s| !s.is_over());
            !own.is_empty()
        });
        settled.sort_by_key(|s| (s.strategy, s.symbol));
        (self.before, self.closed) = (self.closed, Some(now));
    }

    /// A corporate action, after the market has taken it in.
    pub(super) fn action(&mut self, symbol: Symbol, action: CorporateAction) {
        if let CorporateAction::SymbolChange { to } = action {
            return self.rename(symbol, to);
        }
        for s in self.slots.values_mut().flatten() {
            if matches!(action, CorporateAction::Delisting { .. }) {
                // Orders on it are cancelled.
                s.waiting.retain(|w| Bet::symbols(w.bet.as_ref()).all(|l| l != symbol));
            }
            let Some(h) = &mut s.held else { continue };
            for (_, a) in h.bet.legs.iter().zip(&mut h.anchors).filter(|(l, _)| l.symbol == symbol) {
                match action {
                    CorporateAction::Split { numerator, denominator } if numerator > 0 && denominator > 0 => {
                        a.units *= f64::from(numerator) / f64::from(denominator);
                    }
                    CorporateAction::Dividend { amount } => a.cash += a.units * amount.to_f64(),
                    CorporateAction::Delisting { price } => a.paid = Some(price.map_or(0.0, |p| p.to_f64())),
                    _ => {}
                }
            }
        }
    }

    fn rename(&mut self, from: Symbol, to: Symbol) {
        self.slots.values_mut().flatten().for_each(|s| s.rename(from, to));
        for p in self.pieces.iter_mut().chain(&mut self.settled).filter(|p| p.symbol == from) {
            p.symbol = to;
        }
        let Some(mut moved) = self.slots.remove(from) else { return };
        // A bet under the new name was on another company, whose prices nobody knows any more: it is lost.
        for old in self.slots.remove(to).into_iter().flatten() {
            match moved.binary_search_by_key(&old.strategy, |s| s.strategy) {
                Ok(_) => self.lost += 1,
                Err(at) => moved.insert(at, old),
            }
        }
        self.slots.insert(to, moved);
    }
}
