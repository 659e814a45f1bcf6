"""Reference values for risk_drawdown_derisk on SPY of the bundled sample, with money paid in and out: pandas and empyrical.

The drawdown of an account with flows must be that of the price itself: pandas cummax for every day, empyrical for the worst.

Run: python tools/oracle/risk_drawdown_derisk.py   (writes tools/oracle/out/risk_drawdown_derisk.json)
"""

import json
import pathlib
import platform
from importlib.metadata import version

import empyrical
import pandas as pd

HERE = pathlib.Path(__file__).resolve().parent
SAMPLE = HERE.parent.parent / "sample"
STEP = 25

close = pd.read_csv(SAMPLE / "etf23_close_2008_2016.csv.gz", index_col="date")["SPY"]
nav = close / close.iloc[0]
drawdown = 1 - nav / nav.cummax()

# The account: everything in SPY; every 50th day money comes or goes at the close.
equity, flows, e = [], [], 100_000.0
previous = close.iloc[0]
for i, price in enumerate(close):
    e *= price / previous
    previous = price
    flow = 0.0 if i == 0 or i % 50 else (7_500.0 if i % 100 else -0.05 * e)
    e += flow
    equity.append(e)
    flows.append(flow)

out = {
    "generated_with": {
        "python": platform.python_version(),
        "pandas": pd.__version__,
        "empyrical-reloaded": version("empyrical-reloaded"),
    },
    "equity": equity,
    "flow": flows,
    "rows": [{"row": i, "nav": float(nav.iloc[i]), "drawdown": float(drawdown.iloc[i])} for i in range(0, len(nav), STEP)],
    "max_drawdown": float(-empyrical.max_drawdown(close.pct_change().dropna())),
}
path = HERE / "out" / "risk_drawdown_derisk.json"
path.write_text(json.dumps(out) + "\n")
print(out["max_drawdown"], drawdown.max(), len(equity))
