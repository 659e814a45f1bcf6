//! Realised variance of a price from its bars, and its forecast.
//!
//! | estimator | variance of one session, from o = ln(O/C_-1), u = ln(H/O), d = ln(L/O), c = ln(C/O) | source |
//! |---|---|---|
//! | close to close | r^2 or sample variance of r = ln(C/C_-1) | |
//! | Parkinson | (u - d)^2 / (4 ln 2) | Parkinson (1980), J. Business 53 |
//! | Garman-Klass | (u - d)^2 / 2 - (2 ln 2 - 1) c^2 | Garman & Klass (1980), J. Business 53 (the practical sigma_5^2) |
//! | Rogers-Satchell | u (u - c) + d (d - c) | Rogers & Satchell (1991), Annals of Applied Probability 1 |
//! | Yang-Zhang | over the window: V_o + k V_c + (1 - k) V_rs | Yang & Zhang (2000), J. Business 73 |
//!
//! Parkinson, Garman-Klass and Rogers-Satchell see only the session, not the jump over night; the first two take the drift as
//! zero. All range estimators take high and low for those of a continuous path: from 390 separate prices a session they see some
//! 7 % (Parkinson) to 9 % too little variance (simulated).

mod har;

use serde::{Deserialize, Serialize};

use crate::rolling::RollingMoments;
use crate::{NumericsError, math};

pub use har::{HarFit, HarRv};

/// How variance is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Estimator {
    /// Sample variance of log returns, ddof = 1.
    CloseToClose,
    /// Mean of squared log returns: close to close with the mean taken as zero.
    CloseToCloseZeroMean,
    /// From high and low.
    Parkinson,
    /// From open, high, low and close.
    GarmanKlass,
    /// From open, high, low and close, whatever the drift.
    RogersSatchell,
    /// Over night, open to close and Rogers-Satchell together, whatever the drift.
    YangZhang,
}

impl Estimator {
    /// Whether it needs open, high and low.
    pub const fn needs_range(self) -> bool {
        !matches!(self, Self::CloseToClose | Self::CloseToCloseZeroMean)
    }
    /// Whether it needs the close before, so that a window of n takes n + 1 bars.
    pub const fn needs_previous_close(self) -> bool {
        matches!(self, Self::CloseToClose | Self::CloseToCloseZeroMean | Self::YangZhang)
    }
    /// Degrees of freedom of the variance over `n` sessions: 2 sigma^4 / Var(estimate) if prices follow a Brownian motion.
    ///
    /// Close to close n - 1 (n with zero mean); Parkinson 4.9 n and Garman-Klass 7.4 n (Garman & Klass 1980);
    /// Rogers-Satchell 6.0 n (Rogers & Satchell 1991); Yang-Zhang 7 n (from the variances of its parts, for n near 20 and up to
    /// a third of the variance over night).
    pub fn degrees_of_freedom(self, n: usize) -> f64 {
        let n = n as f64;
        match self {
            Self::CloseToClose => n - 1.0,
            Self::CloseToCloseZeroMean => n,
            Self::Parkinson => 4.9 * n,
            Self::GarmanKlass => 7.4 * n,
            Self::RogersSatchell => 6.0 * n,
            Self::YangZhang => 7.0 * n,
        }
    }
}

/// A session's prices; open, high and low where known.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Ohlc {
    /// First price.
    pub open: Option<f64>,
    /// Highest price.
    pub high: Option<f64>,
    /// Lowest price.
    pub low: Option<f64>,
    /// Last price.
    pub close: f64,
}

impl Ohlc {
    /// Whether all known prices are finite, above zero and in order; the first one that is not, otherwise.
    ///
    /// # Errors
    /// A price that cannot be used.
    pub fn check(&self) -> Result<(), NumericsError> {
        let bad = |what, value, expected| Err(NumericsError::BadValue { what, index: 0, value, expected });
        let parts = [("open", self.open), ("high", self.high), ("low", self.low), ("close", Some(self.close))];
        for (what, x) in parts {
            if let Some(x) = x
                && !(x.is_finite() && x > 0.0)
            {
                return bad(what, x, "a finite price above zero");
            }
        }
        let inner = |f: fn(f64, f64) -> f64| self.open.map_or(self.close, |o| f(o, self.close));
        if let Some(h) = self.high
            && h < inner(f64::max)
        {
            return bad("high", h, "at least open and close");
        }
        if let Some(l) = self.low
            && (l > inner(f64::min) || self.high.is_some_and(|h| l > h))
        {
            return bad("low", l, "at most open, high and close");
        }
        Ok(())
    }
    fn range(&self) -> Result<[f64; 4], NumericsError> {
        let need = |what, x: Option<f64>| {
            x.ok_or(NumericsError::BadValue { what, index: 0, value: f64::NAN, expected: "a price" })
        };
        Ok([need("open", self.open)?, need("high", self.high)?, need("low", self.low)?, self.close])
    }
}

/// Parkinson's variance of one session: ln(H/L)^2 / (4 ln 2).
pub fn parkinson(high: f64, low: f64) -> f64 {
    math::ln(high / low).powi(2) / (4.0 * std::f64::consts::LN_2)
}
/// Garman and Klass' variance of one session: ln(H/L)^2 / 2 - (2 ln 2 - 1) ln(C/O)^2 (their practical form, sigma_5^2).
pub fn garman_klass(open: f64, high: f64, low: f64, close: f64) -> f64 {
    0.5 * math::ln(high / low).powi(2) - (2.0 * std::f64::consts::LN_2 - 1.0) * math::ln(close / open).powi(2)
}
/// Rogers and Satchell's variance of one session: ln(H/O) ln(H/C) + ln(L/O) ln(L/C).
pub fn rogers_satchell(open: f64, high: f64, low: f64, close: f64) -> f64 {
    math::ln(high / open) * math::ln(high / close) + math::ln(low / open) * math::ln(low / close)
}
/// Yang and Zhang's weight of the open-to-close variance: 0.34 / (1.34 + (n + 1)/(n - 1)) (their best k for alpha = 1.34).
pub fn yang_zhang_weight(n: usize) -> f64 {
    0.34 / (1.34 + (n as f64 + 1.0) / (n as f64 - 1.0))
}

/// Probability that a chi-squared variable with `degrees` of freedom exceeds `x`: Q(degrees/2, x/2), the regularised upper
/// incomplete gamma function. NaN unless `degrees` > 0 and `x` >= 0.
///
/// With v degrees of freedom v s^2/sigma^2 is chi-squared, so that this is the probability of a true variance below c at
/// x = v s^2/c (fiducially).
pub fn chi_squared_tail(degrees: f64, x: f64) -> f64 {
    math::gamma_upper(0.5 * degrees, 0.5 * x)
}

/// Variance per session over the last n sessions.
///
/// The daily estimators are averaged (divided by n). Close to close is a sample variance (mean removed, ddof = 1) or, with zero
/// mean, the mean square. In Yang-Zhang the variances over night and from open to close are sample variances (ddof = 1) and
/// Rogers-Satchell is averaged. O(1) a step; see [`RollingMoments`] for why it does not drift.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RealisedVariance {
    estimator: Estimator,
    previous_close: Option<f64>,
    /// Returns (close to close) or daily variances.
    main: RollingMoments,
    /// Yang-Zhang: over night and open to close.
    parts: Option<(RollingMoments, RollingMoments)>,
}

impl RealisedVariance {
    /// Over `n` sessions; at least two.
    pub fn new(estimator: Estimator, n: usize) -> Self {
        let n = n.max(2);
        let parts = (estimator == Estimator::YangZhang).then(|| (RollingMoments::new(n), RollingMoments::new(n)));
        Self { estimator, previous_close: None, main: RollingMoments::new(n), parts }
    }
    /// How many bars give no variance.
    pub fn warmup(&self) -> usize {
        self.main.window().capacity() - usize::from(!self.estimator.needs_previous_close())
    }
    /// Takes a bar; gives the variance of this session alone: the squared return for close to close, its own formula for the
    /// range estimators, and the squared jump over night plus Rogers-Satchell for Yang-Zhang (which has none of its own).
    /// `None` when the close before is needed and not known.
    ///
    /// # Errors
    /// When a price is missing that the estimator needs, or cannot be used; the state is then as before.
    pub fn push(&mut self, bar: &Ohlc) -> Result<Option<f64>, NumericsError> {
        bar.check()?;
        let range = if self.estimator.needs_range() { bar.range()? } else { [bar.close; 4] };
        let before = self.previous_close.replace(bar.close);
        let [o, h, l, c] = range;
        let jump = |to: f64| before.map(|b| math::ln(to / b));
        let one = match self.estimator {
            Estimator::CloseToClose => {
                let Some(r) = jump(c) else { return Ok(None) };
                self.main.push(r);
                return Ok(Some(r * r));
            }
            Estimator::CloseToCloseZeroMean => {
                let Some(r) = jump(c) else { return Ok(None) };
                r * r
            }
            Estimator::Parkinson => parkinson(h, l),
            Estimator::GarmanKlass => garman_klass(o, h, l, c),
            Estimator::RogersSatchell => rogers_satchell(o, h, l, c),
            Estimator::YangZhang => {
                let Some(night) = jump(o) else { return Ok(None) };
                if let Some((nights, days)) = &mut self.parts {
                    nights.push(night);
                    days.push(math::ln(c / o));
                }
                let rs = rogers_satchell(o, h, l, c).max(0.0);
                self.main.push(rs);
                return Ok(Some(night * night + rs));
            }
        };
        let one = one.max(0.0);
        self.main.push(one);
        Ok(Some(one))
    }
    /// The close before is multiplied by `factor` (a split, a dividend), so that the next return is that of a holder.
    /// Anything but a finite factor above zero does nothing.
    pub fn rescale(&mut self, factor: f64) {
        if factor.is_finite() && factor > 0.0 {
            self.previous_close = self.previous_close.map(|c| c * factor);
        }
    }
    /// Variance per session, once the window is full; zero or more.
    pub fn variance(&self) -> Option<f64> {
        if !self.main.is_full() {
            return None;
        }
        let v = match (self.estimator, &self.parts) {
            (Estimator::CloseToClose, _) => self.main.variance()?,
            (_, Some((nights, days))) => {
                let k = yang_zhang_weight(self.main.window().capacity());
                nights.variance()? + k * days.variance()? + (1.0 - k) * self.main.mean()?
            }
            _ => self.main.mean()?,
        };
        Some(v.max(0.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(open: f64, high: f64, low: f64, close: f64) -> Ohlc {
        Ohlc { open: Some(open), high: Some(high), low: Some(low), close }
    }
    fn e(x: f64) -> f64 {
        100.0 * x.exp()
    }

    #[test]
    fn by_hand() {
        let ln2 = std::f64::consts::LN_2;
        let close = |x: f64, y: f64| assert!((x - y).abs() < 1e-15, "{x} {y}");
        // Log prices: open 0, high 0.03, low -0.01, close 0.02.
        let (o, h, l, c) = (e(0.0), e(0.03), e(-0.01), e(0.02));
        close(parkinson(h, l), 0.0016 / (4.0 * ln2));
        close(garman_klass(o, h, l, c), 0.0008 - (2.0 * ln2 - 1.0) * 0.0004);
        close(rogers_satchell(o, h, l, c), 0.03 * 0.01 + 0.01 * 0.03);
        close(yang_zhang_weight(3), 0.34 / 3.34);

        // Returns 0.01, 0.03: variance with ddof 1 is 2 * 0.01^2, mean square (0.0001 + 0.0009)/2.
        let run = |estimator| {
            let mut v = RealisedVariance::new(estimator, 2);
            for x in [0.0, 0.01, 0.04] {
                assert_eq!(v.variance(), None);
                v.push(&Ohlc { open: None, high: None, low: None, close: e(x) }).unwrap();
            }
            v.variance().unwrap()
        };
        close(run(Estimator::CloseToClose), 2e-4);
        close(run(Estimator::CloseToCloseZeroMean), 5e-4);

        // Two nights of 0.01 and 0.03, days of 0.02 and 0.02 straight up: only the nights vary, Rogers-Satchell is zero.
        let mut v = RealisedVariance::new(Estimator::YangZhang, 2);
        v.push(&bar(e(0.0), e(0.0), e(0.0), e(0.0))).unwrap();
        v.push(&bar(e(0.01), e(0.03), e(0.01), e(0.03))).unwrap();
        assert_eq!(v.variance(), None);
        let day = v.push(&bar(e(0.06), e(0.08), e(0.06), e(0.08))).unwrap();
        close(day.unwrap(), 9e-4);
        close(v.variance().unwrap(), 2e-4);
    }

    #[test]
    fn chi_squared_matches_tables() {
        // scipy.stats.chi2.sf.
        for (v, x, p) in [
            (20.0, 31.410_432_844_230_92, 0.05),
            (20.0, 12.0, 0.916_075_983_005_124_2),
            (102.9, 60.0, 0.999_769_174_785_895_2),
            (2.0, 4.0, 0.135_335_283_236_612_7),
        ] {
            assert!((chi_squared_tail(v, x) - p).abs() < 1e-12, "{v} {x} {}", chi_squared_tail(v, x));
        }
        assert_eq!((chi_squared_tail(3.0, 0.0), chi_squared_tail(3.0, f64::INFINITY)), (1.0, 0.0));
        assert!(chi_squared_tail(-1.0, 1.0).is_nan() && chi_squared_tail(1.0, f64::NAN).is_nan());
    }

    #[test]
    fn bad_bars_are_refused_and_change_nothing() {
        for estimator in [Estimator::CloseToClose, Estimator::GarmanKlass, Estimator::YangZhang] {
            let mut v = RealisedVariance::new(estimator, 3);
            v.push(&bar(1.0, 2.0, 0.5, 1.5)).unwrap();
            let before = v.clone();
            for b in [
                bar(1.0, 0.9, 0.5, 0.8),
                bar(1.0, 2.0, 1.1, 1.5),
                bar(-1.0, 2.0, 0.5, 1.0),
                bar(1.0, 2.0, 0.5, f64::NAN),
            ] {
                assert!(v.push(&b).is_err(), "{b:?}");
            }
            let close_only = v.push(&Ohlc { open: None, high: None, low: None, close: 1.0 });
            assert_eq!(close_only.is_err(), estimator.needs_range());
            if estimator.needs_range() {
                assert_eq!(v, before);
            }
        }
    }

    #[test]
    fn ten_million_updates_do_not_drift() {
        let mut v = RealisedVariance::new(Estimator::CloseToClose, 21);
        let mut x: f64 = 0.3;
        let mut closes = Vec::new();
        for i in 0..10_000_000_u32 {
            x = 3.9 * x * (1.0 - x);
            // A price a million times as large for one session.
            let p = (100.0 + x) * if i % 1_000_003 == 0 { 1e6 } else { 1.0 };
            v.push(&Ohlc { open: None, high: None, low: None, close: p }).unwrap();
            if i >= 9_999_978 {
                closes.push(p);
            }
        }
        let r: Vec<f64> = closes.windows(2).map(|w| (w[1] / w[0]).ln()).collect();
        let m = r.iter().sum::<f64>() / 21.0;
        let exact = r.iter().map(|y| (y - m).powi(2)).sum::<f64>() / 20.0;
        assert!((v.variance().unwrap() / exact - 1.0).abs() < 1e-9);
    }
}
