//! Daily bars stamped at some midnight, before their close, or at the start of what they cover: what is read as dates, refused, and noted.

use polars::prelude::{
    Column, DataFrame, Int64Chunked, IntoSeries as _, NamedFrom as _, ParquetWriter, Series, TimeUnit,
    TimeZone as PolarsZone,
};
use tradewind_core_types::Time;
use tradewind_data::{DataError, EpochUnit, EventTable, Kind, Problem, SourceSpec, read_table_bytes};

use crate::{long, says, spec, wide};

/// Rows of the Friday before and the Monday after the change of clocks on 2024-03-10, at these times.
fn two(friday: &str, monday: &str) -> String {
    format!("time,symbol,close\n{friday},X,10\n{monday},X,11\n")
}

fn times(t: &EventTable) -> Vec<String> {
    t.closes().map(|(time, _, _)| time.to_string()).collect()
}

const CLOSES: [&str; 2] = ["2024-03-08T21:00:00Z", "2024-03-11T20:00:00Z"];

/// That both rows are known at their sessions' closes, as the note says.
fn are_dates(case: &str, t: Result<EventTable, DataError>) {
    let t = t.unwrap_or_else(|e| panic!("{case}: {e}"));
    assert_eq!(times(&t), CLOSES, "{case}");
    assert_eq!(t.notes().midnights, 2, "{case}");
    let notes = t.notes().sentences();
    assert!(notes.iter().any(|(what, n)| *n == 2 && what.contains("midnight read as dates")), "{case}: {notes:?}");
}

#[test]
fn midnights_of_every_form_are_dates() {
    for (case, friday, monday) in [
        ("yfinance", "2024-03-08 00:00:00-05:00", "2024-03-11 00:00:00-04:00"),
        ("Alpaca", "2024-03-08T05:00:00Z", "2024-03-11T04:00:00Z"),
        ("pandas, of UTC", "2024-03-08 00:00:00+00:00", "2024-03-11 00:00:00+00:00"),
        ("Berlin", "2024-03-08T00:00:00+01:00", "2024-03-11T00:00:00+01:00"),
        ("Tokyo", "2024-03-08T00:00:00+09:00", "2024-03-11T00:00:00+09:00"),
    ] {
        are_dates(case, long(&two(friday, monday), |_| ()));
        are_dates(case, long(&two(friday, monday), |s| s.kind = Kind::Index));
        let one = two(friday, monday).replace(",symbol", "").replace(",X", "").replace("close", "X");
        are_dates(case, wide(&one, |_| ()));
    }
    // With the key there is nothing to note: the file says so.
    let t = long(&two("2024-03-08T05:00:00Z", "2024-03-11T04:00:00Z"), |s| s.midnight_is_date = true).unwrap();
    assert_eq!(times(&t), CLOSES);
    let seconds = two("1709874000", "1710129600");
    are_dates("epoch", long(&seconds, |s| s.epoch = Some(EpochUnit::Seconds)));
    let naive = two("2024-03-08 00:00:00", "2024-03-11 00:00:00");
    are_dates("without an offset", long(&naive, |s| s.timezone = Some("America/New_York".into())));
    assert!(matches!(long(&naive, |_| ()).unwrap_err().problem(), Problem::TimeZoneMissing { .. }));
}

/// A Parquet file of two rows with a column of times: ticks in this unit and zone.
fn parquet(ticks: [i64; 2], unit: TimeUnit, zone: Option<&str>) -> Vec<u8> {
    let zone = zone.and_then(|z| PolarsZone::opt_try_new(Some(z)).unwrap());
    let ticks = Int64Chunked::new("time".into(), &ticks).into_datetime(unit, zone).into_series();
    let columns: Vec<Column> = vec![
        ticks.into(),
        Series::new("symbol".into(), ["X", "X"]).into(),
        Series::new("close".into(), [10.0, 11.0]).into(),
    ];
    let mut frame = DataFrame::new(2, columns).unwrap();
    let mut out = Vec::new();
    ParquetWriter::new(&mut out).finish(&mut frame).unwrap();
    out
}

fn nanos(t: &str) -> i64 {
    t.parse::<Time>().unwrap().nanos()
}

#[test]
fn parquet_of_pandas_in_any_zone_and_unit() {
    let read = |bytes| read_table_bytes(&spec("x.parquet", |_| ()), bytes);
    for (unit, per) in
        [(TimeUnit::Nanoseconds, 1), (TimeUnit::Microseconds, 1_000), (TimeUnit::Milliseconds, 1_000_000)]
    {
        let parquet = |nanos: [i64; 2], unit, zone| parquet(nanos.map(|n| n / per), unit, zone);
        let new_york = [nanos("2024-03-08T05:00:00Z"), nanos("2024-03-11T04:00:00Z")];
        are_dates("New York", read(parquet(new_york, unit, Some("America/New_York"))));
        let utc = [nanos("2024-03-08T00:00:00Z"), nanos("2024-03-11T00:00:00Z")];
        are_dates("UTC", read(parquet(utc, unit, Some("UTC"))));
        let tokyo = [nanos("2024-03-07T15:00:00Z"), nanos("2024-03-10T15:00:00Z")];
        are_dates("Tokyo", read(parquet(tokyo, unit, Some("Asia/Tokyo"))));
        let e = read(parquet(utc, unit, None)).unwrap_err();
        assert!(matches!(e.problem(), Problem::TimeZoneMissing { .. }), "{e}");
    }
}

#[test]
fn instants_beyond_the_range_are_errors_of_their_row() {
    // 9999-12-31 in microseconds is more nanoseconds than 64 bits hold.
    let far = 253_402_214_400_000_000_i64;
    for zone in [Some("UTC"), Some("America/New_York"), None] {
        let out = parquet([1_709_931_600_000_000, far], TimeUnit::Microseconds, zone);
        let source = spec("x.parquet", |s| s.timezone = Some("UTC".into()));
        let e = read_table_bytes(&source, out).unwrap_err();
        assert!(matches!(e.problem(), Problem::TimeRange { .. }), "{e}");
        assert_eq!(e.row(), Some(2));
    }
    let e = long(&two("2024-03-08T21:00:00Z", "9999-12-31T00:00:00Z"), |_| ()).unwrap_err();
    assert!(matches!(e.problem(), Problem::TimeRange { .. }) && e.row() == Some(2), "{e}");
}

#[test]
fn only_symbols_whose_every_bar_is_at_midnight_are_read_as_dates() {
    // Bars around the clock begin at midnight, too.
    let csv = "time,symbol,close\n2024-03-08T05:00:00Z,A,1\n2024-03-08T05:00:00Z,B,2\n2024-03-08T05:01:00Z,B,3\n";
    let t = long(csv, |_| ()).unwrap();
    let expected = ["2024-03-08T05:00:00Z", "2024-03-08T05:01:00Z", "2024-03-08T21:00:00Z"];
    assert_eq!(times(&t), expected);
    assert_eq!((t.notes().midnights, t.notes().hours.outside), (1, 2));
    // A day without a session has no close.
    let e = long(&two("2024-03-08T05:00:00Z", "2024-03-10T05:00:00Z"), |_| ()).unwrap_err();
    says(&e, &["2024-03-10", "not a trading session", "`daily = false`"]);
    // Stated to be instants, they are; and that a close is known before its session is said.
    let t = long(&two("2024-03-08T05:00:00Z", "2024-03-11T04:00:00Z"), |s| s.daily = Some(false)).unwrap();
    assert_eq!(times(&t), ["2024-03-08T05:00:00Z", "2024-03-11T04:00:00Z"]);
    assert_eq!(t.notes().hours.early_daily, 2);
    let notes = t.notes().sentences();
    assert!(notes.iter().any(|n| n.0.contains("before their session's close")), "{notes:?}");
}

#[test]
fn other_daily_bars_before_their_close_are_refused_until_it_is_said_what_they_are() {
    for (case, friday, monday) in [
        ("at the open in New York", "2024-03-08T09:30:00-05:00", "2024-03-11T09:30:00-04:00"),
        ("at one time of UTC", "2024-03-08T14:00:00Z", "2024-03-11T14:00:00Z"),
        ("at one time as written", "2024-03-08T08:00:00-05:00", "2024-03-11T08:00:00-04:00"),
        ("a minute before the close", "2024-03-08T15:59:00-05:00", "2024-03-11T15:59:00-04:00"),
    ] {
        let e = long(&two(friday, monday), |_| ()).unwrap_err();
        assert!(matches!(e.problem(), Problem::EarlyDaily { .. }), "{case}: {e}");
        says(&e, &["row 1", "before its session's close at 16:00", "`daily = true`", "`daily = false`"]);
        let t = long(&two(friday, monday), |s| s.daily = Some(true)).unwrap();
        assert_eq!(times(&t), CLOSES, "{case}");
        let t = long(&two(friday, monday), |s| s.daily = Some(false)).unwrap();
        assert_eq!(t.notes().hours.early_daily, 2, "{case}");
    }
    // At the close and after it nothing is early; what decisions at the close do not see is said.
    let t = long(&two("2024-03-08T21:00:00Z", "2024-03-11T20:00:00Z"), |_| ()).unwrap();
    assert_eq!((times(&t), t.notes().sentences()), (CLOSES.map(String::from).into(), vec![]));
    let t = long(&two("2024-03-08T22:30:00Z", "2024-03-11T22:30:00Z"), |_| ()).unwrap();
    assert_eq!(t.notes().hours.late_daily, 2);
    let t = long(&two("2024-03-08T21:00:00Z", "2024-03-11T20:00:00Z"), |s| s.delay_seconds = 3600).unwrap();
    assert_eq!(t.notes().hours.late_daily, 0, "a delay says that it is meant");
}

/// Bars of a session, each so many seconds long, stamped at their starts or at their ends.
fn session(seconds: u32, at_start: bool) -> String {
    let mut out = String::from("time,symbol,close\n");
    for k in 0..23_400 / seconds {
        let s = 34_200 + (k + u32::from(!at_start)) * seconds;
        out.push_str(&format!("2024-03-08T{:02}:{:02}:{:02}-05:00,X,10\n", s / 3600, s / 60 % 60, s % 60));
    }
    out
}

#[test]
fn bars_stamped_at_their_start_are_noticed() {
    for seconds in [60, 300, 1800] {
        let t = long(&session(seconds, true), |_| ()).unwrap();
        assert_eq!((t.notes().hours.from_the_open, t.notes().hours.step), (1, seconds));
        let notes = t.notes().sentences();
        assert!(notes.iter().any(|n| n.0.contains(&format!("`delay_seconds = {seconds}`"))), "{notes:?}");
        let delayed = |s: &mut SourceSpec| s.delay_seconds = seconds;
        assert_eq!(long(&session(seconds, true), delayed).unwrap().notes().sentences(), []);
        assert_eq!(long(&session(seconds, false), |_| ()).unwrap().notes().sentences(), []);
    }
}
