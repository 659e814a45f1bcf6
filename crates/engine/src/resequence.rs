//! Live sources, one stream: events in the order of their arrival, bars of one time together.
//!
//! A backtest merges sources by time and refuses one that goes back ([`crate::Merge`]). Live, nobody can wait for that: an event counts from the
//! moment when it is received, and a source that says nothing holds nobody up. Bars are the exception. The bars of a minute arrive one by one;
//! whoever compares symbols must see all of them first. So the bars of a source and time wait for each other, for a settle time at the most.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use tradewind_core_types::{Event, MarketData, Span, Symbol, Time};

/// Why an event is late.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Late {
    /// Its source had given an event of a later time before.
    OutOfOrder,
    /// The bars of its time, or of a later one, had been let through.
    AfterItsBars,
}

/// An event that counts from now on.
#[derive(Debug, Clone, PartialEq)]
pub struct Arrival {
    /// When it counts: no earlier than the arrival before. It is what a driver gives an engine as the time of receipt.
    pub received: Time,
    /// Whether it comes late.
    pub late: Option<Late>,
    /// The event, with the time of its source.
    pub event: Event,
}

/// The late events of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// How many came after a later one of the same source.
    pub out_of_order: u64,
    /// How many bars came after the others of their time.
    pub after_bars: u64,
}

/// Bars that wait for more of the same source and time.
#[derive(Debug)]
struct Barrier {
    /// Let through at this time at the latest.
    until: Time,
    /// Expected symbols whose bars are not here yet.
    missing: BTreeSet<Symbol>,
    events: Vec<Event>,
}

/// What is known of one source.
#[derive(Debug)]
struct Feed {
    /// Symbols whose bars are expected; when all of one time are here, nobody waits for the settle time.
    expected: BTreeSet<Symbol>,
    /// Bars that wait, by their time.
    barriers: BTreeMap<Time, Barrier>,
    /// The latest time of the bars that were let through.
    passed: Time,
    /// The latest time that it has given.
    reached: Time,
    tally: Tally,
}

impl Default for Feed {
    fn default() -> Self {
        Self {
            expected: BTreeSet::new(),
            barriers: BTreeMap::new(),
            passed: Time::MIN,
            reached: Time::MIN,
            tally: Tally::default(),
        }
    }
}

/// Puts the events of live sources into one order. It has no clock: whoever receives an event says when.
///
/// ```
/// use tradewind_core_types::{Bar, Event, MarketData, Origin, Span, Symbol, Time};
/// use tradewind_engine::Resequencer;
/// let at = Time::from_nanos;
/// let bar = |symbol, time| -> Result<Event, Box<dyn std::error::Error>> {
///     let data = MarketData::Bar(Bar::close_only("10".parse()?));
///     Ok(Event { time: at(time), symbol: Some(Symbol::new(symbol)?), origin: Origin { source: 0, row: 1 }, data })
/// };
/// let mut live = Resequencer::new(Span::from_nanos(50));
/// live.push(at(103), bar("SPY", 100)?);
/// live.push(at(109), bar("AGG", 100)?);
/// assert!(live.next().is_none() && live.next_release() == Some(at(153)));
/// live.advance(at(153));
/// let order: Vec<_> = std::iter::from_fn(|| live.next()).map(|a| (a.event.symbol, a.received)).collect();
/// assert_eq!(order, [(Some(Symbol::new("AGG")?), at(153)), (Some(Symbol::new("SPY")?), at(153))]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Resequencer {
    settle: Span,
    feeds: BTreeMap<u16, Feed>,
    /// Session closes that wait for the bars of their time, with the time until which they do so when there are none.
    closes: Vec<(Time, Event)>,
    ready: VecDeque<Arrival>,
    clock: Time,
}

impl Resequencer {
    /// Bars of one source and time wait for each other for at most `settle` after the first of them; a negative one counts as none.
    pub fn new(settle: Span) -> Self {
        let settle = settle.max(Span::from_nanos(0));
        Self { settle, feeds: BTreeMap::new(), closes: Vec::new(), ready: VecDeque::new(), clock: Time::MIN }
    }

    /// Names the symbols whose bars a source gives at every time: when all are here, they go on at once.
    pub fn expect(&mut self, source: u16, symbols: impl IntoIterator<Item = Symbol>) {
        self.feeds.entry(source).or_default().expected = symbols.into_iter().collect();
    }

    /// Takes in an event that was received at `now`. A clock that went back counts as the latest time that it has shown.
    pub fn push(&mut self, now: Time, event: Event) {
        self.advance(now);
        let (source, time) = (event.origin.source, event.time);
        let until = self.clock.plus(self.settle);
        let feed = self.feeds.entry(source).or_default();
        let behind = time < feed.reached;
        feed.reached = feed.reached.max(time);
        match event.data {
            MarketData::SessionClose => self.closes.push((until, event)),
            MarketData::Bar(_) | MarketData::Index(_) if time > feed.passed => {
                let missing = &feed.expected;
                let barrier = || Barrier { until, missing: missing.clone(), events: Vec::new() };
                let b = feed.barriers.entry(time).or_insert_with(barrier);
                let waited = !b.missing.is_empty();
                b.missing.retain(|s| Some(*s) != event.symbol);
                let complete = waited && b.missing.is_empty();
                b.events.push(event);
                if complete {
                    self.release(source, time);
                }
            }
            MarketData::Bar(_) | MarketData::Index(_) => {
                feed.tally.after_bars += 1;
                self.ready.push_back(Arrival { received: self.clock, late: Some(Late::AfterItsBars), event });
            }
            _ => {
                feed.tally.out_of_order += u64::from(behind);
                let late = behind.then_some(Late::OutOfOrder);
                self.ready.push_back(Arrival { received: self.clock, late, event });
            }
        }
        self.advance(now);
    }

    /// Moves the time on: what has waited long enough by `now` is let through, each at its own time.
    pub fn advance(&mut self, now: Time) {
        while let Some((at, next)) = self.first().filter(|f| f.0 <= now) {
            self.clock = self.clock.max(at);
            match next {
                Next::Bars { time, source } => self.release(source, time),
                Next::Close { place, .. } => {
                    let (_, event) = self.closes.remove(place);
                    self.ready.push_back(Arrival { received: self.clock, late: None, event });
                }
            }
        }
        self.clock = self.clock.max(now);
    }

    /// What is let through first, and when. Of the same moment: bars before closes, then by their time, then by source.
    fn first(&self) -> Option<(Time, Next)> {
        let bars = self.feeds.iter().flat_map(|(source, f)| {
            f.barriers.iter().map(|(time, b)| (b.until, Next::Bars { time: *time, source: *source }))
        });
        let closes = self.closes.iter().enumerate();
        let closes =
            closes.map(|(place, (until, e))| (self.closes_at(*until, e.time), Next::Close { time: e.time, place }));
        bars.chain(closes).min()
    }

    /// When a session close of a time goes on: after the bars of its time that wait, and within two settle times in any case; at once when all
    /// bars that are expected have gone on.
    fn closes_at(&self, until: Time, time: Time) -> Time {
        let waiting = self.feeds.values().flat_map(|f| f.barriers.range(..=time).map(|(_, b)| b.until));
        let mut expecting = self.feeds.values().filter(|f| !f.expected.is_empty()).peekable();
        if expecting.peek().is_some() && expecting.all(|f| f.passed >= time) {
            return waiting.max().unwrap_or(Time::MIN);
        }
        waiting.max().map_or(until, |t| t.clamp(until, until.plus(self.settle)))
    }

    /// Lets through what waits at a time of a source, and what waits at earlier ones before it.
    fn release(&mut self, source: u16, time: Time) {
        let Some(feed) = self.feeds.get_mut(&source) else { return };
        feed.passed = feed.passed.max(time);
        while let Some(first) = feed.barriers.first_entry().filter(|b| *b.key() <= time) {
            let mut events = first.remove().events;
            // The order in which they happened to arrive does not count.
            events.sort_by_key(|e| (e.data.rank(), e.symbol));
            let received = self.clock;
            self.ready.extend(events.into_iter().map(|event| Arrival { received, late: None, event }));
        }
    }

    /// The next event that counts; `None` until more arrive or [`Resequencer::advance`] lets some through.
    #[expect(clippy::should_implement_trait, reason = "it goes on after None, when more have arrived")]
    pub fn next(&mut self) -> Option<Arrival> {
        self.ready.pop_front()
    }

    /// When to call [`Resequencer::advance`] though nothing has arrived.
    pub fn next_release(&self) -> Option<Time> {
        self.first().map(|f| f.0)
    }

    /// The late events of every source.
    pub fn tallies(&self) -> impl Iterator<Item = (u16, Tally)> {
        self.feeds.iter().map(|(s, f)| (*s, f.tally))
    }
}

/// What is let through next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Next {
    Bars { time: Time, source: u16 },
    Close { time: Time, place: usize },
}
