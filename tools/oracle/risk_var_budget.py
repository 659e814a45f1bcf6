"""Reference values for risk_var_budget on SPY, TLT and XLE of the bundled sample: numpy and scipy.

VaR: numpy.quantile (linear), scipy norm, skew and kurtosis; the shortfall of Cornish-Fisher by numerical integration; the
filter in plain Python. Components: by complex-step differentiation of the VaR itself. Coverage tests: scipy.stats.chi2.

Run: python tools/oracle/risk_var_budget.py   (writes tools/oracle/out/risk_var_budget.json)
"""

import json
import pathlib
import platform

import numpy as np
import pandas as pd
import scipy
from scipy import integrate, stats
from scipy.special import xlogy

HERE = pathlib.Path(__file__).resolve().parent
SAMPLE = HERE.parent.parent / "sample"
CONFIDENCE, WINDOW, MINIMUM, LAMBDA, FLOOR = 0.95, 504, 60, 0.94, 0.01
P = 1 - CONFIDENCE
STEP = 60
METHODS = ["historical", "normal", "cornish_fisher", "filtered_historical"]

closes = pd.read_csv(SAMPLE / "etf23_close_2008_2016.csv.gz", index_col="date")
returns = closes[["SPY", "TLT", "XLE"]].pct_change().dropna()


def quantile(x):
    """numpy.quantile's linear method, also for complex values (ordered by their real part)."""
    x = x[np.argsort(x.real, kind="stable")]
    at = (len(x) - 1) * P
    k = int(np.floor(at))
    return x[k] * (1 - (at - k)) + x[min(k + 1, len(x) - 1)] * (at - k)


def shortfall(x):
    x = np.sort(x)
    k = int(np.floor(len(x) * P))
    return -(x[:k].sum() + (len(x) * P - k) * x[k]) / (len(x) * P)


def cornish_fisher(z, s, k):
    return z + (z**2 - 1) * s / 6 + (z**3 - 3 * z) * k / 24 - (2 * z**3 - 5 * z) * s**2 / 36


def filtered(x):
    v = (x * x).mean()
    h, hs = v, []
    for r in x:
        hs.append(h if h.real > FLOOR * v.real else FLOOR * v)
        h = LAMBDA * h + (1 - LAMBDA) * r * r
    last = h if h.real > FLOOR * v.real else FLOOR * v
    return x * np.sqrt(last / np.array(hs))


def moments(x):
    d = x - x.mean()
    m2 = (d**2).mean()
    return x.mean(), np.sqrt(m2 * len(x) / (len(x) - 1)), (d**3).mean() / m2**1.5, (d**4).mean() / m2**2 - 3


def var(x, method):
    z = stats.norm.ppf(P)
    if method == "historical":
        return -quantile(x)
    if method == "filtered_historical":
        return -quantile(filtered(x))
    mean, sd, s, k = moments(x)
    return -(mean + sd * (z if method == "normal" else cornish_fisher(z, s, k)))


def tail(x, method):
    """VaR and ES by the public functions; the formulas above must agree."""
    z = stats.norm.ppf(P)
    if method in ("historical", "filtered_historical"):
        y = x if method == "historical" else filtered(x)
        v, es = -np.quantile(y, P), shortfall(y)
    else:
        mean, sd = np.mean(x), np.std(x, ddof=1)
        s, k = (0.0, 0.0) if method == "normal" else (stats.skew(x), stats.kurtosis(x))
        v = -(mean + sd * cornish_fisher(z, s, k))
        density = lambda u: cornish_fisher(u, s, k) * stats.norm.pdf(u)
        es = -(mean + sd * integrate.quad(density, -40, z, epsabs=1e-14, epsrel=1e-13, points=[-8, -3])[0] / P)
        u = np.linspace(-12, z, 200_001)
        if not np.all(np.diff(cornish_fisher(u, s, k)) > 0):
            es = None
    assert abs(v - var(x, method)) < 1e-14
    return float(v), None if es is None else float(es)


def coverage(hits):
    """Kupiec (1995) and Christoffersen (1998), directly."""
    h = np.asarray(hits, dtype=int)
    n, x = len(h), h.sum()
    ll = lambda misses, hits, p: xlogy(misses, 1 - p) + xlogy(hits, p)
    uc = 2 * (ll(n - x, x, x / n) - ll(n - x, x, P))
    t = np.zeros((2, 2))
    np.add.at(t, (h[:-1], h[1:]), 1)
    p01, p11 = t[0, 1] / max(t[0].sum(), 1), t[1, 1] / max(t[1].sum(), 1)
    pooled = t[:, 1].sum() / t.sum()
    ind = 2 * (ll(t[0, 0], t[0, 1], p01) + ll(t[1, 0], t[1, 1], p11) - ll(t[:, 0].sum(), t[:, 1].sum(), pooled))
    sf = stats.chi2.sf
    return {
        "forecasts": n,
        "exceedances": int(x),
        "kupiec": {"statistic": float(uc), "p_value": float(sf(uc, 1))},
        "independence": {"statistic": float(ind), "p_value": float(sf(ind, 1))},
        "conditional": {"statistic": float(uc + ind), "p_value": float(sf(uc + ind, 2))},
    }


spy = returns["SPY"].to_numpy()
streams = {}
for method in METHODS:
    rows, hits, last = [], [], None
    for t in range(len(spy)):
        if last is not None:
            hits.append(-spy[t] > last)
        if t + 1 < MINIMUM:
            continue
        window = spy[max(0, t + 1 - WINDOW) : t + 1]
        last = float(var(window, method))
        if (t + 1 - MINIMUM) % STEP == 0:
            v, es = tail(window, method)
            rows.append({"row": t, "var": v, "es": es})
    streams[method] = {"rows": rows, "coverage": coverage(hits)}

# Three strategies: weights of SPY, TLT, XLE; the last window.
weights = np.array([[0.6, 0.0, 0.0], [-0.2, 0.5, 0.0], [0.0, 0.0, 0.3]])
pnl = returns.to_numpy()[-WINDOW:] @ weights.T
decomposed = {}
for method in METHODS:
    total = float(var(pnl.sum(axis=1), method))
    components, incremental = [], []
    for i in range(3):
        k = np.ones(3, dtype=complex)
        k[i] += 1e-30j
        components.append(float(var(pnl @ k, method).imag / 1e-30))
        incremental.append(total - float(var(np.delete(pnl, i, axis=1).sum(axis=1), method)))
    assert abs(sum(components) - total) < 1e-14
    decomposed[method] = {"var": total, "components": components, "incremental": incremental}

out = {
    "generated_with": {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "pandas": pd.__version__,
    },
    "streams": streams,
    "weights": weights.tolist(),
    "decomposed": decomposed,
}
path = HERE / "out" / "risk_var_budget.json"
path.write_text(json.dumps(out, indent=1) + "\n")
print({m: (s["coverage"]["exceedances"], s["coverage"]["forecasts"]) for m, s in streams.items()}, decomposed)
