//! MacKinnon's response surfaces for the distribution of the Dickey-Fuller t statistic.
//!
//! p-values: MacKinnon (1994), "Approximate asymptotic distribution functions for unit-root and cointegration tests", J. Business &
//! Economic Statistics 12(2), 167-176, tables 3 and 4. Critical values: MacKinnon (2010), "Critical values for cointegration tests",
//! Queen's University Economics Department working paper 1227, tables 2 to 4 (without a constant: 1996). The numbers are those of
//! statsmodels (`tsa/adfvalues.py`).

use super::Trend;
use crate::normal;

/// How many variables the tables know.
pub const MAX_VARIABLES: usize = 6;

/// Below `min` the p-value is 0, above `max` it is 1; Phi of a polynomial of second degree up to `star`, of third degree above.
struct Surface {
    min: f64,
    star: f64,
    max: f64,
    small: [f64; 3],
    large: [f64; 4],
}

const SMALL: [f64; 3] = [1.0, 1.0, 1e-2];
const LARGE: [f64; 4] = [1.0, 1e-1, 1e-1, 1e-2];

/// c_0 s_0 + c_1 s_1 x + ..., by Horner.
fn polynomial(c: &[f64], scale: &[f64], x: f64) -> f64 {
    c.iter().zip(scale).rev().fold(0.0, |sum, (c, s)| sum * x + c * s)
}

fn row(trend: Trend) -> usize {
    trend as usize
}

/// The asymptotic p-value of a Dickey-Fuller t statistic with `variables` variables: 1 for the test of one series, for a test of
/// cointegration (Engle & Granger) the number of series in it. `None` unless there are 1 to [`MAX_VARIABLES`]; NaN for NaN.
pub fn p_value(statistic: f64, trend: Trend, variables: usize) -> Option<f64> {
    let s = SURFACES[row(trend)].get(variables.checked_sub(1)?)?;
    Some(if statistic > s.max {
        1.0
    } else if statistic < s.min {
        0.0
    } else if statistic <= s.star {
        normal::cdf(polynomial(&s.small, &SMALL, statistic))
    } else {
        normal::cdf(polynomial(&s.large, &LARGE, statistic))
    })
}

/// The critical values at 1 %, 5 % and 10 % with `observations` of them in the regression (`None`: asymptotically). `None` unless there are
/// 1 to [`MAX_VARIABLES`] variables; without a constant there are tables for one variable only.
pub fn critical_values(trend: Trend, variables: usize, observations: Option<usize>) -> Option<[f64; 3]> {
    let surface = match (trend, variables) {
        (Trend::None, 1) => &CRITICAL_NONE,
        (Trend::None, _) => return None,
        _ => CRITICAL[row(trend) - 1].get(variables.checked_sub(1)?)?,
    };
    let x = observations.map_or(0.0, |n| 1.0 / n as f64);
    Some(surface.map(|c| polynomial(&c, &[1.0; 4], x)))
}

#[rustfmt::skip]
const SURFACES: [[Surface; 6]; 4] = [
    // Without a constant.
    [
        Surface { min: -19.04, star: -1.04, max: f64::INFINITY, small: [0.6344, 1.2378, 3.2496], large: [0.4797, 9.3557, -0.6999, 3.3066] },
        Surface { min: -19.62, star: -1.53, max: 1.51, small: [1.9129, 1.3857, 3.5322], large: [1.5578, 8.558, -2.083, -3.3549] },
        Surface { min: -21.21, star: -2.68, max: 0.86, small: [2.7648, 1.4502, 3.4186], large: [2.2268, 6.8093, -3.2362, -5.4448] },
        Surface { min: -23.25, star: -3.09, max: 0.88, small: [3.4336, 1.4835, 3.19], large: [2.7654, 6.4502, -3.0811, -4.4946] },
        Surface { min: -21.63, star: -3.07, max: 1.05, small: [4.0999, 1.5533, 3.59], large: [3.2684, 6.8051, -2.6778, -3.4972] },
        Surface { min: -25.74, star: -3.77, max: 1.24, small: [4.5388, 1.5344, 2.9807], large: [3.7268, 7.167, -2.3648, -2.8288] },
    ],
    // Constant.
    [
        Surface { min: -18.83, star: -1.61, max: 2.74, small: [2.1659, 1.4412, 3.8269], large: [1.7339, 9.3202, -1.2745, -1.0368] },
        Surface { min: -18.86, star: -2.62, max: 0.92, small: [2.92, 1.5012, 3.9796], large: [2.1945, 6.4695, -2.9198, -4.2377] },
        Surface { min: -23.48, star: -3.13, max: 0.55, small: [3.4699, 1.4856, 3.164], large: [2.5893, 4.5168, -3.6529, -5.0074] },
        Surface { min: -28.07, star: -3.47, max: 0.61, small: [3.9673, 1.4777, 2.6315], large: [3.0387, 4.5452, -3.3666, -4.1921] },
        Surface { min: -25.96, star: -3.78, max: 0.79, small: [4.5509, 1.5338, 2.9545], large: [3.5049, 5.2098, -2.9158, -3.3468] },
        Surface { min: -23.27, star: -3.93, max: 1.0, small: [5.1399, 1.6036, 3.4445], large: [3.9489, 5.8933, -2.5359, -2.721] },
    ],
    // Constant and trend.
    [
        Surface { min: -16.18, star: -2.89, max: 0.7, small: [3.2512, 1.6047, 4.9588], large: [2.5261, 6.1654, -3.7956, -6.0285] },
        Surface { min: -21.15, star: -3.19, max: 0.63, small: [3.6646, 1.5419, 3.6448], large: [2.85, 5.272, -3.6622, -5.1695] },
        Surface { min: -25.37, star: -3.5, max: 0.71, small: [4.0983, 1.5173, 2.9898], large: [3.221, 5.255, -3.2685, -4.1501] },
        Surface { min: -26.63, star: -3.65, max: 0.93, small: [4.5844, 1.5338, 2.8796], large: [3.652, 5.9758, -2.7483, -3.2081] },
        Surface { min: -26.53, star: -3.8, max: 1.19, small: [5.0722, 1.5634, 2.9472], large: [4.0712, 6.6428, -2.3464, -2.546] },
        Surface { min: -26.18, star: -4.36, max: 1.42, small: [5.53, 1.5914, 3.0392], large: [4.4735, 7.1757, -2.0681, -2.1196] },
    ],
    // Constant, trend and its square.
    [
        Surface { min: -17.17, star: -3.21, max: 0.54, small: [4.0003, 1.658, 4.8288], large: [3.0778, 4.9529, -4.1477, -5.9359] },
        Surface { min: -21.1, star: -3.51, max: 0.79, small: [4.3534, 1.6016, 3.7947], large: [3.4713, 5.967, -3.2507, -4.2286] },
        Surface { min: -24.33, star: -3.81, max: 1.08, small: [4.7343, 1.5768, 3.2396], large: [3.8637, 6.7852, -2.6286, -3.1381] },
        Surface { min: -24.03, star: -3.83, max: 1.43, small: [5.214, 1.6077, 3.3449], large: [4.2736, 7.6199, -2.1534, -2.4026] },
        Surface { min: -24.33, star: -4.12, max: 3.49, small: [5.6481, 1.6274, 3.3455], large: [4.6679, 8.2618, -1.822, -1.9147] },
        Surface { min: -28.22, star: -4.63, max: 1.92, small: [5.9296, 1.5929, 2.8223], large: [5.0009, 8.3735, -1.6994, -1.6928] },
    ],
];
#[rustfmt::skip]
const CRITICAL: [[[[f64; 4]; 3]; 6]; 3] = [
    // Constant.
    [
        [[-3.43035, -6.5393, -16.786, -79.433], [-2.86154, -2.8903, -4.234, -40.04], [-2.56677, -1.5384, -2.809, 0.0]],
        [[-3.89644, -10.9519, -33.527, 0.0], [-3.33613, -6.1101, -6.823, 0.0], [-3.04445, -4.2412, -2.72, 0.0]],
        [[-4.29374, -14.4354, -33.195, 47.433], [-3.74066, -8.5632, -10.852, 27.982], [-3.45218, -6.2143, -3.718, 0.0]],
        [[-4.64332, -18.1031, -37.972, 0.0], [-4.096, -11.2349, -11.175, 0.0], [-3.8102, -8.3931, -4.137, 0.0]],
        [[-4.95756, -21.8883, -45.142, 0.0], [-4.41519, -14.0405, -12.575, 0.0], [-4.13157, -10.7417, -3.784, 0.0]],
        [[-5.24568, -25.6688, -57.737, 88.639], [-4.70693, -16.9178, -17.492, 60.007], [-4.42501, -13.1875, -5.104, 27.877]],
    ],
    // Constant and trend.
    [
        [[-3.95877, -9.0531, -28.428, -134.155], [-3.41049, -4.3904, -9.036, -45.374], [-3.12705, -2.5856, -3.925, -22.38]],
        [[-4.32762, -15.4387, -35.679, 0.0], [-3.78057, -9.5106, -12.074, 0.0], [-3.49631, -7.0815, -7.538, 21.892]],
        [[-4.66305, -18.7688, -49.793, 104.244], [-4.1189, -11.8922, -19.031, 77.332], [-3.83511, -9.0723, -8.504, 35.403]],
        [[-4.9694, -22.4694, -52.599, 51.314], [-4.42871, -14.5876, -18.228, 39.647], [-4.14633, -11.25, -9.873, 54.109]],
        [[-5.25276, -26.2183, -59.631, 50.646], [-4.71537, -17.3569, -22.66, 91.359], [-4.43422, -13.6078, -10.238, 76.781]],
        [[-5.51727, -29.976, -75.222, 202.253], [-4.98228, -20.305, -25.224, 132.03], [-4.70233, -16.1253, -9.836, 94.272]],
    ],
    // Constant, trend and its square.
    [
        [[-4.37113, -11.5882, -35.819, -334.047], [-3.83239, -5.9057, -12.49, -118.284], [-3.55326, -3.6596, -5.293, -63.559]],
        [[-4.69276, -20.2284, -64.919, 88.884], [-4.15387, -13.3114, -28.402, 72.741], [-3.87346, -10.4637, -17.408, 66.313]],
        [[-4.99071, -23.5873, -76.924, 184.782], [-4.45311, -15.7732, -32.316, 122.705], [-4.1728, -12.4909, -17.912, 83.285]],
        [[-5.2678, -27.2836, -78.971, 137.871], [-4.73244, -18.4833, -31.875, 111.817], [-4.45268, -14.7199, -17.969, 101.92]],
        [[-5.52826, -30.9051, -92.49, 248.096], [-4.99491, -21.236, -37.685, 194.208], [-4.71587, -17.082, -18.631, 136.672]],
        [[-5.77379, -34.701, -105.937, 393.991], [-5.24217, -24.2177, -39.153, 232.528], [-4.96397, -19.6064, -18.858, 174.919]],
    ],
];
#[rustfmt::skip]
const CRITICAL_NONE: [[f64; 4]; 3] = [[-2.56574, -2.2358, -3.627, 0.0], [-1.941, -0.2686, -3.365, 31.223], [-1.61682, 0.2656, -2.714, 25.364]];
