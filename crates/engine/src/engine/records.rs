//! The records of strategies: who reads them, and what they are told.

use super::known::Known;
use super::{Engine, State};

/// Between session closes the strategies behind so many orders are remembered, though most have come to their end.
const MOST_ORDERS: usize = 4_096;

impl Engine {
    /// Tells filters and sizers whom they serve, and keeps what plugins follow.
    pub(super) fn follow(&mut self) {
        for s in &mut self.pipeline.strategies {
            for f in &s.filters {
                if let Some(f) = self.pipeline.filters.get_mut(*f) {
                    f.serve(s.id);
                }
            }
            s.sizers.iter_mut().for_each(|z| z.serve(s.id));
        }
        let records = &mut self.state.known.records;
        self.pipeline.each(|p| records.follow(p.follows()));
    }

    /// The instant ends: the records are told what stands at a session close, or of the symbols that a signal has made due.
    pub(super) fn tell_records(&mut self) {
        let State { known, standing, due, trading_from, .. } = &mut self.state;
        let Known { records, working, .. } = known;
        if records.orders() > MOST_ORDERS.max(2 * working.len()) {
            records.keep_orders(|id| working.contains(id));
        }
        if !known.records.is_followed() {
            return;
        }
        let strategies = self.pipeline.strategies.iter().map(|s| s.id).zip(&*standing);
        if due.session_close {
            let signals = strategies.flat_map(|(id, signals)| signals.values().map(move |s| (id, s)));
            known.records.stand(signals, &known.market, known.clock);
        } else if known.clock >= *trading_from {
            for (id, signals) in strategies {
                for symbol in &due.symbols {
                    known.records.decided(id, *symbol, signals.get(*symbol), &known.market, known.clock);
                }
            }
        }
    }
}
