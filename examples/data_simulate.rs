//! A seeded simulated year: its planted regimes, and how the VIX-like index follows them.
//!
//! `cargo run --release -p tradewind-data --example data_simulate`

use tradewind_core_types::{Invalid, MarketData};
use tradewind_data::{Simulation, SimulationSpec, Ticks, regime_path};

fn main() -> Result<(), Invalid> {
    let spec = SimulationSpec { seed: 7, sessions: 504, count: 3, ..SimulationSpec::default() };
    let truth = regime_path(&spec)?;
    let mut levels = vec![(0_u32, 0.0); spec.regimes.len()];
    let mut session = 0;
    for event in Simulation::new(&spec, 0)? {
        if let MarketData::Index(level) = event.data {
            if let Some(l) = truth.get(session).and_then(|(_, regime)| levels.get_mut(*regime)) {
                *l = (l.0 + 1, l.1 + level.close.to_f64());
            }
            session += 1;
        }
    }
    println!("simulated, seed {}: regime, sessions, mean index level", spec.seed);
    for (regime, (n, sum)) in spec.regimes.iter().zip(levels) {
        println!("  {:<8}{n:>5}  {:>6.2}", regime.name, sum / f64::from(n.max(1)));
    }
    println!("the first events of a session with ticks:");
    let ticks = SimulationSpec {
        bar_seconds: Some(60),
        ticks: Some(Ticks { per_bar: 2, ..Ticks::default() }),
        count: 1,
        ..spec
    };
    for event in Simulation::new(&ticks, 0)?.take(6) {
        println!("  {} {} {}", event.time, event.kind(), event.mark().map_or_else(String::new, |p| p.to_string()));
    }
    Ok(())
}
