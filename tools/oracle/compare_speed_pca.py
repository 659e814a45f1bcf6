"""Fit times of tradewind-numerics and scikit-learn's IncrementalPCA side by side, in one run, on 8312 daily returns of 20 stocks.

Run: python tools/oracle/compare_speed_pca.py [ROUNDS]   (needs cargo; honours CARGO_TARGET_DIR)

Parity of the singular values is checked first. Both are measured by the clock, in turns, scikit-learn with one BLAS thread; what counts is
the best of all rounds, since other work on the machine can only make a round slower.
"""

import json
import os
import pathlib
import subprocess
import sys
import time

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np
import pandas as pd
import sklearn
from sklearn.decomposition import IncrementalPCA

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
COMMAND = ["cargo", "run", "--release", "--quiet", "-p", "tradewind-features", "--example", "fe_mini_pca", "--", "--time"]


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    prices = pd.read_csv(ROOT / "sample" / "stocks20_adjclose_1990_2022.csv.gz", index_col="date").to_numpy()
    x = prices[1:] / prices[:-1] - 1.0
    run = lambda n: json.loads(subprocess.run(COMMAND + [str(n)], cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout)
    rows = run(1)
    rust, python = [[] for _ in rows], [[] for _ in rows]
    for _ in range(rounds):
        for i, row in enumerate(run(3)):
            rust[i] += row["ms"]
            for _ in range(3):
                start = time.perf_counter()
                pca = IncrementalPCA(n_components=row["components"], batch_size=row["batch"]).fit(x)
                python[i].append(1e3 * (time.perf_counter() - start))
            assert abs(pca.singular_values_.sum() - row["check"]) < 1e-8, f"no parity: {pca.singular_values_.sum()} {row}"
    print(f"{x.shape[0]} rows of {x.shape[1]}; milliseconds, best (median) of {3 * rounds}; scikit-learn {sklearn.__version__}")
    print("batch components        rust          scikit-learn     scikit-learn / rust: best (median)")
    for row, r, p in zip(rows, rust, python):
        show = lambda ms: f"{min(ms):7.1f} ({np.median(ms):7.1f})"
        ratio = f"{min(p) / min(r):5.2f} ({np.median(p) / np.median(r):5.2f})"
        print(f"{row['batch']:5} {row['components']:10}  {show(r)}   {show(p)}   {ratio}")


if __name__ == "__main__":
    main()
