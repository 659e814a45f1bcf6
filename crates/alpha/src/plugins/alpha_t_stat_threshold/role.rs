//! The filter: what a strategy's signals earned, folded into windows and judged.

use serde::{Deserialize, Serialize};
use tradewind_core_types::{
    Adjust, Adjustment, BadInput, CorporateAction, Event, Filter, Follow, Interest, Invalid, Kinds, MarketData,
    Metrics, Params, Plugin, Settled, Signal, StrategyId, Symbol, View,
};
use tradewind_numerics::hac::RankProducts;

use super::{Judged, Pool, Record, Scratch, TStatParams, adjusted_t};

/// The record of a strategy's signals on one symbol.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Live {
    strategy: StrategyId,
    symbol: Symbol,
    record: Record,
    judged: Judged,
    adjusted: Option<f64>,
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
    /// Whose signals it filters, in order.
    serves: Vec<StrategyId>,
    /// How often nothing could be said of a bet because a leg had not traded.
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
            serves: Vec::new(),
            lost: 0,
        })
    }
    fn live(&mut self, strategy: StrategyId, symbol: Symbol) -> usize {
        self.live.binary_search_by_key(&(strategy, symbol), |l| (l.strategy, l.symbol)).unwrap_or_else(|at| {
            let record = Record::new(&self.params);
            self.live.insert(at, Live { strategy, symbol, record, judged: Judged::default(), adjusted: None });
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
    /// The session is over: what has settled is known.
    fn close(&mut self, settled: &[Settled]) {
        for own in settled.chunk_by(|a, b| a.strategy == b.strategy) {
            if let Some(s) = own.first().map(|s| s.strategy)
                && self.serves.binary_search(&s).is_ok()
            {
                self.gather(s, own);
            }
        }
        self.judge();
    }
    fn gather(&mut self, strategy: StrategyId, settled: &[Settled]) {
        self.scores.clear();
        self.returns.clear();
        let (mut n, mut score, mut ret, mut earned) = (0.0, 0.0, 0.0, 0.0);
        for own in settled.chunk_by(|a, b| a.symbol == b.symbol) {
            // Of a bet that was replaced within the session the first score counts, and what all earned.
            let held = own.iter().filter(|s| s.ret.is_some());
            let Some(first) = held.clone().next() else { continue };
            let (s, symbol) = (first.score, first.symbol);
            let (r, e) = held.fold((0.0, 0.0), |(r, e), s| (r + s.ret.unwrap_or(0.0), e + s.gross()));
            self.scores.push(s);
            self.returns.push(r);
            // Standing aside earns nothing and proves nothing.
            if s != 0.0 || e != 0.0 {
                let at = self.live(strategy, symbol);
                self.live[at].record.push(s, r, e);
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
            (MarketData::SessionClose, _) => {
                self.close(view.records.settled(self.params.delay));
                self.lost = view.records.lost(self.params.delay);
            }
            (MarketData::CorporateAction(CorporateAction::SymbolChange { to }), Some(symbol)) => {
                self.rename(symbol, *to);
            }
            _ => {}
        }
        Ok(())
    }
    fn version(&self) -> u32 {
        2
    }
    fn follows(&self) -> Follow {
        Follow::Bets(self.params.delay)
    }
    fn serve(&mut self, strategy: StrategyId) {
        if let Err(at) = self.serves.binary_search(&strategy) {
            self.serves.insert(at, strategy);
        }
    }
    fn metrics(&self, out: &mut Metrics) {
        let best = self.pooled.iter().filter_map(|p| p.adjusted).reduce(f64::max);
        out.extend(best.map(|t| ("best_adjusted_t", t)));
        out.push(("records_judged", self.pooled.iter().filter(|p| p.judged.t.is_some()).count() as f64));
        out.push(("observations_lost", self.lost as f64));
    }
}

impl Filter for TStatFilter {
    fn filter(&mut self, strategy: StrategyId, signal: &Signal, _: &View<'_>) -> Adjustment {
        let key = (strategy, signal.symbol());
        let own = self.live.binary_search_by_key(&key, |l| (l.strategy, l.symbol)).ok().map(|i| &self.live[i]);
        let pooled = self.pooled.binary_search_by_key(&strategy, |p| p.strategy).ok().map(|i| &self.pooled[i]);
        let use_own = match self.params.pool {
            Pool::Strategy => false,
            Pool::Symbol => true,
            Pool::SymbolOrStrategy => own.is_some_and(|l| l.record.n() >= self.params.minimum),
        };
        let nothing = |whose| self.verdict(whose, 0, 0.0, &Judged::default(), None);
        match (own, pooled) {
            (own, _) if use_own => {
                let whose = format!("{strategy} on {}", signal.symbol());
                match own {
                    Some(l) => self.verdict(whose, l.record.n(), l.record.mean(), &l.judged, l.adjusted),
                    None => nothing(whose),
                }
            }
            (_, Some(p)) => self.verdict(strategy.to_string(), p.record.n(), p.record.mean(), &p.judged, p.adjusted),
            _ => nothing(strategy.to_string()),
        }
    }
}
