//! `trader apply fe_dollar_bars --dense`: trades to bars by columns, for files of many millions of trades.

use std::path::Path;

use serde_json::{Map, Value, json};
use tradewind_core_types::{Cell, Online, Params, Time, parse_params};
use tradewind_data::{FrameReader, FrameWriter, TradeColumns, TradeLayout};
use tradewind_features::plugins::fe_dollar_bars::{BarColumns, DollarBars, FeDollarBarsParams};

use super::statistic::Statistic;
use crate::error::Failure;

pub(super) const ID: &str = FeDollarBarsParams::ID;

/// The columns written: one row a bar.
const NAMES: [&str; 11] =
    ["start", "end", "open", "high", "low", "close", "vwap", "volume", "value", "buy_volume", "trades"];

/// Bars of all trades in `reader`, of which `columns` are the positions of time, price, size and side.
pub(super) fn apply(
    params: &Value,
    columns: &[Option<usize>],
    mut reader: FrameReader,
    input: &Path,
    output: &Path,
) -> Result<Value, Failure> {
    let wrong = |problems| Failure::Config { origin: format!("parameters of {ID}"), problems };
    let mut bars = parse_params::<FeDollarBarsParams>(params).and_then(|p| p.build()).map_err(wrong)?;
    let &[Some(time), Some(price), Some(size), side] = columns else {
        return Err(Failure::Usage(format!("{ID} needs the columns time, price and size")));
    };
    let layout = TradeLayout { time, price, size, side };
    let names: Vec<String> = NAMES.iter().map(|n| (*n).to_owned()).collect();
    let mut writer = FrameWriter::create(output, &names)?;
    let mut statistics: Vec<Statistic> = NAMES.iter().map(|_| Statistic::default()).collect();
    let mut out = BarColumns::default();
    let (mut read, mut empty) = (0_u64, 0_u64);
    while let Some(t) = reader.next_trades(layout)? {
        out.clear();
        bars.push_columns(&t.times, &t.prices, &t.sizes, t.sides.as_deref(), &mut out)
            .map_err(|e| first_bad(&mut bars, &t, input, e.to_string()))?;
        read += (t.times.len() + t.gaps.len()) as u64;
        empty += t.gaps.len() as u64;
        let time = |all: &[i64]| all.iter().map(|n| Cell::Str(Time::from_nanos(*n).to_string())).collect::<Vec<_>>();
        let number = |all: &[f64]| all.iter().map(|x| Cell::F64(*x)).collect::<Vec<_>>();
        let mut cells = vec![time(&out.start), time(&out.end)];
        let columns = [&out.open, &out.high, &out.low, &out.close, &out.vwap, &out.volume, &out.value, &out.buy_volume];
        cells.extend(columns.map(|c| number(c)));
        cells.push(out.trades.iter().map(|n| Cell::I64(i64::try_from(*n).unwrap_or(i64::MAX))).collect());
        for (column, s) in cells.iter().zip(&mut statistics) {
            column.iter().for_each(|c| s.add(c));
        }
        writer.push(&cells)?;
    }
    let written = writer.finish()?;
    let short = (written == 0).then(|| format!("no output: {read} rows closed no bar"));
    let notes: Vec<String> = short.into_iter().collect();
    let columns: Map<String, Value> = names.into_iter().zip(statistics.iter().map(Statistic::json)).collect();
    Ok(json!({
        "plugin": ID,
        "input": input.display().to_string(),
        "output": output.display().to_string(),
        "rows": read,
        "rows_written": written,
        "empty_rows": empty,
        "warmup": bars.warmup(),
        "columns": columns,
        "fitted": bars.summary(),
        "notes": notes,
    }))
}

/// The first trade of a piece that cannot be used, by its row in the file: the piece has changed nothing so far.
fn first_bad(bars: &mut DollarBars, t: &TradeColumns, input: &Path, otherwise: String) -> Failure {
    let mut out = BarColumns::default();
    for i in 0..t.times.len() {
        let one = i..=i;
        let side = t.sides.as_ref().and_then(|s| s.get(one.clone()));
        let (times, prices, sizes) = (t.times.get(one.clone()), t.prices.get(one.clone()), t.sizes.get(one));
        let (Some(times), Some(prices), Some(sizes)) = (times, prices, sizes) else { break };
        if let Err(e) = bars.push_columns(times, prices, sizes, side, &mut out) {
            let what = e.what.trim_end_matches(" at row 0");
            return Failure::Data(format!(
                "{}, row {}: {what} is {:?}: expected {}",
                input.display(),
                t.row(i),
                e.found,
                e.expected
            ));
        }
    }
    Failure::Data(format!("{}: {otherwise}", input.display()))
}
