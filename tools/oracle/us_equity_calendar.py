"""Sessions and hours of XNYS (exchange_calendars) and unscheduled hours of NYSE (pandas_market_calendars), 1990 to 2026.

Writes out/calendar.json: `weekday_closures` (every weekday without a session), `closes` (every scheduled close other than 16:00) and
`opens` (every scheduled open other than 09:30), all New York; `actual` lists the hours of days on which pandas_market_calendars differs
from the schedule; `projected` is the same as the first two for 2027 to 2035, by the package's rules.
"""
import json
import pathlib

import exchange_calendars as ec
import pandas as pd
import pandas_market_calendars as pmc


def exceptions(start, end):
    schedule = ec.get_calendar("XNYS", start=start, end=end).schedule
    ny = {c: schedule[c].dt.tz_convert("America/New_York").dt.strftime("%H:%M") for c in ("open", "close")}
    weekdays = pd.date_range(start, end, freq="B")
    assert schedule.index.difference(weekdays).empty
    day = lambda i: str(i.date())
    return {
        "sessions": len(schedule),
        "weekday_closures": [day(i) for i in weekdays.difference(schedule.index)],
        "closes": {day(i): t for i, t in ny["close"].items() if t != "16:00"},
        "opens": {day(i): t for i, t in ny["open"].items() if t != "09:30"},
    }, schedule.index, ny


START, END = "1990-01-01", "2026-12-31"
out, index, ny = exceptions(START, END)
other = pmc.get_calendar("NYSE").schedule(START, END)
assert list(other.index) == list(index), "the two packages disagree on sessions"
hours = {c: other["market_" + c].dt.tz_convert("America/New_York").dt.strftime("%H:%M") for c in ("open", "close")}
out["from"], out["to"] = START, END
out["actual"] = {
    str(i.date()): [hours["open"][i], hours["close"][i]]
    for i in index
    if hours["open"][i] != ny["open"][i] or hours["close"][i] != ny["close"][i]
}
out["projected"] = exceptions("2027-01-01", "2035-12-31")[0]
out["generated_with"] = {"exchange_calendars": ec.__version__, "pandas_market_calendars": pmc.__version__, "pandas": pd.__version__}
path = pathlib.Path(__file__).parent / "out" / "calendar.json"
path.write_text(json.dumps(out, indent=1) + "\n")
print(path.name, len(out["weekday_closures"]), len(out["closes"]), len(out["actual"]))
