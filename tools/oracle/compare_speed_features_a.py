"""Speed of fe_kalman and fe_fracdiff beside statsmodels, filterpy and numpy, in one run, on the same data; parity is checked first.

Run: python tools/oracle/compare_speed_features_a.py [ROUNDS]   (needs cargo; honours CARGO_TARGET_DIR)

Both sides take the best of five times in each of ROUNDS turns, one after the other, so that other work on the machine burdens both alike.
Python is measured in processor time (an interrupted run would flatter Rust, which is measured by the clock).
"""

import json
import os
import pathlib
import subprocess
import sys
import time
import warnings

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"
warnings.simplefilter("ignore")

import numpy as np
import pandas as pd
from filterpy.kalman import KalmanFilter
from statsmodels.tsa.statespace.structural import UnobservedComponents
from statsmodels.tsa.stattools import adfuller

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def rust(example):
    command = ["cargo", "run", "--release", "--quiet", "-p", "tradewind-features", "--example", example, "--", "--time"]
    return json.loads(subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout)


def best(n, f, repeats=5):
    """Nanoseconds for each of n."""
    out = float("inf")
    for _ in range(repeats):
        start = time.process_time()
        f()
        out = min(out, (time.process_time() - start) * 1e9 / n)
    return out


def weights(d, n):
    w = [1.0]
    for k in range(1, n):
        w.append(-w[-1] * (d - k + 1) / k)
    return np.array(w)


def same(name, got, want, tolerance):
    gap = abs(got - want) / max(1.0, abs(want))
    assert gap <= tolerance, f"no parity of {name}: {got} and {want}"
    print(f"parity {name}: relative gap {gap:.1e}")


data = pd.read_csv(ROOT / "sample" / "index_ohlcv_1999_2018.csv.gz")
log = np.log(data[data.symbol == "SPX"].sort_values("date").close.to_numpy())
long = np.tile(log, 40)
h, q, t = 1e-4, 1e-5, 1e-8


def components(y, spec, params):
    m = UnobservedComponents(y, spec, use_exact_diffuse=True)
    m.ssm.tolerance = 0
    m.update(np.array(params))
    return m


def filterpy_level():
    f = KalmanFilter(dim_x=1, dim_z=1)
    f.F, f.H, f.Q, f.R = np.eye(1), np.eye(1), np.array([[q]]), np.array([[h]])
    f.x, f.P = np.array([[log[0]]]), np.array([[h]])
    for y in log[1:]:
        f.predict()
        f.update(y)
    return f.x[0, 0]


def by_window(x, w):
    """The loop of the book (snippet 5.3): one inner product a window."""
    n = len(w)
    r = w[::-1]
    return [np.dot(r, x[i - n + 1 : i + 1]) for i in range(n - 1, len(x))]


rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
level, trend = components(log, "local level", [h, q]), components(log, "local linear trend", [h, q, t])
rows = {}


def put(name, ours, theirs, who):
    a, b, _ = rows.get(name, (float("inf"), float("inf"), who))
    rows[name] = (min(a, ours), min(b, theirs), who)


for turn in range(rounds):
    k, f = rust("fe_kalman"), rust("fe_fracdiff")
    if turn == 0:
        same("local level, log-likelihood", k["level_log_likelihood"], level.ssm.loglike(), 1e-8)
        same("local linear trend, log-likelihood", k["trend_log_likelihood"], trend.ssm.loglike(), 1e-8)
        same("local level, last level", k["last_level"], level.ssm.filter().filtered_state[0, -1], 1e-8)
        same("local level, last level by filterpy", k["last_level"], filterpy_level(), 1e-8)
        same("Dickey-Fuller", f["adf_statistic"], adfuller(log, result_object=True).statistic, 1e-8)
        for r in f["fracdiff"]:
            want = np.convolve(long, weights(0.3, r["window"]), "valid")[-1]
            same(f"fracdiff {r['window']}, direct", r["direct_last"], want, 1e-9)
            same(f"fracdiff {r['window']}, transform", r["transform_last"], want, 1e-9)
    level_py = best(len(log), lambda: level.ssm.filter())
    put("local level, filter, slice", k["slice_ns"], level_py, "statsmodels")
    put("local level, filter, streaming", k["level_ns"], level_py, "statsmodels")
    put("local level, filter, streaming ", k["level_ns"], best(len(log), filterpy_level, 1), "filterpy")
    put("local linear trend, filter, streaming", k["trend_ns"], best(len(log), lambda: trend.ssm.filter()), "statsmodels")
    fit = lambda: UnobservedComponents(log[:500], "local linear trend", use_exact_diffuse=True).fit(disp=False)
    put("local linear trend, fit of 500", k["fit_ns"], best(1, fit, 1), "statsmodels")
    put("Dickey-Fuller by AIC, 5030 values", f["adf_ns"], best(1, lambda: adfuller(log, result_object=True), 1), "statsmodels")
    for r in f["fracdiff"]:
        w = weights(0.3, r["window"])
        numpy_ns = best(len(long), lambda: np.convolve(long, w, "valid"))
        put(f"fracdiff {r['window']}, whole series", min(r["direct_ns"], r["transform_ns"]), numpy_ns, "numpy.convolve")
        put(f"fracdiff {r['window']}, direct sum", r["direct_ns"], numpy_ns, "numpy.convolve")
        put(f"fracdiff {r['window']}, streaming", r["streaming_ns"], best(len(log), lambda: by_window(log, w), 1), "numpy.dot")

print(f"\nbest of {rounds} rounds, nanoseconds a value (a fit or test: in all)")
print(f"{'':40} {'ours':>12} {'theirs':>14}  ratio")
for name, (ours, theirs, who) in rows.items():
    print(f"{name:40} {ours:12.1f} {theirs:14.1f}  {theirs / ours:7.1f}  {who}")
