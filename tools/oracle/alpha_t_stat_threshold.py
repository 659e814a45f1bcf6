"""Reference values for alpha_t_stat_threshold: HAC t-statistics, rank correlations and adjusted p-values, on the bundled ETFs.

Signal: the standardised 20-day momentum of each fund, known at a close; forward: the return of the next day.
Run: python tools/oracle/alpha_t_stat_threshold.py   (writes tools/oracle/out/alpha_t_stat_threshold.json)
"""

import json
import pathlib
import platform

import numpy as np
import pandas as pd
import scipy
import statsmodels
import statsmodels.api as sm
from scipy.stats import norm, rankdata, spearmanr
from statsmodels.stats.multitest import multipletests

HERE = pathlib.Path(__file__).resolve().parent
SAMPLE = HERE.parent.parent / "sample"
prices = pd.read_csv(SAMPLE / "etf23_close_2008_2016.csv.gz", index_col="date")


def hac(x, lags, correction):
    fit = sm.OLS(x, np.ones(len(x))).fit(cov_type="HAC", cov_kwds={"maxlags": lags, "use_correction": correction, "kernel": "bartlett"})
    return float(fit.params[0]), float(fit.tvalues[0]), float(fit.pvalues[0])


def rows(name):
    close = prices[name].dropna()
    r = close / close.shift(1) - 1
    signal = (close / close.shift(20) - 1) / (r.rolling(20).std() * np.sqrt(20))
    d = pd.DataFrame({"signal": signal, "forward": r.shift(-1)}).dropna()
    return d["signal"].to_numpy(), d["forward"].to_numpy()


cases, tests = [], []
for name in ["SPY", "TLT", "EEM", "XLF", "XLU"]:
    s, f = rows(name)
    for window, lags, correction in [(252, None, True), (504, None, False), (504, 0, False), (504, 12, True), (1000, 30, False)]:
        out = []
        for end in range(window, len(s) + 1, 389):
            a, b = s[end - window : end], f[end - window : end]
            used = int(np.floor(4 * (window / 100) ** (2 / 9))) if lags is None else lags
            mean, t, p = hac(a * b, used, correction)
            ra, rb = rankdata(a), rankdata(b)
            c = (ra - ra.mean()) * (rb - rb.mean()) / (ra.std() * rb.std())
            ic, t_ic, p_ic = hac(c, used, correction)
            assert abs(ic - spearmanr(a, b).statistic) < 1e-12
            out.append({"row": end - 1, "mean": mean, "t_mean": t, "p_mean": p, "ic": ic, "t_ic": t_ic, "p_ic": p_ic})
        cases.append({"symbol": name, "window": window, "lags": lags, "correction": correction, "rows": out})

for name in prices.columns:
    s, f = rows(name)
    tests.append(hac(s * f, 6, True)[1])
p = 2 * norm.cdf(-np.abs(tests))
adjusted = {m: multipletests(p, method=m)[1].tolist() for m in ("holm", "fdr_bh", "fdr_by")}

out = {
    "generated_with": {"python": platform.python_version(), "numpy": np.__version__, "pandas": pd.__version__, "scipy": scipy.__version__,
                       "statsmodels": statsmodels.__version__},
    "cases": cases,
    "multiple": {"t": tests, "p": p.tolist(), **adjusted},
}
path = HERE / "out" / "alpha_t_stat_threshold.json"
path.write_text(json.dumps(out) + "\n")
print(len(cases), path.stat().st_size, [round(t, 2) for t in tests])
