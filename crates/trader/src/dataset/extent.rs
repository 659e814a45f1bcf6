//! From when to when the data reach, and what of them can be traded.

use std::collections::BTreeMap;

use jiff::civil::Date;
use tradewind_core_types::{Symbol, Time};
use tradewind_data::{Calendar, EventTable, Kind};

use super::{Dataset, Part};
use crate::config::Config;

fn date(t: Time) -> Date {
    Calendar::us_equities().date_of(t)
}

impl Dataset {
    fn tables(&self) -> impl Iterator<Item = &EventTable> {
        self.parts.iter().filter_map(|p| if let Part::Table(t) = p { Some(t.as_ref()) } else { None })
    }

    /// The first and the last session that is simulated.
    fn simulated(&self) -> Option<(Date, Date)> {
        self.parts.iter().find_map(|p| {
            let Part::Simulated(spec, _) = p else { return None };
            let (_, end) = Calendar::us_equities().range();
            let all = Calendar::us_equities().sessions(spec.start, end);
            let last = all.get(spec.sessions.saturating_sub(1)).or_else(|| all.last());
            all.first().zip(last).map(|(a, b)| (a.date, b.date))
        })
    }

    /// Dates of the first and the last price of what can be traded; of index levels when there is nothing else.
    pub fn priced(&self) -> Option<(Date, Date)> {
        let of = |index: bool| {
            let tables = self.tables().filter(|t| (t.kind() == Kind::Index) == index);
            let dates = tables.filter_map(EventTable::range).map(|(a, b)| (date(a), date(b)));
            dates.chain(self.simulated()).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
        };
        of(false).or_else(|| of(true))
    }

    /// Date of the first price or level of all.
    pub fn known_from(&self) -> Option<Date> {
        let first = self.tables().filter_map(EventTable::range).map(|(a, _)| date(a));
        first.chain(self.simulated().map(|s| s.0)).min()
    }

    /// How many prices or levels the longest series has; unknown of simulated ones.
    pub fn longest(&self) -> Option<usize> {
        let mut counts: BTreeMap<Symbol, usize> = BTreeMap::new();
        if self.simulated().is_some() {
            return None;
        }
        for (symbol, n) in self.tables().flat_map(EventTable::counts) {
            *counts.entry(symbol).or_default() += n;
        }
        counts.into_values().max()
    }

    /// Files with bars, of which none has an open.
    pub fn without_opens(&self) -> Vec<String> {
        let bars = self.tables().filter(|t| t.kind() == Kind::Bar && !t.has_opens());
        bars.map(|t| t.file().to_owned()).collect()
    }

    /// The configuration of a run on these data: one that would begin before the first price of what can be traded begins there.
    #[must_use]
    pub fn within(&self, config: &Config) -> Config {
        let mut c = config.clone();
        if let Some((first, _)) = self.priced() {
            c.run.from = c.run.from.max(first);
        }
        c
    }
}
