//! The Engle-Granger test of cointegration of two series.
//!
//! First a = c + h b (+ trend) + u by least squares, then an augmented Dickey-Fuller test of the residuals u without constant; its p-value from
//! MacKinnon's surface for two series. statsmodels' `coint`.
//!
//! Sources: Engle & Granger (1987), Co-integration and error correction, Econometrica 55; MacKinnon (1994), Journal of Business & Economic
//! Statistics 12; MacKinnon (2010), Queen's Economics Department working paper 1227.

use serde::{Deserialize, Serialize};

use crate::adf::{self, Lags, Trend};
use crate::johansen::{CointError, DetOrder};

/// A test and the regression behind it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct EngleGranger {
    /// h of a = c + h b.
    pub hedge_ratio: f64,
    /// t value of the residuals' lagged level.
    pub statistic: f64,
    /// MacKinnon's p-value.
    pub p_value: f64,
    /// Lagged differences used.
    pub lags: usize,
    /// Critical values at 1, 5 and 10 %; without a constant there are none.
    pub critical: Option<[f64; 3]>,
}

/// Tests whether `a` and `b` are cointegrated; `lags` differences of the residuals, by Akaike's criterion when `None`.
///
/// # Errors
/// Too few observations, a constant series, series that are multiples of each other.
pub fn engle_granger(a: &[f64], b: &[f64], det: DetOrder, lags: Option<usize>) -> Result<EngleGranger, CointError> {
    if a.len() != b.len() {
        return Err(CointError::Lengths { series: 1, got: b.len(), first: a.len() });
    }
    let needed = 12 + 2 * lags.unwrap_or(0);
    if a.len() < needed {
        return Err(CointError::TooFew { needed, got: a.len() });
    }
    super::johansen::check(0, a)?;
    super::johansen::check(1, b)?;
    // Least squares with deterministic terms: those are taken out of both sides first (Frisch & Waugh).
    let (x, y) = (super::johansen::detrend(b, det), super::johansen::detrend(a, det));
    let dot = |p: &[f64], q: &[f64]| p.iter().zip(q).map(|(s, t)| s * t).sum::<f64>();
    let (xx, xy, yy) = (dot(&x, &x), dot(&x, &y), dot(&y, &y));
    if !(xx > 0.0 && yy > 0.0) {
        return Err(CointError::Collinear);
    }
    let h = xy / xx;
    let u: Vec<f64> = y.iter().zip(&x).map(|(y, x)| y - h * x).collect();
    // statsmodels' bound on 1 - R^2, below which the residuals are rounding.
    let varies = dot(&u, &u) > 100.0 * f64::EPSILON.sqrt() * yy;
    if !varies {
        return Err(CointError::Collinear);
    }
    let trend = match det {
        DetOrder::None => Trend::None,
        DetOrder::Constant => Trend::Constant,
        DetOrder::Trend => Trend::Linear,
    };
    let lags = lags.map_or(Lags::Aic(None), Lags::Fixed);
    let adf = adf::adf(&u, Trend::None, lags).map_err(|_| CointError::Collinear)?;
    let p_value = adf::p_value(adf.statistic, trend, 2).ok_or(CointError::NoConvergence)?;
    let critical = adf::critical_values(trend, 2, Some(a.len() - 1));
    Ok(EngleGranger { hedge_ratio: h, statistic: adf.statistic, p_value, lags: adf.lags, critical })
}
