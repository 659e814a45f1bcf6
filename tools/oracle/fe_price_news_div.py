"""Reference values for fe_price_news_div: rolling Spearman correlation (scipy) and z-scores (pandas) on series of the bundled sample.

There is no freely licensed history of news: sentiment is stood in for by the change of the VIX on the session before, turned around and
rounded, so that it has ties, and is missing where the VIX is, and on every seventh session.

Run: python tools/oracle/fe_price_news_div.py   (writes tools/oracle/out/fe_price_news_div.json)
"""

import json
import pathlib
import platform

import numpy as np
import pandas as pd
import scipy
from scipy.stats import rankdata, spearmanr

HERE = pathlib.Path(__file__).resolve().parent
SAMPLE = HERE.parent.parent / "sample"

etf = pd.read_csv(SAMPLE / "etf23_close_2008_2016.csv.gz").set_index("date")
vix = pd.read_csv(SAMPLE / "vix_close_2014_2019.csv").set_index("date")["vix"]
frame = etf[["SPY", "CSJ"]].join(vix, how="inner")
sentiment = (-frame.vix.diff() / 10).shift(1).clip(-1, 1).round(2)
sentiment[np.arange(len(frame)) % 7 == 3] = np.nan
sentiment = sentiment.astype(object).where(sentiment.notna(), None)

cases = []
for symbol, window, least in [("SPY", 63, 20), ("SPY", 21, 5), ("CSJ", 126, 60)]:
    close = frame[symbol]
    r = close.pct_change().to_numpy()
    s = sentiment.to_numpy()
    rows = []
    for end in range(window, len(frame), 5):
        pairs = [(s[i], r[i]) for i in range(end - window + 1, end + 1) if s[i] is not None]
        a, b = np.array([p[0] for p in pairs], float), np.array([p[1] for p in pairs], float)
        enough = len(pairs) >= least
        row = {"end": end, "pairs": len(pairs), "correlation": None, "z_sentiment": None, "z_return": None}
        if enough:
            row["correlation"] = float(spearmanr(a, b).statistic)
        if enough and s[end] is not None:
            x, y = pd.Series(a), pd.Series(b)
            row["z_sentiment"] = float((x.iloc[-1] - x.mean()) / x.std())
            row["z_return"] = float((y.iloc[-1] - y.mean()) / y.std())
        rows.append(row)
    cases.append({"symbol": symbol, "window": window, "min_sessions": least, "rows": rows})

rng = np.random.default_rng(20261124)
tied = rng.integers(0, 12, 60).astype(float)
out = {
    "generated_with": {
        "python": platform.python_version(),
        "scipy": scipy.__version__,
        "numpy": np.__version__,
        "pandas": pd.__version__,
    },
    "close": {c: frame[c].tolist() for c in ["SPY", "CSJ"]},
    "sentiment": sentiment.tolist(),
    "ranks": {"x": tied.tolist(), "ranks": rankdata(tied).tolist()},
    "cases": cases,
}
path = HERE / "out" / "fe_price_news_div.json"
path.write_text(json.dumps(out) + "\n")
print(path.name, path.stat().st_size, "bytes", [len(c["rows"]) for c in cases])
