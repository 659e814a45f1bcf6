"""Reference values for risk_frac_kelly_atten: scipy's Beta and t quantiles, numerical optima of growth, pandas on SPY and numpy on stocks.

Run: python tools/oracle/risk_frac_kelly_atten.py   (writes tools/oracle/out/risk_frac_kelly_atten.json)
"""

import json
import pathlib
import platform

import numpy as np
import pandas as pd
import scipy
from scipy import optimize, stats

HERE = pathlib.Path(__file__).resolve().parent
SAMPLE = HERE.parent.parent / "sample"

beta = [
    {"level": lv, "a": a, "b": b, "x": float(stats.beta.ppf(lv, a, b))}
    for lv in (0.001, 0.05, 0.25, 0.5, 0.975)
    for a, b in ((0.5, 0.5), (1, 1), (2, 5), (30.5, 12), (56, 46), (513, 489), (5013, 4989), (0.7, 300))
]
student = [
    {"level": lv, "df": df, "t": float(stats.t.ppf(lv, df))}
    for lv in (0.001, 0.05, 0.25, 0.49, 0.9)
    for df in (1, 2, 5, 59, 503, 9999)
]


def discrete(p, b):
    """The stake that maximises growth, by scipy."""
    slope = lambda f: p * b / (1 + b * f) - (1 - p) / (1 - f)
    return optimize.brentq(slope, 0, 1 - 1e-12, xtol=1e-15) if slope(0) > 0 else 0.0


kelly = [{"p": p, "b": b, "f": float(discrete(p, b))} for p in (0.3, 0.5, 0.55, 0.9) for b in (0.5, 1.0, 1.7, 4.0)]


def shrink(p, b, n):
    """Baker & McHale: the k that maximises expected growth when k f(j / n) is staked, j binomial."""
    j = np.arange(n + 1)
    w = stats.binom.pmf(j, n, p)
    f = np.maximum(((b + 1) * j / n - 1) / b, 0)
    slope = lambda k: float(np.sum(w * f * (p * b / (1 + k * b * f) - (1 - p) / (1 - k * f))))
    k = optimize.brentq(slope, 0, 1 - 1e-13, xtol=1e-15)
    grow = lambda k: -float(np.sum(w * (p * np.log1p(k * b * f) + (1 - p) * np.log1p(-k * f))))
    direct = optimize.minimize_scalar(grow, bounds=(0, 1 - 1e-9), method="bounded", options={"xatol": 1e-10}).x
    assert abs(direct - k) < 1e-5, (direct, k)
    # The parabola: the same with quadratic utility about the true optimum, minimised numerically.
    s, v = (p * b - (1 - p)) / b, ((b + 1) / b) ** 2 * p * (1 - p) / n
    quad = optimize.brentq(lambda k: k * (s * s + v) - s * s, 0, 1, xtol=1e-16)
    growth = {"full": grow(1 - 1e-9), "k": grow(k), "parabola": grow(quad)}
    return {"p": p, "b": b, "n": n, "k": k, "parabola": quad, "growth": {a: -g for a, g in growth.items()}}


shrinkage = [shrink(p, b, n) for p, b in ((0.55, 1.0), (0.53, 1.0), (0.6, 1.0), (0.4, 2.0), (0.75, 0.5)) for n in (10, 50, 200, 1000)]

# The table: a long SPY position, one bet a session, over a rolling window.
WINDOW, MINIMUM, SIDES, STEP = 252, 60, 5, 41
close = pd.read_csv(SAMPLE / "etf23_close_2008_2016.csv.gz", index_col="date")["SPY"]
r = close.pct_change().dropna().reset_index(drop=True)
record = r.rolling(WINDOW, min_periods=1)
cases = []
for method, attenuation, loss, level in [
    ("discrete", "posterior", "mean", 0.25),
    ("discrete", "baker_mchale", "worst", 0.25),
    ("discrete", "none", "stake", 0.25),
    ("continuous", "posterior", "mean", 0.1),
    ("continuous", "baker_mchale", "mean", 0.25),
]:
    rows = []
    for i in range(MINIMUM - 1, len(r), STEP):
        x = r.iloc[max(0, i + 1 - WINDOW) : i + 1]
        win, lose = x[x > 0], -x[x < 0]
        n, worst = len(win) + len(lose), lose.max()
        if method == "discrete":
            a, b_ = 1 + len(win), 1 + len(lose)
            p, b = a / (a + b_), win.mean() / lose.mean()
            f = max((p * b - (1 - p)) / b, 0)
            low = stats.beta.ppf(level, a, b_) if attenuation == "posterior" else p
            k = f / {"mean": lose.mean(), "worst": worst, "stake": 1.0}[loss]
            v = ((b + 1) / b) ** 2 * stats.beta.var(a, b_)
            f_low = max((low * b - (1 - low)) / b, 0)
        else:
            n, m, s2 = len(x), x.mean(), x.var()
            f = k = max(m / s2, 0)
            low = stats.t.ppf(level, n - 1, m, np.sqrt(s2 / n)) if attenuation == "posterior" else m
            v, f_low = 1 / (s2 * n), max(low / s2, 0)
        att = {"none": 1.0, "posterior": f_low / f if f > 0 else 0.0, "baker_mchale": f * f / (f * f + v)}[attenuation]
        k = min(k, 1 / worst)
        size = min(0.25 * att * k, 5.0)
        rows.append({"row": i, "low": float(low), "kelly": float(k), "attenuation": float(att), "size": float(size)})
    cases.append(
        {"method": method, "attenuation": attenuation, "loss": loss, "level": level, "window": WINDOW, "minimum": MINIMUM, "sides": SIDES, "rows": rows}
    )

# Several assets: the first ten stocks, monthly-ish blocks of the last thousand sessions.
stocks = pd.read_csv(SAMPLE / "stocks20_adjclose_1990_2022.csv.gz", index_col="date").pct_change().dropna().iloc[-1000:, :10]
mu, cov = stocks.mean().to_numpy(), stocks.cov().to_numpy()
free = np.linalg.solve(cov, mu)
L = np.linalg.cholesky(cov)
longs, _ = optimize.nnls(L.T, np.linalg.solve(L, mu), maxiter=1000)
k = float(mu @ free / (mu @ free + len(mu) / 1000))
few = stocks.iloc[-8:]
C, sd = few.corr().to_numpy(), few.std().to_numpy()
e = np.linalg.eigvalsh(C)
d = optimize.brentq(lambda d: ((1 - d) * e[-1] + d) / ((1 - d) * e[0] + d) - 50, 1e-6, 1, xtol=1e-16)
R = (1 - d) * C + d * np.eye(len(C))
assets = {
    "mean": mu.tolist(),
    "covariance": cov.ravel().tolist(),
    "free": free.tolist(),
    "long_only": longs.tolist(),
    "attenuation": k,
    "few": {
        "mean": few.mean().tolist(),
        "covariance": few.cov().to_numpy().ravel().tolist(),
        "condition": 50.0,
        "repaired": float(d),
        "full": np.linalg.solve(np.outer(sd, sd) * R, few.mean().to_numpy()).tolist(),
    },
}

out = {
    "generated_with": {"python": platform.python_version(), "numpy": np.__version__, "pandas": pd.__version__, "scipy": scipy.__version__},
    "beta": beta,
    "student": student,
    "kelly": kelly,
    "shrinkage": shrinkage,
    "cases": cases,
    "assets": assets,
}
path = HERE / "out" / "risk_frac_kelly_atten.json"
path.write_text(json.dumps(out, indent=1) + "\n")
for s in shrinkage:
    print(s["p"], s["b"], s["n"], round(s["k"], 4), round(s["parabola"], 4), {a: round(1e4 * g, 3) for a, g in s["growth"].items()})
print([(c["method"], c["attenuation"], len(c["rows"]), sum(x["size"] > 0 for x in c["rows"])) for c in cases])
print(np.round(free, 2), np.round(longs, 2), k, d)
