//! Pairs in a run: sessions aligned, corporate actions followed, the universe scanned, one signal with two legs per pair.

use serde::{Deserialize, Serialize};
use tradewind_core_types::{
    Alpha, BadInput, CorporateAction, Event, Interest, Invalid, Kinds, MarketData, Metrics, Params, Plugin, Signal,
    Signals, Span, Symbol, Time, View,
};
use tradewind_numerics::{Window, math};

use super::estimate::{Rule, estimate};
use super::scan::scan_with;
use super::trade::{Action, Machine, Step};
use super::{CointPairsParams, Neutral};

/// One symbol: a log price that a holder's account shows, one value per session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Track {
    symbol: Symbol,
    /// Delisted, or gone on under a symbol that is followed already.
    gone: bool,
    /// Close of the last session with one, in today's shares.
    last: Option<f64>,
    /// Last price of this session.
    today: Option<f64>,
    /// Dividends a share since that close.
    dividends: f64,
    /// Log of the first close plus all log returns since: an action never rewrites what was seen.
    level: f64,
    levels: Window<Option<f64>>,
}

impl Track {
    fn action(&mut self, action: &CorporateAction) {
        match action {
            CorporateAction::Split { numerator, denominator } if *numerator > 0 && *denominator > 0 => {
                let factor = f64::from(*denominator) / f64::from(*numerator);
                self.last = self.last.map(|p| p * factor);
                self.today = self.today.map(|p| p * factor);
                self.dividends *= factor;
            }
            CorporateAction::Dividend { amount } => self.dividends += amount.to_f64(),
            _ => {}
        }
    }
    fn close(&mut self) {
        let today = self.today.take();
        if let Some(p) = today {
            let dividends = std::mem::take(&mut self.dividends);
            match self.last.replace(p) {
                None => self.level = math::ln(p),
                Some(before) => self.level += math::ln(((p + dividends) / before).max(f64::MIN_POSITIVE)),
            }
        }
        self.levels.push(today.map(|_| self.level));
    }
    /// The level of the session that has just closed, when there was a price.
    fn now(&self) -> Option<f64> {
        self.levels.last().flatten()
    }
}

/// Levels of both at the sessions at which both have one.
fn common(a: &Track, b: &Track) -> (Vec<f64>, Vec<f64>) {
    a.levels.iter().zip(b.levels.iter()).filter_map(|(x, y)| Some((x?, y?))).unzip()
}

/// Least-squares beta of a symbol's returns to the market's over the sessions kept.
fn beta(of: &Track, market: &Track) -> Option<f64> {
    let mut before: Option<(f64, f64)> = None;
    let mut returns: Vec<(f64, f64)> = Vec::new();
    for (x, m) in of.levels.iter().zip(market.levels.iter()) {
        let now = x.zip(m);
        if let (Some((x, m)), Some((x0, m0))) = (now, before) {
            returns.push((x - x0, m - m0));
        }
        before = now.or(before);
    }
    let n = returns.len() as f64;
    let (mx, mm) = returns.iter().fold((0.0, 0.0), |(p, q), (x, m)| (p + x / n, q + m / n));
    let (xy, yy) = returns.iter().fold((0.0, 0.0), |(p, q), (x, m)| (p + (x - mx) * (m - mm), q + (m - mm).powi(2)));
    let b = xy / yy;
    (b.is_finite() && n >= 10.0).then_some(b)
}

/// A pair that is followed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Pair {
    /// Numbers of the tracks.
    legs: [usize; 2],
    listed: bool,
    machine: Machine,
    /// Ratio of the second leg of the trade.
    ratio: f64,
    /// Sessions since both legs had a price.
    gap: usize,
    /// When its last signal was given.
    given: Option<Time>,
    z: Option<f64>,
}

impl Pair {
    fn new(legs: [usize; 2], listed: bool) -> Self {
        Self { legs, listed, machine: Machine::default(), ratio: -1.0, gap: 0, given: None, z: None }
    }
}

/// Trades listed pairs and the best pairs of a universe. Built from [`CointPairsParams`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CointPairsAlpha {
    params: CointPairsParams,
    rule: Rule,
    hold: Span,
    tracks: Vec<Track>,
    /// Numbers of the tracks by the symbols' text.
    order: Vec<(Symbol, usize)>,
    universe: Vec<usize>,
    market: Option<usize>,
    pairs: Vec<Pair>,
    /// Sessions since the last scan.
    scanned: Option<usize>,
    /// Pairs tested and discovered by it.
    found: Option<(usize, usize)>,
}

impl CointPairsAlpha {
    /// Built from parameters.
    ///
    /// # Errors
    /// All violations at once.
    pub fn new(p: &CointPairsParams) -> Result<Self, Invalid> {
        let rule = p.build()?.rule().clone();
        let hold = Span::from_nanos((p.hold_days * Span::DAY.nanos() as f64) as i64);
        let mut all = Self {
            rule,
            hold,
            tracks: Vec::new(),
            order: Vec::new(),
            universe: Vec::new(),
            market: None,
            pairs: Vec::new(),
            scanned: None,
            found: None,
            params: p.clone(),
        };
        for [a, b] in &p.pairs {
            let legs = [all.track(a)?, all.track(b)?];
            all.pairs.push(Pair::new(legs, true));
        }
        for s in &p.universe {
            let at = all.track(s)?;
            all.universe.push(at);
        }
        if p.neutral == Neutral::Beta {
            all.market = Some(all.track(&p.market)?);
        }
        Ok(all)
    }
    fn track(&mut self, name: &str) -> Result<usize, Invalid> {
        let symbol = Symbol::new(name).map_err(|e| Invalid::one("pairs", e.to_string()))?;
        Ok(match self.order.binary_search_by_key(&symbol, |o| o.0) {
            Ok(i) => self.order[i].1,
            Err(i) => {
                let n = self.tracks.len();
                let levels = Window::new(self.rule.formation);
                let (gone, last, today, dividends, level) = (false, None, None, 0.0, 0.0);
                self.tracks.push(Track { symbol, gone, last, today, dividends, level, levels });
                self.order.insert(i, (symbol, n));
                n
            }
        })
    }
    fn find(&self, symbol: Symbol) -> Option<usize> {
        self.order.binary_search_by_key(&symbol, |o| o.0).ok().map(|i| self.order[i].1)
    }
    fn action(&mut self, symbol: Symbol, action: &CorporateAction) {
        let Ok(at) = self.order.binary_search_by_key(&symbol, |o| o.0) else { return };
        let n = self.order[at].1;
        match action {
            CorporateAction::Delisting { .. } => self.lose(at),
            CorporateAction::SymbolChange { to } => match self.order.binary_search_by_key(to, |o| o.0) {
                // The symbol is followed already: two prices of one name cannot both be continued.
                Ok(_) => self.lose(at),
                Err(_) => {
                    self.order.remove(at);
                    let to_at = self.order.partition_point(|o| o.0 < *to);
                    self.order.insert(to_at, (*to, n));
                    self.tracks[n].symbol = *to;
                }
            },
            other => self.tracks[n].action(other),
        }
    }
    /// A symbol ends: its pairs end with it. The engine has taken their signals back.
    fn lose(&mut self, at: usize) {
        let (_, n) = self.order.remove(at);
        self.tracks[n].gone = true;
        self.pairs.retain(|p| !p.legs.contains(&n));
        self.universe.retain(|u| *u != n);
    }
    /// The ratio of the second leg for an entry, unless it makes no sense.
    fn ratio(&self, pair: &Pair, step: &Step) -> Option<f64> {
        let [a, b] = pair.legs.map(|l| &self.tracks[l]);
        let r = match self.params.neutral {
            Neutral::Spread => -step.hedge_ratio?,
            Neutral::Dollar => -1.0,
            Neutral::Beta => {
                let m = &self.tracks[self.market?];
                -beta(a, m)? / beta(b, m)?
            }
        };
        let (low, high) = (1.0 / self.rule.max_hedge, self.rule.max_hedge);
        (self.params.neutral == Neutral::Dollar || (-r >= low && -r <= high)).then_some(r)
    }
    /// One pair at the end of a session; gives its signal.
    fn step(&self, pair: &mut Pair, now: Time) -> Option<Result<Signal, BadInput>> {
        let [a, b] = pair.legs.map(|l| &self.tracks[l]);
        let Some((la, lb)) = a.now().zip(b.now()) else {
            pair.gap += 1;
            if pair.gap < self.params.max_gap {
                return None;
            }
            let open = pair.machine.cut()?;
            pair.given = Some(now);
            let missing = if a.now().is_none() { a.symbol } else { b.symbol };
            let reason = format!("{}-{}: no price of {missing} for {} sessions: out", a.symbol, b.symbol, pair.gap);
            return Some(Signal::new(now, a.symbol, 0.0, open.confidence, reason).map(|s| {
                let s = s.and(b.symbol, pair.ratio).with("gap", pair.gap as f64).with("held", open.held as f64);
                Signal { expires: Some(now.plus(self.hold)), ..s }
            }));
        };
        pair.gap = 0;
        // A signal that has lapsed was closed by the engine: the trade is over.
        let lapsed = pair.given.is_some_and(|t| now.since(t) > self.hold) && pair.machine.cut().is_some();
        let mut step = pair.machine.step(&self.rule, la, lb, || {
            let (x, y) = common(a, b);
            estimate(&self.rule, &x, &y)
        });
        if lapsed && step.position == 0 {
            step.action = Action::Gap;
        }
        let mut refused = "";
        if step.action == Action::Enter {
            match self.ratio(pair, &step) {
                Some(r) => pair.ratio = r,
                None => {
                    pair.machine.cut();
                    (step.action, step.position, step.confidence) = (Action::Refused, 0, 0.0);
                    refused = " (no sensible beta ratio)";
                }
            }
        }
        pair.z = step.z;
        pair.given = Some(now);
        Some(self.signal(pair, now, &step, refused))
    }
    fn signal(&self, pair: &Pair, now: Time, step: &Step, refused: &str) -> Result<Signal, BadInput> {
        let [a, b] = pair.legs.map(|l| self.tracks[l].symbol);
        let e = &step.estimate;
        let what = match (step.action, step.position) {
            (Action::Refused, _) => e.status.words(),
            (Action::Enter, 1) => "spread low: long it",
            (Action::Enter, _) => "spread high: short it",
            (other, _) => other.words(),
        };
        let mut s =
            Signal::new(now, a, f64::from(step.position), step.confidence, format!("{a}-{b}: {what}{refused}"))?;
        s = s.and(b, pair.ratio);
        s.expires = Some(now.plus(self.hold));
        let age = pair.machine.open().map(|o| o.held as f64);
        let numbers = [
            ("z", step.z),
            ("p", e.p_value),
            ("statistic", e.statistic),
            ("hedge_ratio", step.hedge_ratio),
            ("half_life", e.half_life),
            ("half_life_error", e.half_life_error),
            ("spread", step.spread),
            ("mean", e.hedge_ratio.map(|_| e.mean)),
            ("deviation", e.hedge_ratio.map(|_| e.deviation)),
            ("held", age),
        ];
        Ok(numbers.into_iter().filter_map(|(n, x)| Some((n, x?))).fold(s, |s, (n, x)| s.with(n, x)))
    }
    /// Scans the universe and takes up its best pairs; those with an open trade keep their place.
    fn scan(&mut self, now: Time, out: &mut Signals) -> Result<(), BadInput> {
        self.scanned = Some(0);
        self.pairs.retain(|p| p.listed || p.machine.open().is_some());
        let missing = |t: &Track| t.levels.iter().filter(Option::is_none).count();
        let usable: Vec<usize> =
            self.universe.iter().copied().filter(|u| missing(&self.tracks[*u]) <= self.rule.max_missing).collect();
        // Sessions at which all of them have a price.
        let all: Vec<Vec<Option<f64>>> = usable.iter().map(|u| self.tracks[*u].levels.iter().collect()).collect();
        let sessions: Vec<usize> = (0..self.rule.formation).filter(|t| all.iter().all(|s| s[*t].is_some())).collect();
        let series: Vec<Vec<f64>> = all.iter().map(|s| sessions.iter().filter_map(|t| s[*t]).collect()).collect();
        let found = scan_with(&self.rule, &self.params, &series);
        self.found = Some((found.tested, found.discoveries));
        let taken: Vec<usize> =
            self.pairs.iter().flat_map(|p| p.legs).filter_map(|l| usable.iter().position(|u| *u == l)).collect();
        let held = self.pairs.iter().filter(|p| !p.listed).count();
        for f in found.best(self.params.top.saturating_sub(held), &taken) {
            let mut pair = Pair::new([usable[f.a], usable[f.b]], false);
            if let Some(s) = self.step(&mut pair, now) {
                out.push(s?);
            }
            self.pairs.push(pair);
        }
        Ok(())
    }
    fn close(&mut self, now: Time, out: &mut Signals) -> Result<(), BadInput> {
        self.tracks.iter_mut().filter(|t| !t.gone).for_each(Track::close);
        if !self.tracks.iter().filter(|t| !t.gone).all(|t| t.levels.is_full()) {
            return Ok(());
        }
        // The pairs leave `self` for a moment, so that each may look at the tracks.
        let mut pairs = std::mem::take(&mut self.pairs);
        let result = pairs.iter_mut().try_for_each(|pair| {
            if let Some(s) = self.step(pair, now) {
                out.push(s?);
            }
            Ok(())
        });
        self.pairs = pairs;
        result?;
        self.scanned = self.scanned.map(|n| n + 1);
        if !self.universe.is_empty() && self.scanned.is_none_or(|n| n >= self.rule.trading) {
            self.scan(now, out)?;
        }
        Ok(())
    }
}

impl Plugin for CointPairsAlpha {
    fn id(&self) -> &'static str {
        CointPairsParams::ID
    }
    fn listens(&self) -> Interest {
        Interest::of(Kinds::BAR | Kinds::INDEX | Kinds::SESSION_CLOSE).only(self.order.iter().map(|o| o.0))
    }
    fn metrics(&self, out: &mut Metrics) {
        let first = self.pairs.first();
        let values = [
            ("pair_z", first.and_then(|p| p.z)),
            ("pair_p", first.and_then(|p| p.machine.last().p_value)),
            ("pairs_open", Some(self.pairs.iter().filter(|p| p.machine.open().is_some()).count() as f64)),
            ("pairs_tested", self.found.map(|f| f.0 as f64)),
            ("pairs_discovered", self.found.map(|f| f.1 as f64)),
        ];
        out.extend(values.into_iter().filter_map(|(name, x)| Some((name, x?))));
    }
}

impl Alpha for CointPairsAlpha {
    fn on_event(&mut self, event: &Event, _: &View<'_>, out: &mut Signals) -> Result<(), BadInput> {
        match (&event.data, event.symbol) {
            (MarketData::Bar(b) | MarketData::Index(b), Some(symbol)) => {
                if let Some(i) = self.find(symbol) {
                    self.tracks[i].today = Some(BadInput::positive("close", b.close.to_f64())?);
                }
            }
            (MarketData::CorporateAction(action), Some(symbol)) => self.action(symbol, action),
            (MarketData::SessionClose, _) => self.close(event.time, out)?,
            _ => {}
        }
        Ok(())
    }
}
