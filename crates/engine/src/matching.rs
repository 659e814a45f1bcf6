//! Whether, and at which reference price, an order fills against one event.
//!
//! The rules are pessimistic wherever the data leave room: a limit must be traded through, not touched; where the order of high and low
//! within a bar is unknown the path that is worse for the trader is taken; parts of a bar that may lie before the order are not used.

use tradewind_core_types::{Bar, Event, MarketData, OrderKind, Price, Quantity, Side, Time};

/// What an event means for an order.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Match {
    /// Nothing.
    None,
    /// A stop-limit is triggered and waits as a limit from now on.
    Trigger,
    /// It fills at this reference price.
    Fill(Terms),
}

/// How an order fills.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Terms {
    /// Price before slippage.
    pub reference: Price,
    /// Volume it competes with, when known.
    pub volume: Option<Quantity>,
    /// Whether slippage applies (not to limits, which name their price).
    pub slips: bool,
    /// Whether the reference is already a quote's far side.
    pub quoted: bool,
    /// The worst acceptable price, when there is one.
    pub limit: Option<Price>,
    /// Whether it fills when the bar begins, and not when it is known.
    pub at_open: bool,
}

/// Whether price `a` is strictly better than `b` for this side.
pub(crate) fn better(side: Side, a: Price, b: Price) -> bool {
    if side == Side::Buy { a < b } else { a > b }
}
/// The bar's extreme against (stops) or in favour of (limits) this side.
fn worst(side: Side, bar: &Bar) -> Option<Price> {
    if side == Side::Buy { bar.high } else { bar.low }
}
fn best(side: Side, bar: &Bar) -> Option<Price> {
    if side == Side::Buy { bar.low } else { bar.high }
}

/// Matches a continuous-trading order (not the auction kinds) against an event of its symbol.
///
/// `last` is when the symbol's last bar before this event ended: when the order came after it, the order was decided in the middle of a
/// bar, and only the bar's close is known to lie after the order. (Trades and quotes within the bar do not end it.)
pub(crate) fn continuous(
    kind: OrderKind,
    side: Side,
    triggered: bool,
    decided: Time,
    last: Option<Time>,
    e: &Event,
) -> Match {
    let whole_bar = last.is_some_and(|t| decided <= t);
    match &e.data {
        MarketData::Bar(bar) => {
            let bar = if whole_bar { *bar } else { Bar { open: None, high: None, low: None, ..*bar } };
            let fill = |reference, at_open, slips, limit| {
                Match::Fill(Terms { reference, volume: bar.volume, slips, quoted: false, limit, at_open })
            };
            in_bar(kind, side, triggered, &bar, &fill)
        }
        MarketData::Trade(t) => {
            let fill = |reference, slips, limit| {
                Match::Fill(Terms { reference, volume: Some(t.size), slips, quoted: false, limit, at_open: false })
            };
            at_price(kind, side, triggered, t.price, false, &fill)
        }
        MarketData::Quote(q) if q.bid <= q.ask => {
            let (price, size) = if side == Side::Buy { (q.ask, q.ask_size) } else { (q.bid, q.bid_size) };
            let fill = |reference, slips, limit| {
                Match::Fill(Terms { reference, volume: Some(size), slips, quoted: true, limit, at_open: false })
            };
            at_price(kind, side, triggered, price, true, &fill)
        }
        _ => Match::None,
    }
}

fn in_bar(
    kind: OrderKind,
    side: Side,
    triggered: bool,
    bar: &Bar,
    fill: &dyn Fn(Price, bool, bool, Option<Price>) -> Match,
) -> Match {
    let limit = |price: Price| {
        if let Some(open) = bar.open.filter(|o| !better(side, price, *o)) {
            return fill(open, true, false, Some(price));
        }
        let reached = best(side, bar).unwrap_or(bar.close);
        if better(side, reached, price) { fill(price, false, false, Some(price)) } else { Match::None }
    };
    // Where a stop would trade, when it is reached, and whether at once: the open beyond a gap, the trigger, or the close when nothing else is known.
    let stop = |trigger: Price| {
        if let Some(open) = bar.open.filter(|o| !better(side, *o, trigger)) {
            return Some((open, true));
        }
        match worst(side, bar) {
            Some(extreme) => (!better(side, extreme, trigger)).then_some((trigger, false)),
            None => (!better(side, bar.close, trigger)).then_some((bar.close, false)),
        }
    };
    match kind {
        OrderKind::Market => fill(bar.open.unwrap_or(bar.close), bar.open.is_some(), true, None),
        OrderKind::Limit { price } => limit(price),
        OrderKind::Stop { trigger } => stop(trigger).map_or(Match::None, |(p, at_open)| fill(p, at_open, true, None)),
        OrderKind::StopLimit { price, .. } if triggered => limit(price),
        OrderKind::StopLimit { trigger, price } => match stop(trigger) {
            None => Match::None,
            Some((p, at_open)) if !better(side, price, p) => fill(p, at_open, true, Some(price)),
            // Whether the price came back to the limit after the trigger cannot be known: not in this bar.
            Some(_) => Match::Trigger,
        },
        _ => Match::None,
    }
}

fn at_price(
    kind: OrderKind,
    side: Side,
    triggered: bool,
    price: Price,
    quoted: bool,
    fill: &dyn Fn(Price, bool, Option<Price>) -> Match,
) -> Match {
    // A quote at the limit can be hit; a trade at the limit may have been someone else's.
    let limit = |l: Price| {
        if better(side, price, l) {
            // At a trade through the limit the order, resting before, would have filled at its own price.
            fill(if quoted { price } else { l }, false, Some(l))
        } else if quoted && price == l {
            fill(price, false, Some(l))
        } else {
            Match::None
        }
    };
    match kind {
        OrderKind::Market => fill(price, true, None),
        OrderKind::Limit { price: l } => limit(l),
        OrderKind::Stop { trigger } if !better(side, price, trigger) => fill(price, true, None),
        OrderKind::StopLimit { price: l, .. } if triggered => limit(l),
        OrderKind::StopLimit { trigger, price: l } if !better(side, price, trigger) => {
            if better(side, l, price) {
                Match::Trigger
            } else {
                fill(price, true, Some(l))
            }
        }
        _ => Match::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tradewind_core_types::{Origin, Quote, Symbol, Trade};

    fn p(x: f64) -> Price {
        Price::from_f64(x).unwrap()
    }
    fn event(data: MarketData) -> Event {
        Event { time: Time::from_nanos(20), symbol: Symbol::new("A").ok(), origin: Origin::default(), data }
    }
    fn bar(o: f64, h: f64, l: f64, c: f64) -> Event {
        event(MarketData::Bar(Bar::new(Some(p(o)), Some(p(h)), Some(p(l)), p(c), None).unwrap()))
    }
    fn close(c: f64) -> Event {
        event(MarketData::Bar(Bar::close_only(p(c))))
    }
    fn reference(kind: OrderKind, side: Side, e: &Event) -> Option<f64> {
        match continuous(kind, side, false, Time::from_nanos(10), Some(Time::from_nanos(10)), e) {
            Match::Fill(t) => Some(t.reference.to_f64()),
            _ => None,
        }
    }

    #[test]
    fn bars_by_hand() {
        use OrderKind::{Limit, Market, Stop, StopLimit};
        use Side::{Buy, Sell};
        let b = bar(100.0, 105.0, 95.0, 102.0);
        let cases = [
            (Market, Buy, Some(100.0)),
            (Limit { price: p(101.0) }, Buy, Some(100.0)), // gaps in favour: at the open
            (Limit { price: p(97.0) }, Buy, Some(97.0)),   // traded through
            (Limit { price: p(95.0) }, Buy, None),         // only touched
            (Limit { price: p(104.0) }, Sell, Some(104.0)),
            (Limit { price: p(105.0) }, Sell, None),
            (Stop { trigger: p(103.0) }, Buy, Some(103.0)),
            (Stop { trigger: p(99.0) }, Buy, Some(100.0)), // gaps against: at the open
            (Stop { trigger: p(106.0) }, Buy, None),
            (Stop { trigger: p(96.0) }, Sell, Some(96.0)),
            (Stop { trigger: p(94.0) }, Sell, None),
            (StopLimit { trigger: p(103.0), price: p(104.0) }, Buy, Some(103.0)),
            (StopLimit { trigger: p(103.0), price: p(101.0) }, Buy, None), // path unknown
        ];
        for (kind, side, want) in cases {
            assert_eq!(reference(kind, side, &b), want, "{kind:?} {side:?}");
        }
        let trigger = continuous(
            StopLimit { trigger: p(103.0), price: p(101.0) },
            Buy,
            false,
            Time::from_nanos(10),
            Some(Time::from_nanos(10)),
            &b,
        );
        assert_eq!(trigger, Match::Trigger);
    }

    #[test]
    fn closes_only_and_orders_in_the_middle_of_a_bar() {
        use OrderKind::{Limit, Market, Stop};
        assert_eq!(reference(Market, Side::Buy, &close(102.0)), Some(102.0));
        assert_eq!(reference(Limit { price: p(103.0) }, Side::Buy, &close(102.0)), Some(103.0));
        assert_eq!(reference(Limit { price: p(102.0) }, Side::Buy, &close(102.0)), None);
        assert_eq!(reference(Stop { trigger: p(101.0) }, Side::Buy, &close(102.0)), Some(102.0));
        // Decided at 15, after the last print at 10: the open (and the extremes) of the bar may lie before.
        let m = |kind| {
            continuous(
                kind,
                Side::Buy,
                false,
                Time::from_nanos(15),
                Some(Time::from_nanos(10)),
                &bar(100.0, 105.0, 95.0, 102.0),
            )
        };
        assert!(matches!(m(Market), Match::Fill(t) if t.reference == p(102.0)));
        assert_eq!(m(Limit { price: p(97.0) }), Match::None);
    }

    #[test]
    fn trades_and_quotes() {
        use OrderKind::{Limit, Market, Stop};
        let t = event(MarketData::Trade(Trade { price: p(10.0), size: "5".parse().unwrap(), buyer: None }));
        assert_eq!(reference(Market, Side::Sell, &t), Some(10.0));
        assert_eq!(reference(Limit { price: p(10.0) }, Side::Buy, &t), None);
        assert_eq!(reference(Limit { price: p(10.5) }, Side::Buy, &t), Some(10.5));
        let q = |bid, ask| {
            let one = "1".parse().unwrap();
            event(MarketData::Quote(Quote { bid: p(bid), ask: p(ask), bid_size: one, ask_size: one }))
        };
        assert_eq!(reference(Market, Side::Buy, &q(9.9, 10.1)), Some(10.1));
        assert_eq!(reference(Market, Side::Sell, &q(9.9, 10.1)), Some(9.9));
        assert_eq!(reference(Limit { price: p(10.1) }, Side::Buy, &q(9.9, 10.1)), Some(10.1));
        assert_eq!(reference(Stop { trigger: p(9.9) }, Side::Sell, &q(9.9, 10.1)), Some(9.9));
        assert_eq!(reference(Market, Side::Buy, &q(10.2, 10.1)), None, "a crossed market fills nothing");
    }

    /// Terms against an event: price, whether it slips, and the limit. Decided at 10, when the last bar ended at 10.
    fn terms(kind: OrderKind, side: Side, triggered: bool, e: &Event) -> Option<(f64, bool, Option<f64>)> {
        match continuous(kind, side, triggered, Time::from_nanos(10), Some(Time::from_nanos(10)), e) {
            Match::Fill(t) => Some((t.reference.to_f64(), t.slips, t.limit.map(Price::to_f64))),
            Match::None => None,
            // Told from the others by a price of zero, which no order has.
            Match::Trigger => Some((0.0, false, None)),
        }
    }
    const TRIGGER: Option<(f64, bool, Option<f64>)> = Some((0.0, false, None));

    fn limit(price: f64) -> OrderKind {
        OrderKind::Limit { price: p(price) }
    }
    fn stop(trigger: f64) -> OrderKind {
        OrderKind::Stop { trigger: p(trigger) }
    }
    fn stop_limit(trigger: f64, price: f64) -> OrderKind {
        OrderKind::StopLimit { trigger: p(trigger), price: p(price) }
    }
    fn trade(price: f64) -> Event {
        event(MarketData::Trade(Trade { price: p(price), size: "5".parse().unwrap(), buyer: None }))
    }
    fn quote(bid: f64, ask: f64) -> Event {
        let (bid_size, ask_size) = ("3".parse().unwrap(), "4".parse().unwrap());
        event(MarketData::Quote(Quote { bid: p(bid), ask: p(ask), bid_size, ask_size }))
    }

    #[test]
    fn both_sides_of_a_bar() {
        use Side::{Buy, Sell};
        let b = bar(100.0, 105.0, 95.0, 102.0);
        let cases = [
            (OrderKind::Market, Sell, false, Some((100.0, true, None))),
            (limit(97.0), Buy, false, Some((97.0, false, Some(97.0)))),
            (limit(103.0), Sell, false, Some((103.0, false, Some(103.0)))),
            (limit(99.0), Sell, false, Some((100.0, false, Some(99.0)))),
            // A stop is reached when it is touched.
            (stop(105.0), Buy, false, Some((105.0, true, None))),
            (stop(95.0), Sell, false, Some((95.0, true, None))),
            (stop(101.0), Sell, false, Some((100.0, true, None))),
            (stop_limit(103.0, 104.0), Buy, false, Some((103.0, true, Some(104.0)))),
            (stop_limit(103.0, 103.0), Buy, false, Some((103.0, true, Some(103.0)))),
            (stop_limit(103.0, 102.5), Buy, false, TRIGGER),
            (stop_limit(106.0, 110.0), Buy, false, None),
            (stop_limit(97.0, 96.0), Sell, false, Some((97.0, true, Some(96.0)))),
            (stop_limit(97.0, 98.0), Sell, false, TRIGGER),
            // Once triggered it is a limit, and its trigger counts no more.
            (stop_limit(106.0, 97.0), Buy, true, Some((97.0, false, Some(97.0)))),
            (stop_limit(103.0, 95.0), Buy, true, None),
            (stop_limit(94.0, 104.0), Sell, true, Some((104.0, false, Some(104.0)))),
            (OrderKind::MarketOnOpen, Buy, false, None),
            (OrderKind::MarketOnClose, Buy, false, None),
            (OrderKind::LimitOnOpen { price: p(110.0) }, Buy, false, None),
            (OrderKind::LimitOnClose { price: p(110.0) }, Buy, false, None),
        ];
        for (kind, side, triggered, want) in cases {
            assert_eq!(terms(kind, side, triggered, &b), want, "{kind:?} {side:?} {triggered}");
        }
        // Where nothing but the close is known, a stop trades at the close that reaches it.
        let by_close = [stop(102.0), stop(102.5)].map(|k| terms(k, Buy, false, &close(102.0)));
        assert_eq!(by_close, [Some((102.0, true, None)), None]);
        let by_close = [stop(102.0), stop(101.5)].map(|k| terms(k, Sell, false, &close(102.0)));
        assert_eq!(by_close, [Some((102.0, true, None)), None]);
        let not_traded = event(MarketData::Index(Bar::close_only(p(102.0))));
        assert_eq!(terms(OrderKind::Market, Buy, false, &not_traded), None);
    }

    #[test]
    fn both_sides_of_trades_and_quotes() {
        use Side::{Buy, Sell};
        let (t, q) = (trade(10.0), quote(9.9, 10.1));
        let cases = [
            (&t, OrderKind::Market, Sell, false, Some((10.0, true, None))),
            (&t, limit(10.5), Buy, false, Some((10.5, false, Some(10.5)))),
            (&t, limit(9.5), Sell, false, Some((9.5, false, Some(9.5)))),
            (&t, limit(10.0), Sell, false, None),
            (&t, stop(10.0), Buy, false, Some((10.0, true, None))),
            (&t, stop(10.1), Buy, false, None),
            (&t, stop(10.0), Sell, false, Some((10.0, true, None))),
            (&t, stop(9.9), Sell, false, None),
            (&t, stop_limit(10.0, 10.2), Buy, false, Some((10.0, true, Some(10.2)))),
            (&t, stop_limit(10.0, 10.0), Buy, false, Some((10.0, true, Some(10.0)))),
            (&t, stop_limit(10.0, 9.9), Buy, false, TRIGGER),
            (&t, stop_limit(10.1, 11.0), Buy, false, None),
            (&t, stop_limit(10.0, 10.1), Sell, false, TRIGGER),
            (&t, stop_limit(11.0, 10.5), Buy, true, Some((10.5, false, Some(10.5)))),
            (&t, stop_limit(10.0, 9.9), Buy, true, None),
            (&t, OrderKind::MarketOnClose, Buy, false, None),
            // A quote fills at its far side, at the limit too.
            (&q, OrderKind::Market, Buy, false, Some((10.1, true, None))),
            (&q, OrderKind::Market, Sell, false, Some((9.9, true, None))),
            (&q, limit(10.5), Buy, false, Some((10.1, false, Some(10.5)))),
            (&q, limit(10.1), Buy, false, Some((10.1, false, Some(10.1)))),
            (&q, limit(10.05), Buy, false, None),
            (&q, limit(9.9), Sell, false, Some((9.9, false, Some(9.9)))),
            (&q, limit(9.95), Sell, false, None),
            (&q, stop_limit(11.0, 10.1), Buy, true, Some((10.1, false, Some(10.1)))),
            (&q, OrderKind::MarketOnOpen, Buy, false, None),
        ];
        for (e, kind, side, triggered, want) in cases {
            assert_eq!(terms(kind, side, triggered, e), want, "{kind:?} {side:?} {triggered}");
        }
        assert_eq!(
            terms(OrderKind::Market, Buy, false, &quote(10.0, 10.0)),
            Some((10.0, true, None)),
            "a locked market"
        );
    }

    #[test]
    fn fills_compete_for_the_volume_of_their_print() {
        let of = |side, e: &Event| match continuous(OrderKind::Market, side, false, Time::MIN, None, e) {
            Match::Fill(t) => (t.volume.map(|v| v.to_string()), t.quoted),
            _ => panic!("a market order fills"),
        };
        let with_volume = Bar { volume: "7".parse().ok(), ..Bar::close_only(p(10.0)) };
        assert_eq!(of(Side::Buy, &event(MarketData::Bar(with_volume))), (Some("7".into()), false));
        assert_eq!(of(Side::Buy, &close(10.0)), (None, false));
        assert_eq!(of(Side::Buy, &trade(10.0)), (Some("5".into()), false));
        assert_eq!(of(Side::Buy, &quote(9.9, 10.1)), (Some("4".into()), true));
        assert_eq!(of(Side::Sell, &quote(9.9, 10.1)), (Some("3".into()), true));
    }

    #[test]
    fn what_may_lie_before_the_order_is_not_used() {
        let b = bar(100.0, 105.0, 95.0, 102.0);
        let price = |kind, side, last: Option<i64>| match continuous(
            kind,
            side,
            false,
            Time::from_nanos(15),
            last.map(Time::from_nanos),
            &b,
        ) {
            Match::Fill(t) => Some(t.reference.to_f64()),
            _ => None,
        };
        use Side::{Buy, Sell};
        // The bar before ended with the order or later: all of this one lies after it.
        for last in [15, 16] {
            let whole = [price(OrderKind::Market, Buy, Some(last)), price(stop(104.0), Buy, Some(last))];
            assert_eq!(whole, [Some(100.0), Some(104.0)]);
        }
        for last in [Some(14), None] {
            assert_eq!(price(OrderKind::Market, Buy, last), Some(102.0));
            let within = [(stop(104.0), Buy), (stop(96.0), Sell), (limit(97.0), Buy), (limit(104.0), Sell)];
            assert!(within.iter().all(|(kind, side)| price(*kind, *side, last).is_none()));
            // The close counts.
            assert_eq!([price(stop(101.0), Buy, last), price(limit(101.0), Sell, last)], [Some(102.0), Some(101.0)]);
        }
    }
}
