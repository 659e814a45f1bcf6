//! Against numpy, pandas and statsmodels on S&P 500 and VIX (tools/oracle/alpha_vrp.py).

use std::collections::BTreeMap;

use tradewind_alpha::plugins::alpha_vrp::{VrpEstimator, VrpForecast, VrpIn, VrpOut, VrpParams};
use tradewind_core_types::testkit::sample;
use tradewind_core_types::{Online, Params, serde_json};
use tradewind_numerics::realised::{HarRv, garman_klass};

fn reference() -> serde_json::Value {
    serde_json::from_str(include_str!("../../../tools/oracle/out/alpha_vrp.json")).unwrap()
}

fn rows() -> Vec<(String, VrpIn)> {
    let spx = |column| sample("index_ohlcv_1999_2018.csv.gz", column, Some(("symbol", "SPX")));
    let (open, high, low, close) = (spx("open"), spx("high"), spx("low"), spx("close"));
    let vix: BTreeMap<String, f64> = sample("vix_close_2014_2019.csv", "vix", None).into_iter().collect();
    close
        .into_iter()
        .enumerate()
        .map(|(i, (date, c))| {
            let (o, h, l) = (Some(open[i].1), Some(high[i].1), Some(low[i].1));
            let vix = vix.get(&date).copied();
            (date, VrpIn { vix, open: o, high: h, low: l, close: c })
        })
        .collect()
}

fn run(p: &VrpParams) -> BTreeMap<String, Option<VrpOut>> {
    let mut c = p.build().unwrap();
    rows().into_iter().map(|(date, x)| (date, c.update(&x).unwrap())).collect()
}

#[test]
fn five_estimators_match_numpy() {
    let reference = reference();
    let cases = [
        ("close_to_close", VrpEstimator::CloseToClose, false),
        ("zero_mean", VrpEstimator::CloseToClose, true),
        ("parkinson", VrpEstimator::Parkinson, false),
        ("garman_klass", VrpEstimator::GarmanKlass, false),
        ("rogers_satchell", VrpEstimator::RogersSatchell, false),
        ("yang_zhang", VrpEstimator::YangZhang, false),
    ];
    for (name, estimator, zero_mean) in cases {
        let outs = run(&VrpParams { estimator, zero_mean, ..Default::default() });
        let (mut worst, mut compared) = (0.0_f64, 0);
        for row in reference["trailing"].as_array().unwrap() {
            let got = outs[row["date"].as_str().unwrap()].map(|o| o.realised);
            assert_eq!(got.is_some(), row[name].is_f64(), "{name} {row}");
            let (Some(x), Some(y)) = (got, row[name].as_f64()) else { continue };
            worst = worst.max((x / y - 1.0).abs());
            compared += 1;
        }
        println!("{name}: {compared} values, largest relative difference {worst:e}");
        assert!(compared > 150 && worst < 1e-12, "{name} {worst:e}");
    }
}

#[test]
fn har_fits_match_statsmodels() {
    let reference = reference();
    let rows = rows();
    let squares: Vec<(&str, f64)> =
        rows.windows(2).map(|w| (w[1].0.as_str(), (w[1].1.close / w[0].1.close).ln().powi(2))).collect();
    let ranges: Vec<(&str, f64)> = rows
        .iter()
        .map(|(d, x)| (d.as_str(), garman_klass(x.open.unwrap(), x.high.unwrap(), x.low.unwrap(), x.close)))
        .collect();
    for (name, series) in [("har", squares), ("har_garman_klass", ranges)] {
        let fits = reference[name].as_array().unwrap();
        let mut har = HarRv::new(21, 1000, 252, 21);
        let mut next = fits.iter().peekable();
        let mut worst = 0.0_f64;
        for (date, v) in series {
            har.push(v);
            let Some(want) = next.next_if(|f| f["date"] == date) else { continue };
            let f = har.fit().unwrap();
            assert_eq!(want["n"].as_u64(), Some(f.n as u64), "{date}");
            assert_eq!(want["lowest"].as_f64().map(|x| (x / f.lowest - 1.0).abs() < 1e-12), Some(true), "{date}");
            let got = [f.intercept, f.daily, f.weekly, f.monthly, f.residual_sd];
            let params = want["params"].as_array().unwrap().iter().map(|p| p.as_f64().unwrap());
            let want = params.chain([want["residual_sd"].as_f64().unwrap()]);
            got.iter().zip(want).for_each(|(x, y)| worst = worst.max((x / y - 1.0).abs()));
        }
        println!("{name}: {} fits, largest relative difference {worst:e}", fits.len());
        assert!(next.next().is_none() && fits.len() > 8 && worst < 1e-8, "{name} {worst:e}");
    }
}

#[test]
fn premium_ratio_and_z_match() {
    let reference = reference();
    let trailing = run(&VrpParams::default());
    let ex_ante = run(&VrpParams { forecast: VrpForecast::Har, ..Default::default() });
    let mut worst = [0.0_f64; 5];
    let mut z = 0;
    for row in reference["premium"].as_array().unwrap() {
        let date = row["date"].as_str().unwrap();
        let (o, h) = (trailing[date].unwrap(), ex_ante[date].unwrap());
        assert_eq!(o.z.is_some(), row["z"].is_f64(), "{row}");
        z += i32::from(o.z.is_some());
        let n = |name: &str| row[name].as_f64().unwrap_or(0.0);
        let pairs = [
            (o.realised, n("realised")),
            (o.vrp.unwrap(), n("vrp")),
            (o.ratio.unwrap(), n("ratio")),
            (o.z.unwrap_or(0.0), n("z")),
            (h.expected.unwrap(), n("har")),
        ];
        for (w, (x, y)) in worst.iter_mut().zip(pairs) {
            *w = w.max((x - y).abs() / y.abs().max(1e-3));
        }
        assert_eq!(o.score, o.ratio.map(|r| r.max(0.0)));
    }
    println!("largest differences of realised, premium, ratio, z, HAR forecast: {worst:?}; {z} z-scores");
    assert!(z > 80 && worst[..4].iter().all(|w| *w < 1e-10) && worst[4] < 1e-8, "{worst:?}");
    // The bundled run begins on 2014-01-03: the first day with a VIX has a score, the z-score needs a year.
    let first = trailing["2014-01-03"].unwrap();
    assert!(first.score.is_some() && first.z.is_none());
    assert!(trailing["2013-12-31"].unwrap().score.is_none());
}
