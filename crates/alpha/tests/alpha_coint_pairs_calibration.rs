//! What the error rates really are: size, power, realised false discoveries. Seeded; bounds are four binomial standard errors.

use tradewind_alpha::plugins::alpha_coint_pairs::{CointPairsParams, Control, Found, Test, scan};
use tradewind_core_types::testkit::Rng;
use tradewind_numerics::johansen::{DetOrder, PairTest, Prepared, Statistic, critical_values};

fn walk(rng: &mut Rng, n: usize, drift: f64) -> Vec<f64> {
    let mut y = 0.0;
    (0..n)
        .map(|_| {
            y += drift + rng.normal();
            y
        })
        .collect()
}

/// A walk of unit steps and one cointegrated with it: spread AR(1) of this half-life, innovations of this size.
fn planted(rng: &mut Rng, n: usize, half_life: f64, size: f64) -> [Vec<f64>; 2] {
    let (x, keep) = (walk(rng, n, 0.0), f64::exp2(-1.0 / half_life));
    let mut s = 0.0;
    let y = x.iter().map(|x| {
        s = keep * s + size * rng.normal();
        x + s
    });
    [y.collect(), x.clone()]
}

fn test(pair: &[Vec<f64>; 2], det: DetOrder, lags: usize) -> PairTest {
    let of = |i: usize| Prepared::new(i, &pair[i], det, lags).unwrap();
    PairTest::new(&of(0), &of(1)).unwrap()
}

/// Share of `n` pairs rejected at 5 % by p-value (trace, largest eigenvalue) and by the published critical value.
fn size(seed: u64, n: usize, t: usize, det: DetOrder, lags: usize, drift: f64) -> [f64; 3] {
    let mut rng = Rng(seed);
    let published = critical_values(Statistic::Trace, det, 2).unwrap()[1];
    let mut hits = [0.0; 3];
    for _ in 0..n {
        let r = test(&[walk(&mut rng, t, drift), walk(&mut rng, t, drift)], det, lags);
        for (i, s) in [Statistic::Trace, Statistic::MaxEigenvalue].into_iter().enumerate() {
            hits[i] += f64::from(u8::from(r.p_value(s, 0).unwrap() <= 0.05)) / n as f64;
        }
        hits[2] += f64::from(u8::from(r.trace[0] > published)) / n as f64;
    }
    hits
}

#[test]
fn the_size_of_the_test() {
    // Four standard errors of a binomial share at 10,000 trials: 0.0087.
    let bound = 4.0 * (0.05_f64 * 0.95 / 10_000.0).sqrt();
    for (seed, t, det, lags) in [
        (1, 252, DetOrder::Constant, 1),
        (2, 126, DetOrder::Constant, 1),
        (3, 1000, DetOrder::Constant, 1),
        (4, 252, DetOrder::Constant, 4),
        (5, 252, DetOrder::Trend, 1),
        (6, 252, DetOrder::Constant, 0),
    ] {
        let [trace, max, published] = size(seed, 10_000, t, det, lags, 0.0);
        println!("T {t} {det:?} lags {lags}: trace {trace:.4}, max {max:.4}, published critical value {published:.4}");
        assert!((trace - 0.05).abs() < bound && (max - 0.05).abs() < bound, "{t} {det:?} {lags}: {trace} {max}");
        // The published values assume a drift (order 1: a quadratic trend) and reject far too often without.
        assert!(published > 0.08, "{published}");
    }
    // With a drift that dominates the published value holds and the p-value is on the safe side.
    let [trace, _, published] = size(7, 10_000, 1000, DetOrder::Constant, 1, 1.0);
    println!("T 1000 with drift: trace {trace:.4}, published critical value {published:.4}");
    assert!(trace < 0.04 && (published - 0.05).abs() < 0.015, "{trace} {published}");
}

#[test]
fn the_power_of_the_test() {
    let mut found = Vec::new();
    for (t, half_life) in [(252, 5.0), (252, 10.0), (252, 20.0), (504, 10.0), (504, 20.0), (1000, 20.0)] {
        let mut rng = Rng(t as u64 + half_life as u64);
        let n = 2000;
        let mut hits = 0;
        for _ in 0..n {
            let r = test(&planted(&mut rng, t, half_life, 1.0), DetOrder::Constant, 1);
            hits += usize::from(r.p_value(Statistic::Trace, 0).unwrap() <= 0.05);
        }
        let power = hits as f64 / n as f64;
        println!("T {t} half-life {half_life}: power {power:.3}");
        found.push(power);
    }
    // More sessions and shorter half-lives are found more often; a half-life of a week mostly within a year, one of a month hardly.
    assert!(found[0] > 0.7 && found[0] > found[1] && found[1] > found[2], "{found:?}");
    assert!(found[3] > found[1] && found[4] > found[2] && found[5] > 0.75, "{found:?}");
}

/// Mean share of false discoveries, and share of planted pairs found, over so many scans of 10 planted pairs among 40 series.
fn discoveries(params: &CointPairsParams, seed: u64, pairs: usize, size: f64, scans: usize) -> (f64, f64) {
    let mut rng = Rng(seed);
    let (mut fdr, mut power) = (0.0, 0.0);
    for _ in 0..scans {
        let mut series: Vec<Vec<f64>> = (0..pairs).flat_map(|_| planted(&mut rng, 504, 5.0, size)).collect();
        while series.len() < 40 {
            series.push(walk(&mut rng, 504, 0.0));
        }
        let s = scan(params, &series).unwrap();
        let found = s.pairs.iter().filter(|f| f.discovery);
        let (good, bad): (Vec<&Found>, Vec<&Found>) =
            found.partition(|f| f.a % 2 == 0 && f.b == f.a + 1 && f.b < 2 * pairs);
        fdr += bad.len() as f64 / (bad.len() + good.len()).max(1) as f64 / scans as f64;
        power += good.len() as f64 / pairs.max(1) as f64 / scans as f64;
    }
    (fdr, power)
}

#[test]
fn realised_false_discoveries() {
    for (control, test) in [
        (Control::BenjaminiHochberg, Test::Trace),
        (Control::BenjaminiYekutieli, Test::Trace),
        (Control::BenjaminiHochberg, Test::EngleGranger),
    ] {
        let p = CointPairsParams { control, test, fdr: 0.10, ..Default::default() };
        let scans = if test == Test::Trace { 200 } else { 40 };
        let (fdr, power) = discoveries(&p, 17, 10, 0.3, scans);
        let (none, _) = discoveries(&p, 18, 0, 0.3, scans);
        println!(
            "{control:?} {test:?}: false discoveries {fdr:.3}, found {power:.3}; nothing planted: any discovery {none:.3}"
        );
        // A share of at most 0.10, plus four standard errors of a mean over the scans (its deviation is below 0.1; 0.3 for shares of all or nothing).
        assert!(fdr < 0.10 + 4.0 * 0.1 / (scans as f64).sqrt(), "{fdr}");
        assert!(none < 0.10 + 4.0 * 0.3 / (scans as f64).sqrt(), "{none}");
        assert!(power > 0.6, "{power}");
    }
}

#[test]
fn too_few_lags_cost_false_discoveries() {
    // A spread as restless as the walk itself leaves a moving average in the leg's differences: with one lag the tests of that leg against
    // strangers reject too often; more lags put it right.
    let with = |lags| {
        let p = CointPairsParams { lags, fdr: 0.10, ..Default::default() };
        discoveries(&p, 19, 10, 1.0, 100)
    };
    let (one, four) = (with(1), with(4));
    println!(
        "restless spreads: one lag {:.3} (found {:.3}), four lags {:.3} (found {:.3})",
        one.0, one.1, four.0, four.1
    );
    assert!(four.0 < one.0, "{one:?} {four:?}");
}
