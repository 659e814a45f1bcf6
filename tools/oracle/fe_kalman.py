"""Reference values for fe_kalman: statsmodels' UnobservedComponents and recursive state space, filterpy's filter.

Run: python tools/oracle/fe_kalman.py   (writes tools/oracle/out/fe_kalman.json)
"""

import json
import os
import pathlib
import platform

# Threads of BLAS only get into each other's way here.
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"

import filterpy
import numpy as np
import pandas as pd
import statsmodels
from filterpy.kalman import KalmanFilter
from statsmodels.tsa.statespace.mlemodel import MLEModel
from statsmodels.tsa.statespace.structural import UnobservedComponents

HERE = pathlib.Path(__file__).resolve().parent
SAMPLE = HERE.parent.parent / "sample"

etf = pd.read_csv(SAMPLE / "etf23_close_2008_2016.csv.gz", index_col="date")
vix = pd.read_csv(SAMPLE / "vix_close_2014_2019.csv", index_col="date")["vix"].dropna().to_numpy()
series = {
    "SPY.log": np.log(etf["SPY"].to_numpy()),
    "TLT.close": etf["TLT"].to_numpy(),
    "VIX.level": vix,
}
SPEC = {"local_level": "local level", "local_linear_trend": "local linear trend"}


def gaps(y, missing):
    """The series with every observation missing whose index has the remainder 3 by 7, or a block of 30."""
    y = y.copy()
    if missing:
        y[np.arange(len(y)) % 7 == 3] = np.nan
        y[100:130] = np.nan
    return y


def rows(n):
    return sorted(set(list(range(0, 12)) + list(range(12, n, 173)) + [n - 1]))


cases = []
for name, y in series.items():
    for model, spec in SPEC.items():
        for start in ("diffuse", "approximate", "known"):
            for missing in (False, True):
                v = np.nanvar(np.diff(y))
                # Irregular, level, trend.
                params = [0.5 * v, 0.3 * v] if model == "local_level" else [0.5 * v, 0.3 * v, 1e-3 * v]
                x = gaps(y, missing)
                uc = UnobservedComponents(x, spec, use_exact_diffuse=start == "diffuse")
                # By default statsmodels freezes the gain when the squared change of the covariance is below 1e-19, whatever the unit.
                uc.ssm.tolerance = 0
                k = uc.k_states
                if start == "approximate":
                    # The default of 1e6 beside variances of 1e-4 costs statsmodels' form of the update ten digits.
                    uc.ssm.initialize_approximate_diffuse(1e6 * v)
                if start == "known":
                    mean, cov = np.array([y[0] + 0.1, 0.01][:k]), np.diag([2.0 * v, 0.1 * v][:k])
                    uc.ssm.initialize_known(mean, cov)
                    uc.ssm.loglikelihood_burn = 0
                r = uc.smooth(params)
                at = rows(len(y))
                cases.append(
                    {
                        "series": name,
                        "model": model,
                        "start": start,
                        "missing": missing,
                        "params": [float(p) for p in params],
                        "known": [float(y[0] + 0.1), 0.01, float(2.0 * v), float(0.1 * v), float(1e6 * v)],
                        "log_likelihood": float(r.llf),
                        "rows": at,
                        "filtered": [[float(r.filtered_state[j, i]) for j in range(k)] for i in at],
                        "covariance": [[float(r.filtered_state_cov[j, j, i]) for j in range(k)] for i in at],
                        "innovation": [float(r.forecasts_error[0, i]) if np.isfinite(x[i]) else None for i in at],
                        "variance": [float(r.forecasts_error_cov[0, 0, i]) for i in at],
                        "smoothed": [[float(r.smoothed_state[j, i]) for j in range(k)] for i in at],
                        "smoothed_covariance": [[float(r.smoothed_state_cov[j, j, i]) for j in range(k)] for i in at],
                    }
                )

# Regression of SPY's returns on a constant and DIA's, in per cent, with coefficients that are random walks. (Logarithms of prices would
# be so nearly collinear in the first two rows that the exactly diffuse start loses half the digits, in statsmodels as in any other.)
spy, dia = (100.0 * np.diff(np.log(etf[s].to_numpy())) for s in ("SPY", "DIA"))


class Moving(MLEModel):
    def __init__(self, endog, exog, h, q):
        super().__init__(endog, k_states=exog.shape[1], k_posdef=exog.shape[1])
        k = exog.shape[1]
        self["design"] = np.ascontiguousarray(exog.T[None, :, :])
        self["transition"] = np.eye(k)
        self["selection"] = np.eye(k)
        self["state_cov"] = np.diag(q)
        self["obs_cov"] = np.array([[h]])
        self.ssm.initialize_diffuse()
        # Conventional filter with the exact diffuse start.
        self.ssm.filter_univariate = True


exog = np.column_stack([np.ones(len(dia)), dia])
h, q = 0.05, [1e-5, 1e-4]
m = Moving(spy, exog, h, q)
m.ssm.loglikelihood_burn = 0
r = m.ssm.smooth()
at = rows(len(spy) - 1)
regression = {
    "h": h,
    "q": q,
    "log_likelihood": float(r.llf_obs.sum()),
    "rows": at,
    "filtered": [[float(r.filtered_state[j, i]) for j in range(2)] for i in at],
    "covariance": [[float(r.filtered_state_cov[j, j, i]) for j in range(2)] for i in at],
    "smoothed": [[float(r.smoothed_state[j, i]) for j in range(2)] for i in at],
}

# filterpy, the local linear trend from a known start: its Joseph-form update.
y = series["TLT.close"]
f = KalmanFilter(dim_x=2, dim_z=1)
f.F, f.H = np.array([[1.0, 1.0], [0.0, 1.0]]), np.array([[1.0, 0.0]])
f.Q, f.R = np.diag([0.2, 0.001]), np.array([[0.4]])
f.x, f.P = np.array([[y[0]], [0.0]]), np.diag([1.0, 0.1])
filtered = []
for i, v in enumerate(y):
    if i > 0:
        f.predict()
    f.update(v)
    filtered.append([float(f.x[0, 0]), float(f.x[1, 0]), float(f.P[0, 0]), float(f.P[1, 1])])
at = rows(len(y))
other = {"q": [0.2, 0.001], "h": 0.4, "start": [float(y[0]), 0.0, 1.0, 0.1], "rows": at, "filtered": [filtered[i] for i in at]}

# Maximum likelihood: statsmodels' best of several optimisers on two years of each series.
fits = []
for name, y in series.items():
    for model, spec in SPEC.items():
        for first in (0, 500, 1000):
            x = y[first : first + 500]
            if len(x) < 300:
                continue
            uc = UnobservedComponents(x, spec, use_exact_diffuse=True)
            best = None
            for method in ("lbfgs", "powell", "nm"):
                try:
                    r = uc.fit(method=method, maxiter=2000, disp=False)
                except Exception:
                    continue
                if best is None or r.llf > best.llf:
                    best = r
            fits.append(
                {
                    "series": name,
                    "model": model,
                    "first": first,
                    "count": len(x),
                    "log_likelihood": float(best.llf),
                    "params": [float(p) for p in best.params],
                }
            )

out = {
    "generated_with": {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "pandas": pd.__version__,
        "statsmodels": statsmodels.__version__,
        "filterpy": filterpy.__version__,
    },
    "cases": cases,
    "regression": regression,
    "filterpy": other,
    "fits": fits,
}
path = HERE / "out" / "fe_kalman.json"
path.write_text(json.dumps(out, separators=(",", ":")).replace('},{"series"', '},\n{"series"') + "\n")
print(len(cases), "cases,", path.stat().st_size, "bytes")
for x in fits:
    print(x)
