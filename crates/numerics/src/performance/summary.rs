//! All statistics of one series at once.

use serde::{Deserialize, Serialize};

use super::*;

/// Statistics of one series of returns; a statistic that is not defined is `None`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Number of returns.
    pub observations: usize,
    /// See [`cumulative_return`].
    pub cumulative_return: Option<f64>,
    /// See [`cagr`].
    pub cagr: Option<f64>,
    /// See [`annual_volatility`].
    pub annual_volatility: Option<f64>,
    /// See [`sharpe`].
    pub sharpe: Option<f64>,
    /// See [`sortino`]; the required return is the risk-free rate.
    pub sortino: Option<f64>,
    /// See [`calmar`].
    pub calmar: Option<f64>,
    /// See [`downside_deviation`].
    pub downside_deviation: Option<f64>,
    /// See [`max_drawdown`].
    pub max_drawdown: Option<Drawdown>,
    /// See [`longest_drawdown`].
    pub longest_drawdown: Option<Drawdown>,
    /// See [`hit_rate`]: share of periods with a gain.
    pub hit_rate: Option<f64>,
    /// See [`profit_factor`], of the periods' returns.
    pub profit_factor: Option<f64>,
    /// See [`value_at_risk`], 95 %.
    pub value_at_risk_95: Option<f64>,
    /// See [`expected_shortfall`], 95 %.
    pub expected_shortfall_95: Option<f64>,
    /// See [`skewness`].
    pub skewness: Option<f64>,
    /// See [`excess_kurtosis`].
    pub excess_kurtosis: Option<f64>,
    /// See [`tail_ratio`].
    pub tail_ratio: Option<f64>,
    /// See [`stability`].
    pub stability: Option<f64>,
    /// Largest return of one period.
    pub best: Option<f64>,
    /// Smallest return of one period.
    pub worst: Option<f64>,
}

impl Summary {
    /// Of simple returns; `risk_free` is per period, `periods` make a year. Of a series in which wealth was [`ruined`] only the return over the whole
    /// period and the drawdowns.
    pub fn of(returns: &[f64], risk_free: f64, periods: f64) -> Self {
        if ruined(returns) {
            return Self {
                cumulative_return: cumulative_return(returns),
                max_drawdown: max_drawdown(returns),
                longest_drawdown: longest_drawdown(returns),
                ..Self::of(&[], risk_free, periods)
            };
        }
        Self {
            observations: returns.len(),
            cumulative_return: cumulative_return(returns),
            cagr: cagr(returns, periods),
            annual_volatility: annual_volatility(returns, periods),
            sharpe: sharpe(returns, risk_free, periods),
            sortino: sortino(returns, risk_free, periods),
            calmar: calmar(returns, periods),
            downside_deviation: downside_deviation(returns, risk_free, periods),
            max_drawdown: max_drawdown(returns),
            longest_drawdown: longest_drawdown(returns),
            hit_rate: hit_rate(returns),
            profit_factor: profit_factor(returns),
            value_at_risk_95: value_at_risk(returns, 0.05),
            expected_shortfall_95: expected_shortfall(returns, 0.05),
            skewness: skewness(returns),
            excess_kurtosis: excess_kurtosis(returns),
            tail_ratio: tail_ratio(returns),
            stability: stability(returns),
            best: quantile(returns, 1.0),
            worst: quantile(returns, 0.0),
        }
    }
}

/// Statistics of a strategy against one benchmark.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Relative {
    /// See [`alpha_beta`].
    pub alpha: Option<f64>,
    /// See [`beta`].
    pub beta: Option<f64>,
    /// See [`correlation`].
    pub correlation: Option<f64>,
    /// See [`tracking_error`].
    pub tracking_error: Option<f64>,
    /// See [`information_ratio`].
    pub information_ratio: Option<f64>,
    /// See [`up_capture`].
    pub up_capture: Option<f64>,
    /// See [`down_capture`].
    pub down_capture: Option<f64>,
}

impl Relative {
    /// Of simple returns; `risk_free` is per period, `periods` make a year.
    pub fn of(returns: &[f64], benchmark: &[f64], risk_free: f64, periods: f64) -> Self {
        Self {
            alpha: alpha_beta(returns, benchmark, risk_free, periods).map(|x| x.alpha),
            beta: beta(returns, benchmark),
            correlation: correlation(returns, benchmark),
            tracking_error: tracking_error(returns, benchmark, periods),
            information_ratio: information_ratio(returns, benchmark, periods),
            up_capture: up_capture(returns, benchmark, periods),
            down_capture: down_capture(returns, benchmark, periods),
        }
    }
}
