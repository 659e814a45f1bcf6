//! The same symbol twice: in two files, or under two names of one.

use std::sync::Arc;

use tradewind_core_types::Price;
use tradewind_data::{EventTable, Kind, OnOverlap, Problem, read_table_bytes, settle_overlaps};

use crate::{long, says, spec, wide};

fn table(file: &str, csv: &str, kind: Kind) -> Arc<EventTable> {
    Arc::new(read_table_bytes(&spec(file, |s| s.kind = kind), csv.as_bytes().to_vec()).unwrap())
}

/// Closes of two sources after the policies decided, and how many rows each lost.
fn settled(second: &str, policies: [Option<OnOverlap>; 2]) -> Result<(Vec<String>, [usize; 2]), String> {
    let first = "date,symbol,close\n2024-01-02,A,1\n2024-01-03,A,2\n2024-01-04,A,3\n2024-01-03,B,9\n";
    let mut tables = [table("a.csv", first, Kind::Bar), table("b.csv", second, Kind::Bar)];
    settle_overlaps(&mut tables, &policies).map_err(|e| e.to_string())?;
    let shown = |t: &Arc<EventTable>| {
        let one = |(_, id, price): (_, usize, Price)| format!("{} {price}", t.symbols()[id]);
        t.closes().map(one).collect::<Vec<_>>()
    };
    let lost = [tables[0].notes().overlaps, tables[1].notes().overlaps];
    Ok((tables.iter().flat_map(shown).collect(), lost))
}

#[test]
fn two_files_of_one_symbol_are_refused_or_one_counts() {
    let contradicts = "date,symbol,close\n2024-01-03,A,20\n2024-01-05,A,40\n";
    let e = settled(contradicts, [None, None]).unwrap_err();
    assert!(e.starts_with("b.csv, row 1: A has prices on 2024-01-03 here and in a.csv, row 2"), "{e}");
    assert!(e.contains("on_overlap"), "{e}");
    // The same prices twice are refused as well: one of the files is not what it is taken for.
    assert!(settled("date,symbol,close\n2024-01-03,A,2\n", [None, None]).is_err());
    for (policies, closes, lost) in [
        ([Some(OnOverlap::First), None], ["A 1", "A 2", "B 9", "A 3", "A 40"], [0, 1]),
        ([None, Some(OnOverlap::First)], ["A 1", "A 2", "B 9", "A 3", "A 40"], [0, 1]),
        ([Some(OnOverlap::First), Some(OnOverlap::Last)], ["A 1", "B 9", "A 3", "A 20", "A 40"], [1, 0]),
    ] {
        assert_eq!(settled(contradicts, policies).unwrap(), (closes.map(String::from).into(), lost), "{policies:?}");
    }
    // Files that meet and do not overlap are one series; other symbols do not matter.
    assert_eq!(settled("date,symbol,close\n2024-01-05,A,4\n2024-01-02,B,8\n", [None, None]).unwrap().1, [0, 0]);
}

#[test]
fn a_level_and_a_bar_are_both_closes_and_trades_are_not() {
    let bars = || table("bars.csv", "date,symbol,close\n2024-01-03,A,1\n", Kind::Bar);
    let levels = table("levels.csv", "date,symbol,close\n2024-01-03,A,1\n", Kind::Index);
    assert!(settle_overlaps(&mut [bars(), levels], &[None, None]).is_err());
    let trades = |file, from: u32| {
        let row = |m: u32| format!("2024-01-03T15:{m:02}:00Z,A,1,5\n");
        let text = format!("time,symbol,price,size\n{}{}", row(from), row(from + 10));
        table(file, &text, Kind::Trade)
    };
    assert!(settle_overlaps(&mut [bars(), trades("t.csv", 0)], &[None, None]).is_ok());
    // Morning and afternoon are no overlap; two exchanges at once are one, unless both are to count.
    assert!(settle_overlaps(&mut [trades("t.csv", 0), trades("u.csv", 20)], &[None, None]).is_ok());
    let mut both = [trades("t.csv", 0), trades("u.csv", 5)];
    let e = settle_overlaps(&mut both, &[None, None]).unwrap_err();
    says(&e, &["A has trades on 2024-01-03"]);
    settle_overlaps(&mut both, &[Some(OnOverlap::Keep), None]).unwrap();
    assert_eq!((both[0].len(), both[1].len()), (2, 2));
}

#[test]
fn two_names_renamed_to_one_are_refused_or_one_counts() {
    let csv = "date,symbol,close\n2024-01-02,FB,1\n2024-01-03,FB,2\n2024-01-03,META,20\n2024-01-04,META,30\n";
    let one = |policy| {
        long(csv, |s| {
            s.rename.insert("FB".into(), "META".into());
            s.on_overlap = policy;
        })
    };
    let e = one(None).unwrap_err();
    assert!(matches!(e.problem(), Problem::Overlap { .. }), "{e}");
    says(&e, &["META has prices on 2024-01-03", "row 2", "row 3"]);
    for (policy, closes) in [(OnOverlap::First, ["1", "2", "30"]), (OnOverlap::Last, ["1", "20", "30"])] {
        let t = one(Some(policy)).unwrap();
        assert_eq!(t.closes().map(|c| c.2.to_string()).collect::<Vec<_>>(), closes);
        assert_eq!((t.symbols().len(), t.notes().overlaps), (1, 1));
    }
    let renamed = |csv, policy| {
        wide(csv, |s| {
            s.rename.insert("FB".into(), "META".into());
            s.on_overlap = policy;
        })
    };
    let both = "date,FB,META\n2024-01-02,1,\n2024-01-03,2,20\n2024-01-04,,30\n";
    assert!(renamed(both, None).is_err());
    assert_eq!(renamed(both, Some(OnOverlap::Last)).unwrap().len(), 3);
    // A rename in the middle of a file is one series.
    assert_eq!(renamed("date,FB,META\n2024-01-02,1,\n2024-01-03,,20\n", None).unwrap().len(), 2);
}
