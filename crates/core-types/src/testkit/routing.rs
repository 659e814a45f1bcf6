//! Whether plugins listen to all that changes them: what is not declared is not seen in a run.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Rng, with_records};
use crate::*;

/// Sessions of the suite.
const SESSIONS: usize = 240;
/// Those before the name of SPY changes.
const RENAMED: usize = 160;
/// A symbol that no plugin follows.
const FOREIGN: &str = "QQQQ";

/// One event of each kind, at prices around 100 dollars, in the order of their ranks.
pub fn one_of_each() -> Vec<MarketData> {
    let price = |x: f64| Price::from_f64(x).expect("a positive price");
    let size = || "100".parse::<Quantity>().expect("a quantity");
    let t = Time::from_ymd(2014, 1, 2).expect("a date");
    let bar = Bar::new(Some(price(99.0)), Some(price(102.0)), Some(price(98.0)), price(100.0), Some(size()));
    let level = BookLevel { bid: true, price: price(99.5), size: size() };
    let option = OptionQuote {
        expiry: t.plus(Span::from_days(30)),
        strike: price(100.0),
        kind: OptionKind::Put,
        bid: Some(price(1.0)),
        ask: Some(price(1.1)),
        implied_volatility: Some(0.2),
        open_interest: Some(10),
    };
    let news = News {
        published: t,
        headline: "Profit beats expectations".into(),
        body: String::new(),
        source: "wire".into(),
        sentiment: None,
    };
    let earnings =
        Earnings { announced: t, actual: None, consensus: Some(1.0), whisper: Some(1.1), dispersion: Some(0.05) };
    let rating = Rating {
        published: t,
        firm: "Broker 1".into(),
        grade: "Buy".into(),
        previous: None,
        target: Some(price(120.0)),
        previous_target: None,
    };
    vec![
        MarketData::CorporateAction(CorporateAction::Dividend { amount: price(0.5) }),
        MarketData::SessionOpen,
        MarketData::Quote(Quote { bid: price(99.9), ask: price(100.1), bid_size: size(), ask_size: size() }),
        MarketData::Book(Arc::new(BookUpdate { snapshot: false, levels: vec![level] })),
        MarketData::Trade(Trade { price: price(100.0), size: size(), buyer: Some(true) }),
        MarketData::Bar(bar.expect("an ordered bar")),
        MarketData::Index(Bar::close_only(price(100.0))),
        MarketData::OptionChain(Arc::new(OptionChain { underlying: price(100.0), quotes: vec![option] })),
        MarketData::News(Arc::new(news)),
        MarketData::Earnings(Arc::new(earnings)),
        MarketData::Rating(Arc::new(rating)),
        MarketData::SearchTrend(SearchTrend { period: t, interest: 50.0, partial: false }),
        MarketData::FundFlow(FundFlow { shares: size(), nav: price(100.0) }),
        MarketData::SessionClose,
        MarketData::Timer(1),
    ]
}

fn symbol(text: &str) -> Symbol {
    Symbol::new(text).expect("a symbol")
}

/// Every kind of event of SPY, TLT, AAPL, SPX, a symbol that nobody follows, and none: the records of [`with_records`], in the middle of
/// each session some of all else, and now and then corporate actions and a VIX that comes hours before the close. SPY goes on as SPYN after
/// two thirds.
pub fn every_kind(seed: u64) -> Vec<Event> {
    let mut rng = Rng(seed ^ 0x0DD);
    let kinds = one_of_each();
    let mut out = Vec::new();
    let mut session = 0;
    for mut e in with_records(seed, SESSIONS) {
        session += usize::from(e.data == MarketData::SessionOpen);
        let spy = symbol(if session > RENAMED { "SPYN" } else { "SPY" });
        match e.symbol.map(Symbol::as_str) {
            Some("VIX") if session % 17 == 5 => e.time = e.time.plus(Span::from_secs(-4 * 3600)),
            Some("SPY") => e.symbol = Some(spy),
            _ => {}
        }
        if e.data == MarketData::SessionOpen {
            let at = |minutes: i64, symbol: Option<Symbol>, data: MarketData| Event {
                time: e.time.plus(Span::from_secs(60 * minutes)),
                symbol,
                origin: Origin { source: 2, row: session as u32 },
                data,
            };
            let actions = actions(session, spy).into_iter();
            out.extend(actions.map(|(s, a)| at(-600, Some(s), MarketData::CorporateAction(a))));
            // Every kind of every symbol comes up, if not in every session. Timers name a symbol, too, and are of the whole market.
            for (i, s) in [spy, symbol("TLT"), symbol("AAPL"), symbol("SPX"), symbol(FOREIGN)].into_iter().enumerate() {
                for (k, data) in kinds.iter().enumerate().skip(2).filter(|(_, d)| **d != MarketData::SessionClose) {
                    if rng.uniform() < 0.3 {
                        out.push(at((10 * i + k) as i64, Some(s), moved(data, session, e.time, rng.normal())));
                    }
                }
            }
            out.push(at(59, None, kinds[8].clone()));
        }
        out.push(e);
    }
    out.sort_by_key(|e| (e.time, e.data.rank()));
    out
}

/// The corporate actions before a session opens.
fn actions(session: usize, spy: Symbol) -> Vec<(Symbol, CorporateAction)> {
    let amount = "0.25".parse().expect("a price");
    let of = |symbols: &[&str], a: CorporateAction| symbols.iter().map(|s| (symbol(s), a)).collect();
    match session {
        n if n == RENAMED + 1 => of(&["SPY"], CorporateAction::SymbolChange { to: spy }),
        n if n == SESSIONS - 20 => of(&["IEF"], CorporateAction::Delisting { price: None }),
        n if n % 40 == 20 => of(&["TLT", FOREIGN], CorporateAction::Split { numerator: 3, denominator: 2 }),
        n if n % 30 == 10 => of(&[spy.as_str(), "AAPL", "SPX", FOREIGN], CorporateAction::Dividend { amount }),
        n if n % 30 == 25 => [true, false].map(|halted| (spy, CorporateAction::Halt { halted })).to_vec(),
        _ => Vec::new(),
    }
}

/// The same kind of event with numbers a little off, as it would be known at the open of a session.
fn moved(data: &MarketData, session: usize, open: Time, by: f64) -> MarketData {
    let price = |p: Price| Price::from_f64(p.to_f64() * (1.0 + 0.01 * by.clamp(-3.0, 3.0))).unwrap_or(p);
    let published = open.plus(Span::from_secs(-3600));
    match data {
        MarketData::Bar(b) => MarketData::Bar(Bar { volume: b.volume, ..Bar::close_only(price(b.close)) }),
        MarketData::Index(b) => MarketData::Index(Bar::close_only(price(b.close))),
        MarketData::Trade(t) => MarketData::Trade(Trade { price: price(t.price), ..*t }),
        MarketData::News(n) => {
            let headline = format!("{} again: {by:.3}", n.headline);
            MarketData::News(Arc::new(News { published, headline, ..(**n).clone() }))
        }
        MarketData::Rating(r) => MarketData::Rating(Arc::new(Rating { published, ..(**r).clone() })),
        MarketData::Earnings(r) => {
            // The report that the records expect, too.
            let days = 62 - (session as i64 - 1) % 63;
            let announced = open.plus(Span::from_secs(24 * 3600 * days + 27_000));
            MarketData::Earnings(Arc::new(Earnings { announced, ..(**r).clone() }))
        }
        MarketData::SearchTrend(t) => {
            let interest = (t.interest + 10.0 * by).clamp(0.0, 100.0);
            MarketData::SearchTrend(SearchTrend { period: published, interest, ..*t })
        }
        other => other.clone(),
    }
}

/// What a plugin listens to, as an engine follows it: under every name that its symbols have had since.
struct Listening {
    interest: Interest,
    renamed: Vec<(Symbol, Symbol)>,
}

impl Listening {
    fn of(plugin: &dyn Plugin, inputs: &[FeatureId], renamed: Vec<(Symbol, Symbol)>) -> Self {
        let mut interest = plugin.listens().reading(inputs.iter().copied());
        if let Symbols::Only(these) = &mut interest.symbols {
            for (from, to) in &renamed {
                if these.contains(from) {
                    these.push(*to);
                }
            }
        }
        Self { interest, renamed }
    }
}

/// The names before and after, when an event changes one.
fn renamed_by(e: &Event) -> Option<(Symbol, Symbol)> {
    match (&e.data, e.symbol) {
        (MarketData::CorporateAction(CorporateAction::SymbolChange { to }), Some(from)) => Some((from, *to)),
        _ => None,
    }
}

/// The features that a plugin may read: those it says, and whatever its parameters name.
fn read(probe: &Probe, params: &serde_json::Value) -> (Vec<FeatureId>, BTreeSet<FeatureId>) {
    let inputs = if let Probe::Feature(f) = probe { f.inputs() } else { Vec::new() };
    let mut named: BTreeSet<FeatureId> = inputs.iter().copied().collect();
    let mut left = vec![params];
    while let Some(v) = left.pop() {
        match v {
            serde_json::Value::String(s) if s.contains('.') => {
                named.extend(["SPY", "TLT"].iter().filter_map(|n| FeatureId::new(&s.replace("{symbol}", n)).ok()));
            }
            serde_json::Value::Array(all) => left.extend(all),
            serde_json::Value::Object(all) => left.extend(all.values()),
            _ => {}
        }
    }
    (inputs, named)
}

/// A plugin listens to all that changes it: one that is shown every event and one that is shown only what it listens to give the same
/// answers and keep the same state, through changes of names and a restart.
///
/// Values of features that it might read are published with events that it would not hear otherwise: it hears these only if it says so.
pub fn listens_suite(who: &str, params: &serde_json::Value, build: &dyn Fn() -> Probe) {
    let events = every_kind(7);
    let symbols = ["SPY", "TLT", "SPYN"].map(symbol);
    let (mut market, mut portfolio) = (Market::default(), Portfolio::with_cash("100000".parse().expect("cash")));
    let (mut features, mut theirs) = (FeatureValues::default(), FeatureValues::default());
    let (mut all, mut told) = (build(), build());
    let mut records = all.records().expect("a good name");
    told.records().expect("a good name");
    let (inputs, named) = read(&all, params);
    let outputs: BTreeSet<FeatureId> =
        if let Probe::Feature(f) = &all { f.outputs().iter().map(|o| o.id).collect() } else { BTreeSet::new() };
    let mut listening = Listening::of(told.plugin(), &inputs, Vec::new());
    let mut rng = Rng(99);
    let mut heard = 0;
    for (i, e) in events.iter().enumerate() {
        market.apply(e);
        records.observe(e, &market);
        if let Some((from, to)) = renamed_by(e) {
            portfolio.rename(from, to).expect("a name that is free");
        }
        match (&e.data, e.symbol) {
            (MarketData::CorporateAction(CorporateAction::Split { numerator, denominator }), Some(s)) => {
                portfolio.split(s, *numerator, *denominator).expect("a split");
            }
            (_, Some(s)) => {
                if let Some(p) = e.mark() {
                    portfolio.mark(s, p);
                    if i < 40 && s == symbols[0] && portfolio.quantity(s).is_zero() {
                        portfolio.fill(&first_fill(e.time, s, p)).expect("a fill");
                    }
                }
            }
            _ => {}
        }
        // Of a symbol that nobody follows, at a session's close, or with a corporate action.
        let foreign = matches!(e.data, MarketData::Trade(_)) && e.symbol == Some(symbol(FOREIGN));
        let publishes = foreign || matches!(e.data, MarketData::SessionClose | MarketData::CorporateAction(_));
        if publishes {
            for id in &named {
                let value = 0.2 + 0.02 * rng.uniform();
                features.set(*id, value, e.time);
                theirs.set(*id, value, e.time);
            }
        }
        let reads = publishes && listening.interest.reads.iter().any(|id| named.contains(id));
        let hears = reads || listening.interest.hears(e);
        let what = || format!("{who}: event {i} at {}, {} of {:?}", e.time, e.kind(), e.symbol);
        let before = (features.clone(), theirs.clone());
        let view = View { records: &records, ..View::new(e.time, &market, &before.0, &portfolio) };
        let said = |answer: Result<String, BadInput>| answer.unwrap_or_else(|x| format!("refused: {x}"));
        let answer = said(all.step(e, &view, &mut features, &symbols, true));
        let view = View { features: &before.1, ..view };
        let of_told = said(if hears {
            heard += 1;
            told.step(e, &view, &mut theirs, &symbols, true)
        } else {
            told.answers(&view, &symbols)
        });
        assert_eq!(
            answer,
            of_told,
            "{} is {}declared, and the answers differ",
            what(),
            if hears { "" } else { "not " }
        );
        if e.data == MarketData::SessionClose {
            probe::stand(&mut records, &symbols, &market, e.time).expect("good signals");
        }
        if !hears || i % 50 == 0 {
            let states = [&mut all, &mut told].map(|p| p.plugin().save().expect("the state can be saved"));
            assert!(states[0] == states[1], "{} is not declared, and changes the state", what());
        }
        let published = features.iter().map(|v| v.0).filter(|id| !named.contains(id));
        if i % 50 == 0 && !outputs.is_empty() {
            let unknown = published.filter(|id| !outputs.contains(id)).collect::<Vec<_>>();
            assert!(unknown.is_empty(), "{who} publishes {unknown:?}, which are not among its outputs");
        }
        // As an engine does: asked again after a change of a name, and after a restart.
        let renamed = renamed_by(e);
        if i % 1000 == 999 {
            let saved = told.plugin().save().expect("the state can be saved");
            told = build();
            told.plugin().load(&saved).expect("the state can be restored");
        }
        if renamed.is_some() || i % 1000 == 999 {
            let all = listening.renamed.into_iter().chain(renamed).collect();
            listening = Listening::of(told.plugin(), &inputs, all);
        }
    }
    let interest = build().plugin().listens();
    assert!(heard > 0 || interest == Interest::nothing(), "{who} listens, but is told nothing in this suite");
}

fn first_fill(time: Time, symbol: Symbol, price: Price) -> Fill {
    Fill {
        id: 1,
        order: OrderId(1),
        time,
        symbol,
        side: Side::Buy,
        quantity: "900".parse().expect("a quantity"),
        price,
        fee: Cash::ZERO,
        slippage_bps: 0.0,
    }
}
