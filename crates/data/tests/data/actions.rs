use tradewind_core_types::{CorporateAction, MarketData};
use tradewind_data::Kind;

use crate::read_as;

#[test]
fn actions_take_effect_at_the_open_of_their_ex_date() {
    let csv = "date,symbol,kind,value\n2020-08-31,AAPL,split,4:1\n2020-11-06,AAPL,dividend,0.205\n2022-06-09,FB,symbol_change,META\n\
               2021-08-02,GE,split,1:8\n2023-05-01,FRC,delisting,\n2001-12-03,ENE,delisting,0.26\n";
    let e = read_as(Kind::CorporateAction, "a.csv", csv).unwrap();
    let shown: Vec<String> = e
        .iter()
        .map(|e| {
            let MarketData::CorporateAction(a) = &e.data else { panic!() };
            format!("{} {} {a:?}", e.time, e.symbol.unwrap())
        })
        .collect();
    assert_eq!(shown[0], "2001-12-03T14:30:00Z ENE Delisting { price: Some(Price(260000000)) }");
    assert_eq!(shown[1], "2020-08-31T13:30:00Z AAPL Split { numerator: 4, denominator: 1 }");
    assert_eq!(shown[2], "2020-11-06T14:30:00Z AAPL Dividend { amount: Price(205000000) }");
    assert_eq!(shown[3], "2021-08-02T13:30:00Z GE Split { numerator: 1, denominator: 8 }");
    assert_eq!(shown[4], "2022-06-09T13:30:00Z FB SymbolChange { to: META }");
    assert_eq!(shown[5], "2023-05-01T13:30:00Z FRC Delisting { price: None }");
    assert!(e.iter().all(|e| e.data.rank() == 0));
    // The same as JSONL, with a full time for a halt.
    let json = "{\"date\":\"2020-08-31\",\"symbol\":\"AAPL\",\"kind\":\"split\",\"value\":\"4:1\"}\n\
                {\"time\":\"2020-08-31T15:00:00Z\",\"symbol\":\"AAPL\",\"kind\":\"halt\"}\n";
    let j = read_as(Kind::CorporateAction, "a.jsonl", json).unwrap();
    assert_eq!((j[0].time, &j[0].data), (e[1].time, &e[1].data));
    assert_eq!(j[1].data, MarketData::CorporateAction(CorporateAction::Halt { halted: true }));
}

#[test]
fn bad_actions_say_what_was_expected() {
    let one = |row: &str| {
        read_as(Kind::CorporateAction, "a.csv", &format!("date,symbol,kind,value\n{row}\n")).unwrap_err().to_string()
    };
    for (row, says) in [
        ("2020-08-30,AAPL,split,4:1", "not a trading session"),
        ("2020-08-31,AAPL,merger,4:1", "is not a kind of corporate action"),
        ("2020-08-31,AAPL,split,4:0", "new:old"),
        ("2020-08-31,AAPL,split,", "new:old"),
        ("2020-08-31,AAPL,split,1.5:1", "new:old"),
        ("2020-08-31,AAPL,dividend,-1", "above zero"),
        ("2020-08-31,AAPL,dividend,", "above zero"),
        ("2020-08-31,AAPL,delisting,0", "final price"),
        ("2020-08-31,AAPL,symbol_change,", "new symbol"),
        ("2020-08-31,AAPL,symbol_change,AAPL", "another symbol"),
        ("2020-08-31,AAPL,halt,1", "no value"),
        ("2020-08-31,,halt,", "empty"),
    ] {
        let e = one(row);
        assert!(e.contains(says) && e.contains("row 1"), "{row}: {e}");
    }
    let e = read_as(Kind::CorporateAction, "a.csv", "date,symbol,value\n2020-08-31,A,1\n").unwrap_err();
    assert!(e.to_string().contains("no column \"kind\""), "{e}");
}
