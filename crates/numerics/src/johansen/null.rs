//! P-values of Johansen's statistics against driftless random walks.
//!
//! Provenance: `tools/oracle/johansen_null.py` simulates exactly the procedure of this module (100,000 draws for up to two series beyond the
//! rank, 10,000 for more) and fits the curves below, in ln p, from p = 0.5 down to 3e-5. Doornik (1998), Approximations to the asymptotic
//! distributions of cointegration tests, Journal of Economic Surveys 12, showed that a gamma law does; here it has a location as well (Pearson III)
//! and a Bartlett factor (Johansen 2002, A small sample correction for the test of cointegrating rank, Econometrica 70).

use crate::math;

use super::{DetOrder, MAX_SERIES, Statistic};

/// Location, shape, scale; b1, b2, b3 of the factor 1 + (b1 + b3 k) / T + b2 / T^2.
type Curve = [f64; 6];

/// The probability of a larger statistic when none of the `beyond` series beyond the rank is cointegrated: m driftless random walks.
///
/// P(S > x) = Q(shape, (x / (1 + b1 / T + b2 / T^2 + b3 k / T) - location) / scale), Q the regularised upper incomplete gamma function, T rows, k lags;
/// from 60 rows on (120 with more than two series), fewer get the factor of the shortest.
/// `None` outside 1 to 12 series or for a statistic that is not a number.
///
/// Why not the published critical values: for the orders 0 and 1 they hold for series whose drift dominates. Without a drift, which is what a
/// price looks like over a year or two, a nominal 5 % rejects far more often. With a drift these p-values are on the safe side.
pub fn p_value(x: f64, statistic: Statistic, det: DetOrder, beyond: usize, rows: usize, lags: usize) -> Option<f64> {
    if !(1..=MAX_SERIES).contains(&beyond) || rows == 0 || x.is_nan() {
        return None;
    }
    let [loc, shape, scale, b1, b2, b3] = curve(statistic, det, beyond);
    let t = rows as f64;
    // Shorter samples than were simulated get the factor of the shortest: a square extrapolates badly.
    let least: f64 = if beyond > 2 { 120.0 } else { 60.0 };
    let s = t.max(least);
    // With more than two series the simulations have no lags: n k coefficients cost as many rows (Reinsel & Ahn 1992).
    let b3 = if b3 == 0.0 { beyond as f64 } else { b3 };
    let y = (x / (1.0 + b1 / s + b2 / (s * s) + b3 * lags as f64 / t) - loc) / scale;
    if y <= 0.0 {
        return Some(1.0);
    }
    Some(math::gamma_upper(shape, y).clamp(0.0, 1.0))
}

fn curve(statistic: Statistic, det: DetOrder, beyond: usize) -> Curve {
    let table = match (statistic, det) {
        (Statistic::Trace, DetOrder::None) => &TRACE_NONE,
        (Statistic::Trace, DetOrder::Constant) => &TRACE_CONSTANT,
        (Statistic::Trace, DetOrder::Trend) => &TRACE_TREND,
        (Statistic::MaxEigenvalue, DetOrder::None) => &MAX_NONE,
        (Statistic::MaxEigenvalue, DetOrder::Constant) => &MAX_CONSTANT,
        (Statistic::MaxEigenvalue, DetOrder::Trend) => &MAX_TREND,
    };
    table[beyond - 1]
}

// Printed by tools/oracle/johansen_tables.py from tools/oracle/out/johansen_null.json.

const TRACE_NONE: [Curve; MAX_SERIES] = [
    [0.0517508, 0.567549, 1.99141, -6.35229, 326.645, 0.0],
    [1.04527, 2.56118, 1.99277, 1.28673, -27.661, 2.06982],
    [2.57414, 6.21916, 1.98965, 7.38009, -574.582, 0.0],
    [0.274096, 16.2304, 1.73033, -3.63338, 450.342, 0.0],
    [10.9799, 16.781, 2.06771, -3.2862, 484.867, 0.0],
    [6.5708, 31.4154, 1.85742, 10.0229, -659.373, 0.0],
    [20.9626, 35.1581, 2.0162, 0.566359, 253.525, 0.0],
    [20.8484, 52.567, 1.88858, 4.24325, 11.768, 0.0],
    [47.7624, 47.5042, 2.23859, 0.503668, 520.445, 0.0],
    [68.7812, 51.9515, 2.34923, 4.19611, 115.77, 0.0],
    [30.293, 107.507, 1.85846, 7.2527, -90.939, 0.0],
    [31.8452, 141.111, 1.74073, 4.15927, 224.731, 0.0],
];
const TRACE_CONSTANT: [Curve; MAX_SERIES] = [
    [-0.763579, 2.02004, 1.91301, -4.9913, 234.699, 0.0],
    [0.592385, 4.85625, 1.95894, -0.351945, 61.7574, 1.87727],
    [1.70313, 10.1501, 1.90093, -1.26354, 451.558, 0.0],
    [15.074, 8.62721, 2.43939, 6.30859, -342.785, 0.0],
    [8.54139, 24.9684, 1.85047, 4.97758, -218.221, 0.0],
    [-3.7308, 49.8817, 1.62342, 6.4301, -367.411, 0.0],
    [26.9337, 38.2673, 2.06588, -0.693069, 420.216, 0.0],
    [55.9607, 33.1163, 2.4487, 1.65794, 280.056, 0.0],
    [61.9084, 46.5043, 2.34239, 4.41411, 185.181, 0.0],
    [31.4868, 99.918, 1.80546, 0.538663, 487.543, 0.0],
    [-169.162, 414.833, 1.01262, 8.07202, -141.194, 0.0],
    [52.429, 133.801, 1.85356, 5.88616, 74.2257, 0.0],
];
const TRACE_TREND: [Curve; MAX_SERIES] = [
    [0.099878, 2.71708, 1.96338, 0.773381, -86.6423, 0.0],
    [1.92673, 6.45352, 1.99345, -1.91019, 134.569, 0.643872],
    [2.82519, 13.4351, 1.88556, -7.13725, 801.883, 0.0],
    [2.31171, 23.811, 1.76265, 6.11285, -342.347, 0.0],
    [29.5893, 13.9723, 2.58068, 4.92272, -192.83, 0.0],
    [6.5495, 48.9203, 1.7175, 3.60662, -109.775, 0.0],
    [-49.8655, 143.208, 1.18956, -0.282253, 264.173, 0.0],
    [44.1151, 51.6041, 2.10706, 3.45375, 94.1722, 0.0],
    [98.8951, 31.3937, 2.9256, 2.61909, 274.436, 0.0],
    [1.77437, 147.455, 1.55408, 4.19601, 91.8826, 0.0],
    [127.462, 54.9106, 2.6999, 6.29131, -26.2056, 0.0],
    [64.1807, 143.057, 1.83369, 3.4929, 287.139, 0.0],
];
const MAX_NONE: [Curve; MAX_SERIES] = [
    [0.0517508, 0.567549, 1.99141, -6.35229, 326.645, 0.0],
    [1.13576, 2.19772, 1.98428, 1.01056, -11.7899, 2.06161],
    [2.82615, 3.81633, 1.93241, 16.0317, -1236.63, 0.0],
    [4.34571, 6.07823, 1.83473, 9.74894, -698.74, 0.0],
    [11.5308, 4.06804, 2.43089, -0.433259, 307.45, 0.0],
    [12.3637, 6.72685, 2.11795, 0.0916169, 411.473, 0.0],
    [11.2727, 11.1261, 1.82947, 8.51484, -539.88, 0.0],
    [16.7084, 10.7923, 1.96263, -3.02166, 773.757, 0.0],
    [10.8367, 20.9152, 1.53796, -0.834428, 704.015, 0.0],
    [27.6468, 9.56644, 2.23528, 0.693624, 517.092, 0.0],
    [26.4556, 14.3257, 1.94604, 3.97317, 193.291, 0.0],
    [31.4685, 13.8171, 2.04703, 4.39323, 344.852, 0.0],
];
const MAX_CONSTANT: [Curve; MAX_SERIES] = [
    [-0.763579, 2.02004, 1.91301, -4.9913, 234.699, 0.0],
    [1.80806, 3.24668, 1.98253, -0.0645332, 51.099, 2.12248],
    [3.01528, 5.68545, 1.85663, -7.61779, 1166.59, 0.0],
    [6.06513, 6.46091, 1.94498, 5.2478, -199.359, 0.0],
    [10.5977, 6.24062, 2.09127, 13.5653, -864.385, 0.0],
    [14.7482, 6.70805, 2.16582, 10.715, -686.431, 0.0],
    [18.9526, 7.21085, 2.2908, 0.944871, 223.365, 0.0],
    [17.2362, 12.4862, 1.87985, 1.35865, 370.251, 0.0],
    [25.3183, 9.90811, 2.12166, 2.95556, 324.355, 0.0],
    [20.1804, 18.765, 1.70165, 0.707767, 458.67, 0.0],
    [27.9552, 15.1721, 1.94319, 4.00756, 261.078, 0.0],
    [25.6499, 21.6553, 1.72206, 3.8475, 371.181, 0.0],
];
const MAX_TREND: [Curve; MAX_SERIES] = [
    [0.099878, 2.71708, 1.96338, 0.773381, -86.6423, 0.0],
    [3.50488, 3.62573, 2.11085, -2.62489, 165.407, 0.731746],
    [4.96613, 5.95617, 2.01025, -19.1677, 2011.53, 0.0],
    [4.67117, 9.9378, 1.73495, -3.23243, 511.932, 0.0],
    [10.7899, 8.21663, 1.93035, 12.0978, -789.022, 0.0],
    [14.5502, 8.90139, 2.02552, 4.58434, -106.698, 0.0],
    [19.5312, 8.75274, 2.10419, 9.21478, -588.664, 0.0],
    [20.4456, 11.8558, 1.98489, 0.241867, 441.037, 0.0],
    [29.5142, 8.34234, 2.32905, 8.49717, -185.979, 0.0],
    [23.4975, 17.8643, 1.74708, 6.55804, -157.074, 0.0],
    [36.464, 10.8402, 2.2539, 4.29755, 167.822, 0.0],
    [38.22, 13.2397, 2.15182, 2.00833, 463.265, 0.0],
];
