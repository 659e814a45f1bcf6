//! Many sources, one stream in order of time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::ops::ControlFlow;

use tradewind_core_types::{Event, Time};

use crate::error::EngineError;

/// A stream of events in order of (time, rank).
pub trait Source: Send {
    /// The next event, `None` at the end.
    ///
    /// # Errors
    /// A message that says what, where and what to do.
    fn next(&mut self) -> Result<Option<Event>, String>;

    /// Adds the next events to `batch`, until it holds `most` or no more follow; so that a merge asks a source once for many events.
    ///
    /// # Errors
    /// As [`Source::next`]; the events before the failure are in `batch`.
    fn fill(&mut self, batch: &mut Vec<Event>, most: usize) -> Result<(), String> {
        while batch.len() < most {
            match self.next()? {
                Some(e) => batch.push(e),
                None => break,
            }
        }
        Ok(())
    }
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

    fn fill(&mut self, batch: &mut Vec<Event>, most: usize) -> Result<(), String> {
        if batch.len() >= most {
            return Ok(());
        }
        // From within the iterator: most of them give their items faster so than one by one.
        let stopped = self.try_for_each(|e| match e {
            Ok(e) => {
                batch.push(e);
                if batch.len() < most { ControlFlow::Continue(()) } else { ControlFlow::Break(Ok(())) }
            }
            Err(e) => ControlFlow::Break(Err(e.to_string())),
        });
        stopped.break_value().unwrap_or(Ok(()))
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

/// How many events are read of a source at a time.
const BATCH: usize = 64;

/// A source, and what has been read of it.
struct Feed {
    source: Box<dyn Source>,
    batch: Vec<Event>,
    /// Where the next event is in the batch.
    at: usize,
    /// What went wrong after the batch.
    failed: Option<String>,
}

impl Feed {
    /// Reads on when the batch is used up. Nothing more comes of a source that has ended or failed.
    fn read(&mut self, source_index: usize) -> Result<(), EngineError> {
        if let Some(problem) = self.failed.take() {
            return Err(EngineError::Source { source_index, problem });
        }
        self.batch.clear();
        self.at = 0;
        if let Err(problem) = self.source.fill(&mut self.batch, BATCH) {
            if self.batch.is_empty() {
                return Err(EngineError::Source { source_index, problem });
            }
            self.failed = Some(problem);
        }
        Ok(())
    }
    fn head(&self) -> Option<&Event> {
        self.batch.get(self.at)
    }
}

/// Time, rank, number of the source: the order of the stream.
type Key = (Time, u8, usize);

/// The k-way merge. Ties are broken by time, then by [`tradewind_core_types::MarketData::rank`] (corporate actions first, data, session
/// close last), then by the number of the source, then by the order within the source: nothing is left to chance.
pub struct Merge {
    feeds: Vec<Feed>,
    heap: BinaryHeap<Reverse<Key>>,
    /// Whether the event on top has been given.
    given: bool,
    /// The source that failed, or went back: there is no way past it.
    failed: Option<usize>,
}

impl Merge {
    /// Merges sources; each must itself be in order.
    ///
    /// # Errors
    /// When the first event of a source cannot be read.
    pub fn new(sources: Vec<Box<dyn Source>>) -> Result<Self, EngineError> {
        let mut feeds = Vec::with_capacity(sources.len());
        let mut heap = BinaryHeap::with_capacity(sources.len());
        for (i, source) in sources.into_iter().enumerate() {
            let mut feed = Feed { source, batch: Vec::with_capacity(BATCH), at: 0, failed: None };
            feed.read(i)?;
            heap.extend(feed.head().map(|e| Reverse((e.time, e.data.rank(), i))));
            feeds.push(feed);
        }
        Ok(Self { feeds, heap, given: false, failed: None })
    }

    /// The next event in order.
    ///
    /// # Errors
    /// When a source fails or goes back in time. What came before has been given then.
    #[inline]
    #[expect(
        clippy::should_implement_trait,
        reason = "it lends its events, can fail, and whoever reads it must stop then"
    )]
    pub fn next(&mut self) -> Result<Option<&Event>, EngineError> {
        if self.given
            && let Err(e) = self.go_on()
        {
            return Err(self.fail(e));
        }
        let Some(Reverse((_, _, i))) = self.heap.peek() else { return Ok(None) };
        self.given = true;
        Ok(self.feeds[*i].head())
    }

    /// Goes on to the event after the one that was given last.
    #[inline]
    fn go_on(&mut self) -> Result<(), EngineError> {
        if let Some(source_index) = self.failed {
            return Err(EngineError::Source { source_index, problem: String::new() });
        }
        let Some(mut top) = self.heap.peek_mut() else { return Ok(()) };
        let Reverse((time, rank, i)) = *top;
        let feed = &mut self.feeds[i];
        feed.at += 1;
        if feed.at >= feed.batch.len() {
            feed.read(i)?;
        }
        match feed.head() {
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
        self.given = false;
        Ok(())
    }

    #[cold]
    fn fail(&mut self, e: EngineError) -> EngineError {
        if let Some(source_index) = self.failed {
            return EngineError::Source { source_index, problem: "it has failed before".into() };
        }
        self.failed = self.heap.peek().map(|Reverse((_, _, i))| *i);
        e
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
        assert_eq!(m.next().unwrap(), Some(&bar(2, 0)));
        assert!(matches!(m.next(), Err(EngineError::Backwards { .. })));
        assert!(m.next().is_err() && m.next().is_err(), "there is no way past it");
        let mut m = Merge::new(vec![Box::new(VecSource::new(vec![bar(1, 0)]))]).unwrap();
        assert!(m.skip(2).is_err());
    }

    #[test]
    fn what_came_before_a_failure_is_given() {
        // The failure lies behind the first batch, in the middle of the second.
        let all = (0..100).map(|i| if i < 97 { Ok(bar(i, 0)) } else { Err("row 98 is torn".to_owned()) });
        let mut m = Merge::new(vec![Box::new(all), Box::new(VecSource::new(vec![bar(1000, 1)]))]).unwrap();
        for i in 0..97 {
            assert_eq!(m.next().unwrap(), Some(&bar(i, 0)));
        }
        assert!(
            matches!(m.next(), Err(EngineError::Source { source_index: 0, problem }) if problem == "row 98 is torn")
        );
        // And one at the very beginning.
        let nothing = std::iter::once(Err::<Event, _>("no such file"));
        assert!(matches!(Merge::new(vec![Box::new(nothing)]), Err(EngineError::Source { source_index: 0, .. })));
    }
}
