"""Log-likelihoods of `arch` on many windows of all bundled series: does fe_garch ever stop at a lower maximum?

Run: python tools/oracle/fe_garch_windows.py   (writes tools/oracle/out/fe_garch_windows.csv; some two minutes)

Four models on each window, with a constant mean. Returns are scaled to unit variance for `arch`; the log-likelihoods written are those of the unscaled
(decimal) log returns. `converged` is 1 where SLSQP says so; elsewhere it may have stopped anywhere, and a little outside the parameters' bounds.
"""

import pathlib
import warnings

import numpy as np
import pandas as pd
from arch import arch_model

HERE = pathlib.Path(__file__).resolve().parent
SAMPLE = HERE.parent.parent / "sample"
# Length of the windows, and from the beginning of one to that of the next.
STEPS = ((250, 700), (1000, 1050))


def series():
    index = pd.read_csv(SAMPLE / "index_ohlcv_1999_2018.csv.gz")
    for symbol in ("SPX", "IXIC"):
        yield "index_ohlcv_1999_2018.csv.gz", symbol, index[index.symbol == symbol].close
    for file in ("etf23_close_2008_2016.csv.gz", "stocks20_adjclose_1990_2022.csv.gz", "vix_close_2014_2019.csv"):
        table = pd.read_csv(SAMPLE / file)
        for column in table.columns[1:]:
            yield file, column, pd.to_numeric(table[column], errors="coerce")


def main():
    warnings.filterwarnings("ignore")
    rows = ["file,column,start,length,gjr,t,log_likelihood,converged"]
    windows = 0
    for file, column, close in series():
        returns = np.diff(np.log(close.dropna().to_numpy(float)))
        for length, step in STEPS:
            for start in range(0, len(returns) - length + 1, step):
                r = returns[start : start + length]
                windows += 1
                for gjr in (0, 1):
                    for t in (0, 1):
                        dist = "t" if t else "normal"
                        model = arch_model(r / r.std(), mean="Constant", p=1, o=gjr, q=1, dist=dist, rescale=False)
                        f = model.fit(disp="off", tol=1e-12, options={"maxiter": 2000})
                        value = f.loglikelihood - len(r) * np.log(r.std())
                        converged = int(f.convergence_flag == 0)
                        rows.append(f"{file},{column},{start},{length},{gjr},{t},{value:.9f},{converged}")
    (HERE / "out" / "fe_garch_windows.csv").write_text("\n".join(rows) + "\n")
    print(windows, "windows")


if __name__ == "__main__":
    main()
