//! A hash of all records of whole runs, in several configurations. A change of one is a change of trades, decisions or books: it is
//! pinned anew only together with the reason.

mod market;
mod projection;
mod stubs;

use tradewind_core_types::{Alpha, Event, StrategyId, Time};
use tradewind_engine::builtin::{
    BaseSize, BuyAndHold, CrossoverParams, EveryTrade, FeatureSignalParams, LimitsParams, OrderLimitsParams,
};
use tradewind_engine::{
    Backtest, Commission, Costs, Engine, EngineConfig, Exchange, ExchangeConfig, ExecutorParams, KillSwitchParams,
    Named, OnBadInput, OrderStyle, Pipeline, PositionParams, Rates, Schedule, Shorting, Slippage, Strategy,
};

use market::{sessions, symbol, with_actions};
use projection::Golden;
use stubs::{Moody, Stretch, Whim};

const PINNED: [(&str, &str); 13] = [
    ("on_close", "0deb1cf087eb5a2bfb85d0238c853d48eb6798498bb202cb4aaedda970b331c0"),
    ("on_open", "788e8812c3564f2f6d455731e07d16e14685381b29835bf7c8b4a8ba6dd83e2c"),
    ("on_signal", "f9b2cb10ceac013a24c8f0c0cc3288efc56d8b7bbe0fe365a1c03b327fc4f8ce"),
    ("actions_MarketOnClose", "6865714703f11d60bed6298564fb77d642be854869a86ecc9b5c51a200c401c1"),
    ("actions_MarketOnOpen", "030e2a56ae6739b6bc3f94d3d5cff1fe4c0a044affa868061050e7f64b9c885b"),
    ("actions_Market", "aa614fd45f8607a820913329db78c0b29c54e658e3a10b09402c104fd8756845"),
    ("actions_on_signal", "437a4138d051038017ad7c5fe0ca9edcc26ab6b99b4581dc5c76b2ec38c7812b"),
    ("rejects_cash", "a5db8dd612c8c696728ac6cc35f15db57b823cdf33395eb0435e3c0953567431"),
    ("rejects_margin", "f52fc748e2420fa52258372796c7a8ab247c050cd9ec1729da172a0f980afcd1"),
    ("pairs", "ca262d61dec0851af6937be30c02cf89307988ee40b59e560284cbec13a93f0e"),
    ("rules_SessionClose", "3ceaa6c1feaa40d9fbc6ece403d6088a248105b2c76f5921e494cf51a554f85f"),
    ("rules_Signal", "ae7330ebdaefdb7eea410d04aa8cd37b7ce191019c490923506a905c2e9e3bb6"),
    ("every_trade", "bea4a85ca906fb6e173b525b8da19425a15a4b445d21940d67957204b26624c6"),
];

/// Everything the engine is told, and everything it records.
fn drive(mut engine: Backtest<Exchange>, events: &[Event], to: &mut Golden) {
    for e in events {
        engine.event(e, to).unwrap();
    }
    engine.finish(to).unwrap();
    engine.engine().ledger().portfolio().reconcile().unwrap();
}

/// What a run must at least hold, so that its hash says something.
#[derive(Default)]
struct AtLeast {
    orders: usize,
    fills: usize,
    rejects: usize,
    cancels: usize,
    expiries: usize,
}

#[derive(Default)]
struct Setting {
    pipeline: Pipeline,
    config: EngineConfig,
    exchange: ExchangeConfig,
    /// The first session that trades.
    from: usize,
}

fn golden(name: &str, s: Setting, events: &[Event], least: AtLeast) {
    let from = if s.from == 0 { Time::MIN } else { Time::from_ymd(2015, 1, 5 + s.from as i8).unwrap() };
    let exchange = Exchange::new(s.exchange).unwrap();
    let engine = Engine::new(s.config, s.pipeline, "100000".parse().unwrap(), from).unwrap();
    let engine = Backtest::new(engine, exchange);
    let mut records = Golden::default();
    drive(engine, events, &mut records);
    let Golden { decisions, orders, accepted, fills, rejects, cancels, expiries, sessions, .. } = records;
    eprintln!(
        "{name}: {decisions} decisions, {orders} orders, {accepted} accepted, {fills} fills, {rejects} rejects, {cancels} cancels, \
         {expiries} expiries, {sessions} sessions"
    );
    let enough = [
        (orders, least.orders),
        (fills, least.fills),
        (rejects, least.rejects),
        (cancels, least.cancels),
        (expiries, least.expiries),
    ];
    assert!(enough.iter().all(|(is, least)| is >= least), "{name}: too little happens: {enough:?}");
    let pinned = PINNED.iter().find(|p| p.0 == name).map_or("", |p| p.1);
    records.check(name, env!("CARGO_TARGET_TMPDIR"), pinned);
}

fn strategy(name: &str, alpha: impl Alpha + 'static, base: f64) -> Strategy {
    Strategy {
        sizers: vec![Named::of(Box::new(BaseSize(base)))],
        ..Strategy::new(StrategyId::new(name).unwrap(), Box::new(alpha))
    }
}
fn whim(seed: u64) -> Whim {
    Whim { seed, every: 4.0, shorts: true, ..Whim::default() }
}
fn margin() -> ExchangeConfig {
    ExchangeConfig { leverage: 2.0, shorting: Shorting::All, ..ExchangeConfig::default() }
}
fn on_signal() -> EngineConfig {
    EngineConfig { schedule: Schedule::Signal, order_style: OrderStyle::Market, ..EngineConfig::default() }
}
fn order_limits(leverage: f64) -> OrderLimitsParams {
    OrderLimitsParams { buying_power: Some(leverage), ..OrderLimitsParams::default() }
}
fn limits() -> LimitsParams {
    LimitsParams { symbol: 0.35, gross: 0.9, ..LimitsParams::default() }
}

#[test]
fn on_close_with_overlay_and_limits() {
    let with_overlay = |s: Strategy| Strategy { overlays: vec![0], filters: vec![0], ..s };
    let pipeline = Pipeline {
        features: vec![Named::of(Box::new(Stretch::default()))],
        strategies: vec![
            with_overlay(strategy("trend", CrossoverParams { fast: 3, slow: 8 }.build().unwrap(), 0.3)),
            with_overlay(strategy("hold", BuyAndHold::new(vec![(symbol("SPY"), 1.0)]), 0.3)),
            strategy(
                "back",
                FeatureSignalParams {
                    symbols: market::TRADED.map(String::from).to_vec(),
                    feature: "stretch.{symbol}".into(),
                    full: -0.05,
                    enter: 0.01,
                    long_only: true,
                    ..FeatureSignalParams::default()
                }
                .build()
                .unwrap(),
                0.2,
            ),
        ],
        filters: vec![Named::of(Moody::new(1))],
        overlays: vec![Named::of(Moody::new(2))],
        limits: Some(limits().build().unwrap()),
        pretrade: vec![Named::of(Box::new(order_limits(1.0).build().unwrap()))],
        ..Pipeline::default()
    };
    let config = EngineConfig { rates: Rates { cash: 0.02, margin: 0.05, borrow: 0.01 }, ..EngineConfig::default() };
    let s = Setting { pipeline, config, from: 10, ..Setting::default() };
    let least = AtLeast { orders: 250, fills: 200, rejects: 0, cancels: 0, expiries: 3 };
    golden("on_close", s, &sessions(1, 90, false), least);
}

#[test]
fn on_open() {
    let pipeline = Pipeline {
        strategies: vec![strategy("a", whim(11), 0.2), strategy("b", whim(12), 0.3)],
        limits: Some(limits().build().unwrap()),
        ..Pipeline::default()
    };
    let config = EngineConfig {
        order_style: OrderStyle::MarketOnOpen,
        rates: Rates { cash: 0.01, margin: 0.05, borrow: 0.03 },
        lot: 1.0,
        ..EngineConfig::default()
    };
    let s = Setting { pipeline, config, exchange: margin(), ..Setting::default() };
    let least = AtLeast { orders: 200, fills: 200, rejects: 0, cancels: 0, expiries: 5 };
    golden("on_open", s, &sessions(2, 80, false), least);
}

#[test]
fn on_signal_at_the_next_price() {
    let pipeline = Pipeline {
        strategies: vec![
            strategy("a", Whim { every: 15.0, ends: true, refuses: true, ..whim(21) }, 0.2),
            strategy("b", Whim { every: 15.0, shorts: false, ..whim(22) }, 0.3),
        ],
        limits: Some(limits().build().unwrap()),
        pretrade: vec![Named::of(Moody::new(23)), Named::of(Box::new(order_limits(2.0).build().unwrap()))],
        ..Pipeline::default()
    };
    let config = EngineConfig { on_bad_input: OnBadInput::Skip, ..on_signal() };
    let s = Setting { pipeline, config, exchange: margin(), from: 3 };
    let least = AtLeast { orders: 300, fills: 250, rejects: 0, cancels: 5, expiries: 0 };
    golden("on_signal", s, &sessions(3, 40, true), least);
}

#[test]
fn splits_dividends_renames_halts_and_delistings() {
    let events = with_actions(sessions(4, 70, true));
    for order_style in [OrderStyle::MarketOnClose, OrderStyle::MarketOnOpen, OrderStyle::Market] {
        let pipeline = Pipeline {
            strategies: vec![
                strategy("a", Whim { every: 10.0, ..whim(31) }, 0.3),
                Strategy { managed: true, ..strategy("b", Whim { every: 20.0, ends: true, ..whim(32) }, 0.3) },
            ],
            ..Pipeline::default()
        };
        let config = EngineConfig { order_style, ..EngineConfig::default() };
        let s = Setting { pipeline, config, exchange: margin(), ..Setting::default() };
        let least = AtLeast { orders: 250, fills: 150, rejects: 10, cancels: 3, expiries: 0 };
        golden(&format!("actions_{order_style:?}"), s, &events, least);
    }
    let pipeline = Pipeline {
        strategies: vec![
            strategy("a", Whim { every: 25.0, ..whim(33) }, 0.3),
            strategy("pair", Whim { every: 60.0, leg: Some((symbol("AAA"), -0.5)), ..whim(34) }, 0.3),
        ],
        ..Pipeline::default()
    };
    let s = Setting { pipeline, config: on_signal(), exchange: margin(), ..Setting::default() };
    let least = AtLeast { orders: 250, fills: 150, rejects: 5, cancels: 5, expiries: 0 };
    golden("actions_on_signal", s, &events, least);
}

#[test]
fn rejects_and_partial_fills() {
    let slippage = Slippage { impact_bps: 20.0, max_participation: Some(0.1), ..Slippage::default() };
    let commission = Commission { per_share: 0.005, minimum: 1.0, ..Commission::default() };
    let exchange = |leverage, shorting| ExchangeConfig {
        costs: Costs { slippage: slippage.clone(), commission: commission.clone() },
        shorting,
        leverage,
    };
    let some = Shorting::Only(vec!["AAA".into(), "EEE".into()]);
    for (name, shorting, leverage) in [("cash", Shorting::None, 1.0), ("margin", some, 1.5)] {
        let pipeline = Pipeline {
            strategies: vec![
                strategy("a", Whim { every: 20.0, ..whim(41) }, 0.8),
                strategy("b", Whim { every: 20.0, ..whim(42) }, 0.5),
            ],
            ..Pipeline::default()
        };
        let config = EngineConfig {
            rates: Rates { cash: 0.02, margin: 0.06, borrow: 0.04 },
            no_trade_band: 0.02,
            min_notional: 100.0,
            ..on_signal()
        };
        let s = Setting { pipeline, config, exchange: exchange(leverage, shorting), ..Setting::default() };
        let least = AtLeast { orders: 150, fills: 200, rejects: 100, cancels: 5, expiries: 0 };
        golden(&format!("rejects_{name}"), s, &sessions(5, 40, true), least);
    }
}

#[test]
fn pairs_exits_and_places() {
    let pipeline = Pipeline {
        strategies: vec![
            Strategy {
                managed: true,
                ..strategy("pair", Whim { every: 40.0, leg: Some((symbol("SPY"), -0.6)), ..whim(51) }, 0.3)
            },
            Strategy {
                managed: true,
                discretionary: true,
                ..strategy("news", Whim { every: 12.0, ends: true, ..whim(52) }, 0.4)
            },
            Strategy { discretionary: true, ..strategy("rumour", Whim { every: 25.0, ..whim(53) }, 0.3) },
        ],
        limits: Some(LimitsParams { gross: 1.8, ..LimitsParams::default() }.build().unwrap()),
        ..Pipeline::default()
    };
    let config = EngineConfig {
        position: PositionParams {
            take_profit: Some(0.05),
            stop_loss: Some(0.03),
            trailing_stop: Some(0.02),
            max_age_sessions: Some(6),
            reentry_sessions: 2,
            ..PositionParams::default()
        },
        executor: ExecutorParams { max_positions: 3, max_weight: 0.25, margin: 0.1 },
        ..on_signal()
    };
    let s = Setting { pipeline, config, exchange: margin(), ..Setting::default() };
    let least = AtLeast { orders: 400, fills: 400, rejects: 0, cancels: 5, expiries: 0 };
    golden("pairs", s, &sessions(6, 50, true), least);
}

#[test]
fn allocators_rules_hedges_and_the_kill_switch() {
    for schedule in [Schedule::SessionClose, Schedule::Signal] {
        let signal = schedule == Schedule::Signal;
        let pipeline = Pipeline {
            strategies: vec![
                Strategy {
                    sizers: vec![Named::of(Moody::new(60)), Named::of(Box::new(BaseSize(0.25)))],
                    ..strategy("a", Whim { every: 15.0, ..whim(61) }, 0.0)
                },
                strategy("bb", Whim { every: 15.0, shorts: false, ..whim(62) }, 0.3),
            ],
            allocators: if signal { vec![] } else { vec![Named::of(Moody::new(63))] },
            rules: vec![
                Named::of(Box::new(Moody { hedge: true, ..*Moody::new(64) })),
                Named::of(Box::new(Moody { decay: true, ..*Moody::new(65) })),
                Named::of(Moody::new(66)),
            ],
            limits: Some(
                LimitsParams {
                    symbol: 0.4,
                    gross: 1.2,
                    net: Some(0.6),
                    sector: Some(0.5),
                    sectors: [("one".to_owned(), vec!["AAA".to_owned(), "BBB".to_owned()])].into(),
                    ..LimitsParams::default()
                }
                .build()
                .unwrap(),
            ),
            ..Pipeline::default()
        };
        let config = EngineConfig {
            schedule,
            order_style: OrderStyle::Market,
            kill_switch: KillSwitchParams {
                reduce_drawdown: Some(0.04),
                resume_drawdown: 0.03,
                halt_drawdown: Some(0.25),
                flatten: true,
                ..KillSwitchParams::default()
            },
            ..EngineConfig::default()
        };
        let s = Setting { pipeline, config, exchange: margin(), ..Setting::default() };
        let least = AtLeast { orders: 100, fills: 100, rejects: 0, cancels: 0, expiries: 0 };
        golden(&format!("rules_{schedule:?}"), s, &sessions(7, 60, true), least);
    }
}

#[test]
fn an_order_on_every_trade() {
    let pipeline = Pipeline { strategies: vec![strategy("s", EveryTrade::default(), 0.3)], ..Pipeline::default() };
    let s = Setting { pipeline, config: on_signal(), ..Setting::default() };
    // The alpha alternates whatever the symbol.
    let events: Vec<Event> =
        sessions(8, 90, true).into_iter().filter(|e| e.symbol.is_none_or(|s| s == symbol("AAA"))).collect();
    let least = AtLeast { orders: 300, fills: 300, rejects: 0, cancels: 0, expiries: 0 };
    golden("every_trade", s, &events, least);
}
