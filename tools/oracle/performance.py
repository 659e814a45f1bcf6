"""Reference values for performance statistics: empyrical-reloaded and SciPy on returns of the bundled sample."""
import importlib.metadata
import json
import pathlib

import empyrical as ep
import pandas as pd
from scipy import stats

HERE = pathlib.Path(__file__).resolve().parent
SAMPLE = HERE.parent.parent / "sample"
RF = 0.00004  # a day, about 1 % a year


def closes(file, columns, first, last):
    frame = pd.read_csv(SAMPLE / file, index_col="date", parse_dates=True)
    return frame.loc[first:last, columns]


def statistics(r, bench):
    alpha, beta = ep.alpha_beta(r, bench, risk_free=RF)
    monthly = ep.aggregate_returns(r, "monthly")
    out = {
        "n": len(r),
        "cum_returns_final": ep.cum_returns_final(r),
        "annual_return": ep.annual_return(r),
        "annual_return_monthly_factor": ep.annual_return(r, annualization=12),
        "annual_volatility": ep.annual_volatility(r),
        "sharpe_ratio": ep.sharpe_ratio(r, risk_free=RF),
        "sharpe_ratio_rf0": ep.sharpe_ratio(r),
        "sortino_ratio": ep.sortino_ratio(r, required_return=RF),
        "downside_risk": ep.downside_risk(r, required_return=RF),
        "calmar_ratio": ep.calmar_ratio(r),
        "max_drawdown": ep.max_drawdown(r),
        "tail_ratio": ep.tail_ratio(r),
        "stability": ep.stability_of_timeseries(r),
        "value_at_risk": ep.value_at_risk(r, 0.05),
        "value_at_risk_01": ep.value_at_risk(r, 0.01),
        "conditional_value_at_risk": ep.conditional_value_at_risk(r, 0.05),
        "conditional_value_at_risk_01": ep.conditional_value_at_risk(r, 0.01),
        "skew": stats.skew(r),
        "kurtosis": stats.kurtosis(r),
        "alpha": alpha,
        "beta": beta,
        "alpha_rf0": ep.alpha(r, bench),
        "excess_sharpe": ep.excess_sharpe(r, bench),
        "up_capture": ep.up_capture(r, bench),
        "down_capture": ep.down_capture(r, bench),
        "correlation": r.corr(bench),
        "monthly": [[int(y), int(m), float(v)] for (y, m), v in monthly.items()],
        "yearly": [[int(y), float(v)] for y, v in ep.aggregate_returns(r, "yearly").items()],
        "drawdown_series_every_50": [float(x) for x in ep.stats.drawdown_series(r).iloc[::50]],
    }
    if len(r) > 1000:
        del out["monthly"]
    # Every 50th value keeps the file small.
    for n in [21, 63]:
        out[f"roll_annual_volatility_{n}_every_50"] = [float(x) for x in ep.roll_annual_volatility(r, n).iloc[::50]]
        out[f"roll_beta_{n}_every_50"] = [float(x) for x in ep.roll_beta(r, bench, n).iloc[::50]]
    return {k: v if isinstance(v, (list, int)) else float(v) for k, v in out.items()}


def main():
    etf = closes("etf23_close_2008_2016.csv.gz", ["SPY", "TLT"], "2014-01-02", "2016-12-31").pct_change().dropna()
    stocks = closes(
        "stocks20_adjclose_1990_2022.csv.gz", ["AAPL", "AMD", "JNJ", "XOM"], "1990-01-02", "2022-12-31"
    ).pct_change().dropna()
    mix = 0.6 * etf["SPY"] + 0.4 * etf["TLT"]
    spy, average = etf["SPY"], stocks.mean(axis=1)
    cases = {"SPY": (etf["SPY"], mix), "TLT": (etf["TLT"], spy), "60/40": (mix, spy)}
    cases |= {s: (stocks[s], average) for s in stocks.columns}
    result = {
        "generated_with": {p: importlib.metadata.version(p) for p in ["empyrical-reloaded", "scipy", "numpy", "pandas"]},
        "risk_free": RF,
        "cases": {name: statistics(r, b) for name, (r, b) in cases.items()},
    }
    path = HERE / "out" / "performance.json"
    path.write_text(json.dumps(result, separators=(",", ":"), allow_nan=False) + "\n")
    print(path, {k: round(v["sharpe_ratio"], 3) for k, v in result["cases"].items()})


main()
