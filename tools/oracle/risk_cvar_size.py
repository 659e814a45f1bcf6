"""Reference values for risk_cvar_size: scipy for the tails, skfolio and cvxpy for the portfolios of least CVaR.

Tails: scipy genpareto.fit(floc=0), t.fit, norm and t closed forms (checked by numerical integration), Cornish-Fisher by integration of its
quantile, on SPX 1999-2018 and SPY 2008-2016 of the bundled sample. Portfolios: skfolio MeanRisk (CVaR, minimum risk) on the last 2,500
returns of the 20 stocks, and the Rockafellar-Uryasev programme written in cvxpy where a turnover limit is wanted.
Backtest: Acerbi & Szekely's Z1 and Z2 in plain numpy.

Run: python tools/oracle/risk_cvar_size.py   (writes tools/oracle/out/risk_cvar_size.json)
"""

import json
import pathlib
import platform

import cvxpy as cp
import numpy as np
import pandas as pd
import scipy
import skfolio
from scipy import integrate, optimize, stats
from skfolio import RiskMeasure
from skfolio.optimization import MeanRisk, ObjectiveFunction

HERE = pathlib.Path(__file__).resolve().parent
SAMPLE = HERE.parent.parent / "sample"
CONFIDENCE, WINDOW, LAMBDA, FLOOR, TAIL = 0.975, 1000, 0.94, 0.01, 0.1
P = 1 - CONFIDENCE

index = pd.read_csv(SAMPLE / "index_ohlcv_1999_2018.csv.gz")
spx = index[index["symbol"] == "SPX"].set_index("date")["close"].pct_change().dropna().to_numpy()
spy = pd.read_csv(SAMPLE / "etf23_close_2008_2016.csv.gz", index_col="date")["SPY"].pct_change().dropna().to_numpy()
stocks = pd.read_csv(SAMPLE / "stocks20_adjclose_1990_2022.csv.gz", index_col="date").pct_change().dropna()


def filtered(x):
    v = (x * x).mean()
    h, hs = v, []
    for r in x:
        hs.append(max(h, FLOOR * v))
        h = LAMBDA * h + (1 - LAMBDA) * r * r
    return x * np.sqrt(max(h, FLOOR * v) / np.array(hs))


def historical(x):
    x = np.sort(x)
    k = int(np.floor(len(x) * P))
    return -np.quantile(x, P), -(x[:k].sum() + (len(x) * P - k) * x[k]) / (len(x) * P)


def normal(x):
    m, s = x.mean(), x.std(ddof=1)
    es = -m + s * stats.norm.pdf(stats.norm.ppf(P)) / P
    by_hand = -integrate.quad(lambda u: u * stats.norm.pdf(u, m, s), m - 40 * s, stats.norm.ppf(P, m, s))[0] / P
    assert abs(es - by_hand) < 1e-10
    return -stats.norm.ppf(P, m, s), es


def better(negative, start):
    """The fit scipy begins, carried to full precision: its own simplex stops early."""
    best = optimize.minimize(negative, start, method="Nelder-Mead", options={"xatol": 1e-12, "fatol": 1e-12, "maxiter": 20000})
    return best.x, -best.fun


def student(x):
    nu, mu, s = stats.t.fit(x)
    given = stats.t.logpdf(x, nu, mu, s).sum()
    (lnu, mu, ls), ll = better(
        lambda q: -stats.t.logpdf(x, np.exp(q[0]), q[1], np.exp(q[2])).sum(), [np.log(nu), mu, np.log(s)]
    )
    nu, s = np.exp(lnu), np.exp(ls)
    q = stats.t.ppf(P, nu)
    es = -mu + s * stats.t.pdf(q, nu) / P * (nu + q * q) / (nu - 1)
    by_hand = -mu - s * integrate.quad(lambda u: u * stats.t.pdf(u, nu), -np.inf, q)[0] / P
    assert abs(es - by_hand) < 1e-9
    return {"nu": nu, "mu": mu, "sigma": s, "scipy_log_likelihood": given, "log_likelihood": ll, "var": -(mu + s * q), "es": es}


def cornish_fisher(x):
    m, sd, s, k = x.mean(), x.std(ddof=1), stats.skew(x), stats.kurtosis(x)
    q = lambda z: z + (z**2 - 1) * s / 6 + (z**3 - 3 * z) * k / 24 - (2 * z**3 - 5 * z) * s**2 / 36
    z = stats.norm.ppf(P)
    mean = integrate.quad(lambda u: q(u) * stats.norm.pdf(u), -40, z, epsabs=1e-14, epsrel=1e-13, points=[-8, -4])[0] / P
    u = np.linspace(-200, 200, 4_000_001)
    rises = bool(np.all(np.diff(q(u)) > 0))
    return {"skewness": s, "kurtosis": k, "valid": rises, "var": -(m + sd * q(z)), "es": -(m + sd * mean)}


def peaks(x, tail=TAIL):
    losses = np.sort(-x)[::-1]
    k = int(np.floor(tail * len(x) * (1 + 4 * np.finfo(float).eps)))
    u = losses[k]
    y = losses[:k] - u
    xi, _, s = stats.genpareto.fit(y, floc=0)
    given = stats.genpareto.logpdf(y, xi, 0, s).sum()
    (xi, ls), ll = better(lambda q: -stats.genpareto.logpdf(y, q[0], 0, np.exp(q[1])).sum(), [xi, np.log(s)])
    s = np.exp(ls)
    var = u + s / xi * ((P * len(x) / k) ** -xi - 1)
    es = (var + s - xi * u) / (1 - xi)
    # The mean of the quantiles beyond the VaR.
    share = k / len(x)
    by_hand = u + integrate.quad(lambda p: stats.genpareto.isf(p / share, xi, 0, s), 0, P, epsabs=1e-14, epsrel=1e-11)[0] / P
    assert abs(es / by_hand - 1) < 1e-6
    return {
        "tail": tail, "k": k, "threshold": u, "xi": xi, "sigma": s, "mean_excess": y.mean(),
        "mean_excess_error": y.std(ddof=1) / np.sqrt(k), "scipy_log_likelihood": given, "log_likelihood": ll, "var": var, "es": es,
    }


tails = []
for name, series, ends in [("SPX", spx, [1000, 2600, 5030]), ("SPY", spy, [1000, 2140])]:
    for end in ends:
        for filtering in [False, True]:
            raw = series[max(0, end - WINDOW) : end]
            x = filtered(raw) if filtering else raw
            h, n = historical(x), normal(x)
            tails.append({
                "series": name, "end": end, "filtered": filtering, "returns": len(raw),
                "historical": {"var": h[0], "es": h[1]}, "normal": {"var": n[0], "es": n[1]},
                "student_t": student(x), "cornish_fisher": cornish_fisher(x), "peaks": [peaks(x, t) for t in (0.05, 0.1, 0.15)],
            })

# Samples whose shapes are far from those of returns, as quantiles of known distributions.
shapes = []
for xi in [-0.45, -0.3, -0.05, 0.05, 0.7, 1.2]:
    y = 2 * stats.genpareto.ppf((np.arange(200) + 0.5) / 200, xi)
    f = stats.genpareto.fit(y, floc=0)
    (shape, ls), ll = better(lambda q: -stats.genpareto.logpdf(y, q[0], 0, np.exp(q[1])).sum(), [f[0], np.log(f[2])])
    shapes.append({"xi": xi, "shape": shape, "scale": np.exp(ls), "log_likelihood": ll})

# Portfolios: the last 2,500 returns of the 20 stocks.
R = stocks.to_numpy()[-2500:]
n, mu = R.shape[1], R.mean(axis=0)
held = np.full(n, 1 / n)


def programme(confidence, low, high, turnover=None, least=None):
    w, t, u = cp.Variable(n), cp.Variable(), cp.Variable(len(R), nonneg=True)
    c = [u >= -R @ w - t, cp.sum(w) == 1, w >= low, w <= high]
    if turnover is not None:
        c.append(cp.norm1(w - held) <= turnover)
    if least is not None:
        c.append(mu @ w >= least)
    goal = t + cp.sum(u) / (len(R) * (1 - confidence))
    p = cp.Problem(cp.Minimize(100 * goal), c)
    p.solve(solver=cp.CLARABEL, tol_gap_abs=1e-11, tol_gap_rel=1e-11, tol_feas=1e-11)
    x = np.sort(R @ w.value)
    k = int(np.floor(len(x) * (1 - confidence)))
    exact = -(x[:k].sum() + (len(x) * (1 - confidence) - k) * x[k]) / (len(x) * (1 - confidence))
    assert abs(p.value / 100 - exact) < 1e-8, (p.value / 100, exact)
    return float(p.value / 100), w.value


def from_skfolio(confidence, low, high, least=None):
    m = MeanRisk(
        objective_function=ObjectiveFunction.MINIMIZE_RISK, risk_measure=RiskMeasure.CVAR, cvar_beta=confidence,
        min_weights=low, max_weights=high, min_return=least, solver="CLARABEL",
        solver_params={"tol_gap_abs": 1e-10, "tol_gap_rel": 1e-10, "tol_feas": 1e-10},
    ).fit(pd.DataFrame(R, columns=stocks.columns))
    return m.weights_


portfolios = []
for confidence, low, high, turnover, least in [
    (0.95, 0.0, 1.0, None, None),
    (0.975, 0.0, 1.0, None, None),
    (0.95, 0.02, 0.15, None, None),
    (0.95, -0.1, 0.3, None, None),
    (0.95, 0.0, 1.0, None, 0.0008),
    (0.95, 0.0, 1.0, 0.5, None),
    (0.975, 0.0, 0.2, 0.8, 0.0007),
]:
    goal, w = programme(confidence, low, high, turnover, least)
    case = {
        "confidence": confidence, "low": low, "high": high, "turnover": turnover, "least_return": least,
        "cvar": goal, "weights": [round(float(x), 9) for x in w],
    }
    if turnover is None:
        s = from_skfolio(confidence, low, high, least)
        x = np.sort(R @ s)
        k = int(np.floor(len(x) * (1 - confidence)))
        case["skfolio_cvar"] = -(x[:k].sum() + (len(x) * (1 - confidence) - k) * x[k]) / (len(x) * (1 - confidence))
        case["skfolio_weights"] = [round(float(x), 9) for x in s]
    portfolios.append(case)

# Acerbi & Szekely on SPY with the normal forecasts of a rolling window of 250.
forecast = np.array([normal(spy[t - 250 : t]) for t in range(250, len(spy))])
x = spy[250:]
hit = x + forecast[:, 0] < 0
ratio = np.where(hit, x / forecast[:, 1], 0).sum()
backtest = {
    "window": 250, "n": len(x), "exceedances": int(hit.sum()),
    "z1": ratio / hit.sum() + 1, "z2": ratio / (len(x) * P) + 1,
}

plain = lambda o: {k: plain(v) for k, v in o.items()} if isinstance(o, dict) else (
    [plain(v) for v in o] if isinstance(o, list) else (o.item() if isinstance(o, np.generic) else o))
out = {
    "generated_with": {
        "python": platform.python_version(), "numpy": np.__version__, "scipy": scipy.__version__, "pandas": pd.__version__,
        "skfolio": skfolio.__version__, "cvxpy": cp.__version__,
    },
    "confidence": CONFIDENCE, "window": WINDOW, "lambda": LAMBDA,
    "tails": tails, "shapes": shapes, "portfolios": portfolios, "backtest": backtest,
}
path = HERE / "out" / "risk_cvar_size.json"
path.write_text(json.dumps(plain(out), indent=1) + "\n")
print([(c["cvar"], c.get("skfolio_cvar")) for c in portfolios], backtest)
