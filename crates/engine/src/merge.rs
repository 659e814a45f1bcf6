//! Many sources, one stream in order of time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;

use tradewind_core_types::{Event, Time};

use crate::error::EngineError;

/// A stream of events in order of (time, rank).
pub trait Source: Send {
    /// The next event, `None` at the end.
    ///
    /// # Errors
    /// A message that says what, where and what to do.
    fn next(&mut self) -> Result<Option<Event>, String>;
}

impl<I, E> Source for I
where
    I: Iterator<Item = Result<Event, E>> + Send,
    E: std::fmt::Display,
{
    #[inline]
    fn next(&mut self) -> Result<Option<Event>, String> {
        Iterator::next(self).transpose().map_err(|e| e.to_string())
    }
}

/// Events in memory, as a source.
#[derive(Debug, Clone)]
pub struct VecSource(std::vec::IntoIter<Event>);

impl VecSource {
    /// From events in order.
    pub fn new(events: Vec<Event>) -> Self {
        Self(events.into_iter())
    }
}

impl Iterator for VecSource {
    type Item = Result<Event, EngineError>;
    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(Ok)
    }
}

/// The k-way merge. Ties are broken by time, then by [`tradewind_core_types::MarketData::rank`] (corporate actions first, data, session
/// close last), then by the number of the source, then by the order within the source: nothing is left to chance.
pub struct Merge {
    sources: Vec<Box<dyn Source>>,
    heads: Vec<Option<Event>>,
    heap: BinaryHeap<Reverse<(Time, u8, usize)>>,
}

impl Merge {
    /// Merges sources; each must itself be in order.
    ///
    /// # Errors
    /// When the first event of a source cannot be read.
    pub fn new(mut sources: Vec<Box<dyn Source>>) -> Result<Self, EngineError> {
        let mut heads = Vec::with_capacity(sources.len());
        let mut heap = BinaryHeap::with_capacity(sources.len());
        for (i, s) in sources.iter_mut().enumerate() {
            let head = s.next().map_err(|problem| EngineError::Source { source_index: i, problem })?;
            if let Some(e) = &head {
                heap.push(Reverse((e.time, e.data.rank(), i)));
            }
            heads.push(head);
        }
        Ok(Self { sources, heads, heap })
    }

    /// The next event in order.
    ///
    /// # Errors
    /// When a source fails or goes back in time.
    #[inline]
    #[expect(clippy::should_implement_trait, reason = "it can fail, and whoever reads it must stop then")]
    pub fn next(&mut self) -> Result<Option<Event>, EngineError> {
        let Some(mut top) = self.heap.peek_mut() else { return Ok(None) };
        let Reverse((time, rank, i)) = *top;
        let following = self.sources[i].next().map_err(|problem| EngineError::Source { source_index: i, problem })?;
        match &following {
            Some(e) => {
                let key = (e.time, e.data.rank(), i);
                if key < (time, rank, i) {
                    return Err(EngineError::Backwards { time: e.time, clock: time, origin: e.origin });
                }
                // A key that did not change leaves the heap as it is.
                if key != (time, rank, i) {
                    *top = Reverse(key);
                }
            }
            None => {
                PeekMut::pop(top);
            }
        }
        Ok(std::mem::replace(&mut self.heads[i], following))
    }

    /// Skips the first `n` events, to go on where an earlier run stopped.
    ///
    /// # Errors
    /// When a source fails, or has fewer events than that.
    pub fn skip(&mut self, n: u64) -> Result<(), EngineError> {
        for done in 0..n {
            if self.next()?.is_none() {
                let problem = format!("only {done} events, but the saved state had seen {n}: the data have changed");
                return Err(EngineError::Source { source_index: 0, problem });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tradewind_core_types::{Bar, MarketData, Origin, Symbol};

    fn bar(nanos: i64, source: u16) -> Event {
        Event {
            time: Time::from_nanos(nanos),
            symbol: Symbol::new("A").ok(),
            origin: Origin { source, row: 1 },
            data: MarketData::Bar(Bar::close_only("1".parse().unwrap())),
        }
    }
    fn other(nanos: i64, source: u16, data: MarketData) -> Event {
        Event { symbol: None, data, ..bar(nanos, source) }
    }

    #[test]
    fn ties_are_broken_by_rank_then_source() {
        let a = vec![bar(1, 0), other(2, 0, MarketData::SessionClose), other(3, 0, MarketData::SessionOpen)];
        let b = vec![bar(1, 1), bar(2, 1), bar(3, 1)];
        let mut m = Merge::new(vec![Box::new(VecSource::new(a)), Box::new(VecSource::new(b))]).unwrap();
        let mut got = vec![];
        while let Some(e) = m.next().unwrap() {
            got.push((e.time.nanos(), e.data.rank(), e.origin.source));
        }
        assert_eq!(got, [(1, 5, 0), (1, 5, 1), (2, 5, 1), (2, 13, 0), (3, 1, 0), (3, 5, 1)]);
    }

    #[test]
    fn a_source_that_goes_back_is_refused() {
        let mut m = Merge::new(vec![Box::new(VecSource::new(vec![bar(2, 0), bar(1, 0)]))]).unwrap();
        assert!(matches!(m.next(), Err(EngineError::Backwards { .. })));
        let mut m = Merge::new(vec![Box::new(VecSource::new(vec![bar(1, 0)]))]).unwrap();
        assert!(m.skip(2).is_err());
    }
}
