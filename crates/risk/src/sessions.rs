//! Returns from session to session, per symbol and joined by session.

use serde::{Deserialize, Serialize};
use tradewind_core_types::{CorporateAction, Event, Interest, Kinds, MarketData, Symbol, SymbolMap};
use tradewind_numerics::Window;

/// The return of one symbol from one session's last bar to the next one's: total return, with dividends and splits.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct CloseTrack {
    /// Last close of an earlier session, in today's shares.
    previous: Option<f64>,
    /// Last close of this session.
    today: Option<f64>,
    /// Dividends a share since the earlier session.
    dividends: f64,
}

impl CloseTrack {
    /// A bar of this session.
    pub fn close(&mut self, close: f64) {
        self.today = Some(close);
    }
    /// A corporate action of this symbol.
    pub fn action(&mut self, action: &CorporateAction) {
        match action {
            CorporateAction::Split { numerator, denominator } if *numerator > 0 && *denominator > 0 => {
                let factor = f64::from(*denominator) / f64::from(*numerator);
                self.previous = self.previous.map(|p| p * factor);
                self.today = self.today.map(|p| p * factor);
                self.dividends *= factor;
            }
            CorporateAction::Dividend { amount } => self.dividends += amount.to_f64(),
            _ => {}
        }
    }
    /// Ends the session: the return, when there was a bar in this session and in an earlier one. A gap of several sessions gives
    /// one return, at its end, as a holder's account shows it.
    pub fn end(&mut self) -> Option<f64> {
        let today = self.today.take()?;
        let dividends = std::mem::take(&mut self.dividends);
        let r = self.previous.map(|p| (today + dividends) / p - 1.0);
        self.previous = Some(today);
        r.filter(|r| r.is_finite())
    }
}

/// One symbol's returns over the sessions kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Column {
    track: CloseTrack,
    /// One slot per session since the symbol was first seen; not a number where it had no return.
    returns: Window,
    /// How many of them are returns.
    known: usize,
}

/// The last sessions' returns of every symbol seen, aligned by session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SessionReturns {
    window: usize,
    columns: SymbolMap<Column>,
}

impl SessionReturns {
    /// Keeps the last `window` sessions.
    pub fn new(window: usize) -> Self {
        Self { window, columns: SymbolMap::default() }
    }
    /// What it has to see: the bars and corporate actions of every symbol, and session closes.
    pub fn listens() -> Interest {
        Interest::of(Kinds::BAR | Kinds::SESSION_CLOSE)
    }
    /// Sees an event; true at the end of a session, when the returns have moved on.
    #[inline]
    pub fn on_event(&mut self, event: &Event) -> bool {
        match (&event.data, event.symbol) {
            (MarketData::Bar(bar), Some(symbol)) => {
                let window = self.window;
                let new = || Column { track: CloseTrack::default(), returns: Window::new(window), known: 0 };
                self.columns.get_or_insert_with(symbol, new).track.close(bar.close.to_f64());
            }
            (MarketData::CorporateAction(CorporateAction::SymbolChange { to }), Some(symbol)) => {
                self.columns.rename(symbol, *to);
            }
            (MarketData::CorporateAction(action), Some(symbol)) => {
                if let Some(c) = self.columns.get_mut(symbol) {
                    c.track.action(action);
                }
            }
            (MarketData::SessionClose, _) => {
                for c in self.columns.values_mut() {
                    let r = c.track.end();
                    let gone = c.returns.push(r.unwrap_or(f64::NAN)).filter(|r| !r.is_nan());
                    c.known = c.known + usize::from(r.is_some()) - usize::from(gone.is_some());
                }
                return true;
            }
            _ => {}
        }
        false
    }
    /// Every symbol seen, in the order of their text, with its returns: one slot per session kept since it was first seen, which is not a
    /// number where it had no return.
    pub fn columns(&self) -> impl Iterator<Item = (Symbol, &Window)> {
        self.columns.entries().iter().map(|(s, c)| (*s, &c.returns))
    }
    /// How many returns of a symbol are kept.
    pub fn count(&self, symbol: Symbol) -> usize {
        self.columns.get(symbol).map_or(0, |c| c.known)
    }
    /// How many sessions are kept since a symbol was first seen.
    pub fn depth(&self, symbol: Symbol) -> usize {
        self.columns.get(symbol).map_or(0, |c| c.returns.len())
    }
    /// The return of the session that ended last.
    pub fn last(&self, symbol: Symbol) -> Option<f64> {
        self.columns.get(symbol)?.returns.last().filter(|r| !r.is_nan())
    }
    /// How many sessions have ended since the last one in which the symbol had a return; `None` when it never had one.
    pub fn gap(&self, symbol: Symbol) -> Option<usize> {
        self.columns.get(symbol)?.returns.iter().rev().position(|r| !r.is_nan())
    }
    /// The sums of weights times returns of one portfolio: as [`SessionReturns::joint`] for it alone, in one pass over the memory and
    /// without allocating once `rows` has room.
    pub fn sum(&self, weights: &[(Symbol, f64)], rows: &mut Vec<f64>) -> usize {
        self.sum_all(weights, rows);
        rows.retain(|x| !x.is_nan());
        rows.len()
    }
    /// As [`SessionReturns::sum`], but with the sessions in which a symbol has no return, marked by what no sum of returns is.
    pub fn sum_all(&self, weights: &[(Symbol, f64)], rows: &mut Vec<f64>) {
        rows.clear();
        let columns = || weights.iter().filter_map(|(s, _)| self.columns.get(*s).map(|c| c.returns.len()));
        let Some(depth) = columns().min() else { return };
        rows.reserve(self.window);
        rows.resize(depth, 0.0);
        for (symbol, weight) in weights {
            self.add(*symbol, *weight, rows);
        }
    }
    /// Adds a weight in one more symbol to such sums, at most as many as there are sessions of it.
    pub fn add(&self, symbol: Symbol, weight: f64, rows: &mut [f64]) {
        let Some(returns) = self.columns.get(symbol).map(|c| &c.returns) else { return };
        // Windows end with the same session and may begin later than others.
        let (a, b) = returns.as_slices();
        let skip = returns.len().saturating_sub(rows.len());
        let kept = [a.get(skip..).unwrap_or(&[]), b.get(skip.saturating_sub(a.len())..).unwrap_or(&[])];
        let mut rest = rows;
        for slice in kept {
            let n = slice.len().min(rest.len());
            let (now, after) = rest.split_at_mut(n);
            now.iter_mut().zip(slice).for_each(|(sum, r)| *sum += weight * r);
            rest = after;
        }
    }
    /// The sums of weights times returns, one row for each portfolio, over the sessions in which every symbol of every portfolio
    /// has a return, oldest first: `rows` is replaced by them, one after the other. Gives the number of sessions. A symbol never
    /// seen counts for nothing: see [`SessionReturns::count`] first.
    pub fn joint<'a>(
        &self,
        portfolios: impl Iterator<Item = &'a [(Symbol, f64)]> + Clone,
        rows: &mut Vec<f64>,
    ) -> usize {
        rows.clear();
        type Weighted<'w> = (&'w Window, f64);
        let columns: Vec<Vec<Weighted<'_>>> = portfolios
            .map(|p| p.iter().filter_map(|(s, w)| self.columns.get(*s).map(|c| (&c.returns, *w))).collect())
            .collect();
        // Windows end with the same session and may begin later than others: count from the newest.
        let depth = columns.iter().flatten().map(|(w, _)| w.len()).min().unwrap_or(0);
        let at = |w: &Window, i: usize| {
            let (a, b) = w.as_slices();
            let k = w.len() - depth + i;
            a.get(k).or_else(|| b.get(k - a.len())).copied().unwrap_or(f64::NAN)
        };
        let whole: Vec<usize> =
            (0..depth).filter(|i| columns.iter().flatten().all(|(w, _)| !at(w, *i).is_nan())).collect();
        for p in &columns {
            rows.extend(whole.iter().map(|i| p.iter().map(|(w, k)| k * at(w, *i)).sum::<f64>()));
        }
        whole.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tradewind_core_types::{Bar, Origin, Time};

    fn event(symbol: Option<&str>, data: MarketData) -> Event {
        Event { time: Time::MIN, symbol: symbol.map(|s| Symbol::new(s).unwrap()), origin: Origin::default(), data }
    }
    fn session(r: &mut SessionReturns, closes: &[(&str, &str)]) {
        for (s, c) in closes {
            r.on_event(&event(Some(s), MarketData::Bar(Bar::close_only(c.parse().unwrap()))));
        }
        assert!(r.on_event(&event(None, MarketData::SessionClose)));
    }

    #[test]
    fn joins_by_session_and_respects_actions() {
        let mut r = SessionReturns::new(4);
        session(&mut r, &[("B", "10")]);
        session(&mut r, &[("A", "100"), ("B", "11")]);
        r.on_event(&event(
            Some("A"),
            MarketData::CorporateAction(CorporateAction::Split { numerator: 2, denominator: 1 }),
        ));
        r.on_event(&event(
            Some("A"),
            MarketData::CorporateAction(CorporateAction::Dividend { amount: "1".parse().unwrap() }),
        ));
        session(&mut r, &[("A", "54"), ("B", "22")]);
        session(&mut r, &[("A", "54")]);
        session(&mut r, &[("A", "27"), ("B", "11")]);
        let (a, b) = (Symbol::new("A").unwrap(), Symbol::new("B").unwrap());
        for s in [a, b] {
            assert_eq!(r.count(s), r.columns.get(s).unwrap().returns.iter().filter(|x| !x.is_nan()).count());
        }
        assert_eq!((r.count(a), r.count(b)), (3, 3));
        let (x, y) = ([(a, 1.0)], [(a, 1.0), (b, 2.0)]);
        let mut rows = Vec::new();
        // A: (54 + 1) / 50 - 1 = 0.1, then 0, then -0.5; B: 1.0, none, -0.5.
        assert_eq!(r.joint([x.as_slice(), y.as_slice()].into_iter(), &mut rows), 2);
        let want = [0.1, -0.5, 2.1, -1.5];
        assert!(rows.iter().zip(want).all(|(x, w)| (x - w).abs() < 1e-15), "{rows:?}");
        for p in [x.as_slice(), y.as_slice()] {
            let mut one = Vec::new();
            assert_eq!(r.sum(p, &mut one), r.joint(std::iter::once(p), &mut rows));
            assert_eq!(one, rows);
        }
        assert_eq!((r.sum(&[], &mut rows), r.gap(a), r.gap(Symbol::new("ZZ").unwrap())), (0, Some(0), None));
        let to = Symbol::new("Z").unwrap();
        r.on_event(&event(Some("A"), MarketData::CorporateAction(CorporateAction::SymbolChange { to })));
        assert_eq!((r.count(a), r.count(to), r.last(to)), (0, 3, Some(-0.5)));
    }
}
