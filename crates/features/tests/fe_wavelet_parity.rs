//! fe_wavelet against PyWavelets and scikit-image on closes of SPY: `tools/oracle/fe_wavelet.py`.

use serde_json::Value;
use tradewind_core_types::testkit;
use tradewind_numerics::wavelet::{
    Decomposition, Denoise, Denoiser, Mode, Wavelet, dwt, idwt, max_level, modwt, wavedec, waverec,
};

const TOLERANCE: f64 = 1e-10;

fn oracle() -> Value {
    serde_json::from_str(include_str!("../../../tools/oracle/out/fe_wavelet.json")).unwrap()
}

/// In hundreds of dollars, as the script takes them.
fn spy() -> Vec<f64> {
    testkit::sample("etf23_close_2008_2016.csv.gz", "SPY", None).into_iter().map(|(_, x)| x / 100.0).collect()
}

fn cases<'a>(all: &'a Value, name: &str) -> &'a [Value] {
    all[name].as_array().unwrap()
}

fn number(v: &Value, key: &str) -> usize {
    v[key].as_u64().unwrap() as usize
}

fn numbers(v: &Value) -> Vec<f64> {
    v.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
}

fn wavelet(v: &Value) -> Wavelet {
    serde_json::from_value(v["wavelet"].clone()).unwrap()
}

fn mode(v: &Value) -> Mode {
    serde_json::from_value(v["mode"].clone()).unwrap()
}

fn project(c: &[f64]) -> [f64; 2] {
    let sum = |f: fn(f64) -> f64| c.iter().enumerate().map(|(k, c)| c * f(k as f64 + 1.0)).sum();
    [sum(f64::cos), sum(f64::sin)]
}

/// The largest difference so far.
struct Worst(f64);

impl Worst {
    fn see(&mut self, got: &[f64], want: &[f64], what: &dyn std::fmt::Display) {
        assert_eq!(got.len(), want.len(), "{what}");
        for (g, w) in got.iter().zip(want) {
            assert!((g - w).abs() <= TOLERANCE, "{what}: {g} and not {w}");
            self.0 = self.0.max((g - w).abs());
        }
    }
}

#[test]
fn filters_and_levels_are_those_of_pywavelets() {
    let all = oracle();
    for (name, table) in all["filters"].as_object().unwrap() {
        let w = Wavelet::from_name(name).unwrap();
        let off = w.scaling().iter().zip(numbers(table)).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        // Its tables of symlets end after some twelve digits; ours solve their equations (see `numerics::wavelet`).
        let known = if name.starts_with("sym") { 2e-12 } else { 3e-16 };
        assert!(off <= known, "{name} {off:e}");
    }
    assert_eq!(all["filters"].as_object().unwrap().len(), Wavelet::ALL.len());
    for (name, table) in all["high_pass"].as_object().unwrap() {
        let w = Wavelet::from_name(name).unwrap();
        assert!(w.high_pass().zip(numbers(table)).all(|(a, b)| (a - b).abs() <= 2e-12), "{name}");
    }
    for row in cases(&all, "max_level") {
        let w = Wavelet::from_name(row[1].as_str().unwrap()).unwrap();
        assert_eq!(max_level(row[0].as_u64().unwrap() as usize, w), row[2].as_u64().unwrap() as usize, "{row}");
    }
}

#[test]
fn one_level_and_back() {
    let (all, spy) = (oracle(), spy());
    let (mut exact, mut symlets) = (Worst(0.0), Worst(0.0));
    for case in cases(&all, "dwt") {
        let (w, m, x) = (wavelet(case), mode(case), &spy[..number(case, "n")]);
        let (a, d) = dwt(x, w, m).unwrap();
        let back = idwt(&a, &d, w, m).unwrap();
        assert_eq!(numbers(&case["len"]), [a.len() as f64, back.len() as f64], "{case}");
        let worst = if w.name().starts_with("sym") { &mut symlets } else { &mut exact };
        worst.see(&[project(&a), project(&d)].concat(), &numbers(&case["c"]), case);
        assert!(x.iter().zip(&back).all(|(a, b)| (a - b).abs() < 1e-13), "{case}");
    }
    println!(
        "{} transforms: largest difference {:.1e}, of symlets {:.1e}",
        cases(&all, "dwt").len(),
        exact.0,
        symlets.0
    );
    // What is left of symlets is the table's; the same code without it is closer.
    assert!(exact.0 < 1e-11);
}

#[test]
fn several_levels_and_back() {
    let (all, spy) = (oracle(), spy());
    let mut worst = Worst(0.0);
    for case in cases(&all, "wavedec") {
        let (w, m, x) = (wavelet(case), mode(case), &spy[..number(case, "n")]);
        let parts = wavedec(x, w, m, number(case, "levels")).unwrap();
        let lists: Vec<&Vec<f64>> = std::iter::once(&parts.approximation).chain(&parts.details).collect();
        let lens: Vec<f64> = lists.iter().map(|l| l.len() as f64).collect();
        assert_eq!(lens, numbers(&case["lens"]), "{case}");
        for (l, want) in lists.iter().zip(case["c"].as_array().unwrap()) {
            worst.see(&project(l), &numbers(want), case);
        }
        let half = |d: &Vec<f64>| d.iter().map(|x| 0.5 * x).collect();
        let halved = Decomposition { details: parts.details.iter().map(half).collect(), ..parts.clone() };
        worst.see(&project(&waverec(&halved, w, m).unwrap()), &numbers(&case["halved"]), case);
    }
    println!("{} decompositions: largest difference {:.1e}", cases(&all, "wavedec").len(), worst.0);
}

#[test]
fn maximal_overlap_is_swt_of_the_reversed_series() {
    let (all, spy) = (oracle(), spy());
    let mut worst = Worst(0.0);
    for case in cases(&all, "modwt") {
        let m = modwt(&spy[..number(case, "n")], wavelet(case), number(case, "levels")).unwrap();
        worst.see(&project(&m.scaling), &numbers(&case["scaling"]), case);
        worst.see(&m.scaling[..1], &[case["first"].as_f64().unwrap()], case);
        for (d, want) in m.details.iter().zip(case["details"].as_array().unwrap()) {
            worst.see(&project(d), &numbers(want), case);
        }
    }
    println!("maximal overlap: largest difference {:.1e}", worst.0);
}

#[test]
fn denoised_series_are_those_of_scikit_image() {
    let (all, spy) = (oracle(), spy());
    let x: Vec<f64> = spy[..1000].iter().enumerate().map(|(k, x)| x + 0.02 * ((k * k) as f64).sin()).collect();
    let mut worst = Worst(0.0);
    for case in cases(&all, "whole") {
        let spec: Denoise = serde_json::from_value(case["spec"].clone()).unwrap();
        let every_37th: Vec<f64> = spec.whole(&x).unwrap().into_iter().step_by(37).collect();
        worst.see(&every_37th, &numbers(&case["every_37th"]), case);
    }
    println!("{} series denoised: largest difference {:.1e}", cases(&all, "whole").len(), worst.0);
}

#[test]
fn trailing_windows_are_denoised_as_by_pywavelets() {
    let (all, spy) = (oracle(), spy());
    let (mut worst, mut compared) = (Worst(0.0), 0);
    for case in cases(&all, "trailing") {
        let spec: Denoise = serde_json::from_value(case["spec"].clone()).unwrap();
        let mut d = Denoiser::new(spec, number(case, "window")).unwrap();
        let out: Vec<_> = spy.iter().map(|x| d.push(*x)).collect();
        for (end, want) in numbers(&case["ends"]).iter().zip(case["rows"].as_array().unwrap()) {
            let o = out[*end as usize - 1].unwrap();
            worst.see(&[o.value, o.noise, o.finest.unwrap()], &numbers(want), case);
            compared += 1;
        }
    }
    println!("{compared} windows denoised: largest difference {:.1e}", worst.0);
    assert!(compared > 300);
}
