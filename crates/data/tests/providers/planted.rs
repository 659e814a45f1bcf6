//! The simulator's planted effects are where its truth says they are.

use tradewind_core_types::{MarketData, Time};
use tradewind_data::{Planted, PlantedSpec, Simulation, SimulationSpec};

fn spec() -> SimulationSpec {
    SimulationSpec { count: 60, sessions: 600, idiosyncratic: 0.1, jumps_per_year: 0.0, ..SimulationSpec::default() }
}

/// Closes by symbol.
fn closes(events: &[tradewind_core_types::Event]) -> std::collections::BTreeMap<String, Vec<(Time, f64)>> {
    let mut out = std::collections::BTreeMap::<String, Vec<(Time, f64)>>::new();
    for e in events {
        if let (MarketData::Bar(b), Some(s)) = (&e.data, e.symbol) {
            out.entry(s.as_str().into()).or_default().push((e.time, b.close.to_f64()));
        }
    }
    out
}

#[test]
fn effects_follow_their_records_and_placebos_do_not() {
    let planted = PlantedSpec::default();
    let mut sim = Planted::new(&spec(), &planted, 3).unwrap();
    let events: Vec<_> = sim.by_ref().collect();
    assert!(events.is_sorted_by_key(|e| (e.time, e.data.rank(), e.symbol)));
    assert_eq!(events, Planted::new(&spec(), &planted, 3).unwrap().collect::<Vec<_>>());
    // Against the prices without anything planted, so that neither market nor noise is in the way.
    let plain: Vec<_> = Simulation::new(&spec(), 3).unwrap().collect();
    let (closes, plain) = (closes(&events), closes(&plain));
    for record in ["search_trend", "rating", "earnings"] {
        for placebo in [false, true] {
            let (mut sum, mut squares, mut n, mut truth) = (0.0, 0.0, 0.0, 0.0);
            for x in sim.truth().iter().filter(|x| x.record == record && x.placebo == placebo) {
                let path = &closes[x.symbol.as_str()];
                let next = path.partition_point(|c| c.0 < x.time);
                let (Some(from), Some(to)) = (path.get(next.wrapping_sub(1)), path.get(next + 4)) else { continue };
                let without = &plain[x.symbol.as_str()];
                let r = (to.1 / from.1) / (without[next + 4].1 / without[next - 1].1) - 1.0;
                // In the direction of the record: after ratings and earnings both occur.
                let sign = if x.effect < 0.0 { -1.0 } else { 1.0 };
                sum += sign * r;
                squares += r * r;
                truth += sign * x.effect;
                n += 1.0;
            }
            let (mean, error) = (sum / n, (squares / n / n).sqrt());
            println!("{record} placebo {placebo}: {n} records, mean {mean:.4} +- {error:.4}, planted {:.4}", truth / n);
            assert!(n > 40.0);
            // Other effects overlap at random; three standard errors and a little.
            assert!((mean - truth / n).abs() < 3.0 * error + 0.003, "{record} {placebo}: {mean} against {}", truth / n);
        }
    }
}

#[test]
fn whispers_know_for_treated_symbols_only() {
    let mut sim =
        Planted::new(&SimulationSpec { count: 200, sessions: 600, ..spec() }, &PlantedSpec::default(), 0).unwrap();
    let events: Vec<_> = sim.by_ref().collect();
    let mut rates = [[(0.0, 0.0); 2]; 2];
    let mut expected = std::collections::BTreeMap::new();
    for e in &events {
        let (MarketData::Earnings(x), Some(s)) = (&e.data, e.symbol) else { continue };
        match (x.actual, x.consensus) {
            (Some(actual), Some(consensus)) => {
                let Some(whisper) = expected.remove(&s) else { continue };
                let placebo = sim.truth().iter().find(|t| t.symbol == s && t.record == "earnings").unwrap().placebo;
                let cell = &mut rates[usize::from(placebo)][usize::from(whisper > consensus)];
                *cell = (cell.0 + 1.0, cell.1 + f64::from(u8::from(actual > consensus)));
                assert!(x.announced <= e.time);
            }
            _ => {
                assert!(x.announced > e.time);
                expected.insert(s, x.whisper.unwrap());
            }
        }
    }
    let rate = |c: (f64, f64)| c.1 / c.0;
    println!("{rates:?}");
    assert!(rate(rates[0][1]) - rate(rates[0][0]) > 0.25);
    assert!((rate(rates[1][1]) - rate(rates[1][0])).abs() < 0.1);
    let bad = SimulationSpec { bar_seconds: Some(60), ..spec() };
    assert!(Planted::new(&bad, &PlantedSpec { earnings_gap: 1.0, ..Default::default() }, 0).unwrap_err().0.len() == 2);
}
