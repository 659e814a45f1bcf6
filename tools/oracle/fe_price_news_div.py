"""Reference values for fe_price_news_div, computed with pandas on the bundled sample."""

import json
import platform
from pathlib import Path

import pandas as pd

HERE = Path(__file__).resolve().parent
WINDOW = 20

closes = pd.read_csv(HERE.parents[1] / "sample" / "etf23_close_2008_2016.csv.gz")["SPY"].dropna()
mean = closes.rolling(WINDOW).mean()
result = {
    "generated_with": {"python": platform.python_version(), "pandas": pd.__version__},
    "window": WINDOW,
    "mean": [None if pd.isna(x) else float(x) for x in mean],
}
out = HERE / "out" / "fe_price_news_div.json"
out.parent.mkdir(exist_ok=True)
out.write_text(json.dumps(result) + "\n")
print(f"wrote {out.name}")
