"""DWT times of tradewind-numerics and PyWavelets (C) side by side, in one run, on the same closes of SPY (repeated to length).

Run: python tools/oracle/compare_speed_wavelet.py [ROUNDS]   (needs cargo; honours CARGO_TARGET_DIR)

db4, mode symmetric: one level (`pywt.dwt`) and five (`pywt.wavedec`). Parity of the coefficients is checked first. Both are measured by the
clock, in turns; what counts is the best of all rounds, since other work on the machine can only make a round slower.
"""

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
    rust, python = [[] for _ in rows], [[] for _ in rows]
    db4 = pywt.Wavelet("db4")
    for _ in range(rounds):
        for i, row in enumerate(run(3)):
            rust[i] += row["us"]
            n = row["n"]
            x = np.resize(spy, n)
            call = (
                (lambda: pywt.dwt(x, db4, "symmetric"))
                if row["what"] == "dwt"
                else (lambda: pywt.wavedec(x, db4, "symmetric", row["levels"]))
            )
            check = sum(float(c[len(c) // 2]) for c in call())
            assert abs(check - row["check"]) < 1e-9 * 5 * spy.max(), f"no parity: {check} {row}"
            inner = min(max(2_000_000 // n, 1), 2000)
            for _ in range(3):
                start = time.perf_counter()
                for _ in range(inner):
                    call()
                python[i].append(1e6 * (time.perf_counter() - start) / inner)
    print(f"db4, symmetric; microseconds, best of {3 * rounds} blocks; PyWavelets {pywt.__version__}")
    print("what          values     rust    PyWavelets   PyWavelets / rust (best, median)")
    for row, r, p in zip(rows, rust, python):
        median = np.median(p) / np.median(r)
        print(f"{row['what']:8} {row['n']:11} {min(r):9.1f} {min(p):11.1f}   {min(p) / min(r):6.2f} {median:6.2f}")


if __name__ == "__main__":
    main()
