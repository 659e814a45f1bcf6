"""Reference values for fe_garch: `arch` on the log returns of S&P 500 and Nasdaq Composite in the bundled sample.

Run: python tools/oracle/fe_garch.py   (writes tools/oracle/out/fe_garch.json)

Returns are scaled by 100 for `arch`, as it recommends; the values written are in units of the unscaled (decimal) log returns.
SLSQP's tolerance is tightened to 1e-12, so that the parameters are those of the optimum and not of an early stop.
"""

import importlib.metadata
import json
import math
import pathlib
import platform

import numpy as np
import pandas as pd
from arch import arch_model

HERE = pathlib.Path(__file__).resolve().parent
SAMPLE = HERE.parent.parent / "sample" / "index_ohlcv_1999_2018.csv.gz"
SCALE = 100.0
HORIZON = 10


def decimal(name, value):
    """A parameter (or its standard error) of scaled returns in units of decimal returns."""
    return value / {"mu": SCALE, "omega": SCALE**2}.get(name, 1.0)


def fit(returns, gjr, dist, mean):
    model = arch_model(SCALE * returns, mean=mean, p=1, o=int(gjr), q=1, dist=dist)
    result = model.fit(disp="off", tol=1e-12, options={"maxiter": 2000})
    assert result.convergence_flag == 0
    names = [n.replace("[1]", "") for n in result.params.index]
    forecast = result.forecast(horizon=HORIZON, reindex=False).variance.to_numpy()[-1]
    return {
        "gjr": gjr,
        "dist": dist,
        "mean": mean,
        "params": {n: decimal(n, float(v)) for n, v in zip(names, result.params)},
        "std_errors": {n: decimal(n, float(v)) for n, v in zip(names, result.std_err)},
        "log_likelihood": float(result.loglikelihood) + len(returns) * math.log(SCALE),
        "parameter_count": int(result.num_params),
        "forecast": [float(v) / SCALE**2 for v in forecast],
        "last_std_resid": float(result.std_resid[-1]),
        "first_variance": float(result.conditional_volatility[0] ** 2) / SCALE**2,
    }


def main():
    data = pd.read_csv(SAMPLE)
    out = {
        "generated_with": {p: importlib.metadata.version(p) for p in ("arch", "numpy", "scipy", "pandas", "statsmodels")}
        | {"python": platform.python_version()},
        "fits": [],
    }
    for symbol in ("SPX", "IXIC"):
        close = data[data.symbol == symbol].sort_values("date").close.to_numpy()
        returns = np.diff(np.log(close))
        cases = [(returns, "all", g, d, "Constant") for g in (False, True) for d in ("normal", "t")]
        # A shorter window, and without a mean: what the streaming plugin fits.
        cases += [(returns[-1000:], "last1000", g, d, "Zero") for g in (False, True) for d in ("normal", "t")]
        for r, sample, g, d, mean in cases:
            out["fits"].append({"symbol": symbol, "sample": sample, "observations": len(r)} | fit(r, g, d, mean))
    path = HERE / "out" / "fe_garch.json"
    path.write_text(json.dumps(out, indent=1) + "\n")


if __name__ == "__main__":
    main()
