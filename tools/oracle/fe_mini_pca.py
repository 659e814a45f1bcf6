"""Reference values for fe_mini_pca: scikit-learn's IncrementalPCA on daily returns of the 20 stocks of the bundled sample.

Run: python tools/oracle/fe_mini_pca.py   (writes tools/oracle/out/fe_mini_pca.json)
"""

import json
import pathlib
import platform

import numpy as np
import pandas as pd
import scipy
import sklearn
from sklearn.decomposition import IncrementalPCA

HERE = pathlib.Path(__file__).resolve().parent
SAMPLE = HERE.parent.parent / "sample"
PRICES = pd.read_csv(SAMPLE / "stocks20_adjclose_1990_2022.csv.gz", index_col="date").dropna()
RETURNS = PRICES.to_numpy()[1:] / PRICES.to_numpy()[:-1] - 1.0
# Every 997th row is transformed, so that all eras are seen.
SOME = slice(0, None, 997)


def state(pca, x):
    return {
        "components": pca.components_.tolist(),
        "singular_values": pca.singular_values_.tolist(),
        "explained_variance": pca.explained_variance_.tolist(),
        "explained_variance_ratio": pca.explained_variance_ratio_.tolist(),
        "mean": pca.mean_.tolist(),
        "var": pca.var_.tolist(),
        "noise_variance": float(pca.noise_variance_),
        "n": int(pca.n_samples_seen_),
        "scores": pca.transform(x[SOME]).tolist(),
    }


def fits():
    for batch, components in [(20, 3), (21, 20), (50, 5), (63, 1), (100, 8), (252, 3), (1000, 5), (8312, 3), (25, 3)]:
        for whiten in [False, True]:
            pca = IncrementalPCA(n_components=components, batch_size=batch, whiten=whiten).fit(RETURNS)
            full = state(pca, RETURNS)
            if whiten:
                full = {"scores": full["scores"]}
            yield {"batch": batch, "k": components, "whiten": whiten, **full}


def streamed():
    """What is known before each row: the fit on whole batches before it, as the plugin gives scores; 8 columns, 2 components."""
    x, batch, k = RETURNS[:2000, :8], 42, 2
    pca = IncrementalPCA(n_components=k)
    rows = []
    for i in range(len(x)):
        if i > 0 and i % batch == 0:
            pca.partial_fit(x[i - batch : i])
        if i >= batch and i % 83 == 0:
            scores = pca.transform(x[i : i + 1])
            residual = x[i] - pca.inverse_transform(scores)[0]
            explained = float(pca.explained_variance_ratio_.sum())
            rows.append([i, *scores[0].tolist(), explained, float(np.sqrt(np.mean(residual**2)))])
    return {"columns": 8, "batch": batch, "components": k, "rows": rows}


def forgotten():
    """Covariance weighted by f^(batches since), from its definition, for f = 0.9 and all 6 components of 6 columns."""
    x, batch, f = RETURNS[:1050, :6], 50, 0.9
    weights = f ** np.repeat(np.arange(20, -1, -1), batch)
    n = weights.sum()
    mean = weights @ x / n
    cov = (weights[:, None] * (x - mean)).T @ (x - mean) / (n - 1)
    values, vectors = np.linalg.eigh(cov)
    values, vectors = values[::-1], vectors[:, ::-1].T
    vectors *= np.sign(vectors[np.arange(6), np.abs(vectors).argmax(axis=1)])[:, None]
    return {
        "columns": 6,
        "rows": 1050,
        "batch": batch,
        "forget": f,
        "n": float(n),
        "mean": mean.tolist(),
        "explained_variance": values.tolist(),
        "components": vectors.tolist(),
    }


out = {
    "generated_with": {
        "python": platform.python_version(),
        "scikit-learn": sklearn.__version__,
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "pandas": pd.__version__,
    },
    "fits": list(fits()),
    "streamed": streamed(),
    "forgotten": forgotten(),
}
path = HERE / "out" / "fe_mini_pca.json"
path.write_text(json.dumps(out) + "\n")
print(path.name, path.stat().st_size, "bytes", RETURNS.shape, list(PRICES.columns))
