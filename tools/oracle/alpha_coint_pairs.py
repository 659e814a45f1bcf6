"""Reference values for alpha_coint_pairs on the bundled sample: Johansen and Engle-Granger tests, critical values, AR(1) half-lives.

Run: python tools/oracle/alpha_coint_pairs.py   (writes tools/oracle/out/alpha_coint_pairs.json)

Johansen: statsmodels coint_johansen. Two conventions:
* statsmodels signs all eigenvectors by the first component of the first one; here every vector's first component is made positive, as ours.
* Where statsmodels itself is off by more than 1e-9 (it inverts Skk and solves an unsymmetric eigenproblem; bad where levels are nearly
  collinear and eigenvalues close), vectors come from the same definition in 50 digits (mpmath), and `statsmodels_error` says by how much it is off.
* With no lagged differences (k_ar_diff = 0) statsmodels takes the level of the same day, y_t, where the model has y_{t-1}
  (`lx = endog[: nobs - k_ar_diff][1:]`; for k >= 1 both span the same space with the lagged differences). Those cases are computed here with numpy.
"""

import json
import pathlib
import platform
import warnings

import mpmath
import numpy as np
import pandas as pd
import scipy
import scipy.linalg
import statsmodels
import statsmodels.api as sm
from statsmodels.tsa.coint_tables import c_sja, c_sjt
from statsmodels.tsa.stattools import coint
from statsmodels.tsa.adfvalues import mackinnonp
from statsmodels.tsa.vector_ar.vecm import coint_johansen

warnings.simplefilter("ignore")
HERE = pathlib.Path(__file__).resolve().parent
SAMPLE = HERE.parent.parent / "sample"
files = {"stocks": "stocks20_adjclose_1990_2022.csv.gz", "etfs": "etf23_close_2008_2016.csv.gz"}
frames = {k: np.log(pd.read_csv(SAMPLE / f, index_col="date")) for k, f in files.items()}


def columns(frame, names, start, length):
    part = frames[frame][names]
    part = part.dropna()
    part = part[part.index >= start].iloc[:length]
    assert len(part) == length, (frame, names, start, len(part))
    return part


def no_lags(y, det):
    """Johansen's test without lagged differences by a generalised eigenproblem, with the level of the day before."""
    t = np.arange(len(y))
    if det == 0:
        y = y - y.mean(0)
    if det == 1:
        x = np.column_stack([np.ones(len(y)), t])
        y = y - x @ np.linalg.lstsq(x, y, rcond=None)[0]
    d, level = np.diff(y, axis=0), y[:-1]
    if det > -1:
        d, level = d - d.mean(0), level - level.mean(0)
    n = len(d)
    s00, skk, sk0 = d.T @ d / n, level.T @ level / n, level.T @ d / n
    lam, vec = scipy.linalg.eigh(sk0 @ np.linalg.solve(s00, sk0.T), skk)
    lam, vec = lam[::-1], vec[:, ::-1]
    mx = -n * np.log1p(-lam)
    return lam, vec, np.cumsum(mx[::-1])[::-1], mx


def exact(y, det, k):
    """Eigenvectors (as rows, first component positive) by the definition in 50 digits."""
    mpmath.mp.dps = 50
    big = lambda m: np.array([[mpmath.mpf(float(x)) for x in row] for row in m], dtype=object)
    y = big(y)
    t = [mpmath.mpf(i) - mpmath.mpf(len(y) - 1) / 2 for i in range(len(y))]
    if det > -1:
        y = y - y.sum(0) / len(y)
    if det == 1:
        t = np.array(t, dtype=object)
        y = y - np.outer(t, t @ y / (t @ t))
    d = np.diff(y, axis=0)
    n = len(d) - k
    cols = [d[k - j : k - j + n] for j in range(1, k + 1)] + [d[k:], y[k:-1]]
    if det > -1:
        cols = [c - c.sum(0) / n for c in cols]
    x = np.concatenate(cols, axis=1)
    g = mpmath.matrix((x.T @ x / n).tolist())
    m, z = y.shape[1], y.shape[1] * k
    if z:
        zz, zx = g[:z, :z], g[:z, z:]
        g = g[z:, z:] - zx.T * zz**-1 * zx
    s00, sk0, skk = g[:m, :m], g[m:, :m], g[m:, m:]
    low = mpmath.cholesky(skk)
    inv = low**-1
    c = inv * sk0 * s00**-1 * sk0.T * inv.T
    e, q = mpmath.eigsy((c + c.T) / 2)
    v = inv.T * q
    rows = [[float(v[i, j]) for i in range(m)] for j in reversed(range(m))]
    return np.array([[x * np.sign(r[0]) for x in r] for r in rows]), np.array([float(x) for x in reversed(list(e))])


johansen = []
pairs = [("stocks", ["KO", "PEP"], "1996-01-02", 504), ("stocks", ["CVX", "XOM"], "2009-01-02", 252), ("stocks", ["JPM", "BAC"], "2014-01-02", 1000),
         ("stocks", ["MRK", "PFE"], "2001-06-01", 126), ("etfs", ["EWG", "EWQ"], "2008-06-02", 500), ("etfs", ["SPY", "DIA"], "2011-01-03", 750)]
sets = []
for f, names, start, length in pairs:
    try:
        columns(f, names, start, length)
        sets.append((f, names, start, length, [(d, k) for d in (-1, 0, 1) for k in (0, 1, 2, 5)]))
    except (KeyError, AssertionError) as e:
        print("left out", names, e)
stocks, etfs = list(frames["stocks"].columns), list(frames["etfs"].columns)
sets += [
    ("stocks", stocks[:3], "2010-01-04", 500, [(0, 1), (1, 2)]),
    ("stocks", stocks[3:8], "2003-01-02", 1000, [(0, 2), (-1, 1)]),
    ("stocks", stocks[8:20], "1995-01-03", 1500, [(0, 1), (1, 3)]),
    ("stocks", stocks[:12], "2012-01-03", 750, [(0, 1), (-1, 2), (1, 1)]),
    ("etfs", etfs[:4], "2009-01-02", 600, [(0, 1), (1, 1)]),
    ("etfs", etfs[4:12], "2010-01-04", 800, [(0, 2), (-1, 1)]),
    ("etfs", etfs[11:23], "2009-06-01", 1200, [(0, 1), (1, 2)]),
]
for frame, names, start, length, settings in sets:
    part = columns(frame, names, start, length)
    for det, k in settings:
        if k == 0:
            eig, vec, trace, mx = no_lags(part.to_numpy(), det)
        else:
            r = coint_johansen(part.to_numpy(), det, k)
            eig, vec, trace, mx = r.eig, r.evec, r.trace_stat, r.max_eig_stat
        vec = vec * np.sign(vec[0])
        error = 0.0
        if k > 0:
            true, _ = exact(part.to_numpy(), det, k)
            error = float((np.abs(true - vec.T).max(1) / np.abs(true).max(1)).max())
            print(len(names), length, det, k, f"statsmodels off by {error:.1e}")
            if error > 1e-9:
                vec = true.T
        johansen.append({"frame": frame, "names": names, "from": part.index[0], "length": length, "det_order": det, "lags": k,
                         "eigenvalues": list(map(float, eig)), "eigenvectors": [list(map(float, v)) for v in vec.T],
                         "trace": list(map(float, trace)), "max": list(map(float, mx)), "statsmodels_error": error})

engle_granger, half_lives = [], []
for frame, names, start, length, _ in sets[: len(sets) - 7]:
    part = columns(frame, names, start, length)
    a, b = part.iloc[:, 0].to_numpy(), part.iloc[:, 1].to_numpy()
    for trend in ("n", "c", "ct"):
        for lags, auto in ((0, None), (1, None), (4, None), (None, "aic")):
            r = coint(a, b, trend=trend, maxlag=lags, autolag=auto)
            engle_granger.append({"frame": frame, "names": names, "from": part.index[0], "length": length, "trend": trend, "lags": lags,
                                  "statistic": float(r[0]), "p_value": float(r[1]), "critical": [None if np.isnan(x) else float(x) for x in r[2]]})
    h = float(sm.OLS(a, sm.add_constant(b)).fit().params[1])
    s = a - h * b
    fit = sm.OLS(np.diff(s), sm.add_constant(s[:-1])).fit()
    rho, se = 1 + fit.params[1], fit.bse[1]
    half_lives.append({"frame": frame, "names": names, "from": part.index[0], "length": length, "hedge_ratio": h, "persistence": float(rho),
                       "persistence_error": float(se), "half_life": float(-np.log(2) / np.log(rho)), "error": float(np.log(2) / (rho * np.log(rho) ** 2) * se)})

out = {
    "generated_with": {"python": platform.python_version(), "numpy": np.__version__, "pandas": pd.__version__, "scipy": scipy.__version__,
                       "statsmodels": statsmodels.__version__, "mpmath": mpmath.__version__},
    "critical": [{"det_order": d, "trace": [c_sjt(n, d).tolist() for n in range(1, 13)], "max": [c_sja(n, d).tolist() for n in range(1, 13)]} for d in (-1, 0, 1)],
    "johansen": johansen,
    "engle_granger": engle_granger,
    "mackinnon": [{"trend": t, "statistic": x, "p_value": float(mackinnonp(x, regression=t, N=2))} for t in ("n", "c", "ct") for x in np.arange(-8.0, 2.0, 0.4).round(2).tolist()],
    "half_life": half_lives,
}
path = HERE / "out" / "alpha_coint_pairs.json"
path.write_text(json.dumps(out) + "\n")
print(len(johansen), len(engle_granger), path.stat().st_size)
