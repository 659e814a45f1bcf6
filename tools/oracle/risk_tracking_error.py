"""Reference values for risk_tracking_error on the bundled sample: scikit-learn's Ledoit-Wolf, pandas' exponential weights, tracking
error and contributions by numpy, projections by scipy: bounded least squares for each multiplier, its root by brentq.

Run: python tools/oracle/risk_tracking_error.py   (writes tools/oracle/out/risk_tracking_error.json)
"""

import json
import pathlib
import platform

import numpy as np
import pandas as pd
import scipy
import sklearn
from scipy.optimize import brentq, lsq_linear
from sklearn.covariance import LedoitWolf

HERE = pathlib.Path(__file__).resolve().parent
SAMPLE = HERE.parent.parent / "sample"
A, LIMIT = 252, 0.06

stocks = pd.read_csv(SAMPLE / "stocks20_adjclose_1990_2022.csv.gz", index_col="date")
returns = stocks.pct_change().iloc[1:]
X = returns.to_numpy()
n = X.shape[1]
pick = [(0, 0), (5, 3), (12, 12), (19, 7)]

# Windows of a year, of more columns than rows, and of two rows; the last row of each is `end - 1`.
shrinkage = []
for end, window in [(252, 252), (2500, 252), (4800, 1000), (4800, 63), (4800, 20), (4800, 10), (8000, 3), (8312, 252)]:
    m = LedoitWolf().fit(X[end - window : end])
    shrinkage.append({"end": end, "window": window, "shrinkage": float(m.shrinkage_), "entries": [float(m.covariance_[i, j]) for i, j in pick]})

ewma = []
for lam in (0.94, 0.97):
    for end in (30, 2000):
        part = returns.iloc[:end]
        entries = [float((part.iloc[:, i] * part.iloc[:, j]).ewm(alpha=1 - lam).mean().iloc[-1]) for i, j in pick]
        ewma.append({"lambda": lam, "end": end, "entries": entries})


def nearest(G, g, w, limit, box):
    """The x nearest to w with |G x - g| <= limit, in the box between 0 and w when asked for."""
    free = w != 0 if box else np.ones(len(w), bool)
    bounds = (np.minimum(w, 0)[free], np.maximum(w, 0)[free]) if box else (-np.inf, np.inf)

    def at(t):
        A = np.vstack([np.eye(free.sum()), np.sqrt(t) * G[:, free]])
        x = np.zeros(len(w))
        x[free] = lsq_linear(A, np.concatenate([w[free], np.sqrt(t) * g]), bounds, method="bvls", tol=1e-15, max_iter=1000).x
        return x

    far = lambda x: np.linalg.norm(G @ x - g)
    return at(np.exp(brentq(lambda u: far(at(np.exp(u))) - limit, -10, 25, xtol=1e-13, rtol=1e-14)))


# Tracking error of a concentrated book against equal weights, and the ways inside the limit.
rng = np.random.default_rng(7)
books = []
for end in (2500, 4800, 8312):
    S = A * LedoitWolf().fit(X[end - 252 : end]).covariance_
    b = np.full(n, 1 / n)
    w = np.zeros(n)
    w[rng.choice(n, 6, replace=False)] = rng.dirichlet(np.ones(6))
    w[3] -= 0.2
    a = w - b
    te = float(np.sqrt(a @ S @ a))
    L = np.linalg.cholesky(S)
    solved = {}
    G, g = L.T, L.T @ b
    free = w != 0
    x = np.zeros(n)
    x[free] = lsq_linear(G[:, free], g, (np.minimum(w, 0)[free], np.maximum(w, 0)[free]), method="bvls", tol=1e-15).x
    solved["least"] = float(np.linalg.norm(G @ x - g))
    # Between the least that the box can reach and what is wanted.
    solved["box_limit"] = 0.5 * (solved["least"] + te)
    solved["euclidean"] = nearest(G, g, w, LIMIT, False).tolist()
    solved["box"] = nearest(G, g, w, solved["box_limit"], True).tolist()
    books.append({
        "end": end, "w": w.tolist(), "te": te, "contributions": (a * (S @ a) / te).tolist(),
        "radial": (b + a * LIMIT / te).tolist(), **solved,
    })

# The same with the benchmark of the book's own net exposure and a box: what the rule does in mode "project", basis "invested".
for book in books:
    S = A * LedoitWolf().fit(X[book["end"] - 252 : book["end"]]).covariance_
    w, b = np.array(book["w"]), np.full(n, 1 / n)
    M = np.eye(n) - np.outer(b, np.ones(n))
    L = np.linalg.cholesky(S)
    x = nearest(L.T @ M, np.zeros(n), w, LIMIT, True)
    a = M @ w
    book["invested"] = {"te": float(np.sqrt(a @ S @ a)), "x": x.tolist()}

# Ex post: AAPL less the equally weighted twenty, rolling.
active = returns["AAPL"] - returns.mean(axis=1)
post = [{"window": k, "rows": [[int(i), float(np.sqrt(A) * active.iloc[: i + 1].rolling(k).std().iloc[-1])] for i in (k - 1, 1000, 5000, 8311)]}
        for k in (21, 63, 252)]

out = {
    "generated_with": {"python": platform.python_version(), "numpy": np.__version__, "pandas": pd.__version__,
                       "scikit-learn": sklearn.__version__, "scipy": scipy.__version__},
    "pick": pick, "shrinkage": shrinkage, "ewma": ewma, "books": books, "ex_post": post,
}
path = HERE / "out" / "risk_tracking_error.json"
path.write_text(json.dumps(out, indent=1) + "\n")
print([(s["window"], round(s["shrinkage"], 4)) for s in shrinkage], [(b["te"], b["least"]) for b in books])
