//! The record of live signals, kept as a filter.

use serde::{Deserialize, Serialize};
use tradewind_core_types::{
    Adjust, Adjustment, BadInput, CorporateAction, Event, Filter, Interest, Invalid, Kinds, MarketData, Metrics,
    Params, Plugin, Signal, StrategyId, Symbol, View,
};
use tradewind_numerics::hac::RankProducts;

use super::{Judged, Pool, Record, Scratch, TStatParams, adjusted_t};

/// One leg of a signal that is being followed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Leg {
    symbol: Symbol,
    ratio: f64,
    /// Price at the entry, in today's shares; none before it.
    entry: Option<f64>,
    /// Dividends a share since.
    cash: f64,
    /// What a delisting has left.
    paid: Option<f64>,
}

impl Leg {
    fn action(&mut self, symbol: Symbol, action: &CorporateAction) {
        if self.symbol != symbol {
            return;
        }
        match action {
            CorporateAction::Split { numerator, denominator } if *numerator > 0 && *denominator > 0 => {
                let factor = f64::from(*denominator) / f64::from(*numerator);
                self.entry = self.entry.map(|p| p * factor);
                self.cash *= factor;
            }
            CorporateAction::Dividend { amount } => self.cash += amount.to_f64(),
            CorporateAction::Delisting { price } => self.paid = Some(price.map_or(0.0, |p| p.to_f64())),
            CorporateAction::SymbolChange { to } => self.symbol = *to,
            _ => {}
        }
    }
    fn price(&self, view: &View<'_>) -> Option<f64> {
        self.paid.or_else(|| view.market.price(self.symbol).map(|p| p.to_f64()))
    }
}

/// A signal that is being followed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Held {
    score: f64,
    legs: Vec<Leg>,
}

impl Held {
    fn of(signal: &Signal) -> Self {
        let leg = |l: &tradewind_core_types::Leg| Leg {
            symbol: l.symbol,
            ratio: l.ratio,
            entry: None,
            cash: 0.0,
            paid: None,
        };
        Self { score: signal.score, legs: signal.legs.iter().map(leg).collect() }
    }
    /// Enters at the prices of now; whether all legs have one.
    fn enter(&mut self, view: &View<'_>) -> bool {
        for l in &mut self.legs {
            (l.entry, l.cash) = (l.price(view), 0.0);
        }
        self.legs.iter().all(|l| l.entry.is_some_and(|p| p > 0.0) && l.ratio.is_finite())
    }
    /// Total return of one unit since the entry.
    fn earned(&self, view: &View<'_>) -> Option<f64> {
        let of = |l: &Leg| Some(l.ratio * ((l.price(view)? + l.cash) / l.entry? - 1.0));
        self.legs.iter().try_fold(0.0, |sum, l| Some(sum + of(l)?)).filter(|r: &f64| r.is_finite())
    }
}

/// A strategy's signal on one symbol.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Live {
    strategy: StrategyId,
    symbol: Symbol,
    /// Given at the last decision, and those before it that wait for their entry.
    latest: Option<Held>,
    waiting: Vec<Option<Held>>,
    active: Option<Held>,
    /// Of this session so far: first score, return, earned.
    session: Option<(f64, f64, f64)>,
    record: Record,
    judged: Judged,
    adjusted: Option<f64>,
}

impl Live {
    fn settle(&mut self, view: &View<'_>) -> bool {
        let Some(held) = self.active.take() else { return true };
        let Some(r) = held.earned(view) else { return false };
        let (first, ret, sum) = self.session.unwrap_or((held.score, 0.0, 0.0));
        self.session = Some((first, ret + r, sum + held.score * r));
        true
    }
    fn begin(&mut self, next: Option<Held>, view: &View<'_>) -> bool {
        self.active = next;
        let ok = self.active.as_mut().is_none_or(|h| h.enter(view));
        if !ok {
            self.active = None;
        }
        ok
    }
    fn action(&mut self, symbol: Symbol, action: &CorporateAction) {
        let held = self.waiting.iter_mut().flatten().chain(&mut self.latest).chain(&mut self.active);
        held.flat_map(|h| &mut h.legs).for_each(|l| l.action(symbol, action));
    }
}

/// All of a strategy's signals together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Pooled {
    strategy: StrategyId,
    record: Record,
    judged: Judged,
    adjusted: Option<f64>,
}

/// Scales signals by what their records prove. Built from [`TStatParams`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TStatFilter {
    params: TStatParams,
    /// By the texts of strategy and symbol.
    live: Vec<Live>,
    pooled: Vec<Pooled>,
    scratch: Scratch,
    ranks: RankProducts,
    scores: Vec<f64>,
    returns: Vec<f64>,
    /// Observations lost because a leg had no price.
    lost: u64,
}

impl TStatFilter {
    /// Built from parameters.
    ///
    /// # Errors
    /// All violations at once.
    pub fn new(p: &TStatParams) -> Result<Self, Invalid> {
        p.build()?;
        Ok(Self {
            params: p.clone(),
            live: Vec::new(),
            pooled: Vec::new(),
            scratch: Scratch::default(),
            ranks: RankProducts::default(),
            scores: Vec::new(),
            returns: Vec::new(),
            lost: 0,
        })
    }
    fn live(&mut self, strategy: StrategyId, symbol: Symbol) -> usize {
        self.live.binary_search_by_key(&(strategy, symbol), |l| (l.strategy, l.symbol)).unwrap_or_else(|at| {
            let live = Live {
                strategy,
                symbol,
                latest: None,
                waiting: vec![None; self.params.delay.saturating_sub(1)],
                active: None,
                session: None,
                record: Record::new(&self.params),
                judged: Judged::default(),
                adjusted: None,
            };
            self.live.insert(at, live);
            at
        })
    }
    fn pool(&mut self, strategy: StrategyId) -> usize {
        self.pooled.binary_search_by_key(&strategy, |p| p.strategy).unwrap_or_else(|at| {
            let record = Record::new(&self.params);
            self.pooled.insert(at, Pooled { strategy, record, judged: Judged::default(), adjusted: None });
            at
        })
    }
    /// The session is over: what was standing through it has earned what it has earned.
    fn close(&mut self, view: &View<'_>) {
        let delay = self.params.delay;
        for l in &mut self.live {
            self.lost += u64::from(!l.settle(view));
            if delay > 0 {
                l.waiting.push(l.latest.take());
                let next = l.waiting.remove(0);
                self.lost += u64::from(!l.begin(next, view));
            }
        }
        // `live` is in the order of the strategies: each run of equals is one pool.
        let mut from = 0;
        while from < self.live.len() {
            let strategy = self.live[from].strategy;
            let to = from + self.live[from..].iter().take_while(|l| l.strategy == strategy).count();
            self.gather(strategy, from, to);
            from = to;
        }
        self.judge();
    }
    fn gather(&mut self, strategy: StrategyId, from: usize, to: usize) {
        self.scores.clear();
        self.returns.clear();
        let (mut n, mut score, mut ret, mut earned) = (0.0, 0.0, 0.0, 0.0);
        for l in &mut self.live[from..to] {
            let Some((s, r, e)) = l.session.take() else { continue };
            self.scores.push(s);
            self.returns.push(r);
            // Standing aside earns nothing and proves nothing.
            if s != 0.0 || e != 0.0 {
                l.record.push(s, r, e);
                (n, score, ret, earned) = (n + 1.0, score + s, ret + r, earned + e);
            }
        }
        if n == 0.0 {
            return;
        }
        let at = self.pool(strategy);
        let pool = &mut self.pooled[at];
        pool.record.push(score / n, ret / n, earned / n);
        if self.scores.len() >= self.params.cross_section
            && let Some(c) = self.ranks.of(&self.scores, &self.returns)
        {
            pool.record.push_across(c.iter().sum::<f64>() / c.len() as f64);
        }
    }
    fn judge(&mut self) {
        let p = &self.params;
        let scratch = &mut self.scratch;
        let mut judged = |r: &Record| if r.n() >= p.minimum { r.judge(p, scratch) } else { Judged::default() };
        // Symbols' records are kept in any case, but judged only where somebody asks for the verdict.
        if p.pool != Pool::Strategy {
            self.live.iter_mut().for_each(|l| l.judged = judged(&l.record));
        }
        self.pooled.iter_mut().for_each(|l| l.judged = judged(&l.record));
        // Symbols' records and pooled ones are two families, each adjusted for its own number.
        let t: Vec<f64> = self.live.iter().filter_map(|l| l.judged.t).collect();
        let mut adjusted = adjusted_t(&t, p.across).into_iter();
        self.live.iter_mut().for_each(|l| l.adjusted = l.judged.t.and_then(|_| adjusted.next()));
        let t: Vec<f64> = self.pooled.iter().filter_map(|l| l.judged.t).collect();
        let mut adjusted = adjusted_t(&t, p.across).into_iter();
        self.pooled.iter_mut().for_each(|l| l.adjusted = l.judged.t.and_then(|_| adjusted.next()));
    }
    fn rename(&mut self, symbol: Symbol, to: Symbol) {
        for l in self.live.iter_mut().filter(|l| l.symbol == symbol) {
            l.symbol = to;
        }
        // A record under the new name, if there was one, gives way to the longer one.
        self.live.sort_by_key(|l| (l.strategy, l.symbol, std::cmp::Reverse(l.record.n())));
        self.live.dedup_by_key(|l| (l.strategy, l.symbol));
    }
    /// The verdict of a record.
    fn verdict(&self, whose: String, n: usize, mean: f64, j: &Judged, adjusted: Option<f64>) -> Adjustment {
        let p = &self.params;
        let scale = p.scale(adjusted);
        let what = match adjusted {
            None if n < p.minimum => format!("unproven: {n} of {} observations", p.minimum),
            None => "unproven: no variation".to_owned(),
            Some(t) if t >= p.upper => format!("proven: adjusted t {t:.2} of {}", p.upper),
            Some(t) if t >= p.lower => format!("in part: adjusted t {t:.2} between {} and {}", p.lower, p.upper),
            Some(t) => format!("not proven: adjusted t {t:.2} below {}", p.lower),
        };
        let adjust = match scale {
            s if s <= 0.0 => Adjust::Veto,
            s if s >= 1.0 => Adjust::Keep,
            s => Adjust::Scale(s),
        };
        let numbers = [
            ("n", Some(n as f64)),
            ("mean", Some(mean)),
            ("t_mean", j.mean.map(|m| m.t)),
            ("ic", j.ic.map(|m| m.mean)),
            ("t_ic", j.ic.map(|m| m.t)),
            ("adjusted_t", adjusted),
            ("quality", Some(p.quality(adjusted, n))),
        ];
        let first = Adjustment::new(adjust, format!("{whose} {what}"));
        numbers.into_iter().filter_map(|(name, x)| Some((name, x?))).fold(first, |a, (name, x)| a.with(name, x))
    }
}

impl Plugin for TStatFilter {
    fn id(&self) -> &'static str {
        TStatParams::ID
    }
    fn listens(&self) -> Interest {
        Interest::of(Kinds::SESSION_CLOSE)
    }
    fn observe(&mut self, event: &Event, view: &View<'_>) -> Result<(), BadInput> {
        match (&event.data, event.symbol) {
            (MarketData::SessionClose, _) => self.close(view),
            (MarketData::CorporateAction(action), Some(symbol)) => {
                self.live.iter_mut().for_each(|l| l.action(symbol, action));
                if let CorporateAction::SymbolChange { to } = action {
                    self.rename(symbol, *to);
                }
            }
            _ => {}
        }
        Ok(())
    }
    fn metrics(&self, out: &mut Metrics) {
        let best = self.pooled.iter().filter_map(|p| p.adjusted).reduce(f64::max);
        out.extend(best.map(|t| ("best_adjusted_t", t)));
        out.push(("records_judged", self.pooled.iter().filter(|p| p.judged.t.is_some()).count() as f64));
        out.push(("observations_lost", self.lost as f64));
    }
}

impl Filter for TStatFilter {
    fn filter(&mut self, strategy: StrategyId, signal: &Signal, view: &View<'_>) -> Adjustment {
        let at = self.live(strategy, signal.symbol());
        let live = &mut self.live[at];
        let mut lost = false;
        if self.params.delay == 0 {
            // What stood until now has earned until now; from here on the new one does.
            lost = !live.settle(view);
            lost |= !live.begin(Some(Held::of(signal)), view);
        } else {
            live.latest = Some(Held::of(signal));
        }
        self.lost += u64::from(lost);
        let own = &self.live[at];
        let pooled = self.pooled.binary_search_by_key(&strategy, |p| p.strategy).ok().map(|i| &self.pooled[i]);
        let use_own = match self.params.pool {
            Pool::Strategy => false,
            Pool::Symbol => true,
            Pool::SymbolOrStrategy => own.record.n() >= self.params.minimum,
        };
        match pooled {
            _ if use_own => {
                let whose = format!("{strategy} on {}", own.symbol);
                self.verdict(whose, own.record.n(), own.record.mean(), &own.judged, own.adjusted)
            }
            Some(p) => self.verdict(strategy.to_string(), p.record.n(), p.record.mean(), &p.judged, p.adjusted),
            None => self.verdict(strategy.to_string(), 0, 0.0, &Judged::default(), None),
        }
    }
}
