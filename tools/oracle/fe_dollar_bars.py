"""Reference values for fe_dollar_bars: mlfinpy's bars of the 500,000 E-mini S&P 500 trades that come with it.

Run: python tools/oracle/fe_dollar_bars.py   (writes tools/oracle/out/fe_dollar_bars.json and tools/oracle/data/es_trades_2013_09.bin.gz)

The trades (mlfinpy 0.1.2, dataset/data/tick_data.csv, MIT licence; 2013-09-01 17:00 to 2013-09-03 13:51, no time zone given, taken for UTC)
are stored as gzipped LEB128 integers: their number, then the milliseconds since the trade before (the first: since 1970), the change of
price in quarters of a point (zigzag; the first: the price), and the contracts.
"""

import gzip
import json
import pathlib
import platform

import mlfinpy
import numba
import numpy as np
import pandas as pd
from importlib.metadata import version
from mlfinpy.data_structure import imbalance_bars, run_bars, standard_bars, time_bars

HERE = pathlib.Path(__file__).resolve().parent
SOURCE = pathlib.Path(mlfinpy.__file__).parent / "dataset" / "data" / "tick_data.csv"

trades = pd.read_csv(SOURCE)
trades.columns = ["date_time", "price", "volume"]
trades["date_time"] = pd.to_datetime(trades["date_time"])


def leb128(values):
    out = bytearray()
    for x in map(int, values):
        while x >= 128:
            out.append(x & 127 | 128)
            x >>= 7
        out.append(x)
    return bytes(out)


ms = trades.date_time.to_numpy().astype("datetime64[ms]").astype(np.int64)
quarters = np.round(trades.price.to_numpy() * 4).astype(np.int64)
assert (quarters / 4 == trades.price).all() and (np.diff(ms) >= 0).all()
moves = np.diff(quarters, prepend=0)
packed = leb128([len(trades)]) + leb128(np.diff(ms, prepend=0)) + leb128((moves << 1) ^ (moves >> 63)) + leb128(trades.volume)
path = HERE / "data" / "es_trades_2013_09.bin.gz"
path.parent.mkdir(exist_ok=True)
path.write_bytes(gzip.compress(packed, 9, mtime=0))
print(path.name, path.stat().st_size, "bytes")


def table(bars):
    """Bars as columns: time in milliseconds, open, high, low, close, volume, bought volume, trades, value."""
    if bars.date_time.dtype.kind == "M":
        time = bars.date_time.to_numpy().astype("datetime64[ms]").astype(np.int64)
    else:
        time = (bars.date_time.astype(float) * 1000).round().astype(np.int64)
    names = ["open", "high", "low", "close", "volume", "cum_buy_volume", "cum_ticks", "cum_dollar_value"]
    return {"end_ms": time.tolist(), **{n: bars[n].tolist() for n in names}}


cases = []


def add(name, params, bars):
    bars = bars[0] if isinstance(bars, tuple) else bars
    # Of many bars every step-th, and the sums of all.
    step = 1 + len(bars) // 64
    cases.append(
        {
            "name": name,
            "params": params,
            "bars": len(bars),
            "step": step,
            "rows": table(bars.iloc[::step]),
            "sums": {n: float(bars[n].sum()) for n in ["volume", "cum_buy_volume", "cum_ticks", "cum_dollar_value"]},
        }
    )
    print(name, params, len(bars), "bars")


quiet = {"verbose": False}
for t in [70e6, 10e6, 1e6, 1e5]:
    add("dollar", {"kind": "dollar", "threshold": t}, standard_bars.get_dollar_bars(trades, threshold=t, **quiet))
for t in [28_000, 1000]:
    add("volume", {"kind": "volume", "threshold": t}, standard_bars.get_volume_bars(trades, threshold=t, **quiet))
for t in [5500, 100]:
    add("tick", {"kind": "tick", "threshold": t}, standard_bars.get_tick_bars(trades, threshold=t, **quiet))
for resolution, n, seconds in [("MIN", 1, 60), ("H", 1, 3600), ("D", 1, 86400)]:
    bars = time_bars.get_time_bars(trades, resolution=resolution, num_units=n, **quiet)
    add("time", {"kind": "time", "threshold": seconds, "day_start_hour": 0.0}, bars)

# Expected sizes by exponential means, without and with bounds, and constant; the first expectation small, so that there are many bars.
for unit in ["tick", "volume", "dollar"]:
    for window, first, bounds, prev in [(10_000, 1000, (100, 10_000), 3), (2000, 500, (200, 2000), 10)]:
        params = {
            "first_ticks": first,
            "min_ticks": bounds[0],
            "max_ticks": bounds[1],
            "hard_bounds": False,
            "ticks_window": window,
            "bars_window": prev,
        }
        given = dict(
            num_prev_bars=prev,
            expected_imbalance_window=window,
            exp_num_ticks_init=first,
            exp_num_ticks_constraints=list(bounds),
            **quiet,
        )
        f = getattr(imbalance_bars, f"get_ema_{unit}_imbalance_bars")
        add("imbalance", {"kind": f"{unit}_imbalance", **params}, f(trades, **given))
        f = getattr(run_bars, f"get_ema_{unit}_run_bars")
        add("run", {"kind": f"{unit}_run", **params}, f(trades, **given))
    params = {"first_ticks": 800, "min_ticks": 800, "max_ticks": 800, "hard_bounds": False, "ticks_window": 5000}
    given = dict(expected_imbalance_window=5000, exp_num_ticks_init=800, **quiet)
    f = getattr(imbalance_bars, f"get_const_{unit}_imbalance_bars")
    add("const imbalance", {"kind": f"{unit}_imbalance", **params}, f(trades, **given))
    f = getattr(run_bars, f"get_const_{unit}_run_bars")
    add("const run", {"kind": f"{unit}_run", **params}, f(trades, num_prev_bars=3, **given))

out = {
    "generated_with": {
        "python": platform.python_version(),
        "mlfinpy": version("mlfinpy"),
        "numpy": np.__version__,
        "pandas": pd.__version__,
        "numba": numba.__version__,
    },
    "trades": len(trades),
    "cases": cases,
}
path = HERE / "out" / "fe_dollar_bars.json"
path.write_text(json.dumps(out) + "\n")
print(path.name, path.stat().st_size, "bytes")
