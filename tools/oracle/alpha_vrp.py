"""Reference values for alpha_vrp: numpy, pandas and statsmodels on S&P 500 bars and VIX of the bundled sample."""

import json
import platform
from pathlib import Path

import numpy as np
import pandas as pd
import statsmodels
import statsmodels.api as sm

ROOT = Path(__file__).resolve().parents[2]
N, YEAR, Z = 21, 252, 252
HAR_WINDOW, HAR_MIN, HAR_REFIT = 1000, 252, 21

bars = pd.read_csv(ROOT / "sample/index_ohlcv_1999_2018.csv.gz", parse_dates=["date"])
bars = bars[bars["symbol"] == "SPX"].set_index("date")
vix = pd.read_csv(ROOT / "sample/vix_close_2014_2019.csv", parse_dates=["date"]).set_index("date")["vix"].dropna()

o, h, l, c = (bars[k] for k in ("open", "high", "low", "close"))
r = np.log(c).diff()
night, day = np.log(o / c.shift()), np.log(c / o)
parkinson = np.log(h / l) ** 2 / (4 * np.log(2))
garman_klass = 0.5 * np.log(h / l) ** 2 - (2 * np.log(2) - 1) * day**2
rogers_satchell = np.log(h / o) * np.log(h / c) + np.log(l / o) * np.log(l / c)
k = 0.34 / (1.34 + (N + 1) / (N - 1))


# Each window by itself: pandas' own rolling sums carry rounding from one window to the next.
def windows(v, f):
    return v.rolling(N).apply(f, raw=True)


var1 = lambda w: np.var(w, ddof=1)
trailing = {
    "close_to_close": windows(r, var1),
    "zero_mean": windows(r**2, np.mean),
    "parkinson": windows(parkinson, np.mean),
    "garman_klass": windows(garman_klass, np.mean),
    "rogers_satchell": windows(rogers_satchell, np.mean),
}
rs_late = rogers_satchell.where(night.notna())
trailing["yang_zhang"] = windows(night, var1) + k * windows(day.where(night.notna()), var1) + (1 - k) * windows(rs_late, np.mean)
trailing = {name: YEAR * v for name, v in trailing.items()}


def har(rv):
    """Fits of the direct N-step HAR regression at the plugin's refit dates, and the forecast of every session."""
    rv = rv.dropna()
    x = pd.DataFrame({"d": rv, "w": rv.rolling(5).mean(), "m": rv.rolling(22).mean()})
    target = rv.rolling(N).mean()
    fits, forecasts, since, fit = [], {}, 0, None
    first = x["m"].first_valid_index()
    start = rv.index.get_loc(first)
    for t in range(start, len(rv)):
        rows = t - start - N + 1  # observations whose target is known at t
        if rows > 0:
            since += 1
            if rows >= HAR_MIN and (fit is None or since >= HAR_REFIT):
                since = 0
                last = t - N
                lo = max(start, last - HAR_WINDOW + 1)
                X = sm.add_constant(x.iloc[lo : last + 1].to_numpy())
                y = target.iloc[lo + N : last + N + 1].to_numpy()
                res = sm.OLS(y, X).fit()
                fit = (res.params, y.min())
                fits.append({"date": str(rv.index[t].date()), "n": int(res.nobs), "params": [float(p) for p in res.params],
                             "residual_sd": float(np.sqrt(res.mse_resid)), "lowest": float(y.min())})
        if fit is not None:
            forecasts[rv.index[t]] = max(float(fit[0] @ np.r_[1.0, x.iloc[t].to_numpy()]), fit[1])
    return fits, YEAR * pd.Series(forecasts)


fits, forecast = har(r**2)
gk_fits, _ = har(garman_klass)

both = pd.concat([vix.rename("vix"), trailing["close_to_close"].rename("rv"), forecast.rename("har")], axis=1, join="inner").dropna()
implied = (both["vix"] / 100) ** 2
vrp = implied - both["rv"]
z = vrp.rolling(Z).apply(lambda w: (w[-1] - w.mean()) / w.std(ddof=1), raw=True)

clean = lambda v: None if pd.isna(v) else float(v)
out = {
    "generated_with": {"python": platform.python_version(), "numpy": np.__version__, "pandas": pd.__version__, "statsmodels": statsmodels.__version__},
    "window": N,
    "trailing": [{"date": str(d.date()), **{name: clean(v[d]) for name, v in trailing.items()}} for d in bars.index[::31]],
    "har": fits[::12],
    "har_garman_klass": gk_fits[::24],
    "premium": [
        {"date": str(d.date()), "vix": float(both["vix"][d]), "realised": float(both["rv"][d]), "har": float(both["har"][d]),
         "vrp": float(vrp[d]), "ratio": float(1 - both["rv"][d] / implied[d]), "z": clean(z[d])}
        for d in both.index[::11]
    ],
}
path = ROOT / "tools/oracle/out/alpha_vrp.json"
path.write_text(json.dumps(out, indent=0) + "\n")
print(path, path.stat().st_size, len(fits), both.index[0], both.index[-1], len(both))
print(vrp.describe(), (vrp > 0).mean(), (1 - both["rv"] / implied).describe())
