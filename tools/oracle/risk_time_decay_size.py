"""Reference values for risk_time_decay_size: lots of a moving SPY position kept in a pandas table, by sessions and by calendar days.

Run: python tools/oracle/risk_time_decay_size.py   (writes tools/oracle/out/risk_time_decay_size.json)
"""

import json
import math
import pathlib
import platform

import numpy as np
import pandas as pd

HERE = pathlib.Path(__file__).resolve().parent
SAMPLE = HERE.parent.parent / "sample"
STEP = 29

spy = pd.read_csv(SAMPLE / "etf23_close_2008_2016.csv.gz", index_col="date", parse_dates=["date"])["SPY"]
days = (spy.index - pd.Timestamp("2008-01-01")).days.to_numpy()
fast, slow = spy.rolling(20).mean(), spy.rolling(100).mean()
# A trend position: long or short by the averages' order, more of it the further they are apart, in steps of ten shares.
strength = ((fast / slow - 1) * 100).clip(-10, 10).fillna(0.0)
quantity = (np.sign(strength) * np.ceil(strength.abs() / 2) * 10).to_numpy()


def factor(age, p):
    if age >= p["max_age"]:
        return 0.0
    if age <= p["grace"]:
        return 1.0
    u = (age - p["grace"]) / p["half_life"]
    f = {"exponential": 2.0**-u, "linear": 1 - u / 2, "step": 2.0 ** -math.floor(u)}[p["schedule"]]
    return max(f, p["floor"])


def run(p):
    lots = pd.DataFrame(columns=["born", "entry", "left"], dtype=float)
    clock = np.arange(len(quantity)) if p["unit"] == "sessions" else days
    held, rows = 0.0, []
    for i, q in enumerate(quantity):
        if np.sign(q) != np.sign(held):
            lots = lots.iloc[0:0]
            held = 0.0
        if abs(q) > abs(held):
            lots.loc[i] = [clock[i], abs(q) - abs(held), abs(q) - abs(held)]
        elif abs(q) < abs(held):
            sold = abs(held) - abs(q)
            # First what age demands, oldest first ...
            for k in lots.index:
                due = lots.at[k, "left"] - lots.at[k, "entry"] * factor(clock[i] - lots.at[k, "born"], p)
                take = min(max(due, 0.0), sold)
                lots.at[k, "left"] -= take
                sold -= take
            # ... then first in, first out, with the same share of the entry.
            for k in lots.index:
                take = min(lots.at[k, "left"], sold)
                if take > 0:
                    lots.at[k, "entry"] *= 1 - take / lots.at[k, "left"]
                    lots.at[k, "left"] -= take
                    sold -= take
            lots = lots[lots["left"] > 1e-9]
        held = q
        f = np.array([factor(clock[i] - b, p) for b in lots["born"]])
        allowed = float(np.minimum(lots["entry"] * f, lots["left"]).sum()) if len(lots) else 0.0
        rows.append({"lots": len(lots), "age": float(clock[i] - lots["born"].min()) if len(lots) else None, "size": float(np.sign(q) * allowed)})
    picked = [{"row": i, **rows[i]} for i in range(0, len(rows), STEP)]
    return {"params": p, "rows": picked, "sum": float(np.sum([r["size"] for r in rows])), "most_lots": max(r["lots"] for r in rows)}


base = {"grace": 5.0, "half_life": 10.0, "floor": 0.25, "max_age": 60.0}
cases = [
    run({"schedule": s, "unit": u, **base, **extra})
    for s, u, extra in [
        ("exponential", "sessions", {}),
        ("exponential", "days", {"half_life": 20.0, "floor": 0.0}),
        ("linear", "sessions", {"grace": 0.0, "half_life": 30.0, "floor": 0.1, "max_age": 100.0}),
        ("step", "days", {"half_life": 14.0, "max_age": 45.0}),
    ]
]
out = {
    "generated_with": {"python": platform.python_version(), "numpy": np.__version__, "pandas": pd.__version__},
    "quantity": [int(q) for q in quantity],
    "days": [int(d) for d in days],
    "cases": cases,
}
path = HERE / "out" / "risk_time_decay_size.json"
path.write_text(json.dumps(out) + "\n")
print([(c["params"]["schedule"], len(c["rows"]), c["sum"], c["most_lots"]) for c in cases], int(np.abs(np.diff(quantity)).sum()))
