//! Positions are worth the market's price, payouts are fills, and positions are kept under a new name.

use tradewind_core_types::*;
use tradewind_engine::builtin::{BaseSize, BuyAndHold, EveryTrade};
use tradewind_engine::{
    Backtest, Engine, EngineConfig, Exchange, ExchangeConfig, Named, OrderStyle, Pipeline, Recorder, Schedule,
    SessionRecord, Strategy,
};

use crate::common::*;

/// Equity at each close, and each fill with what it realised.
#[derive(Default)]
struct Books {
    equity: Vec<Cash>,
    fills: Vec<(Fill, Cash)>,
    orders: usize,
}

impl Recorder for Books {
    fn session(&mut self, s: &SessionRecord<'_>) -> Result<(), String> {
        self.equity.push(s.portfolio.equity());
        Ok(())
    }
    fn order(&mut self, _: &Order) -> Result<(), String> {
        self.orders += 1;
        Ok(())
    }
    fn report(&mut self, r: &OrderReport, realised: Cash) -> Result<(), String> {
        if let OrderReport::Filled(f) = r {
            self.fills.push((*f, realised));
        }
        Ok(())
    }
}

fn cash(s: &str) -> Cash {
    s.parse().unwrap()
}

fn ran(
    strategy: Strategy,
    config: EngineConfig,
    slippage_bps: f64,
    rows: &[(&str, MarketData)],
) -> (Backtest<Exchange>, Books) {
    let mut costs = free().costs;
    costs.slippage.bps = slippage_bps;
    let exchange = Exchange::new(ExchangeConfig { costs, ..free() }).unwrap();
    let pipeline = Pipeline { strategies: vec![strategy], ..Pipeline::default() };
    let mut run = Backtest::new(Engine::new(config, pipeline, cash("1000"), Time::MIN).unwrap(), exchange);
    let mut books = Books::default();
    for e in events(rows) {
        run.event(&e, &mut books).unwrap();
    }
    run.finish(&mut books).unwrap();
    run.engine().ledger().portfolio().reconcile().unwrap();
    (run, books)
}

#[test]
fn equity_at_a_close_is_at_the_close_and_not_at_the_price_of_the_fill() {
    let config = EngineConfig {
        schedule: Schedule::SessionClose,
        order_style: OrderStyle::MarketOnClose,
        ..EngineConfig::default()
    };
    let close = || ("", MarketData::SessionClose);
    let rows = [("A", bar(10.0)), close(), ("A", bar(20.0)), close(), ("A", bar(20.0)), close()];
    let (_, books) = ran(strategy("s", vec![(1, vec![("A", 1.0)], 0.5, None)]), config, 100.0, &rows);
    // 50 are bought for 20.2 and are worth 20: ten dollars are lost at once.
    assert_eq!(books.fills[0].0.price.to_string(), "20.2");
    assert_eq!(books.equity[..2], [cash("1000"), cash("990")]);
}

#[test]
fn a_delisting_pays_out_as_a_fill_without_an_order() {
    let gone = CorporateAction::Delisting { price: "8".parse().ok() };
    let rows = [("A", bar(10.0)), ("A", bar(10.0)), ("A", act(gone)), ("B", bar(1.0))];
    let (run, books) = ran(strategy("s", vec![(1, vec![("A", 1.0)], 0.5, None)]), on_signal(), 0.0, &rows);
    let (payout, realised) = books.fills[1];
    assert_eq!((books.fills.len(), books.orders), (2, 1));
    assert!(payout.is_payout() && !books.fills[0].0.is_payout());
    assert_eq!((payout.id, payout.side, payout.quantity.to_string()), (2, Side::Sell, "50".into()));
    assert_eq!((payout.price.to_string(), realised), ("8".into(), cash("-100")));
    assert_eq!((run.engine().ledger().portfolio().equity(), held(&run, "A")), (cash("900"), "0".into()));
}

#[test]
fn what_is_bought_and_held_is_held_under_its_new_name() {
    let renamed = act(CorporateAction::SymbolChange { to: symbol("C") });
    let rows = [("A", bar(10.0)), ("A", bar(10.0)), ("A", renamed), ("C", bar(10.0)), ("C", bar(10.0))];
    let hold = BuyAndHold::new(vec![(symbol("A"), 0.5)]);
    let strategy = Strategy::new(StrategyId::new("s").unwrap(), Box::new(hold));
    let (run, books) = ran(strategy, on_signal(), 0.0, &rows);
    assert_eq!((books.orders, held(&run, "C")), (1, "50".into()));
}

#[test]
fn orders_that_are_over_are_forgotten_though_no_session_ends() {
    let trade = |i: usize| {
        let price = Price::from_nanos(10_000_000_000 + (i as i64 % 7) * 10_000_000).unwrap();
        ("A", MarketData::Trade(Trade { price, size: "1000".parse().unwrap(), buyer: None }))
    };
    let rows: Vec<_> = (0..10_000).map(trade).collect();
    let sizers = vec![Named::of(Box::new(BaseSize(0.2)) as Box<dyn Sizer>)];
    let alpha = Strategy::new(StrategyId::new("s").unwrap(), Box::new(EveryTrade::default()));
    let config = EngineConfig { no_trade_band: 0.0, ..on_signal() };
    let (run, books) = ran(Strategy { sizers, ..alpha }, config, 0.0, &rows);
    assert!(books.orders > 9_000, "{}", books.orders);
    let remembered = run.engine().view().records.orders();
    assert!(remembered <= 4_097, "{remembered}");
}
