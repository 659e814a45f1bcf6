"""Reference values for alpha_analyst_revisions: scores recomputed from the whole log at every row with pandas.

The sample holds no ratings; the log is drawn with a seed and written beside the results, so that both sides read the same rows.
Run: python tools/oracle/alpha_analyst_revisions.py   (writes tools/oracle/out/alpha_analyst_revisions.json)
"""

import json
import math
import pathlib
import platform

import numpy as np
import pandas as pd

HERE = pathlib.Path(__file__).resolve().parent
POINTS = {"Strong Buy": 1, "Buy": 0.5, "Overweight": 0.5, "Hold": 0, "Equal-Weight": 0, "Underperform": -0.5, "Strong Sell": -1}
rng = np.random.default_rng(7)
start = pd.Timestamp("2019-01-02T14:00:00Z")

log, time = [], start
for _ in range(220):
    time += pd.Timedelta(seconds=int(rng.exponential(5 * 86400)))
    log.append(
        {
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "firm": f"Broker {rng.integers(9)}",
            "grade": str(rng.choice(list(POINTS))) if rng.random() < 0.75 else "",
            "target": round(float(100 * math.exp(0.15 * rng.normal())), 2) if rng.random() < 0.6 else None,
        }
    )

frame = pd.DataFrame(log)
frame["t"] = pd.to_datetime(frame["time"])
frame["points"] = frame["grade"].map(POINTS)


def stand(upto, half_life, full_change, initiation, target_weight, full_target, shrink, window_days, coverage_days, weights):
    seen = frame.iloc[: upto + 1]
    now = seen["t"].iloc[-1]
    total = size = evidence = 0.0
    targets = target_sum = 0.0
    up = down = firms = 0
    for firm, rows in seen.groupby("firm"):
        w = weights.get(firm, 1.0)
        graded = rows.dropna(subset=["points"])
        # The last row at which the grade differs from the one before.
        moves = graded[graded["points"].diff().fillna(1.0) != 0]
        if len(graded) and (now - rows.loc[(rows["points"].notna()) | rows["target"].notna(), "t"].iloc[-1]).total_seconds() / 86400 <= coverage_days:
            firms += 1
        if len(moves):
            last = moves.iloc[-1]
            position = list(graded.index).index(last.name)
            if position == 0:
                g = float(np.clip(initiation * last["points"], -1, 1))
            else:
                g = float(np.clip((last["points"] - graded["points"].iloc[position - 1]) / full_change, -1, 1))
            if g != 0:
                age = (now - last["t"]).total_seconds() / 86400
                d = w * 0.5 ** (age / half_life)
                total += d * g
                size += abs(d * g)
                evidence += d
                if age <= window_days:
                    up += g > 0
                    down += g < 0
        priced = rows.dropna(subset=["target"])
        shifts = np.log(priced["target"] / priced["target"].shift(1)).dropna()
        shifts = shifts[shifts != 0]
        if len(shifts):
            age = (now - priced.loc[shifts.index[-1], "t"]).total_seconds() / 86400
            d = w * 0.5 ** (age / half_life)
            t = target_weight * d * float(np.clip(shifts.iloc[-1] / full_target, -1, 1))
            total += t
            size += abs(t)
            evidence += target_weight * d
            targets += d
            target_sum += d * float(shifts.iloc[-1])
    return {
        "net": total / (shrink + evidence),
        "confidence": evidence / (shrink + evidence) * abs(total) / size if size else 0.0,
        "breadth": (up - down) / firms if firms else None,
        "up": int(up),
        "down": int(down),
        "firms": int(firms),
        "target_revision": target_sum / targets if targets else None,
    }


settings = [
    {"half_life_days": 30.0, "full_change": 1.0, "initiation": 0.5, "target_weight": 0.5, "full_target": 0.2, "shrink": 1.0, "window_days": 90.0, "coverage_days": 365.0, "firms": {}},
    {"half_life_days": 90.0, "full_change": 0.5, "initiation": 1.0, "target_weight": 1.0, "full_target": 0.1, "shrink": 0.5, "window_days": 60.0, "coverage_days": 60.0, "firms": {"Broker 3": 2.5, "Broker 5": 0.0}},
]
cases = []
for s in settings:
    rows = [
        stand(i, s["half_life_days"], s["full_change"], s["initiation"], s["target_weight"], s["full_target"], s["shrink"], s["window_days"], s["coverage_days"], s["firms"])
        for i in range(len(frame))
    ]
    cases.append({"params": s, "rows": rows})

out = {"generated_with": {"python": platform.python_version(), "numpy": np.__version__, "pandas": pd.__version__}, "log": log, "cases": cases}
(HERE / "out" / "alpha_analyst_revisions.json").write_text(json.dumps(out) + "\n")
print([(len(c["rows"]), min(r["net"] for r in c["rows"]), max(r["net"] for r in c["rows"])) for c in cases])
