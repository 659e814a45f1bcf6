//! What is not read: devices and pipes, and more than the limit, as it is or unpacked.

use std::io::Write;

use tradewind_data::{Frame, Problem, read_table, read_table_bytes};

use crate::{says, spec};

#[cfg(unix)]
#[test]
fn only_regular_files_are_read() {
    let e = read_table(&spec("/dev/zero", |s| s.format = Some(tradewind_data::TableFormat::Csv))).unwrap_err();
    assert!(matches!(e.problem(), Problem::NotRegular), "{e}");
}

/// 20 MB of rows in 20 kB of gzip.
fn bomb() -> Vec<u8> {
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    gz.write_all(b"date,symbol,close\n").unwrap();
    let row = b"2024-01-02,A,1\n".repeat(10_000);
    for _ in 0..140 {
        gz.write_all(&row).unwrap();
    }
    gz.finish().unwrap()
}

#[test]
fn unpacking_stops_at_the_limit() {
    let bytes = bomb();
    assert!(bytes.len() < 200_000);
    let s = spec("x.csv.gz", |s| s.max_megabytes = Some(2));
    let e = read_table_bytes(&s, bytes).unwrap_err();
    assert!(matches!(e.problem(), Problem::TooLarge { megabytes: 2, .. }), "{e}");
    says(&e, &["larger than 2 MB when unpacked", "`max_megabytes`"]);
}

#[test]
fn a_large_file_is_refused_before_it_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.csv");
    let mut text = String::from("date,symbol,close\n");
    text.push_str(&"2024-01-02,A,1\n".repeat(80_000));
    std::fs::write(&path, text).unwrap();
    let mut s = spec(path.to_str().unwrap(), |s| s.max_megabytes = Some(1));
    assert!(matches!(read_table(&s).unwrap_err().problem(), Problem::TooLarge { megabytes: 1, .. }));
    s.max_megabytes = Some(2);
    assert!(matches!(read_table(&s).unwrap_err().problem(), Problem::Duplicate { .. }));
    for wrong in [0, 1_000_001] {
        s.max_megabytes = Some(wrong);
        assert!(s.check().is_err(), "{wrong}");
    }
}

#[test]
fn parquet_that_repeats_itself_is_measured_by_its_cells() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.parquet");
    let names = ["time", "symbol", "close"].map(String::from).to_vec();
    let one = |c: tradewind_core_types::Cell| vec![c; 100_000];
    use tradewind_core_types::Cell::{F64, Str};
    let columns = vec![one(Str("2024-01-02".into())), one(Str("A".into())), one(F64(1.0))];
    Frame::new(names, columns).unwrap().write(&path).unwrap();
    assert!(std::fs::metadata(&path).unwrap().len() < 100_000);
    // 100,000 rows of three cells are 2.4 MB.
    let s = spec(path.to_str().unwrap(), |s| s.max_megabytes = Some(2));
    assert!(matches!(read_table(&s).unwrap_err().problem(), Problem::TooLarge { .. }));
    let s = spec(path.to_str().unwrap(), |s| s.max_megabytes = Some(3));
    assert!(matches!(read_table(&s).unwrap_err().problem(), Problem::Duplicate { .. }));
}
