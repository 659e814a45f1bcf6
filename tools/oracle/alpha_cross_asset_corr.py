"""Reference values for alpha_cross_asset_corr: pandas, numpy and scipy on SPY-TLT and a universe of the bundled sample."""

import json
import platform
from pathlib import Path

import numpy as np
import pandas as pd
import scipy
from scipy import stats

ROOT = Path(__file__).resolve().parents[2]
WINDOW, BASELINE, LAMBDA = 60, 252, 0.97
UNIVERSE = ["SPY", "TLT", "EEM", "XLE", "XLF", "EFA"]

prices = pd.read_csv(ROOT / "sample/etf23_close_2008_2016.csv.gz", parse_dates=["date"]).set_index("date")
pair = np.log(prices[["SPY", "TLT"]].dropna()).diff().dropna()
x, y = pair["SPY"], pair["TLT"]

corr = x.rolling(WINDOW).corr(y)
# The baseline ends where the recent window begins.
base = x.rolling(BASELINE).corr(y).shift(WINDOW)

# RiskMetrics recursion, spelled out, and its equal in pandas.
s = np.array([x.iloc[0] ** 2, y.iloc[0] ** 2, x.iloc[0] * y.iloc[0]])
ewma = [s[2] / np.sqrt(s[0] * s[1])]
for a, b in zip(x.iloc[1:], y.iloc[1:]):
    s = LAMBDA * s + (1 - LAMBDA) * np.array([a * a, b * b, a * b])
    ewma.append(s[2] / np.sqrt(s[0] * s[1]))
ewma = pd.Series(ewma, index=pair.index)
mean = lambda v: v.ewm(alpha=1 - LAMBDA, adjust=False).mean()
assert np.allclose(ewma, mean(x * y) / np.sqrt(mean(x * x) * mean(y * y)), rtol=1e-12)

se = np.sqrt(1 / (WINDOW - 3) + 1 / (BASELINE - 3))
z = (np.arctanh(corr) - np.arctanh(base)) / se
p = pd.Series(stats.norm.sf(z), index=z.index)

universe = np.log(prices[UNIVERSE].dropna()).diff().dropna()
average = pd.Series(np.nan, index=universe.index)
for i in range(WINDOW - 1, len(universe)):
    c = np.corrcoef(universe.iloc[i - WINDOW + 1 : i + 1].T)
    average.iloc[i] = c[np.triu_indices(len(UNIVERSE), 1)].mean()

clean = lambda v: None if pd.isna(v) else float(v)
rows = [
    {
        "date": str(d.date()),
        "correlation": clean(corr[d]),
        "ewma_correlation": clean(ewma[d]),
        "baseline": clean(base[d]),
        "z": clean(z[d]),
        "p_value": clean(p[d]),
        "average": clean(average[d]),
    }
    for d in pair.index[::9]
]
breach = (corr > -0.40) | (z > 2)
out = {
    "generated_with": {"python": platform.python_version(), "numpy": np.__version__, "pandas": pd.__version__, "scipy": scipy.__version__},
    "window": WINDOW,
    "baseline": BASELINE,
    "lambda": LAMBDA,
    "universe": UNIVERSE,
    "days": int(corr.notna().sum()),
    "breakdown_days": int(breach[corr.notna()].sum()),
    "rows": rows,
}
path = ROOT / "tools/oracle/out/alpha_cross_asset_corr.json"
path.write_text(json.dumps(out, indent=0) + "\n")
print(path, len(rows), out["days"], out["breakdown_days"], int((z > 2).sum()), corr.describe(), average.describe())
