//! Trailing stops against one event.
//!
//! The best price follows prints: trades, and of a bar the open, then the favourable extreme and the close. Quotes set a stop off and do not move
//! it. Within a bar the adverse extreme is taken to come first, against the stop as it lay before (the open alone, which is known to be first,
//! may have moved it). So what a bar has to offer never moves the stop and then fills there: where it has moved the stop beyond the bar's own close, the order
//! fills at that close, which is worse.

use tradewind_core_types::{Event, MarketData, OrderKind, Price, Side, Time, Trail};

use crate::matching::{Match, Terms, better, continuous};

/// What the event means for a trailing stop, whose best price so far is `best` and follows. The rest is as in [`continuous`].
pub(crate) fn trailing(
    trail: Trail,
    side: Side,
    best: &mut Option<Price>,
    decided: Time,
    last: Option<Time>,
    e: &Event,
) -> Match {
    let follow = |best: &mut Option<Price>, price: Option<Price>| {
        if let Some(p) = price
            && best.is_none_or(|b| better(side, p, b))
        {
            *best = Some(p);
        }
    };
    let stop = |best: Option<Price>| best.and_then(|b| trail.stop(side, b));
    let hit = |best: Option<Price>| match stop(best) {
        Some(trigger) => continuous(OrderKind::Stop { trigger }, side, false, decided, last, e),
        None => Match::None,
    };
    match &e.data {
        MarketData::Bar(bar) => {
            let whole = last.is_some_and(|t| decided <= t);
            if whole {
                follow(best, bar.open);
            }
            let found = hit(*best);
            if found != Match::None {
                return found;
            }
            if whole {
                follow(best, if side == Side::Buy { bar.low } else { bar.high });
            }
            follow(best, Some(bar.close));
            match stop(*best) {
                Some(trigger) if !better(side, bar.close, trigger) => Match::Fill(Terms {
                    reference: bar.close,
                    volume: bar.volume,
                    slips: true,
                    quoted: false,
                    limit: None,
                    at_open: false,
                }),
                _ => Match::None,
            }
        }
        MarketData::Trade(t) => {
            let found = hit(*best);
            if found == Match::None {
                follow(best, Some(t.price));
            }
            found
        }
        _ => hit(*best),
    }
}
