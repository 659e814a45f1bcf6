//! Invariants of the wavelet transforms, for every wavelet and boundary mode.

use proptest::prelude::*;
use tradewind_core_types::testkit::Rng;
use tradewind_numerics::wavelet::{
    Denoise, Denoiser, Mode, NoiseScale, Rule, Shrink, Transform, Wavelet, imodwt, max_level, modwt, wavedec, waverec,
};

fn noise(seed: u64, n: usize, scale: f64) -> Vec<f64> {
    let mut rng = Rng(seed);
    (0..n).map(|_| scale * rng.normal()).collect()
}

fn energy(x: &[f64]) -> f64 {
    x.iter().map(|v| v * v).sum()
}

fn size(x: &[f64]) -> f64 {
    x.iter().fold(0.0, |m, v| v.abs().max(m))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn what_is_taken_apart_can_be_put_together(
        seed in 0_u64..100_000, n in 2_usize..400, levels in 1_usize..9, wavelet in 0..Wavelet::ALL.len(), power in -6_i32..7
    ) {
        let w = Wavelet::ALL[wavelet];
        let x = noise(seed, n, 10.0_f64.powi(power));
        for mode in Mode::ALL {
            // A level of one coefficient cannot be mirrored on its last one.
            let Ok(parts) = wavedec(&x, w, mode, levels) else {
                prop_assert!(mode == Mode::Reflect && w == Wavelet::Haar, "{:?} {:?}", w, mode);
                continue;
            };
            let back = waverec(&parts, w, mode).unwrap();
            prop_assert_eq!(back.len(), n);
            let off = x.iter().zip(&back).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            prop_assert!(off <= 1e-12 * size(&x), "{:?} {:?} n {} levels {}: {:e}", w, mode, n, levels, off / size(&x));
        }
        let parts = modwt(&x, w, levels).unwrap();
        let back = imodwt(&parts, w).unwrap();
        let off = x.iter().zip(&back).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        prop_assert!(off <= 1e-12 * size(&x), "{:?}: {:e}", w, off / size(&x));
        let kept = parts.details.iter().map(|d| energy(d)).sum::<f64>() + energy(&parts.scaling);
        prop_assert!((kept / energy(&x) - 1.0).abs() < 1e-12, "energy {}", kept / energy(&x));
    }

    #[test]
    fn orthogonal_transforms_keep_energy(seed in 0_u64..100_000, k in 1_usize..9, wavelet in 0..Wavelet::ALL.len()) {
        // Without an odd length nothing is added: periodization is orthogonal.
        let x = noise(seed, 3 << k, 1.0);
        let parts = wavedec(&x, Wavelet::ALL[wavelet], Mode::Periodization, k).unwrap();
        let kept = parts.details.iter().map(|d| energy(d)).sum::<f64>() + energy(&parts.approximation);
        prop_assert!((kept / energy(&x) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn polynomials_have_no_details_inside(n in 60_usize..200, wavelet in 0..Wavelet::ALL.len(), slope in -5.0_f64..5.0) {
        // Of degree below the number of vanishing moments, where the filter stays within the series.
        let w = Wavelet::ALL[wavelet];
        let f = w.filter_len();
        let straight = if w == Wavelet::Haar { 0.0 } else { slope };
        let x: Vec<f64> = (0..n).map(|i| 3.0 + straight * i as f64).collect();
        let parts = wavedec(&x, w, Mode::Zero, 1).unwrap();
        let inside = &parts.details[0][f / 2 - 1..=(n - f) / 2 + f / 2 - 1];
        prop_assert!(size(inside) < 1e-12 * size(&x).max(1.0), "{:?} {:e}", w, size(inside));
    }
}

fn spec(wavelet: Wavelet, transform: Transform, rule: Rule) -> Denoise {
    let (mode, shrink, noise) = (Mode::Symmetric, Shrink::Soft, NoiseScale::Finest);
    Denoise { wavelet, transform, mode, levels: max_level(128, wavelet).min(3), rule, shrink, noise }
}

const RULES: [Rule; 3] = [Rule::Universal, Rule::Sure, Rule::Bayes];

/// Whether what a smoother says of the first `n` values depends on the later ones: the check of `trader check lookahead`, for a function.
fn looks_ahead(n: usize, x: &[f64], smoother: &dyn Fn(&[f64]) -> Vec<Option<f64>>) -> bool {
    let mut other = x.to_vec();
    other[n..].reverse();
    smoother(x)[..n] != smoother(&other)[..n]
}

#[test]
fn the_whole_series_looks_ahead_and_the_trailing_window_does_not() {
    let x: Vec<f64> = noise(5, 600, 1.0)
        .iter()
        .scan(100.0, |p, r| {
            *p += r;
            Some(*p)
        })
        .collect();
    for transform in [Transform::Dwt, Transform::Modwt] {
        for rule in RULES {
            let s = spec(Wavelet::Sym4, transform, rule);
            let naive = |x: &[f64]| s.whole(x).unwrap().into_iter().map(Some).collect::<Vec<_>>();
            let causal = |x: &[f64]| {
                let mut d = Denoiser::new(s, 128).unwrap();
                x.iter().map(|v| d.push(*v).map(|o| o.value)).collect::<Vec<_>>()
            };
            for n in [200, 431] {
                assert!(looks_ahead(n, &x, &naive), "the check must catch the naive form: {transform:?} {rule:?}");
                assert!(!looks_ahead(n, &x, &causal), "{transform:?} {rule:?}");
            }
        }
    }
}

#[test]
fn a_value_depends_on_the_last_window_alone() {
    let x = noise(6, 500, 1.0);
    let s = spec(Wavelet::Db3, Transform::Modwt, Rule::Sure);
    let (mut long, mut short) = (Denoiser::new(s, 128).unwrap(), Denoiser::new(s, 128).unwrap());
    x[..300].iter().for_each(|v| {
        long.push(*v);
    });
    short.push(1e6);
    x[173..300].iter().for_each(|v| {
        short.push(*v);
    });
    for v in &x[300..] {
        assert_eq!(long.push(*v), short.push(*v));
    }
}

#[test]
fn noise_is_measured_without_bias_that_matters_and_removed() {
    // 2000 windows of pure noise: what is left of it at the last value, and how large it is thought to be.
    for (transform, wavelet) in [(Transform::Dwt, Wavelet::Db4), (Transform::Modwt, Wavelet::Sym4)] {
        for rule in RULES {
            let mut d = Denoiser::new(spec(wavelet, transform, rule), 128).unwrap();
            let out: Vec<_> = noise(7, 2127, 2.0).iter().filter_map(|v| d.push(*v)).collect();
            let n = out.len() as f64;
            let sigma = out.iter().map(|o| o.noise).sum::<f64>() / n / 2.0;
            let left = (out.iter().map(|o| o.value.powi(2)).sum::<f64>() / n).sqrt() / 2.0;
            println!("{transform:?} {rule:?}: noise estimate {sigma:.3} of the truth, {left:.3} of it left");
            assert!((0.95..1.06).contains(&sigma), "{sigma}");
            assert!(left < 0.75, "{left}");
        }
    }
}

#[test]
fn the_estimate_of_noise_is_as_uncertain_as_its_window_is_short() {
    for (transform, window, most) in [
        (Transform::Dwt, 64, 0.22),
        (Transform::Modwt, 64, 0.18),
        (Transform::Dwt, 256, 0.11),
        (Transform::Modwt, 256, 0.09),
    ] {
        let mut d = Denoiser::new(spec(Wavelet::Sym4, transform, Rule::Universal), window).unwrap();
        let out: Vec<f64> = noise(9, 20_000, 1.0).iter().filter_map(|v| d.push(*v).map(|o| o.noise)).collect();
        let mean = out.iter().sum::<f64>() / out.len() as f64;
        let sd = (out.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / out.len() as f64).sqrt();
        println!("{transform:?}, window {window}: noise estimate {mean:.3} +- {sd:.3}");
        assert!((mean - 1.0).abs() < 0.02 && sd < most, "{mean} {sd}");
    }
}

#[test]
fn a_trend_under_noise_is_seen_better_than_with_the_naked_eye() {
    let truth: Vec<f64> = (0..3000).map(|i| 6.0 * (f64::from(i) / 40.0).sin()).collect();
    let x: Vec<f64> = truth.iter().zip(noise(8, 3000, 1.0)).map(|(t, e)| t + e).collect();
    for transform in [Transform::Dwt, Transform::Modwt] {
        for rule in RULES {
            let mut d = Denoiser::new(spec(Wavelet::Sym4, transform, rule), 128).unwrap();
            let pairs: Vec<(f64, f64)> =
                x.iter().zip(&truth).filter_map(|(v, t)| d.push(*v).map(|o| (o.value, *t))).collect();
            let rmse = (pairs.iter().map(|(a, b)| (a - b).powi(2)).sum::<f64>() / pairs.len() as f64).sqrt();
            let whole = spec(Wavelet::Sym4, transform, rule).whole(&x).unwrap();
            let ahead = whole.iter().zip(&truth).map(|(a, b)| (a - b).powi(2)).sum::<f64>() / truth.len() as f64;
            println!("{transform:?} {rule:?}: error {rmse:.3} of the noise; looking ahead {:.3}", ahead.sqrt());
            // Knowing what comes next is worth much: no number from a whole series may be taken for one that can be traded on.
            assert!(rmse < 0.6 && ahead.sqrt() < 0.9 * rmse, "{transform:?} {rule:?} {rmse}");
        }
    }
}
