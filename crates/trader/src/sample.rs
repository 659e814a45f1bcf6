//! The bundled sample, embedded, so that `trader backtest` runs from anywhere. Provenance and licences: `NOTICE`.

use tradewind_core_types::did_you_mean;

use crate::error::Failure;

/// Name and bytes of every file.
pub static FILES: [(&str, &[u8]); 4] = [
    ("etf23_close_2008_2016.csv.gz", include_bytes!("../../../sample/etf23_close_2008_2016.csv.gz")),
    ("index_ohlcv_1999_2018.csv.gz", include_bytes!("../../../sample/index_ohlcv_1999_2018.csv.gz")),
    ("stocks20_adjclose_1990_2022.csv.gz", include_bytes!("../../../sample/stocks20_adjclose_1990_2022.csv.gz")),
    ("vix_close_2014_2019.csv", include_bytes!("../../../sample/vix_close_2014_2019.csv")),
];

/// What marks a path as a file of the sample.
pub const PREFIX: &str = "sample:";

/// The bytes of a sample file.
///
/// # Errors
/// When there is no such file.
pub fn bytes(name: &str) -> Result<&'static [u8], Failure> {
    FILES.iter().find(|f| f.0 == name).map(|f| f.1).ok_or_else(|| {
        Failure::Data(format!("there is no sample file {name:?}{}", did_you_mean(name, FILES.iter().map(|f| f.0))))
    })
}
