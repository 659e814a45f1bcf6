//! The engine keeps the records of strategies: from the warm-up on, for those that a plugin serves, and each strategy's part of what is held.

use serde::{Deserialize, Serialize};
use tradewind_core_types::*;
use tradewind_engine::{EngineConfig, Named, Pipeline, Schedule, Strategy};

use crate::common::*;

/// Says what settled for whom it serves.
#[derive(Clone, Default, Serialize, Deserialize)]
struct Reader(Vec<StrategyId>, Vec<String>);
impl Plugin for Reader {
    fn id(&self) -> &'static str {
        "reader"
    }
    fn follows(&self) -> Follow {
        Follow::Bets(1)
    }
    fn serve(&mut self, strategy: StrategyId) {
        self.0.push(strategy);
    }
    fn observe(&mut self, e: &Event, view: &View<'_>) -> Result<(), BadInput> {
        if e.data == MarketData::SessionClose {
            let own = view.records.settled(1).iter().filter(|s| self.0.contains(&s.strategy));
            self.1.extend(own.map(|s| format!("{} {} {:.3} {:.4}", s.symbol, s.score, s.gross(), s.net())));
        }
        Ok(())
    }
}
impl Filter for Reader {
    fn filter(&mut self, _: StrategyId, _: &Signal, _: &View<'_>) -> Adjustment {
        Adjustment::new(Adjust::Keep, self.1.join(", "))
    }
}

#[test]
fn records_begin_in_the_warm_up_and_parts_with_the_fills() {
    let signal = || vec![(1, vec![("A", 1.0)], 0.5, None)];
    let p = Pipeline {
        strategies: vec![Strategy { filters: vec![0], ..strategy("s", signal()) }, strategy("t", signal())],
        filters: vec![Named::of(Box::new(Reader::default()))],
        paper_cost: 0.01,
        ..Pipeline::default()
    };
    let config = EngineConfig { schedule: Schedule::SessionClose, ..on_signal() };
    let close = || ("", MarketData::SessionClose);
    // Decided at the close of 10, entered at 11, known at 12.1: +10 % at a score of a half, for which half of one per cent is paid.
    let rows = [
        ("A", bar(10.0)),
        close(),
        ("A", bar(11.0)),
        close(),
        ("A", bar(12.1)),
        close(),
        ("A", bar(12.1)),
        close(),
        ("A", bar(12.1)),
        close(),
    ];
    let (b, log) = run(p, config, 7_000, &rows);
    let said = log.decisions[0].contributions[0].steps[1].adjustment.reason.as_ref();
    assert_eq!(said, "A 0.5 0.050 0.0450, A 0.5 0.000 0.0000");
    // Half of 1,000 at 12.1 for each of the two, which is all that is held.
    let view = b.engine().view();
    let part = |s: &str| view.records.part(StrategyId::new(s).unwrap(), symbol("A"));
    assert!((part("s").nanos() - part("t").nanos()).abs() <= 1, "what cannot be halved is one's");
    assert_eq!(part("s") + part("t"), view.portfolio.quantity(symbol("A")));
    assert!(part("s") > "41".parse().unwrap(), "{}", part("s"));
}
