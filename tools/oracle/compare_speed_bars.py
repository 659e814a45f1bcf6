"""Dollar bars of fe_dollar_bars and mlfinpy side by side, in one run, on the same 500,000 E-mini trades in memory.

Run: python tools/oracle/compare_speed_bars.py [ROUNDS]   (needs cargo and mlfinpy; honours CARGO_TARGET_DIR)

Bars are compared first, then times: mlfinpy from a DataFrame, fe_dollar_bars from slices; numpy is what a vectorised Python loop over bars
costs (cumulative sums and searchsorted, without high, low and tick rule), as the fastest that Python does without a compiler.
"""

import json
import pathlib
import statistics
import subprocess
import sys
import time

import mlfinpy
import numpy as np
import pandas as pd
from mlfinpy.data_structure import standard_bars

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
COMMAND = ["cargo", "run", "--release", "--quiet", "-p", "tradewind-features", "--example", "fe_dollar_bars", "--", "--time"]
THRESHOLD = 70e6


def numpy_bars(price, volume):
    total = np.cumsum(price * volume)
    ends, done = [], 0.0
    while True:
        i = int(np.searchsorted(total, done + THRESHOLD))
        if i == len(total):
            return ends
        ends.append(i)
        done = total[i]


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    source = pathlib.Path(mlfinpy.__file__).parent / "dataset" / "data" / "tick_data.csv"
    trades = pd.read_csv(source, parse_dates=[0])
    price, volume = trades.Price.to_numpy(), trades.Volume.to_numpy().astype(float)
    rust, python, vectorised = [], [], []
    for _ in range(rounds):
        row = json.loads(subprocess.run(COMMAND + ["30"], cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout)
        rust.append(row["seconds"])
        start = time.process_time()
        bars = standard_bars.get_dollar_bars(trades, threshold=THRESHOLD, verbose=False)
        python.append(time.process_time() - start)
        assert len(bars) == row["bars"] and abs(bars.cum_dollar_value.sum() / row["value"] - 1) < 1e-12, "no parity"
        start = time.process_time()
        ends = numpy_bars(price, volume)
        vectorised.append(time.process_time() - start)
        assert len(ends) == len(bars)
    n = len(trades)
    for name, t in [("fe_dollar_bars", rust), ("numpy, sums only", vectorised), ("mlfinpy", python)]:
        print(f"{name:17} best {1e3 * min(t):9.2f} ms, {n / min(t) / 1e6:8.2f} million trades a second; median {1e3 * statistics.median(t):.2f} ms")
    print(f"ratio to mlfinpy: best {min(python) / min(rust):.0f}, median {statistics.median(python) / statistics.median(rust):.0f}")


main()
