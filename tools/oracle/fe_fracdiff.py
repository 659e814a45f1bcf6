"""Reference values for fe_fracdiff and for the Dickey-Fuller test: statsmodels' adfuller and numpy's convolution.

Run: python tools/oracle/fe_fracdiff.py   (writes tools/oracle/out/fe_fracdiff.json)
"""

import json
import os
import pathlib
import platform

# Threads of BLAS only get into each other's way here.
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np
import pandas as pd
import statsmodels
from statsmodels.tsa.adfvalues import mackinnoncrit, mackinnonp
from statsmodels.tsa.stattools import _stattools, adfuller

HERE = pathlib.Path(__file__).resolve().parent
SAMPLE = HERE.parent.parent / "sample"

etf = pd.read_csv(SAMPLE / "etf23_close_2008_2016.csv.gz", index_col="date")
index = pd.read_csv(SAMPLE / "index_ohlcv_1999_2018.csv.gz")
vix = pd.read_csv(SAMPLE / "vix_close_2014_2019.csv", index_col="date")["vix"].dropna().to_numpy()
spx = index[index.symbol == "SPX"].sort_values("date").close.to_numpy()
series = {
    "SPY.log": np.log(etf["SPY"].dropna().to_numpy()),
    "SPY.close": etf["SPY"].dropna().to_numpy(),
    "TLT.close": etf["TLT"].dropna().to_numpy(),
    "CSJ.close": etf["CSJ"].dropna().to_numpy(),
    "SPX.log": np.log(spx),
    "VIX.level": vix,
}


def weights(d, cutoff=1e-4, most=5000):
    """Lopez de Prado (2018), snippet 5.3."""
    w = [1.0]
    while len(w) < most:
        k = len(w)
        x = -w[-1] * (d - k + 1) / k
        if abs(x) < cutoff:
            break
        w.append(x)
    return np.array(w)


def full_weights(d, n):
    w = [1.0]
    for k in range(1, n):
        w.append(-w[-1] * (d - k + 1) / k)
    return np.array(w)


add_trend = _stattools.add_trend


def add_scaled_trend(x, trend, prepend=False, **kwargs):
    """The trend's columns divided by their largest value: the same regression, without the seven digits that statsmodels' pseudo-inverse loses
    on squares up to 25 million beside logarithms of prices."""
    out = np.array(add_trend(x, trend, prepend=prepend, **kwargs))
    k = len(trend)
    columns = slice(0, k) if prepend else slice(out.shape[1] - k, None)
    out[:, columns] /= np.abs(out[:, columns]).max(axis=0)
    return out


_stattools.add_trend = add_scaled_trend


def test(x, regression, autolag, maxlag):
    r = adfuller(x, maxlag=maxlag, regression=regression, autolag=autolag, result_object=True)
    return {
        "statistic": float(r.statistic),
        "p_value": float(r.pvalue),
        "lags": int(r.lags),
        "observations": int(r.nobs),
        "critical": [float(r.critical_values[k]) for k in ("1%", "5%", "10%")],
        "criterion": None if r.icbest is None else float(r.icbest),
    }


adf_cases = []
for name, x in series.items():
    for difference in (False, True):
        y = np.diff(x) if difference else x
        for regression in ("n", "c", "ct", "ctt"):
            for autolag, maxlag in (("AIC", None), ("BIC", None), ("t-stat", None), ("AIC", 5), (None, 1), (None, 12)):
                case = {"series": name, "difference": difference, "regression": regression, "autolag": autolag, "maxlag": maxlag}
                adf_cases.append({**case, **test(y, regression, autolag, maxlag)})
# Short series, where every observation counts.
for n in (15, 25, 60):
    for regression in ("n", "c", "ct", "ctt"):
        y = series["VIX.level"][:n]
        case = {"series": "VIX.level", "first": n, "difference": False, "regression": regression, "autolag": "AIC", "maxlag": None}
        adf_cases.append({**case, **test(y, regression, "AIC", None)})

surface = []
for regression in ("n", "c", "ct", "ctt"):
    for n in range(1, 7):
        stats = [-30.0, -19.0, -6.0, -4.5, -3.9, -3.45, -3.0, -2.6, -2.0, -1.0, 0.0, 0.6, 1.0, 1.6, 3.0]
        crit = None
        if regression != "n" or n == 1:
            crit = [[float(c) for c in mackinnoncrit(n, regression, m)] for m in (50, 500, np.inf)]
        p = [float(mackinnonp(s, regression, n)) for s in stats]
        surface.append({"regression": regression, "variables": n, "statistics": stats, "p_values": p, "critical": crit})

differences = []
for name in ("SPY.log", "SPY.close", "SPX.log"):
    x = series[name]
    for d in (0.0, 0.25, 0.5, 0.8, 1.0, 1.3, 2.0):
        w = weights(d)
        fixed = np.convolve(x, w, "valid")
        expanding = np.convolve(x, full_weights(d, len(x)))[: len(x)]
        rows = list(range(len(w) - 1, len(x), 149))
        differences.append(
            {
                "series": name,
                "d": d,
                "window": len(w),
                "rows": rows,
                "fixed": [float(fixed[i - len(w) + 1]) for i in rows],
                "expanding": [float(expanding[i]) for i in rows],
            }
        )

# The smallest order on a grid of 0.02 by statsmodels: the first whose p-value is below 0.05.
smallest = []
for name in ("SPY.log", "TLT.close", "SPX.log", "VIX.level"):
    x = series[name]
    rows = []
    for i in range(0, 41):
        d = round(0.02 * i, 2)
        w = weights(d)
        y = np.convolve(x, w, "valid")
        t = test(y, "c", "AIC", None)
        corr = float(np.corrcoef(y, x[len(w) - 1 :])[0, 1])
        rows.append({"d": d, "window": len(w), "statistic": t["statistic"], "p_value": t["p_value"], "lags": t["lags"], "correlation": corr})
        if t["p_value"] < 0.05:
            break
    smallest.append({"series": name, "rows": rows})

out = {
    "generated_with": {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "pandas": pd.__version__,
        "statsmodels": statsmodels.__version__,
    },
    "adf": adf_cases,
    "surface": surface,
    "differences": differences,
    "smallest": smallest,
}
path = HERE / "out" / "fe_fracdiff.json"
path.write_text(json.dumps(out, separators=(",", ":")).replace('},{"series"', '},\n{"series"') + "\n")
print(len(adf_cases), "tests,", path.stat().st_size, "bytes")
print([(s["series"], s["rows"][-1]["d"], round(s["rows"][-1]["correlation"], 3)) for s in smallest])
