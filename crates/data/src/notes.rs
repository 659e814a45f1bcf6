//! What reading a table left out or could not know.

use crate::hours::Hours;

/// What reading left out or could not know, for the report.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Notes {
    /// Data rows of the file.
    pub rows: usize,
    /// Rows without any value on dates that are no sessions: files of some vendors list holidays so.
    pub empty_rows: usize,
    /// Rows with values on such dates, left out by `skip_holidays`.
    pub holiday_rows: usize,
    /// Rows left out by `from`, `to` or `symbols`.
    pub left_out: usize,
    /// Empty cells after a symbol's first value, by symbol, in the order of [`crate::EventTable::symbols`].
    pub missing: Vec<usize>,
    /// Rows stamped at midnight that were read as dates: all of their symbol are.
    pub midnights: usize,
    /// Rows left out by `on_overlap`.
    pub overlaps: usize,
    /// When bars and levels were known, against the sessions.
    pub hours: Hours,
    /// Volumes above 1e9 shares, which a `Quantity` does not hold: read as unknown.
    pub volumes_unknown: usize,
}

impl Notes {
    /// All of it in words: what, and how often.
    pub fn sentences(&self) -> Vec<(String, usize)> {
        let counts = [
            (self.missing.iter().sum(), "empty cells after a symbol's first price, left out"),
            (self.empty_rows, "rows without any value, left out"),
            (self.holiday_rows, "rows on days without a session, left out"),
            (self.volumes_unknown, "volumes above 1e9 shares, read as unknown"),
        ];
        let filled = counts.into_iter().filter(|c| c.0 > 0).map(|(n, what)| (what.to_owned(), n));
        filled.chain(self.about_times()).collect()
    }

    /// What of it concerns times, in words: what, and how often.
    pub fn about_times(&self) -> Vec<(String, usize)> {
        let h = &self.hours;
        let start = format!(
            "sessions whose first bar is stamped at the open and none at the close: bars stamped at their start are known too early; \
             `delay_seconds = {}` if that is their length",
            h.step
        );
        let counts = [
            (self.overlaps, "rows left out by `on_overlap`"),
            (self.midnights, "times at midnight read as dates, each known at its session's close"),
            (
                h.early_daily,
                "daily bars said to be known before their session's close: `daily = true` makes each known at the close",
            ),
            (
                h.late_daily,
                "daily bars stamped outside their session, so that decisions at its close do not see them: `daily = true` makes each \
                 known at the close",
            ),
            (h.outside, "bars outside the regular hours, in which nothing fills"),
            (h.from_the_open, start.as_str()),
        ];
        counts.into_iter().filter(|c| c.0 > 0).map(|(n, what)| (what.to_owned(), n)).collect()
    }
}
