//! The quality report of the bundled sample, and of a file with everything wrong.
//!
//! `cargo run --release -p tradewind-data --example data_validate`

use std::path::PathBuf;

use tradewind_data::{DataError, Kind, Layout, QualityOptions, SourceSpec, read_table_bytes, validate, validate_bytes};

fn main() -> Result<(), DataError> {
    let sample = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../sample");
    let options = QualityOptions::default();
    for (file, kind, layout) in [
        ("etf23_close_2008_2016.csv.gz", Kind::Bar, Layout::Wide),
        ("stocks20_adjclose_1990_2022.csv.gz", Kind::Bar, Layout::Wide),
        ("vix_close_2014_2019.csv", Kind::Index, Layout::Wide),
        ("index_ohlcv_1999_2018.csv.gz", Kind::Index, Layout::Long),
    ] {
        let spec = SourceSpec { kind, ..SourceSpec::bars(sample.join(file), layout) };
        print!("{}", validate(&spec, &options)?);
    }
    let csv = "date,symbol,open,high,low,close\n\
        2015-08-24,SPY,187.4,197.5,182.4,189.5\n\
        2015-08-24,SPY,187.4,197.5,182.4,189.5\n\
        2015-08-25,SPY,195.4,195.0,186.9,187.27\n\
        2015-08-26,SPY,191.9,n/a,188.4,194.46\n\
        2015-08-29,SPY,198.5,199.4,197.9,199.28\n\
        2015-09-04,SPY,192.9,193.5,191.3,192.59\n";
    let spec = SourceSpec::bars("wrong.csv", Layout::Long);
    println!("\nA file with everything wrong:");
    print!("{}", validate_bytes(&spec, csv.into(), &options)?);
    // Reading stops at the first of these.
    if let Err(e) = read_table_bytes(&spec, csv.into()) {
        println!("\nReading it: {e}");
    }
    Ok(())
}
