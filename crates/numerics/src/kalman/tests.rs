//! Unit tests of the state-space filter.

use super::*;
use tradewind_core_types::testkit::{Rng, closes};

#[test]
fn by_hand() {
    // Regression through the origin, coefficient known to be 1 with variance 1, q = 0, h = 1. z = 2, y = 4: v = 2, F = 5, K = 2/5,
    // a = 1.8, P = 1/5.
    let mut mean = [0.0; MAX_STATES];
    let mut cov = [[0.0; MAX_STATES]; MAX_STATES];
    (mean[0], cov[0][0]) = (1.0, 1.0);
    let mut k = Kalman::new(Model::random_walk(&[0.0], 1.0).unwrap(), Start::Known(mean, cov));
    assert_eq!(k.step(&[2.0], Some(4.0)), Some(Innovation { value: 2.0, variance: 5.0 }));
    assert!((k.mean()[0] - 1.8).abs() < 1e-15 && (k.covariance(0, 0).unwrap() - 0.2).abs() < 1e-15);
    let want = -0.5 * (std::f64::consts::TAU.ln() + 5.0_f64.ln() + 0.8);
    assert!((k.log_likelihood().value() - want).abs() < 1e-15);
}

#[test]
fn without_drift_and_from_nothing_it_is_least_squares() {
    let mut rng = Rng(1);
    let mut k = Kalman::new(Model::random_walk(&[0.0, 0.0, 0.0], 0.7).unwrap(), Start::Diffuse);
    let (mut xx, mut xy) = (nalgebra::Matrix3::zeros(), nalgebra::Vector3::zeros());
    for i in 0..200 {
        let z = nalgebra::Vector3::new(1.0, rng.normal(), 100.0 * rng.normal());
        let y = 3.0 + z[1] - 0.2 * z[2] + rng.normal();
        let innovation = k.step(z.as_slice(), Some(y)).unwrap();
        assert_eq!(innovation.z().is_none(), i < 3);
        assert_eq!(k.unknown(), 2_usize.saturating_sub(i));
        xx += z * z.transpose();
        xy += z * y;
    }
    let ols = xx.try_inverse().unwrap();
    let beta = ols * xy;
    for i in 0..3 {
        assert!((k.mean()[i] / beta[i] - 1.0).abs() < 1e-9, "{:?} {beta}", k.mean());
        for j in 0..3 {
            let (p, want) = (k.covariance(i, j).unwrap(), 0.7 * ols[(i, j)]);
            assert!((p - want).abs() < 1e-9 * (ols[(i, i)] * ols[(j, j)]).sqrt(), "{p} {want}");
        }
    }
}

#[test]
fn an_unknown_direction_waits_until_it_is_observed() {
    let mut k = Kalman::new(Model::random_walk(&[0.0, 0.0], 1.0).unwrap(), Start::Diffuse);
    k.step(&[1.0, 2.0], Some(5.0));
    // The same direction again says nothing new of the other one.
    assert!(k.step(&[1.0, 2.0], Some(6.0)).unwrap().z().is_some());
    assert_eq!((k.unknown(), k.covariance(0, 0)), (1, None));
    k.step(&[1.0, 0.0], None);
    assert_eq!(k.unknown(), 1);
    k.step(&[1.0, 0.0], Some(1.0));
    assert_eq!(k.unknown(), 0);
    assert!((k.mean()[0] - 1.0).abs() < 1e-12 && (k.mean()[1] - 2.25).abs() < 1e-12, "{:?}", k.mean());
}

#[test]
fn the_shortcut_of_the_trend_changes_nothing_that_matters() {
    let ys = closes(6, 5000);
    for (level, trend, noise) in [(1.0, 0.01, 1.0), (0.1, 1e-5, 2.0), (0.0, 1e-4, 1.0), (1.0, 0.1, 0.0)] {
        let model = Model::local_linear_trend(level, trend, noise).unwrap();
        let mut quick = Kalman::new(model, Start::Diffuse);
        let mut slow = quick.clone().without_shortcut();
        let mut shortcuts = 0;
        for (i, y) in ys.iter().enumerate() {
            let y = (i % 1501 != 1500).then_some(*y);
            quick.step(&[1.0, 0.0], y);
            slow.step(&[1.0, 0.0], y);
            shortcuts += usize::from(quick.is_steady());
            for j in 0..2 {
                assert!((quick.mean()[j] - slow.mean()[j]).abs() < 1e-9, "{i}: {:?} {:?}", quick.mean(), slow.mean());
            }
        }
        println!("{level} {trend} {noise}: {shortcuts} of {} by the shortcut", ys.len());
        assert!(shortcuts > 1000, "{shortcuts}");
        let (a, b) = (quick.log_likelihood().value(), slow.log_likelihood().value());
        assert!((a / b - 1.0).abs() < 1e-9, "{a} {b}");
    }
}

/// Whether the covariance is symmetric and positive definite: Cholesky's factor exists.
fn positive_definite(k: &Kalman) -> bool {
    let n = k.model.states;
    let p = nalgebra::DMatrix::from_fn(n, n, |i, j| k.cov[i][j]);
    p == p.transpose() && p.cholesky().is_some()
}

#[test]
fn ten_million_updates_stay_positive_definite() {
    let mut rng = Rng(2);
    // Regressors of very different size, nearly collinear, and variances far apart: hard on the recursion without Joseph's form.
    let model = Model::random_walk(&[1e-9, 1e-6], 1.0).unwrap();
    let mut regression = Kalman::new(model, Start::Diffuse);
    let mut trend =
        Kalman::new(Model::local_linear_trend(1e-6, 1e-10, 1.0).unwrap(), Start::Diffuse).without_shortcut();
    for i in 0..10_000_000_u32 {
        let x = 1000.0 + 0.01 * rng.uniform();
        regression.step(&[1.0, x], Some(0.5 * x + rng.uniform()));
        trend.step(&[1.0, 0.0], Some(rng.uniform()));
        if i > 10 && i % 9973 == 0 {
            assert!(positive_definite(&regression) && positive_definite(&trend), "after {i}");
        }
    }
    assert!(positive_definite(&regression) && positive_definite(&trend));
    assert!((regression.mean()[0] + 1000.0 * regression.mean()[1] - 500.5).abs() < 0.5, "{:?}", regression.mean());
    assert!((trend.mean()[0] - 0.5).abs() < 0.1, "{:?}", trend.mean());
}

#[test]
fn smoothed_states_are_the_mean_given_everything() {
    // Against the joint normal distribution, by brute force: a known start, five observations of which one is missing.
    let (q, t, h) = (0.3, 0.05, 0.8);
    let model = Model::local_linear_trend(q, t, h).unwrap();
    let y = [Some(1.0), Some(2.5), None, Some(2.0), Some(4.0)];
    let n = y.len();
    let mut start = [[0.0; MAX_STATES]; MAX_STATES];
    (start[0][0], start[1][1]) = (2.0, 0.5);
    let mean0 = [0.5, 0.1, 0.0, 0.0, 0.0, 0.0];
    let z = |_: usize| [1.0, 0.0, 0.0, 0.0, 0.0, 0.0];
    let got = smooth_lookahead(model, Start::Known(mean0, start), &z, &y).unwrap();
    // States stacked: each is T times the one before plus noise.
    let tr = nalgebra::Matrix2::new(1.0, 1.0, 0.0, 1.0);
    let mut cov = nalgebra::DMatrix::<f64>::zeros(2 * n, 2 * n);
    let mut mean = nalgebra::DVector::<f64>::zeros(2 * n);
    let (mut m, mut p) = (nalgebra::Vector2::new(0.5, 0.1), nalgebra::Matrix2::new(2.0, 0.0, 0.0, 0.5));
    for i in 0..n {
        if i > 0 {
            m = tr * m;
            p = tr * p * tr.transpose() + nalgebra::Matrix2::new(q, 0.0, 0.0, t);
        }
        mean.fixed_rows_mut::<2>(2 * i).copy_from(&m);
        let mut c = p;
        for j in i..n {
            cov.fixed_view_mut::<2, 2>(2 * j, 2 * i).copy_from(&c);
            cov.fixed_view_mut::<2, 2>(2 * i, 2 * j).copy_from(&c.transpose());
            c = tr * c;
        }
    }
    let seen: Vec<usize> = (0..n).filter(|i| y[*i].is_some()).collect();
    let cross = nalgebra::DMatrix::from_fn(2 * n, seen.len(), |a, b| cov[(a, 2 * seen[b])]);
    let within = nalgebra::DMatrix::from_fn(seen.len(), seen.len(), |a, b| {
        cov[(2 * seen[a], 2 * seen[b])] + if a == b { h } else { 0.0 }
    });
    let gap = nalgebra::DVector::from_fn(seen.len(), |a, _| y[seen[a]].unwrap() - mean[2 * seen[a]]);
    let gain = &cross * within.try_inverse().unwrap();
    let want = &mean + &gain * gap;
    let left = &cov - &gain * cross.transpose();
    for i in 0..n {
        for j in 0..2 {
            assert!((got[i].mean[j] - want[2 * i + j]).abs() < 1e-12, "{i} {j}");
            assert!((got[i].variance[j] - left[(2 * i + j, 2 * i + j)]).abs() < 1e-12, "{i} {j}");
        }
    }
}

#[test]
fn smoothing_from_nothing_is_the_limit_of_a_large_variance() {
    let ys: Vec<_> = closes(8, 60).into_iter().enumerate().map(|(i, y)| (i % 9 != 4).then_some(y - 100.0)).collect();
    let model = Model::local_linear_trend(0.5, 0.01, 1.0).unwrap();
    let z = |_: usize| [1.0, 0.0, 0.0, 0.0, 0.0, 0.0];
    let exact = smooth_lookahead(model, Start::Diffuse, &z, &ys).unwrap();
    // Not larger: the backward recursion squares it, and rounding with it.
    let large = smooth_lookahead(model, Start::Approximate(1e5), &z, &ys).unwrap();
    for (a, b) in exact.iter().zip(&large) {
        for j in 0..2 {
            assert!((a.mean[j] - b.mean[j]).abs() < 1e-3, "{a:?} {b:?}");
            assert!((a.variance[j] / b.variance[j] - 1.0).abs() < 1e-3 && a.variance[j] > 0.0, "{a:?} {b:?}");
        }
    }
    // One observation of two unknown directions leaves one open.
    assert_eq!(smooth_lookahead(model, Start::Diffuse, &z, &ys[..1]), None);
}

#[test]
fn innovations_of_the_true_model_are_standard_normal() {
    let mut rng = Rng(11);
    let mut k = Kalman::new(Model::local_linear_trend(0.4, 0.001, 2.0).unwrap(), Start::Diffuse);
    let (mut level, mut trend, mut outside, mut n, mut previous, mut auto) = (0.0, 0.0, 0, 0, 0.0, 0.0);
    for _ in 0..20_000 {
        let y = level + 2.0_f64.sqrt() * rng.normal();
        level += trend + 0.4_f64.sqrt() * rng.normal();
        trend += 0.001_f64.sqrt() * rng.normal();
        if let Some(z) = k.step(&[1.0, 0.0], Some(y)).and_then(|i| i.z()) {
            outside += usize::from(z.abs() > 1.959_964);
            auto += z * previous;
            previous = z;
            n += 1;
        }
    }
    // 5 % of 20,000 with standard deviation 31; correlation of neighbours within 4 standard errors of 0.
    println!("{outside} of {n} beyond 1.96, correlation of neighbours {:.4}", auto / f64::from(n));
    assert!((900..1100).contains(&outside) && (auto / f64::from(n)).abs() < 0.028, "{outside} {auto}");
}

#[test]
fn unusable_models_are_refused() {
    assert!(Model::random_walk(&[], 1.0).is_none() && Model::random_walk(&[0.1; 7], 1.0).is_none());
    assert!(Model::random_walk(&[-0.1], 1.0).is_none() && Model::random_walk(&[0.1], f64::NAN).is_none());
    assert!(Model::new(&[&[1.0, 0.0]], &[&[1.0]], 1.0).is_none());
    assert!(Model::new(&[&[1.0, 0.0], &[0.0, 1.0]], &[&[1.0, 0.2], &[0.1, 1.0]], 1.0).is_none());
}

#[test]
fn it_is_saved_and_restored_to_the_last_bit() {
    let mut k = Kalman::new(Model::local_linear_trend(0.4, 0.001, 2.0).unwrap(), Start::Diffuse);
    closes(1, 30).iter().for_each(|y| {
        k.step(&[1.0, 0.0], Some(*y));
    });
    let text = serde_json::to_string(&k).unwrap();
    assert_eq!(serde_json::from_str::<Kalman>(&text).unwrap(), k);
}
