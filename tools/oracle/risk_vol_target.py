"""Reference values for risk_vol_target on SPY of the bundled sample: pandas ewm and rolling.

Run: python tools/oracle/risk_vol_target.py   (writes tools/oracle/out/risk_vol_target.json)
"""

import json
import pathlib
import platform

import numpy as np
import pandas as pd

HERE = pathlib.Path(__file__).resolve().parent
SAMPLE = HERE.parent.parent / "sample"
TARGET, CAP, BAND, STEP = 0.15, 1.5, 0.10, 37

close = pd.read_csv(SAMPLE / "etf23_close_2008_2016.csv.gz", index_col="date")["SPY"]
r = close.pct_change()


def multipliers(forecast, first):
    """The multiplier in force: changes only when the wanted one differs by more than the band."""
    out, m = [], None
    for f in forecast[first:]:
        wanted = min(CAP, TARGET / f)
        if m is None or abs(wanted / m - 1) > BAND:
            m = wanted
        out.append(m)
    return out


cases = []
for name, window, lam, vol in [
    ("ewma", 21, 0.94, np.sqrt(252 * (r**2).ewm(alpha=1 - 0.94, adjust=False).mean())),
    ("ewma", 60, 0.97, np.sqrt(252 * (r**2).ewm(alpha=1 - 0.97, adjust=False).mean())),
    ("rolling", 21, 0.94, np.sqrt(252) * r.rolling(21).std()),
    ("rolling", 63, 0.94, np.sqrt(252) * r.rolling(63).std()),
]:
    vol = vol.to_numpy()
    m = multipliers(vol, window)
    rows = [{"row": i, "forecast": float(vol[i]), "multiplier": float(m[i - window])} for i in range(window, len(vol), STEP)]
    cases.append({"forecast": name, "window": window, "lambda": lam, "changes": int((np.diff(m) != 0).sum()), "rows": rows})

out = {
    "generated_with": {"python": platform.python_version(), "numpy": np.__version__, "pandas": pd.__version__},
    "cases": cases,
}
path = HERE / "out" / "risk_vol_target.json"
path.write_text(json.dumps(out, indent=1) + "\n")
print([(c["forecast"], c["changes"], len(c["rows"])) for c in cases])
