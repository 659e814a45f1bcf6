//! A table of every fill, left in the run folder.

use std::fmt::Write as _;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tradewind_core_types::{
    Artefact, ArtefactKind, BadInput, Interest, Invalid, Observer, OrderReport, Params, Plugin, PluginInfo, Record,
    Side, View, parse_params,
};

/// Writes `fills.csv`: time, order, symbol, side, quantity, price, fee and what each fill realised, in dollars and before fees.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct FillsCsvParams {
    /// Most fills that are kept, 1 to 1e7; of more, the first are kept and the rest are counted.
    pub most: u32,
}

impl Default for FillsCsvParams {
    fn default() -> Self {
        Self { most: 100_000 }
    }
}

impl Params for FillsCsvParams {
    const ID: &'static str = "fills_csv";
    type Built = FillsCsv;
    fn build(&self) -> Result<FillsCsv, Invalid> {
        let mut bad = Invalid::default();
        bad.require((1..=10_000_000).contains(&self.most), "most", self.most, "1 to 1e7");
        bad.into_result(FillsCsv { most: self.most, rows: 0, left_out: 0, text: String::new() })
    }
}

/// The observer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FillsCsv {
    most: u32,
    rows: u32,
    left_out: u64,
    text: String,
}

impl Plugin for FillsCsv {
    fn id(&self) -> &'static str {
        FillsCsvParams::ID
    }
    fn listens(&self) -> Interest {
        Interest::nothing()
    }
}

impl Observer for FillsCsv {
    fn on_record(&mut self, record: &Record<'_>, _: &View<'_>) -> Result<(), BadInput> {
        let Record::Report(OrderReport::Filled(f), realised) = record else { return Ok(()) };
        if self.rows == self.most {
            self.left_out += 1;
            return Ok(());
        }
        self.rows += 1;
        let side = if f.side == Side::Buy { "buy" } else { "sell" };
        // Writing to a string cannot fail.
        let _ = writeln!(
            self.text,
            "{},{},{},{side},{},{},{},{realised}",
            f.time, f.order.0, f.symbol, f.quantity, f.price, f.fee
        );
        Ok(())
    }
    fn artefacts(&self) -> Vec<Artefact> {
        let mut content = String::from("time,order,symbol,side,quantity,price,fee,realised\n");
        content.push_str(&self.text);
        if self.left_out > 0 {
            let _ = writeln!(content, "# {} more were left out", self.left_out);
        }
        vec![Artefact { name: "fills".into(), kind: ArtefactKind::Csv, content }]
    }
}

/// Registry entry.
pub const PLUGIN: PluginInfo = PluginInfo {
    observer: Some(|v| Ok(Box::new(parse_params::<FillsCsvParams>(v)?.build()?))),
    ..PluginInfo::of::<FillsCsvParams>(0, "A table of every fill, left in the run folder.", "This project.")
};
