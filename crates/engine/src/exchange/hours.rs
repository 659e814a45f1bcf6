//! Extended hours: which orders work in them, and when those for a day of them end.

use tradewind_core_types::{BrokerReport, Event, Order, Span, Time, TimeInForce, View};

use super::Exchange;

const HOUR: i64 = 3_600_000_000_000;
/// The extended day begins so long before the session and ends so long after it, also when it closes early.
const BEFORE: Span = Span::from_nanos(11 * HOUR / 2);
const AFTER: Span = Span::from_nanos(4 * HOUR);

impl Exchange {
    /// Whether the regular session is over and the next has not begun, where the data say when sessions open.
    pub(super) fn after_hours(&self) -> bool {
        self.closed.is_some() && self.session_open.is_some()
    }

    /// Whether an event outside regular hours lies in the extended hours of the session that has closed, or of the one that comes.
    pub(super) fn extended(&self, e: &Event, view: &View<'_>) -> bool {
        let evening = self.closed.is_some_and(|closed| e.time <= closed.plus(AFTER));
        evening || view.session().is_some_and(|s| e.time.plus(BEFORE) >= s.open)
    }

    /// When an order for an extended day expires: with the evening that it was decided in, otherwise after the session that runs or comes. Without
    /// a calendar for it, at the close.
    pub(super) fn until(&self, order: &Order, view: &View<'_>) -> Option<Time> {
        if order.tif != TimeInForce::DayExtended {
            return None;
        }
        let evening = self.closed.filter(|_| self.session_open.is_some()).map(|closed| closed.plus(AFTER));
        evening.filter(|t| *t > order.time).or_else(|| view.session().map(|s| s.close.plus(AFTER)))
    }

    /// Ends the orders whose extended day is over.
    #[cold]
    pub(super) fn end_day(&mut self, now: Time, reports: &mut Vec<BrokerReport>) {
        let mut ended = Vec::new();
        for queue in self.book.by_symbol.values_mut() {
            ended.extend(queue.extract_if(.., |w| w.until.is_some_and(|t| now > t)));
        }
        self.book.count -= ended.len();
        ended.sort_by_key(|w| w.order.id);
        reports.extend(ended.iter().map(|w| w.expired(w.until.unwrap_or(now))));
        let left = self.book.by_symbol.values().flatten();
        self.day_ends = left.filter_map(|w| w.until).min();
    }
}
