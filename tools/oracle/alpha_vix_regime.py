"""Reference values for alpha_vix_regime on the VIX of the bundled sample: trailing quantiles by numpy.quantile, memoryless regimes by
numpy.digitize, and the regimes with hysteresis and dwell by a second, independent statement of the rules.

Run: python tools/oracle/alpha_vix_regime.py   (writes tools/oracle/out/alpha_vix_regime.json)
"""

import json
import pathlib
import platform

import numpy as np
import pandas as pd

HERE = pathlib.Path(__file__).resolve().parent
SAMPLE = HERE.parent.parent / "sample"

vix = pd.read_csv(SAMPLE / "vix_close_2014_2019.csv")["vix"].dropna().to_numpy()

cases = []
for window, probabilities in [(504, [0.35, 0.80, 0.95]), (63, [0.25, 0.5, 0.9])]:
    # Thresholds known before the observation they judge.
    at = np.array([np.quantile(vix[i - window : i], probabilities) for i in range(window, len(vix))])
    level = [int(np.digitize(v, t)) for v, t in zip(vix[window:], at)]
    step = 9
    cases.append(
        {
            "window": window,
            "probabilities": probabilities,
            "first": window,
            "step": step,
            "thresholds": at[::step].tolist(),
            "level": "".join(map(str, level)),
        }
    )

EDGES = [15.0, 25.0, 35.0]
fixed = np.digitize(vix, EDGES)


def held(hysteresis, dwell):
    """Up at once; down to the level that vix + hysteresis has, after `dwell` sessions."""
    levels, age = [int(fixed[0])], 1
    for v in vix[1:]:
        now, lower = int(np.digitize(v, EDGES)), int(np.digitize(v + hysteresis, EDGES))
        before = levels[-1]
        after = now if now > before else lower if lower < before and age >= dwell else before
        age = age + 1 if after == before else 1
        levels.append(after)
    return "".join(map(str, levels))


out = {
    "generated_with": {"python": platform.python_version(), "numpy": np.__version__, "pandas": pd.__version__},
    "observations": len(vix),
    "fixed_level": "".join(map(str, fixed.tolist())),
    "fixed_share": [float(np.mean(fixed == k)) for k in range(4)],
    "fixed_switches": int(np.sum(fixed[1:] != fixed[:-1])),
    "held": [{"hysteresis": h, "min_dwell": d, "level": held(h, d)} for h, d in [(0.5, 5), (0.5, 1), (0.0, 3), (2.0, 21)]],
    "quantiles": cases,
}
path = HERE / "out" / "alpha_vix_regime.json"
path.parent.mkdir(exist_ok=True)
path.write_text(json.dumps(out) + "\n")
print(path.name, len(vix), "observations, shares", out["fixed_share"], "switches", out["fixed_switches"])
