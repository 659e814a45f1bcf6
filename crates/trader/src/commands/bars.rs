//! `trader apply fe_dollar_bars --dense`: trades to bars by columns, for files of many millions of trades.

use std::path::Path;

use serde_json::{Value, json};
use tradewind_core_types::{Cell, Online, Params, Time, parse_params};
use tradewind_data::{FrameReader, FrameWriter, TradeLayout};
use tradewind_features::plugins::fe_dollar_bars::{BarColumns, FeDollarBarsParams};

use crate::error::Failure;

pub(super) const ID: &str = FeDollarBarsParams::ID;

/// The columns written: one row a bar.
const NAMES: [&str; 11] =
    ["start", "end", "open", "high", "low", "close", "vwap", "volume", "value", "buy_volume", "trades"];

/// Bars of all trades in `input`, of which `columns` are the positions of time, price, size and side.
pub(super) fn apply(
    params: &Value,
    columns: &[Option<usize>],
    mut input: FrameReader,
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
    let mut out = BarColumns::default();
    let mut trades = 0_u64;
    while let Some(t) = input.next_trades(layout)? {
        out.clear();
        bars.push_columns(&t.times, &t.prices, &t.sizes, t.sides.as_deref(), &mut out)
            .map_err(|e| Failure::Data(format!("after row {}: {e}", t.first)))?;
        trades += t.times.len() as u64;
        let time = |all: &[i64]| all.iter().map(|n| Cell::Str(Time::from_nanos(*n).to_string())).collect::<Vec<_>>();
        let number = |all: &[f64]| all.iter().map(|x| Cell::F64(*x)).collect::<Vec<_>>();
        let mut cells = vec![time(&out.start), time(&out.end)];
        let columns = [&out.open, &out.high, &out.low, &out.close, &out.vwap, &out.volume, &out.value, &out.buy_volume];
        cells.extend(columns.map(|c| number(c)));
        cells.push(out.trades.iter().map(|n| Cell::I64(i64::try_from(*n).unwrap_or(i64::MAX))).collect());
        writer.push(&cells)?;
    }
    let written = writer.finish()?;
    Ok(json!({
        "plugin": ID,
        "output": output.display().to_string(),
        "rows": trades,
        "rows_written": written,
        "fitted": bars.summary(),
    }))
}
