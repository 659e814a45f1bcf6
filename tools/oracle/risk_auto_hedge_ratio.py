"""Reference values for risk_auto_hedge_ratio: stocks against SPY 2008-2016 by statsmodels (OLS, WLS, RecursiveLS) and filterpy.

Run: python tools/oracle/risk_auto_hedge_ratio.py   (writes tools/oracle/out/risk_auto_hedge_ratio.json)
"""

import json
import pathlib
import platform

import filterpy
import numpy as np
import pandas as pd
import statsmodels
import statsmodels.api as sm
from filterpy.kalman import KalmanFilter

HERE = pathlib.Path(__file__).resolve().parent
SAMPLE = HERE.parent.parent / "sample"

spy = pd.read_csv(SAMPLE / "etf23_close_2008_2016.csv.gz", index_col="date")["SPY"]
stocks = pd.read_csv(SAMPLE / "stocks20_adjclose_1990_2022.csv.gz", index_col="date")
joined = stocks.join(spy, how="inner").pct_change().iloc[1:]
x = joined["SPY"].to_numpy()
ENDS = (300, 1000, 1700, len(joined))


def fit(model):
    return {"beta": float(model.params[1:].sum()), "se": float(np.sqrt(model.cov_params()[1:, 1:].sum())),
            "alpha": float(model.params[0]), "r2": float(model.rsquared)}


ols, wls, recursive, kalman = [], [], [], []
for name in ("AAPL", "JPM", "KO"):
    y = joined[name].to_numpy()
    for end in ENDS:
        for window in (60, 252):
            # The lags of the first row of a window lie before it.
            for lags in (0, 1, 3, 5):
                X = np.column_stack([x[end - window - k : end - k] for k in range(lags + 1)])
                ols.append({"asset": name, "end": end, "window": window, "lags": lags,
                            **fit(sm.OLS(y[end - window : end], sm.add_constant(X)).fit())})
        for lam in (0.97, 0.99):
            w = lam ** np.arange(end - 1, -1, -1.0)
            m = sm.WLS(y[:end], sm.add_constant(x[:end]), weights=w).fit()
            e = y[:end] - m.predict()
            d = x[:end] - np.average(x[:end], weights=w)
            n = w.sum() ** 2 / (w**2).sum()
            noise = (w * e**2).sum() / w.sum() * n / (n - 2)
            wls.append({"asset": name, "end": end, "lambda": lam, **fit(m),
                        "se": float(np.sqrt(noise * (w**2 * d**2).sum()) / (w * d**2).sum())})
    # Constant coefficients, filtered: row t knows rows 0 to t.
    r = sm.RecursiveLS(y, sm.add_constant(x)).fit()
    recursive.append({"asset": name, "rows": [[t, *[float(c) for c in r.recursive_coefficients.filtered[:, t]]] for t in (70, 300, 1000, len(y) - 1)]})
    # A beta that drifts, with the noise variance following the innovations (see the plugin's page).
    for start, drift, memory in ((63, 0.02, 252), (100, 0.05, 100)):
        first = sm.OLS(y[:start], sm.add_constant(x[:start])).fit()
        f = KalmanFilter(dim_x=2, dim_z=1)
        f.x, f.P = first.params.reshape(2, 1), first.cov_params()
        f.F, f.Q, noise = np.eye(2), np.diag([0.0, drift**2]), first.scale
        rows = []
        for t in range(start, len(y)):
            f.predict()
            H = np.array([[1.0, x[t]]])
            f.update(y[t], R=noise, H=H)
            noise += (float(f.y[0, 0]) ** 2 * noise / float(f.S[0, 0]) - noise) / min(t + 1 - 2, memory)
            if t in (start, 400, 1200, len(y) - 1):
                rows.append([t, float(f.x[1, 0]), float(np.sqrt(f.P[1, 1])), float(f.x[0, 0]), float(noise)])
        kalman.append({"asset": name, "start": start, "drift": drift, "memory": memory, "rows": rows})

# Vasicek over the twenty's betas of the last year.
cross = [fit(sm.OLS(joined[s].to_numpy()[-252:], sm.add_constant(x[-252:])).fit()) for s in stocks.columns]
b = np.array([c["beta"] for c in cross])
prior, spread = b.mean(), b.std(ddof=1)
vasicek = [{"beta": c["beta"], "se": c["se"], "shrunk": float((spread**2 * c["beta"] + c["se"] ** 2 * prior) / (spread**2 + c["se"] ** 2))} for c in cross]

# Out of sample: the return of each session hedged with the rolling beta of the year before it.
hedged = []
for name in ("AAPL", "JPM", "KO", "RRC"):
    y = joined[name].to_numpy()
    h = np.array([y[t] - sm.OLS(y[t - 252 : t], sm.add_constant(x[t - 252 : t])).fit().params[1] * x[t] for t in range(252, len(y))])
    hedged.append({"asset": name, "effectiveness": float(1 - h[-252:].var(ddof=1) / y[-252:].var(ddof=1))})

out = {
    "generated_with": {"python": platform.python_version(), "numpy": np.__version__, "pandas": pd.__version__,
                       "statsmodels": statsmodels.__version__, "filterpy": filterpy.__version__},
    "sessions": len(joined), "ols": ols, "wls": wls, "recursive": recursive, "kalman": kalman,
    "prior": [float(prior), float(spread)], "vasicek": vasicek, "hedged": hedged,
}
path = HERE / "out" / "risk_auto_hedge_ratio.json"
path.write_text(json.dumps(out, indent=1) + "\n")
print(len(joined), prior, spread, hedged)
