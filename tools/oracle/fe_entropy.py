"""Reference values for fe_entropy: antropy, and numpy/scipy for the histogram entropy, on real series of the bundled sample.

Run: python tools/oracle/fe_entropy.py   (writes tools/oracle/out/fe_entropy.json)
"""

import json
import pathlib
import platform

import antropy
import numpy as np
import pandas as pd
import scipy
import scipy.stats
import sklearn

HERE = pathlib.Path(__file__).resolve().parent
SAMPLE = HERE.parent.parent / "sample"
STEP = 40

etf = pd.read_csv(SAMPLE / "etf23_close_2008_2016.csv.gz")
vix = pd.read_csv(SAMPLE / "vix_close_2014_2019.csv")["vix"].dropna().to_numpy()
spy = etf["SPY"].dropna().to_numpy()
# Prices of a short-term bond fund in cents hardly move: many ties.
csj = etf["CSJ"].dropna().to_numpy()

SERIES = {
    "SPY.returns": np.diff(np.log(spy)),
    "CSJ.level": csj,
    "VIX.level": vix,
}


def shannon(w, bins):
    counts = np.histogram(w, bins)[0]
    return float(scipy.stats.entropy(counts, base=2) / np.log2(bins))


def lempel_ziv(w):
    return float(antropy.lziv_complexity((w >= np.median(w)).astype(int), normalize=True))


def finite(x):
    x = float(x)
    return x if np.isfinite(x) else None


cases = []


def add(series, window, method, params, f):
    x = SERIES[series]
    ends = list(range(window, len(x) + 1, STEP))
    cases.append(
        {
            "series": series,
            "window": window,
            "method": method,
            "params": params,
            "ends": ends,
            "entropy": [finite(f(x[e - window : e])) for e in ends],
        }
    )


for series in SERIES:
    for order, delay, window in [(3, 1, 126), (3, 2, 126), (2, 1, 63), (4, 1, 252), (5, 3, 252), (7, 1, 504)]:
        add(
            series,
            window,
            "permutation",
            {"order": order, "delay": delay},
            lambda w: antropy.perm_entropy(w, order=order, delay=delay, normalize=True),
        )
    for bins, window in [(10, 126), (7, 63), (32, 504)]:
        add(series, window, "shannon", {"bins": bins}, lambda w: shannon(w, bins))
    for m, fraction, window in [(2, 0.2, 126), (2, 0.2, 504), (3, 0.25, 252), (1, 0.1, 63), (3, 0.1, 63)]:
        # The default tolerance of antropy (0.2 std, ddof = 0) is left to antropy itself.
        tolerance = (lambda w: None) if fraction == 0.2 else (lambda w: float(fraction * np.std(w, ddof=0)))
        params = {"dimension": m, "tolerance": fraction}
        add(series, window, "sample", params, lambda w: antropy.sample_entropy(w, order=m, tolerance=tolerance(w)))
        if m >= 2:
            add(series, window, "approximate", params, lambda w: antropy.app_entropy(w, order=m, tolerance=tolerance(w)))
    for window in [126, 63, 251]:
        add(series, window, "lempel_ziv", {}, lempel_ziv)

# Quantiles behind the default thresholds.
x = SERIES["SPY.returns"]
n = 126
windows = [x[e - n : e] for e in range(n, len(x) + 1)]
usual = {
    "permutation": lambda w: antropy.perm_entropy(w, normalize=True),
    "shannon": lambda w: shannon(w, 10),
    "sample": antropy.sample_entropy,
    "approximate": antropy.app_entropy,
    "lempel_ziv": lempel_ziv,
}
rng = np.random.default_rng(20261122)
noise = [rng.normal(size=n) for _ in range(len(windows))]
quantiles = {
    name: {
        "spy_0.05_0.5_0.95": np.quantile([f(w) for w in windows], [0.05, 0.5, 0.95]).tolist(),
        "noise_0.05_0.5_0.95": np.quantile([f(w) for w in noise], [0.05, 0.5, 0.95]).tolist(),
    }
    for name, f in usual.items()
}

out = {
    "generated_with": {
        "python": platform.python_version(),
        "antropy": antropy.__version__,
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "scikit-learn": sklearn.__version__,
        "pandas": pd.__version__,
    },
    "quantiles": quantiles,
    "cases": cases,
}
path = HERE / "out" / "fe_entropy.json"
path.parent.mkdir(exist_ok=True)
path.write_text(json.dumps(out) + "\n")
print(path.name, len(cases), "cases", sum(len(c["ends"]) for c in cases), "values")
print(json.dumps(quantiles, indent=1))
