"""The published critical values as Rust, from statsmodels: python tools/oracle/johansen_tables.py prints the tables of numerics::johansen::critical."""

from statsmodels.tsa import coint_tables as c

for name, table in [("MAX_NONE", c.ejcp0), ("MAX_CONSTANT", c.ejcp1), ("MAX_TREND", c.ejcp2),
                    ("TRACE_NONE", c.tjcp0), ("TRACE_CONSTANT", c.tjcp1), ("TRACE_TREND", c.tjcp2)]:
    print(f"const {name}: Table = [")
    for row in table:
        print("    [" + ", ".join(repr(float(x)) for x in row) + "],")
    print("];")

# The curves of numerics::johansen::null, from the simulations.
import json
import pathlib

path = pathlib.Path(__file__).resolve().parent / "out" / "johansen_null.json"
if path.exists():
    rows = json.loads(path.read_text())["rows"]
    for kind, label in (("trace", "TRACE"), ("max", "MAX")):
        for det, order in ((-1, "NONE"), (0, "CONSTANT"), (1, "TREND")):
            print(f"const {label}_{order}: [Curve; MAX_SERIES] = [")
            for r in rows:
                if r["statistic"] == kind and r["det_order"] == det:
                    c = r["curve"]
                    print("    [" + ", ".join(f"{c[x]:.6g}" if "." in f"{c[x]:.6g}" or "e" in f"{c[x]:.6g}" else f"{c[x]:.1f}" for x in ("loc", "shape", "scale", "b1", "b2", "b3")) + "],")
            print("];")
