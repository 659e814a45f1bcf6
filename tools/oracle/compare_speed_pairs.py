"""Our scan of all pairs against statsmodels' coint_johansen on the same series, parity first, in one run.

Run: python tools/oracle/compare_speed_pairs.py   (needs cargo; honours CARGO_TARGET_DIR; series are random walks with planted pairs; 100 series, 1,000 days, one lag)

statsmodels runs on a sample of the pairs (all of them would take long) and its time is scaled up; it is measured in processor time, so that a
busy machine does not flatter us. Ours is the best of five whole scans by the clock, with all threads and with one (RAYON_NUM_THREADS=1). Neither
holds reading the file.
"""

import json
import os
import pathlib
import subprocess
import tempfile
import time

# One thread of BLAS: statsmodels' matrices are of two columns, more threads only slow it down.
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np
from statsmodels.tsa.vector_ar.vecm import coint_johansen

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
COMMAND = ["cargo", "run", "--release", "--quiet", "-p", "tradewind-alpha", "--example", "alpha_coint_pairs", "--", "--time"]
rng = np.random.default_rng(1)


def series(n, days):
    x = np.cumsum(0.01 * rng.standard_normal((days, n)), axis=0) + 4
    for i in range(0, n // 5 * 2, 2):
        s = np.zeros(days)
        for t in range(1, days):
            s[t] = 0.9 * s[t - 1] + 0.01 * rng.standard_normal()
        x[:, i + 1] = x[:, i] + s
    return x


def ours(x, repeat, threads=None):
    with tempfile.NamedTemporaryFile(suffix=".bin") as f:
        f.write(np.ascontiguousarray(x.T, dtype="<f8").tobytes())
        f.flush()
        env = dict(os.environ, **({"RAYON_NUM_THREADS": str(threads)} if threads else {}))
        out = subprocess.run(COMMAND + [f.name, str(x.shape[1]), str(repeat)], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True, env=env)
    return json.loads(out.stdout)


x = series(100, 1000)
fast = ours(x, 5)
got = {(a, b): (trace, h) for a, b, trace, h in fast["pairs"]}
sample = [tuple(sorted(rng.choice(100, 2, replace=False))) for _ in range(150)]
sample = list(dict.fromkeys((int(a), int(b)) for a, b in sample))
rounds = []
for _ in range(3):
    start = time.process_time()
    reference = [coint_johansen(x[:, [a, b]], 0, 1) for a, b in sample]
    rounds.append((time.process_time() - start) / len(sample) * 4950)
slow = min(rounds)
worst = max(abs(got[p][0] / r.trace_stat[0] - 1) for p, r in zip(sample, reference))
worst_h = max(abs(got[p][1] / (-r.evec[1, 0] / r.evec[0, 0]) - 1) for p, r in zip(sample, reference))
print(f"parity on {len(sample)} pairs: trace within {worst:.1e}, hedge ratio within {worst_h:.1e} (relative)")
assert worst < 1e-8 and worst_h < 1e-6
one = ours(x, 5, 1)
print(f"100 series, 4,950 pairs, 1,000 days: statsmodels {slow:.2f} s of processor time, ours {fast['seconds']:.4f} s ({slow / fast['seconds']:.0f} times faster), "
      f"on one thread {one['seconds']:.4f} s ({slow / one['seconds']:.0f} times)")
big = ours(series(500, 1000), 1)
print(f"500 series, {len(big['pairs']):,} pairs, 1,000 days: {big['seconds']:.2f} s, peak memory {big['peak_mb']:.0f} MB (series {500 * 1000 * 8 / 1e6:.0f} MB)")
