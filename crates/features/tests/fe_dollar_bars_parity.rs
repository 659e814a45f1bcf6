//! Parity of fe_dollar_bars with mlfinpy (tools/oracle/fe_dollar_bars.py) on 500,000 real trades of the E-mini S&P 500.

#[path = "../../../examples/support/es_trades.rs"]
mod es_trades;

use serde_json::Value;
use tradewind_core_types::{Params, Price, Quantity, Time, Trade, parse_params};
use tradewind_features::plugins::fe_dollar_bars::{BarColumns, FeDollarBarsParams, TradeBar};

fn oracle() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tools/oracle/out/fe_dollar_bars.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn close(what: &str, got: f64, want: f64, worst: &mut f64) {
    let off = if want == 0.0 { got.abs() } else { (got / want - 1.0).abs() };
    *worst = worst.max(off);
    // Prices, volumes and counts are exact; mlfinpy adds up values in floats.
    assert!(off < 1e-12, "{what}: {got} against {want}");
}

#[test]
fn every_kind_of_bar_is_that_of_mlfinpy() {
    let trades = es_trades::es_trades().unwrap();
    let reference = oracle();
    assert_eq!(trades.times.len() as u64, reference["trades"].as_u64().unwrap());
    let (mut compared, mut worst) = (0, 0.0);
    let cases = reference["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 29);
    for case in cases {
        let params: FeDollarBarsParams = parse_params(&case["params"]).unwrap();
        let name = format!("{} {}", case["name"], case["params"]);
        let mut bars = params.build().unwrap();
        let mut out = BarColumns::default();
        bars.push_columns(&trades.times, &trades.prices, &trades.sizes, None, &mut out).unwrap();
        assert_eq!(out.len() as u64, case["bars"].as_u64().unwrap(), "{name}");
        println!("{name}: {} bars", out.len());
        let step = case["step"].as_u64().unwrap() as usize;
        let rows = &case["rows"];
        let times: Vec<f64> = out.end.iter().map(|t| (t / 1_000_000) as f64).collect();
        let counts: Vec<f64> = out.trades.iter().map(|n| *n as f64).collect();
        for (column, got) in [
            ("end_ms", &times),
            ("open", &out.open),
            ("high", &out.high),
            ("low", &out.low),
            ("close", &out.close),
            ("volume", &out.volume),
            ("cum_buy_volume", &out.buy_volume),
            ("cum_ticks", &counts),
            ("cum_dollar_value", &out.value),
        ] {
            let want: Vec<f64> = rows[column].as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect();
            let got_rows: Vec<f64> = got.iter().step_by(step).copied().collect();
            assert_eq!(got_rows.len(), want.len());
            for (g, w) in got_rows.iter().zip(&want) {
                close(&format!("{name} {column}"), *g, *w, &mut worst);
                compared += 1;
            }
            if let Some(sum) = case["sums"][column].as_f64() {
                close(&format!("{name}, sum of {column}"), got.iter().sum(), sum, &mut worst);
            }
        }
    }
    println!("{compared} values compared, largest relative difference {worst:e}");
    assert!(compared > 5_000);
}

/// Volume and value of all trades, in integers.
fn whole(t: &es_trades::Trades) -> (i128, i128) {
    t.prices.iter().zip(&t.sizes).fold((0, 0), |(v, d), (p, q)| {
        let q = i128::from(Quantity::from_f64(*q).unwrap().nanos());
        (v + q, d + q * i128::from(Price::from_f64(*p).unwrap().nanos()))
    })
}

#[test]
fn nothing_is_lost_and_split_bars_are_of_one_size() {
    let trades = es_trades::es_trades().unwrap();
    let (volume, value) = whole(&trades);
    assert_eq!(volume, 1_844_058 * 1_000_000_000);
    for kind in ["time", "tick", "volume", "dollar", "dollar_imbalance", "volume_run"] {
        for crossing in ["whole", "carry", "split"] {
            let threshold = if kind == "dollar" { 20_000.0 } else { 20.0 };
            let v = serde_json::json!({"kind": kind, "threshold": threshold, "crossing": crossing});
            let mut bars = parse_params::<FeDollarBarsParams>(&v).unwrap().build().unwrap();
            let (mut sum, mut n, mut sizes) = ((0, 0, 0), 0_u64, Vec::new());
            let mut add = |b: &TradeBar| {
                sum = (sum.0 + b.volume, sum.1 + b.value, sum.2 + b.trades);
                n += 1;
                sizes.push(if kind == "dollar" { b.value() } else { b.volume() });
                assert!(b.low <= b.open.min(b.close) && b.high >= b.open.max(b.close) && b.start <= b.end);
                assert!(0 <= b.buy_volume && b.buy_volume <= b.volume);
            };
            for i in 0..trades.times.len() {
                let price = Price::from_f64(trades.prices[i]).unwrap();
                let size = Quantity::from_f64(trades.sizes[i]).unwrap();
                bars.push(Time::from_nanos(trades.times[i]), &Trade { price, size, buyer: None }, &mut add).unwrap();
            }
            let t = bars.totals();
            assert_eq!((t.bars, t.volume, t.value, t.trades), (n, sum.0, sum.1, sum.2));
            let open = bars.pending();
            let got = (
                sum.0 + open.map_or(0, |b| b.volume),
                sum.1 + open.map_or(0, |b| b.value),
                sum.2 + open.map_or(0, |b| b.trades),
            );
            assert_eq!(got, (volume, value, 500_000), "{kind} {crossing}");
            if crossing == "split" && (kind == "dollar" || kind == "volume") {
                // Each bar exceeds the threshold by less than a billionth of a share.
                assert!(sizes.iter().all(|s| (*s - threshold).abs() < 2e-6), "{kind}");
            }
            let floor = if kind == "dollar" { value / 1_000_000_000 / 1_000_000_000 } else { volume / 1_000_000_000 };
            let thresholds = floor / threshold as i128;
            if kind == "dollar" || kind == "volume" {
                match crossing {
                    "split" => assert!((i128::from(n) - thresholds).abs() <= 1, "{n} {thresholds}"),
                    _ => assert!(i128::from(n) < thresholds, "{n} {thresholds}"),
                }
            }
        }
    }
}
