"""Fit times of fe_garch and `arch` side by side, in one run, on the same 5030 S&P 500 returns.

Run: python tools/oracle/compare_speed_garch.py [REPEATS]   (needs cargo; honours CARGO_TARGET_DIR)

First the parity of the log-likelihoods is checked, then times are printed: a fit is what `arch_model(...).fit(disp="off")` does from
scratch, with its default tolerance; standard errors are computed lazily by `arch`, so its second column adds them, while the Rust fit
always includes them. `arch` is measured in processor time, since a fit of many milliseconds is interrupted on a busy machine and one of
less than one is not: that would flatter Rust, which is measured by the clock.
"""

import json
import math
import os
import pathlib
import statistics
import subprocess
import sys
import time

# Processor time of idle BLAS threads must not count.
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np
import pandas as pd
from arch import arch_model

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
COMMAND = ["cargo", "run", "--release", "--quiet", "-p", "tradewind-features", "--example", "fe_garch", "--", "--time"]


def main():
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 30
    data = pd.read_csv(ROOT / "sample" / "index_ohlcv_1999_2018.csv.gz")
    close = data[data.symbol == "SPX"].sort_values("date").close.to_numpy()
    returns = 100.0 * np.diff(np.log(close))
    run = lambda n: json.loads(subprocess.run(COMMAND + [str(n)], cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout)
    models = run(1)
    rust, fits, errors = ([[] for _ in models] for _ in range(3))
    gains = [0.0] * len(models)
    # In turn, so that other work on the machine burdens both alike.
    for _ in range(repeats):
        for i, row in enumerate(run(3)):
            rust[i] += row["ms"]
            model = arch_model(returns, p=1, o=int(row["gjr"]), q=1, dist="t" if row["t"] else "normal")
            start = time.process_time()
            result = model.fit(disp="off")
            fits[i].append(1e3 * (time.process_time() - start))
            result.std_err
            errors[i].append(1e3 * (time.process_time() - start))
            gains[i] = row["log_likelihood"] - (result.loglikelihood + len(returns) * math.log(100.0))
            assert gains[i] > -1e-3, f"no parity: {gains[i]}"
    show = lambda ms: f"{min(ms):7.2f} ({statistics.median(ms):6.2f})"
    print(f"{len(returns)} returns, {repeats} rounds; milliseconds, best (median)")
    print("model         ln L, rust - arch  rust with errors   arch fit           arch with errors   ratio of fits: best (median)")
    for i, row in enumerate(models):
        name = ("gjr" if row["gjr"] else "garch") + (" t" if row["t"] else " normal")
        best = min(fits[i]) / min(rust[i])
        median = statistics.median(fits[i]) / statistics.median(rust[i])
        columns = "   ".join(show(ms) for ms in (rust[i], fits[i], errors[i]))
        print(f"{name:14} {gains[i]:+16.1e}  {columns}   {best:.1f} ({median:.1f})")


if __name__ == "__main__":
    main()
