"""Reference values for alpha_whisper_spread: scipy for the Beta-binomial record and the penalised fit, scikit-learn for the fit without
penalty.

The sample holds no earnings; the reports are drawn with a seed and written beside the results, so that both sides read the same rows.
Run: python tools/oracle/alpha_whisper_spread.py   (writes tools/oracle/out/alpha_whisper_spread.json)
"""

import json
import pathlib
import platform

import numpy as np
import scipy
import sklearn
from scipy.optimize import minimize
from scipy.special import expit, logit
from scipy.stats import beta, betabinom
from sklearn.linear_model import LogisticRegression

HERE = pathlib.Path(__file__).resolve().parent
rng = np.random.default_rng(11)
ability = {f"C{k:02d}": rng.beta(6, 3) for k in range(12)}

reports = []
for _ in range(360):
    symbol = f"C{rng.integers(12):02d}"
    consensus = round(float(rng.normal(1.0, 0.8)), 2)
    gap = float(rng.normal(0, 0.06)) * max(abs(consensus), 0.1)
    p = expit(logit(ability[symbol]) + 0.8 * gap / max(abs(consensus), 0.1) / 0.05)
    beat = rng.random() < p
    reports.append(
        {
            "symbol": symbol,
            "consensus": consensus,
            "whisper": round(consensus + gap, 4) if rng.random() < 0.85 else None,
            "dispersion": round(float(rng.uniform(0.01, 0.08)), 3),
            "actual": round(consensus + (1 if beat else -1) * float(rng.uniform(0.01, 0.1)), 4),
        }
    )


def walk(base_rate, base_weight, strength, floor, scale, clip):
    """Record before each report: posterior mean and deviation of the rate, and the spread in units."""
    seen, rows = {}, []
    for r in reports:
        every = [b for bs in seen.values() for b in bs]
        m = (base_weight * base_rate + sum(every)) / (base_weight + len(every))
        own = seen.get(r["symbol"], [])
        a, b = strength * m + sum(own), strength * (1 - m) + len(own) - sum(own)
        units = None
        if r["whisper"] is not None:
            units = float(np.clip((r["whisper"] - r["consensus"]) / max(abs(r["consensus"]), floor) / scale, -clip, clip))
        # The predictive probability of one success out of one is the mean of the posterior.
        rows.append({"prior": float(betabinom(1, a, b).pmf(1)), "prior_sd": float(beta(a, b).std()), "units": units})
        seen.setdefault(r["symbol"], []).append(r["actual"] > r["consensus"])
    return rows


settings = {"base_rate": 0.6, "base_weight": 40.0, "prior_strength": 6.0, "floor": 0.1, "scale": 0.05, "clip": 3.0, "slope": 0.5}
rows = walk(*(settings[k] for k in ("base_rate", "base_weight", "prior_strength", "floor", "scale", "clip")))
beat = np.array([r["actual"] > r["consensus"] for r in reports])
used = [i for i, r in enumerate(rows) if r["units"] is not None]
X = np.array([[logit(rows[i]["prior"]), rows[i]["units"]] for i in used])
y = beat[used]

ml = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-12, max_iter=1000).fit(X, y)
design = np.column_stack([np.ones(len(X)), X])
mean = np.array([0.0, 1.0, settings["slope"]])


def fit_map(deviation):
    def cost(c):
        eta = design @ c
        return np.sum(np.logaddexp(0, eta) - y * eta) + 0.5 * np.sum((c - mean) ** 2) / deviation**2

    def gradient(c):
        return design.T @ (expit(design @ c) - y) + (c - mean) / deviation**2

    def hessian(c):
        p = expit(design @ c)
        return design.T @ (design * (p * (1 - p))[:, None]) + np.eye(3) / deviation**2

    c = minimize(cost, mean, jac=gradient, hess=hessian, method="trust-exact", options={"gtol": 1e-12}).x
    for _ in range(5):
        c = c - np.linalg.solve(hessian(c), gradient(c))
    return c, np.linalg.inv(hessian(c))


fits = [{"prior_deviation": 0.0, "coefficients": [float(ml.intercept_[0]), *map(float, ml.coef_[0])]}]
for deviation in (0.3, 1.0):
    c, covariance = fit_map(deviation)
    fits.append({"prior_deviation": deviation, "coefficients": c.tolist(), "standard_errors": np.sqrt(np.diag(covariance)).tolist()})

out = {
    "generated_with": {"python": platform.python_version(), "numpy": np.__version__, "scipy": scipy.__version__, "scikit-learn": sklearn.__version__},
    "settings": settings,
    "reports": reports,
    "rows": [{"prior": r["prior"], "prior_sd": r["prior_sd"]} for r in rows],
    "outcomes": len(used),
    "fits": fits,
}
(HERE / "out" / "alpha_whisper_spread.json").write_text(json.dumps(out) + "\n")
print(len(used), fits)
