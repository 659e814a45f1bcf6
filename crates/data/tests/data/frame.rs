use tradewind_core_types::Cell;
use tradewind_data::{Frame, Problem};

fn csv(text: &str) -> Frame {
    Frame::from_csv("t.csv", text.as_bytes().to_vec()).unwrap()
}

#[test]
fn cells_keep_their_kind() {
    let f = csv("date,close,n,up,mixed\n2015-08-24,1.5,1,true,1\n2015-08-25,,2,false,x\n2015-08-26,2,,,\n");
    assert_eq!((f.rows(), f.names().len()), (3, 5));
    assert_eq!(f.column(1), [Cell::F64(1.5), Cell::Null, Cell::F64(2.0)]);
    assert_eq!(f.column(2), [Cell::I64(1), Cell::I64(2), Cell::Null]);
    assert_eq!(f.column(3), [Cell::Bool(true), Cell::Bool(false), Cell::Null]);
    assert_eq!(f.column(4), [Cell::Str("1".into()), Cell::Str("x".into()), Cell::Null]);
    assert_eq!(f.cell(9, 9), &Cell::Null);
    assert_eq!(f.numbers("close").unwrap(), [Some(1.5), None, Some(2.0)]);
    let e = f.numbers("mixed").unwrap_err();
    assert_eq!((e.row(), e.line(), e.column()), (Some(2), Some(3), Some("mixed")));
    assert!(matches!(e.problem(), Problem::NotANumber { .. }));
    assert!(f.numbers("colse").unwrap_err().to_string().contains("did you mean \"close\""));
    assert!(f.error(1, Some("close"), "no").to_string().starts_with("t.csv, row 2 (line 3), column \"close\""));
    assert!(matches!(csv("x\n1\nNaN\n").numbers("x").unwrap_err().problem(), Problem::NotFinite { .. }));
}

#[test]
fn tables_round_trip_through_both_formats() {
    let dir = tempfile::tempdir().unwrap();
    let names: Vec<String> = ["f", "i", "b", "s", "none"].map(String::from).into();
    let columns = vec![
        vec![Cell::F64(0.1), Cell::Null, Cell::F64(1e300), Cell::F64(-1.5e-300)],
        vec![Cell::I64(i64::MAX), Cell::I64(-1), Cell::Null, Cell::I64(0)],
        vec![Cell::Bool(true), Cell::Null, Cell::Bool(false), Cell::Bool(true)],
        vec![Cell::Str("a,\"b\"".into()), Cell::Str("two\nlines".into()), Cell::Null, Cell::Str("é".into())],
        vec![Cell::Null; 4],
    ];
    let f = Frame::new(names, columns).unwrap();
    for name in ["t.csv", "t.parquet"] {
        let path = dir.path().join(name);
        f.write(&path).unwrap();
        let g = Frame::read(&path).unwrap();
        for i in 0..5 {
            assert_eq!(g.column(i), f.column(i), "{name} column {i}");
        }
        assert_eq!(g.names(), f.names());
    }
    let one = Frame::new(vec!["x".into()], vec![vec![Cell::Null, Cell::F64(1.0)]]).unwrap();
    one.write(&dir.path().join("one.csv")).unwrap();
    assert_eq!(Frame::read(&dir.path().join("one.csv")).unwrap().column(0), [Cell::Null, Cell::F64(1.0)]);
}

#[test]
fn writing_is_all_or_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let f = Frame::new(vec!["x".into()], vec![vec![Cell::F64(1.0)]]).unwrap();
    let target = dir.path().join("no/such/dir/x.csv");
    assert!(f.write(&target).unwrap_err().to_string().contains("cannot write the file"));
    assert!(f.write(dir.path()).is_err());
    assert!(f.write(&dir.path().join("x.xlsx")).is_err());
    // A stream that fails half-way leaves no file.
    let table = crate::wide("date,SPY\n2015-08-24,1\n", |_| ()).unwrap();
    let bad = crate::wide("date,SPY\n2015-08-24,x\n", |_| ()).unwrap_err();
    let stream = crate::events(table).into_iter().map(Ok).chain([Err(bad)]);
    let target = dir.path().join("half.parquet");
    assert!(tradewind_data::write_events(&target, tradewind_data::Kind::Bar, stream, &[]).is_err());
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    assert!(Frame::new(vec!["x".into(), "x".into()], vec![vec![], vec![]]).is_err());
    assert!(Frame::new(vec!["x".into()], vec![]).is_err());
}
