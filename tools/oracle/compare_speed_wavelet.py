"""DWT times of tradewind-numerics and PyWavelets (C) side by side, in one run, on the same closes of SPY (repeated to length).

Run: python tools/oracle/compare_speed_wavelet.py [ROUNDS]   (needs cargo; honours CARGO_TARGET_DIR)

db4, mode symmetric: one level (`pywt.dwt`) and five (`pywt.wavedec`). Parity of the coefficients is checked first. Both are measured by the
clock, in turns; what counts is the best of all rounds, since other work on the machine can only make a round slower.
"""

import importlib.metadata
import json
import pathlib
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pywt

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
COMMAND = ["cargo", "run", "--release", "--quiet", "-p", "tradewind-features", "--example", "fe_wavelet", "--", "--time"]


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    spy = pd.read_csv(ROOT / "sample" / "etf23_close_2008_2016.csv.gz")["SPY"].dropna().to_numpy()
    run = lambda n: json.loads(subprocess.run(COMMAND + [str(n)], cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout)
    rows = run(1)
    new, reused, python = ([[] for _ in rows] for _ in range(3))
    db4 = pywt.Wavelet("db4")
    for _ in range(rounds):
        for i, row in enumerate(run(3)):
            new[i] += row["new"]
            reused[i] += row["reused"]
            n, levels = row["n"], row["levels"]
            x = np.resize(spy, n)
            one, several = (lambda: pywt.dwt(x, db4, "symmetric")), (lambda: pywt.wavedec(x, db4, "symmetric", levels))
            call = one if levels == 1 else several
            check = sum(float(c[len(c) // 2]) for c in call())
            assert abs(check - row["check"]) < 1e-10 * levels * spy.max(), f"no parity: {check} {row}"
            blocks = min(max(2_000_000 // n, 2), 2000)
            for _ in range(3):
                start = time.perf_counter()
                for _ in range(blocks):
                    call()
                python[i].append(1e6 * (time.perf_counter() - start) / blocks)
    print(f"db4, symmetric; microseconds, best of {3 * rounds} blocks; PyWavelets {importlib.metadata.version('PyWavelets')}")
    print("levels   values      rust  reusing memory   PyWavelets   PyWavelets / rust: best (median); reusing memory")
    for row, a, b, p in zip(rows, new, reused, python):
        ratio = lambda r: f"{min(p) / min(r):5.2f} ({np.median(p) / np.median(r):5.2f})"
        print(f"{row['levels']:6} {row['n']:8} {min(a):9.1f} {min(b):9.1f} {min(p):17.1f}      {ratio(a)}; {ratio(b)}")


if __name__ == "__main__":
    main()
