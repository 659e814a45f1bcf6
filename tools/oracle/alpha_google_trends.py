"""Reference values for alpha_google_trends: pandas rolling moments and medians on daily share volume of the S&P 500.

The sample holds no search interest; volume is a series of the same kind (positive, with spikes) and real.
Run: python tools/oracle/alpha_google_trends.py   (writes tools/oracle/out/alpha_google_trends.json)
"""

import json
import pathlib
import platform

import numpy as np
import pandas as pd

HERE = pathlib.Path(__file__).resolve().parent
STEP = 41

raw = pd.read_csv(HERE.parent.parent / "sample" / "index_ohlcv_1999_2018.csv.gz")
x = raw[raw["symbol"] == "SPX"]["volume"].dropna().reset_index(drop=True) / 1e7

cases = []
for window, asvi_window, min_velocity, min_asvi, full in [(26, 8, 2.0, 0.25, 5.0), (60, 9, 1.5, 0.1, 3.0)]:
    before = x.shift(1)
    velocity = (x - before.rolling(window).mean()) / before.rolling(window).std()
    asvi = np.log(x) - np.log(before.rolling(asvi_window).median())
    spike = (velocity >= min_velocity) & (asvi >= min_asvi)
    score = np.where(spike, np.minimum(1.0, velocity / full), 0.0)
    v = velocity.clip(lower=0)
    confidence = v**2 / (1 + v**2)
    first = max(window, asvi_window)
    rows = [
        {"row": i, "velocity": velocity[i], "asvi": asvi[i], "score": score[i], "confidence": confidence[i]}
        for i in range(first, len(x), STEP)
    ]
    cases.append(
        {
            "params": {"window": window, "asvi_window": asvi_window, "min_velocity": min_velocity, "min_asvi": min_asvi, "full_velocity": full},
            "spikes": int(spike.sum()),
            "rows": [{k: (int(y) if k == "row" else float(y)) for k, y in r.items()} for r in rows],
        }
    )

out = {"generated_with": {"python": platform.python_version(), "numpy": np.__version__, "pandas": pd.__version__}, "cases": cases}
(HERE / "out" / "alpha_google_trends.json").write_text(json.dumps(out, indent=1) + "\n")
print([(c["spikes"], len(c["rows"])) for c in cases], "spikes, rows")
