//! Sessions of made-up prices. Only sums, products and roots are used: they give the same bits on every machine.

use tradewind_core_types::testkit::Rng;
use tradewind_core_types::{
    Bar, CorporateAction, Event, MarketData, Origin, Price, Quantity, Quote, Span, Symbol, Time, Trade,
};

pub const TRADED: [&str; 6] = ["AAA", "BBB", "CCC", "DDD", "EEE", "SPY"];

pub fn symbol(s: &str) -> Symbol {
    Symbol::new(s).unwrap()
}
fn price(x: f64) -> Price {
    Price::from_f64((x * 1e4).round() / 1e4).unwrap()
}
fn size(x: f64) -> Quantity {
    Quantity::from_f64(x.round().max(1.0)).unwrap()
}

/// The morning of a session, from 0; every day is one.
fn day(i: usize) -> Time {
    Time::from_ymd(2015, 1, 5).unwrap().plus(Span::from_days(i as i64))
}
fn at(i: usize, secs: i64) -> Time {
    day(i).plus(Span::from_secs(secs))
}

/// The events in the order in which a merge would give them, with their rows.
fn ordered(mut all: Vec<Event>) -> Vec<Event> {
    all.sort_by_key(|e| (e.time, e.data.rank()));
    for (e, row) in all.iter_mut().zip(1..) {
        e.origin = Origin { source: 0, row };
    }
    all
}
fn event(time: Time, name: Option<&str>, data: MarketData) -> Event {
    Event { time, symbol: name.map(symbol), origin: Origin::default(), data }
}

/// Open, bars (with prints before them when `prints`), an index level and the close of each session. The bars of every
/// thirteenth session have no opening price, and every seventeenth lacks one symbol.
pub fn sessions(seed: u64, n: usize, prints: bool) -> Vec<Event> {
    let mut rng = Rng(seed);
    let mut last = [40.0, 55.0, 100.0, 12.0, 230.0, 150.0];
    let mut level = 20.0;
    let mut all = Vec::new();
    for i in 0..n {
        all.push(event(at(i, 52_200), None, MarketData::SessionOpen));
        for (k, name) in TRADED.into_iter().enumerate() {
            let step = |rng: &mut Rng, width: f64| 1.0 + width * (rng.uniform() - 0.49);
            let open = last[k] * step(&mut rng, 0.02);
            let (mut x, mut high, mut low) = (open, open, open);
            for t in 0..6 {
                x *= step(&mut rng, 0.03);
                (high, low) = (x.max(high), x.min(low));
                let time = at(i, 52_200 + 3_600 * (t + 1) - 7 * (k as i64 + 1));
                let (bid, ask) = (price(x * 0.9995), price(x * 1.0005));
                let shares = size(50.0 + 400.0 * rng.uniform());
                if prints && t < 5 {
                    let quote = Quote { bid, ask, bid_size: shares, ask_size: shares };
                    let trade = Trade { price: price(x), size: shares, buyer: None };
                    all.push(event(time, Some(name), MarketData::Quote(quote)));
                    all.push(event(time.plus(Span::from_secs(60)), Some(name), MarketData::Trade(trade)));
                }
            }
            last[k] = price(x).to_f64();
            let volume = Some(size(2_000.0 + 8_000.0 * rng.uniform()));
            let open = (i % 13 != 12).then(|| price(open));
            let bar = Bar::new(open, Some(price(high)), Some(price(low)), price(x), volume).unwrap();
            if i % 17 != 16 || k != i % 6 {
                all.push(event(at(i, 75_600), Some(name), MarketData::Bar(bar)));
            }
        }
        level = (level * (1.0 + 0.2 * (rng.uniform() - 0.5))).clamp(9.0, 80.0);
        all.push(event(at(i, 75_600), Some("VIX"), MarketData::Index(Bar::close_only(price(level)))));
        all.push(event(at(i, 75_600), None, MarketData::SessionClose));
    }
    ordered(all)
}

/// Splits, dividends, halts, a change of symbol and a delisting, all between a decision at a close and the next open.
pub fn with_actions(events: Vec<Event>) -> Vec<Event> {
    let mut all = events;
    let act = |i, name, action| event(at(i, 43_200), Some(name), MarketData::CorporateAction(action));
    // From a day on: other prices for a split, another name, no prices at all.
    for e in &mut all {
        if e.symbol == Some(symbol("AAA")) && e.time >= day(20) {
            e.data = scaled(&e.data, 0.5);
        }
        if e.symbol == Some(symbol("CCC")) && e.time >= day(33) {
            e.data = scaled(&e.data, 5.0);
        }
        if e.symbol == Some(symbol("BBB")) && e.time >= day(40) {
            e.symbol = Some(symbol("NEW"));
        }
    }
    all.retain(|e| e.symbol != Some(symbol("DDD")) || e.time < day(52));
    for i in [11, 31, 51] {
        all.push(act(i, "SPY", CorporateAction::Dividend { amount: "0.375".parse().unwrap() }));
        all.push(act(i, "EEE", CorporateAction::Halt { halted: true }));
        all.push(act(i + 3, "EEE", CorporateAction::Halt { halted: false }));
    }
    all.push(act(20, "AAA", CorporateAction::Split { numerator: 2, denominator: 1 }));
    all.push(act(33, "CCC", CorporateAction::Split { numerator: 1, denominator: 5 }));
    all.push(act(39, "BBB", CorporateAction::Halt { halted: true }));
    all.push(act(40, "BBB", CorporateAction::SymbolChange { to: symbol("NEW") }));
    all.push(act(42, "NEW", CorporateAction::Halt { halted: false }));
    all.push(act(52, "DDD", CorporateAction::Delisting { price: Some("7.25".parse().unwrap()) }));
    ordered(all)
}

fn scaled(data: &MarketData, factor: f64) -> MarketData {
    let to = |p: Price| price(p.to_f64() * factor);
    match data {
        MarketData::Bar(b) => MarketData::Bar(Bar {
            open: b.open.map(to),
            high: b.high.map(to),
            low: b.low.map(to),
            close: to(b.close),
            volume: b.volume,
        }),
        MarketData::Quote(q) => MarketData::Quote(Quote { bid: to(q.bid), ask: to(q.ask), ..*q }),
        MarketData::Trade(t) => MarketData::Trade(Trade { price: to(t.price), ..*t }),
        other => other.clone(),
    }
}
