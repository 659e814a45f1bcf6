//! Corporate actions and records that are given twice: a split that is applied twice is a wrong price for ever.

use std::collections::BTreeMap;
use std::sync::Arc;

use tradewind_core_types::{CorporateAction, Event, MarketData, Symbol};

use crate::clock::date_of_days;
use crate::error::{DataError, Problem};
use crate::records::record_line;
use crate::spec::OnOverlap;

/// What an event says, so that a second one says the same: when (by day, or exactly), and what.
fn says(e: &Event) -> Option<(i64, String, &'static str)> {
    let (day, instant) = (e.time.new_york().0, e.time.nanos());
    let MarketData::CorporateAction(action) = &e.data else {
        return record_line(e).ok().map(|line| (instant, line, "the same record"));
    };
    Some(match action {
        // Two different dividends of a day are the ordinary and a special one; two splits contradict each other.
        CorporateAction::Dividend { amount } => (day, format!("dividend {amount}"), "the same dividend"),
        CorporateAction::Split { .. } => (day, "split".into(), "a split"),
        CorporateAction::Delisting { .. } => (day, "delisting".into(), "a delisting"),
        CorporateAction::SymbolChange { .. } => (day, "change".into(), "a change of symbol"),
        CorporateAction::Halt { halted } => (instant, format!("halt {halted}"), "the same halt"),
    })
}

/// Corporate actions of all sources, of which each counts once, and records, which no two sources may both give. Says how many were left
/// out of each source; `names` are those of the files, `policies` their `on_overlap`.
///
/// # Errors
/// When two say the same of a symbol and day and no policy says which counts: names both rows.
pub fn settle_repeated(
    names: &[&str],
    sources: &mut [Arc<Vec<Event>>],
    policies: &[Option<OnOverlap>],
) -> Result<Vec<usize>, DataError> {
    let mut met: BTreeMap<(Option<Symbol>, i64, String), (usize, usize)> = BTreeMap::new();
    let mut gone: Vec<Vec<usize>> = vec![Vec::new(); sources.len()];
    let policy = |source: usize| policies.get(source).copied().flatten();
    let several = sources.iter().filter(|s| !s.is_empty()).count() > 1;
    for (source, events) in sources.iter().enumerate() {
        for (i, e) in events.iter().enumerate() {
            let action = matches!(e.data, MarketData::CorporateAction(_));
            // Records of one source may repeat themselves, as news do.
            let Some((time, what, words)) = (action || several).then(|| says(e)).flatten() else { continue };
            let key = (e.symbol, time, what);
            let Some((other, j)) = met.get(&key).copied().filter(|o| action || o.0 != source) else {
                met.insert(key, (source, i));
                continue;
            };
            match policy(source).or_else(|| policy(other)) {
                None | Some(OnOverlap::Keep) => {
                    let name = |s: usize| names.get(s).copied().unwrap_or_default();
                    let row = sources.get(other).and_then(|s| s.get(j)).map_or(0, |e| e.origin.row);
                    let place =
                        if other == source { format!("row {row}") } else { format!("{}, row {row}", name(other)) };
                    let problem = Problem::Overlap {
                        symbol: e.symbol.map_or("", Symbol::as_str).into(),
                        what: words,
                        date: date_of_days(i32::try_from(e.time.new_york().0).unwrap_or(i32::MAX)).to_string(),
                        other: place,
                    };
                    return Err(DataError::new(name(source), problem).at_row(u64::from(e.origin.row)));
                }
                Some(OnOverlap::First) => gone[source].push(i),
                Some(OnOverlap::Last) => {
                    gone[other].push(j);
                    met.insert(key, (source, i));
                }
            }
        }
    }
    for (events, gone) in sources.iter_mut().zip(&mut gone).filter(|(_, g)| !g.is_empty()) {
        gone.sort_unstable();
        let left = |i: &usize| gone.binary_search(i).is_err();
        *events = Arc::new((0..events.len()).filter(left).filter_map(|i| events.get(i).cloned()).collect());
    }
    Ok(gone.iter().map(Vec::len).collect())
}

#[cfg(test)]
mod tests {
    use tradewind_core_types::{Origin, Time};

    use super::*;

    fn action(row: u32, date: &str, data: CorporateAction) -> Event {
        let time: Time = format!("{date}T14:30:00Z").parse().unwrap();
        let symbol = Some(Symbol::new("A").unwrap());
        Event { time, symbol, origin: Origin { source: 0, row }, data: MarketData::CorporateAction(data) }
    }

    fn split(row: u32, date: &str, numerator: u32) -> Event {
        action(row, date, CorporateAction::Split { numerator, denominator: 1 })
    }

    fn dividend(row: u32, amount: &str) -> Event {
        action(row, "2024-01-10", CorporateAction::Dividend { amount: amount.parse().unwrap() })
    }

    #[test]
    fn a_split_given_twice_is_refused_or_counts_once() {
        let two = || [Arc::new(vec![split(1, "2024-01-10", 4)]), Arc::new(vec![split(7, "2024-01-10", 2)])];
        let e = settle_repeated(&["a.csv", "b.csv"], &mut two(), &[None, None]).unwrap_err().to_string();
        assert!(e.starts_with("b.csv, row 7: A has a split on 2024-01-10 here and in a.csv, row 1"), "{e}");
        for (policy, ratios) in [(OnOverlap::First, [Some(4), None]), (OnOverlap::Last, [None, Some(2)])] {
            let mut sources = two();
            let gone = settle_repeated(&["a.csv", "b.csv"], &mut sources, &[Some(policy), None]).unwrap();
            let left = sources.map(|s| {
                s.first().map(|e| match e.data {
                    MarketData::CorporateAction(CorporateAction::Split { numerator, .. }) => numerator,
                    _ => 0,
                })
            });
            assert_eq!((left, gone.iter().sum::<usize>()), (ratios, 1));
        }
        let mut one = [Arc::new(vec![split(1, "2024-01-10", 4), split(2, "2024-01-10", 4)])];
        let e = settle_repeated(&["a.csv"], &mut one, &[None]).unwrap_err().to_string();
        assert!(e.contains("row 2: A has a split on 2024-01-10 here and in row 1"), "{e}");
        let mut apart = [Arc::new(vec![split(1, "2024-01-10", 4), split(2, "2024-01-11", 4)])];
        assert_eq!(settle_repeated(&["a.csv"], &mut apart, &[None]).unwrap(), [0]);
        // A special dividend beside the ordinary one is none of its repetitions.
        let mut both = [Arc::new(vec![dividend(1, "0.2"), dividend(2, "3")])];
        assert!(settle_repeated(&["a.csv"], &mut both, &[None]).is_ok());
        let mut same = [Arc::new(vec![dividend(1, "0.2")]), Arc::new(vec![dividend(1, "0.2")])];
        assert!(settle_repeated(&["a.csv", "b.csv"], &mut same, &[None, None]).is_err());
    }
}
