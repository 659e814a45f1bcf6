//! fe_fracdiff against numpy's convolution and statsmodels on real series: `tools/oracle/fe_fracdiff.py`.

use serde_json::Value;
use tradewind_core_types::{Online, Params, testkit::sample};
use tradewind_features::plugins::fe_fracdiff::{FeFracdiffIn, FeFracdiffParams, FracdiffWindow};

const TOLERANCE: f64 = 1e-10;

fn oracle() -> Value {
    serde_json::from_str(include_str!("../../../tools/oracle/out/fe_fracdiff.json")).unwrap()
}

/// Values, and whether logarithms are to be taken of them.
fn series(name: &str) -> (Vec<f64>, bool) {
    let (symbol, what) = name.split_once('.').unwrap();
    let rows = match symbol {
        "VIX" => sample("vix_close_2014_2019.csv", "vix", None),
        "SPX" => sample("index_ohlcv_1999_2018.csv.gz", "close", Some(("symbol", "SPX"))),
        _ => sample("etf23_close_2008_2016.csv.gz", symbol, None),
    };
    (rows.into_iter().map(|(_, x)| x).collect(), what == "log")
}

#[test]
fn differences_equal_numpy() {
    let (mut compared, mut worst) = (0, 0.0_f64);
    for c in oracle()["differences"].as_array().unwrap() {
        let (values, log) = series(c["series"].as_str().unwrap());
        let inputs: Vec<_> = values.iter().map(|value| FeFracdiffIn { value: *value }).collect();
        for (window, column) in [(FracdiffWindow::Fixed, "fixed"), (FracdiffWindow::Expanding, "expanding")] {
            let d = c["d"].as_f64().unwrap();
            let p = FeFracdiffParams { d, window, log, max_window: 6000, ..Default::default() };
            if window == FracdiffWindow::Fixed {
                assert_eq!(p.weights().len() as u64, c["window"].as_u64().unwrap());
            }
            let streaming = p.build().unwrap().batch(&inputs).unwrap();
            let whole = p.transform(&values).unwrap();
            for (row, want) in c["rows"].as_array().unwrap().iter().zip(c[column].as_array().unwrap()) {
                let (row, want) = (row.as_u64().unwrap() as usize, want.as_f64().unwrap());
                for got in [streaming[row].unwrap().value, whole[row].unwrap()] {
                    worst = worst.max((got - want).abs());
                    assert!(
                        (got - want).abs() <= TOLERANCE,
                        "{} {d} {column} {row}: {got} and not {want}",
                        c["series"]
                    );
                    compared += 1;
                }
            }
        }
    }
    println!("{compared} differences compared, largest gap {worst:e}");
    assert!(compared > 1000);
}

#[test]
fn the_smallest_order_is_not_above_the_one_statsmodels_finds_on_a_grid() {
    for s in oracle()["smallest"].as_array().unwrap() {
        let (values, log) = series(s["series"].as_str().unwrap());
        let p = FeFracdiffParams { log, search_window: 100_000, ..Default::default() };
        let (found, tried) = p.smallest_order(&values).unwrap();
        let found = found.unwrap();
        let rows = s["rows"].as_array().unwrap();
        // The p-value does not fall all the way, so a finer search may find a smaller order than the grid's first; never a larger one.
        let first = rows.last().unwrap()["d"].as_f64().unwrap();
        println!("{}: d {:.4} keeps {:?} of the memory, grid {first}", s["series"], found.d, found.correlation);
        assert!(found.d <= first + 1e-12, "{found:?} {first}");
        let below = tried.iter().rfind(|o| o.d < found.d);
        assert!(below.map_or(found.d == 0.0, |o| o.adf.p_value >= 0.05 && found.d - o.d <= 0.001));
        assert!(found.adf.p_value < 0.05);
    }
}
