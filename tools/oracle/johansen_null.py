"""Null distributions of the Johansen statistics as numerics::johansen computes them, by simulation, and the curves fitted to them.

The published critical values (MacKinnon, Haug & Michelis) of the orders 0 and 1 hold for series with a drift (quadratic trend); prices without
one are rejected about twice as often as they say. Here the null is m independent driftless random walks and exactly our procedure
(order -1: as it is; 0: constant removed from differences and levels; 1: straight line removed from the levels, constant from the differences).

Model: P(statistic > x) = Q(shape, (y - loc) / scale), y = x / (1 + (b1 + b3 k) / T + b2 / T^2): a Pearson III law with a Bartlett factor;
T rows of the regression, k lagged differences.

Run: python tools/oracle/johansen_null.py   (writes tools/oracle/out/johansen_null.json; some minutes on one core)
"""

import json
import pathlib
import platform
import sys
import time

import numpy as np
import scipy
from scipy import optimize, special

HERE = pathlib.Path(__file__).resolve().parent
rng = np.random.default_rng(20240601)
START = time.time()
PROBS = np.array([0.5, 0.3, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001, 0.0003, 0.0001, 0.00003])


def statistics(e, det, k):
    """Trace and largest-eigenvalue statistics (rank 0) of random walks with steps e (draws, T + 1 + k, m)."""
    y = np.cumsum(e, axis=1)
    if det == 1:
        n = y.shape[1]
        x = np.linspace(-1, 1, n)
        q = np.stack([np.full(n, n**-0.5), x / np.sqrt(x @ x)]).astype(np.float32)
        y = y - q.T @ (q @ y)
    d = np.diff(y, axis=1)
    t = d.shape[1] - k
    z = np.concatenate([d[:, k - j : k - j + t] for j in range(1, k + 1)], axis=2) if k else None
    d, level = d[:, k:], y[:, k:-1]
    if det > -1:
        d, level = d - d.mean(1, keepdims=True), level - level.mean(1, keepdims=True)
    dt, lt = d.transpose(0, 2, 1), level.transpose(0, 2, 1)
    s00, skk, sk0 = (x.astype(np.float64) for x in (dt @ d, lt @ level, lt @ d))
    if k:
        if det > -1:
            z = z - z.mean(1, keepdims=True)
        zt = z.transpose(0, 2, 1)
        zz, zd, zl = (x.astype(np.float64) for x in (zt @ z, zt @ d, zt @ level))
        bd, bl = np.linalg.solve(zz, zd), np.linalg.solve(zz, zl)
        s00, skk, sk0 = s00 - zd.transpose(0, 2, 1) @ bd, skk - zl.transpose(0, 2, 1) @ bl, sk0 - zl.transpose(0, 2, 1) @ bd
    c = np.linalg.solve(np.linalg.cholesky(skk), sk0)
    c = np.linalg.solve(np.linalg.cholesky(s00), c.transpose(0, 2, 1))
    lam = np.clip(np.linalg.eigvalsh(c.transpose(0, 2, 1) @ c), 0, 1 - 1e-15)
    return -t * np.log1p(-lam).sum(1), -t * np.log1p(-lam[:, -1])


def tail(par, y):
    loc, shape, scale = par
    return special.gammaincc(shape, np.maximum(y - loc, 0) / scale)


def fit(samples):
    """samples: {(T, k): sorted statistics}. Least squares in ln p at the quantiles, with the Bartlett factor common to all."""
    t = np.array([c[0] for c in samples], float)
    k = np.array([c[1] for c in samples], float)
    q = [np.quantile(x, 1 - PROBS[PROBS * len(x) > 25]) for x in samples.values()]
    p = [PROBS[PROBS * len(x) > 25] for x in samples.values()]
    with_lags = int(k.max() > 0)
    first = next(iter(samples.values()))
    mean, var = first.mean(), first.var()

    def unpack(v):
        return (v[0], np.exp(v[1]), np.exp(v[2])), v[3], v[4], (v[5] if with_lags else 0.0)

    def gap(v):
        par, b1, b2, b3 = unpack(v)
        f = 1 + (b1 + b3 * k) / t + b2 / t**2
        return np.concatenate([np.log(np.maximum(tail(par, qi / fi), 1e-300)) - np.log(pi) for qi, pi, fi in zip(q, p, f)])

    v0 = np.array([0.0, np.log(mean**2 / var), np.log(var / mean), 1.0, 0.0] + [2.0] * with_lags)
    r = optimize.least_squares(gap, v0, x_scale="jac", loss="soft_l1", f_scale=0.05)
    par, b1, b2, b3 = unpack(r.x)
    err = gap(r.x)
    return {"loc": par[0], "shape": par[1], "scale": par[2], "b1": b1, "b2": b2, "b3": b3}, float(np.abs(err).max()), float(np.sqrt((err**2).mean()))


def simulate(m, grid, draws, lags):
    """Sorted statistics by (det, kind) and (T, k)."""
    out = {}
    for t in grid:
        parts = {}
        left = draws
        block = max(50, int(4e5 / (t * m)))
        while left > 0:
            b = min(block, left)
            left -= b
            steps = rng.standard_normal((b, t + 1 + max(lags), m), dtype=np.float32)
            for k in lags:
                e = steps[:, : t + 1 + k]
                for det in (-1, 0, 1):
                    # Order -1 has no constant: its walk starts at zero.
                    ee = e.copy() if det == -1 else e
                    if det == -1:
                        ee[:, 0] = 0
                    for kind, s in zip(("trace", "max"), statistics(ee, det, k)):
                        parts.setdefault((det, kind, k), []).append(s)
        for (det, kind, k), s in parts.items():
            out.setdefault((det, kind), {})[(t, k)] = np.sort(np.concatenate(s))
        print(m, t, f"{time.time() - START:.0f} s", file=sys.stderr, flush=True)
    return out


LARGEST = int(sys.argv[1]) if len(sys.argv) > 1 else 12
rows = []
for m in range(1, LARGEST + 1):
    if m == 2:
        sims = simulate(m, (60, 120, 250, 500), 100_000, (0, 1, 2, 4))
    elif m == 1:
        sims = simulate(m, (60, 120, 250, 500), 100_000, (0,))
    else:
        sims = simulate(m, (120, 250, 500), 10_000, (0,))
    for (det, kind), samples in sims.items():
        curve, worst, rms = fit(samples)
        keep = {f"{t},{k}": [float(np.quantile(x, 1 - p)) for p in (0.1, 0.05, 0.01, 0.001)] for (t, k), x in samples.items()}
        rows.append({"series": m, "det_order": det, "statistic": kind, "curve": {a: float(b) for a, b in curve.items()}, "worst_log_error": worst, "rms_log_error": rms,
                     "draws": len(next(iter(samples.values()))), "probabilities": [0.1, 0.05, 0.01, 0.001], "quantiles": keep})
        print(m, det, kind, {a: round(b, 4) for a, b in curve.items()}, f"worst {worst:.3f} rms {rms:.3f}", flush=True)
    out = {"generated_with": {"python": platform.python_version(), "numpy": np.__version__, "scipy": scipy.__version__}, "rows": rows}
    (HERE / "out" / "johansen_null.json").write_text(json.dumps(out, indent=1) + "\n")
