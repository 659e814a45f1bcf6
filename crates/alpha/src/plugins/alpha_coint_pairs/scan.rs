//! All pairs of a universe: tested in parallel, under control of false discoveries, ranked.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use tradewind_core_types::{Invalid, Params};
use tradewind_numerics::johansen::{CointError, Prepared};
use tradewind_numerics::multiple::adjust;

use super::estimate::{Estimate, Rule, Status, engle_granger_numbers, johansen_numbers, judge};
use super::{CointPairsParams, Test};

/// A pair of a scan: numbers of the series and what was found.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Found {
    /// First leg.
    pub a: usize,
    /// Second leg; above `a`.
    pub b: usize,
    /// `Cointegrated` only for discoveries that can be traded.
    pub status: Status,
    /// The test's statistic.
    pub statistic: Option<f64>,
    /// Its p-value; none when the pair could not be tested.
    pub p_value: Option<f64>,
    /// The p-value adjusted for all pairs tested.
    pub adjusted: f64,
    /// Whether the adjusted p-value is at most the rate.
    pub discovery: bool,
    /// Hedge ratio.
    pub hedge_ratio: Option<f64>,
    /// Half-life, observations.
    pub half_life: Option<f64>,
    /// Its standard error.
    pub half_life_error: Option<f64>,
}

/// A scan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scan {
    /// How many series there were.
    pub series: usize,
    /// Series that could not be tested with any other, and why.
    pub excluded: Vec<(usize, Status)>,
    /// All pairs of the others by p-value; those that could not be tested come last.
    pub pairs: Vec<Found>,
    /// How many were tested.
    pub tested: usize,
    /// How many discoveries there are.
    pub discoveries: usize,
}

impl Scan {
    /// Pairs that can be traded, best first, each series in at most one and none of those `taken`.
    pub fn best(&self, top: usize, taken: &[usize]) -> Vec<Found> {
        let mut used = vec![false; self.series];
        taken.iter().filter_map(|i| used.get_mut(*i).map(|u| *u = true)).count();
        let mut out = Vec::new();
        for f in self.pairs.iter().take_while(|f| f.discovery) {
            if out.len() == top {
                break;
            }
            if f.status == Status::Cointegrated && !used[f.a] && !used[f.b] {
                (used[f.a], used[f.b]) = (true, true);
                out.push(*f);
            }
        }
        out
    }
    /// The p-values as a symmetric matrix, for a heat map; none on the diagonal and where there was no test.
    pub fn heat_map(&self) -> Vec<Vec<Option<f64>>> {
        let mut m = vec![vec![None; self.series]; self.series];
        for f in &self.pairs {
            (m[f.a][f.b], m[f.b][f.a]) = (f.p_value, f.p_value);
        }
        m
    }
}

/// Side of the blocks of pairs that are tested together: what they touch stays in the cache.
const BLOCK: usize = 16;

/// Tests all pairs of `series` (log prices at the same instants, oldest first) as the parameters say: test, order, lags, limits, `fdr`, `control`.
/// Memory: the series, and one row per pair.
///
/// # Errors
/// When the parameters are wrong.
pub fn scan(params: &CointPairsParams, series: &[Vec<f64>]) -> Result<Scan, Invalid> {
    let built = params.build()?;
    Ok(scan_with(built.rule(), params, series))
}

pub(super) fn scan_with(rule: &Rule, params: &CointPairsParams, series: &[Vec<f64>]) -> Scan {
    let common = series.iter().map(Vec::len).max().unwrap_or(0);
    let prepared: Vec<Result<Prepared, CointError>> = series
        .par_iter()
        .enumerate()
        .map(|(i, s)| {
            if s.len() == common {
                Prepared::new(i, s, rule.det, rule.lags)
            } else {
                Err(CointError::TooFew { needed: common, got: s.len() })
            }
        })
        .collect();
    let excluded: Vec<(usize, Status)> =
        prepared.iter().enumerate().filter_map(|(i, p)| p.as_ref().err().map(|e| (i, e.clone().into()))).collect();
    let usable: Vec<(usize, &Prepared)> =
        prepared.iter().enumerate().filter_map(|(i, p)| p.as_ref().ok().map(|p| (i, p))).collect();
    let blocks: Vec<(usize, usize)> =
        (0..usable.len()).step_by(BLOCK).flat_map(|i| (i..usable.len()).step_by(BLOCK).map(move |j| (i, j))).collect();
    let tested: Vec<Vec<(Found, Option<f64>)>> =
        blocks.par_iter().map(|&(i, j)| block(rule, series, &usable, i, j)).collect();
    let mut all: Vec<(Found, Option<f64>)> = tested.into_iter().flatten().collect();
    let p: Vec<f64> = all.iter().filter_map(|(f, _)| f.p_value).collect();
    let mut adjusted = adjust(&p, params.control.adjustment()).into_iter();
    let tested = p.len();
    for (f, both) in all.iter_mut().filter(|(f, _)| f.p_value.is_some()) {
        f.adjusted = adjusted.next().unwrap_or(1.0);
        f.discovery = f.adjusted <= params.fdr;
        if f.discovery {
            let e = Estimate {
                p_value: f.p_value,
                hedge_ratio: f.hedge_ratio,
                half_life: f.half_life,
                ..Estimate::default()
            };
            f.status = judge(rule, 1.0, &e, *both);
        }
    }
    let mut pairs: Vec<Found> = all.into_iter().map(|(f, _)| f).collect();
    // Ties (p-values of zero) by the statistic's size, then by the series' numbers: the same order whatever the threads did.
    let size = |f: &Found| f.statistic.map_or(0.0, f64::abs);
    let key = |f: &Found| f.p_value.unwrap_or(2.0);
    pairs.sort_by(|x, y| key(x).total_cmp(&key(y)).then(size(y).total_cmp(&size(x))).then((x.a, x.b).cmp(&(y.a, y.b))));
    let discoveries = pairs.iter().filter(|f| f.discovery).count();
    Scan { series: series.len(), excluded, pairs, tested, discoveries }
}

fn block(
    rule: &Rule,
    series: &[Vec<f64>],
    usable: &[(usize, &Prepared)],
    i: usize,
    j: usize,
) -> Vec<(Found, Option<f64>)> {
    let mut out = Vec::with_capacity(BLOCK * BLOCK);
    for x in i..(i + BLOCK).min(usable.len()) {
        for y in j.max(x + 1)..(j + BLOCK).min(usable.len()) {
            let ((a, pa), (b, pb)) = (usable[x], usable[y]);
            let numbers = match rule.test {
                Test::EngleGranger => engle_granger_numbers(rule, &series[a], &series[b]).map(|e| (e, None)),
                Test::Trace | Test::MaxEigenvalue => johansen_numbers(rule, pa, pb),
            };
            let (e, both) = match numbers {
                Ok((e, both)) => (Estimate { status: Status::NotCointegrated, ..e }, both),
                Err(why) => (Estimate { status: why.into(), ..Estimate::default() }, None),
            };
            let found = Found {
                a,
                b,
                status: e.status,
                statistic: e.statistic,
                p_value: e.p_value,
                adjusted: 1.0,
                discovery: false,
                hedge_ratio: e.hedge_ratio,
                half_life: e.half_life,
                half_life_error: e.half_life_error,
            };
            out.push((found, both));
        }
    }
    out
}
