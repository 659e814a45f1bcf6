//! Writes the report of a small strategy on the bundled sample: three ETFs, exposure scaled by the level of the VIX.
//!
//! `cargo run --release -p tradewind-report --example report_demo -- [FILE.html]` (default: `tradewind-report-demo.html` in the
//! folder for temporary files). Signals and sizes are made up to fill the page; prices, VIX and arithmetic are real.

use std::collections::BTreeMap;
use std::error::Error;

use tradewind_core_types::testkit::sample;
use tradewind_core_types::*;
use tradewind_numerics::coverage::Coverage;
use tradewind_report::*;

const ETF: &str = "etf23_close_2008_2016.csv.gz";
/// Strategy, symbol, weight at full exposure, whether it follows the trend.
const BOOK: [(&str, &str, f64, bool); 3] =
    [("us_core", "SPY", 0.45, false), ("bonds", "TLT", 0.40, false), ("world_trend", "EFA", 0.30, true)];

type Failure = Box<dyn Error>;

fn regime(vix: f64) -> (&'static str, u8, f64) {
    match vix {
        v if v < 15.0 => ("LOW", 0, 1.2),
        v if v < 25.0 => ("NORMAL", 1, 1.0),
        v if v < 35.0 => ("ELEVATED", 2, 0.7),
        _ => ("CRISIS", 3, 0.3),
    }
}

fn close_of(date: &str) -> Result<Time, BadInput> {
    Ok(date.parse::<Time>()?.plus(Span::from_secs(21 * 3600)))
}

/// Sessions on which everything has a price: date, the three closes, VIX.
fn sessions() -> Vec<(String, [f64; 3], f64)> {
    let of = |s: &str| sample(ETF, s, None).into_iter().collect::<BTreeMap<_, _>>();
    let prices = BOOK.map(|b| of(b.1));
    sample("vix_close_2014_2019.csv", "vix", None)
        .into_iter()
        .filter_map(|(d, vix)| {
            let [a, b, c] = &prices;
            Some((d.clone(), [*a.get(&d)?, *b.get(&d)?, *c.get(&d)?], vix))
        })
        .collect()
}

/// One strategy's wish, step by step.
fn decide(id: u64, now: Time, k: usize, history: &[[f64; 3]], vix: f64, drawdown: f64) -> Result<Decision, BadInput> {
    let (strategy, symbol, base, trend) = BOOK[k];
    let mut steps: Vec<Step> = Vec::new();
    let mut value = 0.0;
    let mut push = |stage, plugin, adjustment: Adjustment, value: &mut f64| {
        *value = adjustment.adjust.apply(*value);
        steps.push(Step { stage, plugin: Name::lit(plugin), adjustment, after: *value });
    };
    let last = history.len() - 1;
    let past = history[last.saturating_sub(126)][k];
    let momentum = history[last][k] / past - 1.0;
    let score = if trend { (momentum * 8.0).clamp(-1.0, 1.0) } else { 1.0 };
    let said = if trend { "six-month momentum" } else { "strategic holding" };
    push(
        Stage::Signal,
        if trend { "trend" } else { "hold" },
        Adjustment::new(Adjust::Set(score), said).with("momentum", momentum).with("score", score),
        &mut value,
    );
    if trend {
        let filtered = if score > 0.0 {
            Adjustment::new(Adjust::Keep, "trend is up")
        } else {
            Adjustment::new(Adjust::Veto, "no short positions & no trend < 0")
        };
        push(Stage::Filter, "fe_entropy", filtered.with("permutation_entropy", 0.87), &mut value);
    }
    push(
        Stage::Sizer,
        "base",
        Adjustment::new(Adjust::Scale(base), "base weight at full score").with("base", base),
        &mut value,
    );
    let (name, _, scale) = regime(vix);
    push(
        Stage::Overlay,
        "alpha_vix_regime",
        Adjustment::new(Adjust::Scale(scale), format!("{name} since this close"))
            .with("vix", vix)
            .with("multiplier", scale),
        &mut value,
    );
    let cut = if drawdown < 0.05 {
        1.0
    } else if drawdown < 0.09 {
        0.5
    } else {
        0.0
    };
    push(
        Stage::Overlay,
        "risk_drawdown_derisk",
        Adjustment::new(Adjust::Scale(cut), "by drawdown from the high-water mark").with("drawdown", drawdown),
        &mut value,
    );
    push(
        Stage::Allocator,
        "risk_var_budget",
        Adjustment::new(Adjust::Cap(0.5), "component VaR within its budget")
            .with("component_var", 0.019)
            .with("budget", 0.025),
        &mut value,
    );
    let rule = Step {
        stage: Stage::Rule,
        plugin: Name::lit("max_weight"),
        after: Adjust::Cap(0.48).apply(value),
        adjustment: Adjustment::new(Adjust::Cap(0.48), "no position above 48 % of equity"),
    };
    Ok(Decision {
        id,
        time: now,
        symbol: Symbol::new(symbol)?,
        contributions: vec![Contribution {
            strategy: StrategyId::new(strategy)?,
            signal_time: now,
            steps,
            ratio: 1.0,
            weight: value,
        }],
        weight: rule.after,
        rules: vec![rule],
        sizing: None,
        checks: vec![Step {
            stage: Stage::PreTrade,
            plugin: Name::lit("extra_bidask_filter"),
            after: 1.0,
            adjustment: Adjustment::new(Adjust::Keep, "spread within limit").with("spread_bps", 1.4),
        }],
        outcome: Outcome::NotTraded(String::new()),
    })
}

fn main() -> Result<(), Failure> {
    let rows = sessions();
    let history: Vec<[f64; 3]> = rows.iter().map(|r| r.1).collect();
    let lot = Quantity::from_f64(0.001)?;
    let mut data = ReportData::default();
    let (mut cash, mut held, mut cost) = (100_000.0, [0.0_f64; 3], [0.0_f64; 3]);
    let (mut paid, mut earned) = ([0.0_f64; 3], [0.0_f64; 3]);
    let mut variance = 2e-5_f64;
    let mut waiting: Vec<(usize, Decision)> = Vec::new();
    let mut pnl: [Vec<f64>; 3] = Default::default();
    let mut exposure = ExposureSeries::default();
    let mut var =
        VarSeries { method: "normal with EWMA volatility (0.94)".into(), level: 0.95, ..VarSeries::default() };
    let mut coverage = Coverage::default();
    let (mut before, mut spy, mut mix): (Option<u8>, Vec<f64>, Vec<f64>) = (None, vec![], vec![]);
    let (mut fills, mut decisions) = (0, 0);
    for (i, (date, prices, vix)) in rows.iter().enumerate() {
        let now = close_of(date)?;
        for (k, d) in waiting.drain(..) {
            let Some(s) = d.sizing else { continue };
            let delta = s.delta().to_f64();
            let slip = 0.8 + 2.5 * (vix / 40.0).powi(2) + if fills % 7 == 3 { -0.9 } else { 0.2 };
            let side = if delta > 0.0 { Side::Buy } else { Side::Sell };
            let price = prices[k] * (1.0 + delta.signum() * slip * 1e-4);
            let fee = (delta.abs() * 0.0035).max(0.35);
            let realised = (delta < 0.0).then(|| (price - cost[k] / held[k]) * -delta);
            cost[k] += if delta > 0.0 { delta * price } else { cost[k] / held[k] * delta };
            held[k] += delta;
            cash -= delta * price + fee;
            paid[k] += delta * price + fee;
            fills += 1;
            data.trades.push(TradeRow {
                fill: Fill {
                    id: fills,
                    order: OrderId(fills),
                    time: now,
                    symbol: d.symbol,
                    side,
                    quantity: s.delta().abs(),
                    price: Price::from_f64((price * 1e4).round() / 1e4)?,
                    fee: Cash::from_f64(fee)?.ceil_cents(),
                    slippage_bps: slip,
                },
                realised: realised.map(|r| Cash::from_f64((r * 100.0).round() / 100.0)).transpose()?,
                strategy: BOOK[k].0.into(),
                decision: Some(d.id),
            });
            data.decisions.push(Decision { outcome: Outcome::Ordered(OrderId(fills)), ..d });
        }
        let worth: Vec<f64> = held.iter().zip(prices).map(|(q, p)| q * p).collect();
        let equity = cash + worth.iter().sum::<f64>();
        if let Some(last) = data.equity.strategy.last() {
            let r: f64 = equity / last - 1.0;
            let forecast = (i > 30).then(|| 1.645 * variance.sqrt());
            if let Some(v) = forecast {
                coverage.push(-r > v);
            }
            var.forecast.push(forecast);
            variance = 0.94 * variance + 0.06 * r * r;
        } else {
            var.forecast.push(None);
        }
        // The mark is the highest equity of the last quarter, so that a cut ends some time.
        let recent = data.equity.strategy.iter().rev().take(63);
        let high = recent.copied().fold(equity, f64::max);
        for k in 0..3 {
            earned[k] = worth[k] - paid[k];
            pnl[k].push(earned[k]);
        }
        let gross = worth.iter().sum::<f64>() / equity;
        exposure.gross.push(gross);
        exposure.net.push(gross);
        data.equity.dates.push(Day::of(now));
        data.equity.strategy.push(equity);
        spy.push(prices[0]);
        let step = if i == 0 { 1.0 } else { 0.6 * prices[0] / history[i - 1][0] + 0.4 * prices[1] / history[i - 1][1] };
        mix.push(mix.last().unwrap_or(&100.0) * step);
        let (name, level, _) = regime(*vix);
        match data.regimes.last_mut() {
            Some(r) if r.level == level => r.to = Day::of(now),
            _ => data.regimes.push(Regime { from: Day::of(now), to: Day::of(now), name: name.into(), level }),
        }
        if i % 21 == 0 || before.is_some_and(|b| b != level) {
            for k in 0..3 {
                decisions += 1;
                let mut d = decide(decisions, now, k, &history[..=i], *vix, 1.0 - equity / high)?;
                let price = Price::from_f64(prices[k])?;
                let target = Sizing::quantity(d.weight, Cash::from_f64(equity)?, price, lot)?;
                let s = Sizing {
                    equity: Cash::from_f64(equity)?,
                    price,
                    price_time: now,
                    price_origin: Origin { source: 0, row: i as u32 + 1 },
                    lot,
                    target,
                    held: Quantity::from_f64(held[k])?.round_to_lot(lot),
                    working: Quantity::ZERO,
                };
                let change = s.delta().to_f64().abs() * prices[k] / equity;
                d.sizing = Some(s);
                if change > 0.02 {
                    waiting.push((k, d));
                } else {
                    data.not_taken_total += 1;
                    d.outcome = Outcome::NotTraded(format!(
                        "the change of {:.2} % of equity is within the dead band of 2 %",
                        100.0 * change
                    ));
                    let vetoed =
                        d.contributions.iter().flat_map(|c| &c.steps).any(|s| s.adjustment.adjust == Adjust::Veto);
                    if vetoed {
                        d.outcome = Outcome::NotTraded("vetoed by fe_entropy: no trend".into());
                    }
                    if vetoed || change > 0.012 {
                        data.not_taken.push(d);
                    }
                }
            }
        }
        before = Some(level);
    }
    var.kupiec_p = coverage.kupiec(0.05).map(|t| t.p_value);
    var.christoffersen_p = coverage.independence().map(|t| t.p_value);
    data.var = Some(var);
    data.exposure = Some(exposure);
    data.strategies = BOOK.iter().zip(pnl).map(|(b, pnl)| StrategyPnl { name: b.0.into(), pnl }).collect();
    data.equity.benchmarks =
        vec![Benchmark { name: "SPY".into(), values: spy }, Benchmark { name: "60/40".into(), values: mix }];
    let span = rows.first().zip(rows.last()).map(|(a, b)| a.0.clone()..=b.0.clone());
    let traded = sample(ETF, "SPY", None).iter().filter(|r| span.as_ref().is_some_and(|s| s.contains(&r.0))).count();
    let missing = (traded - rows.len()) as u64;
    data.warnings = vec![Warning {
        severity: Severity::Warning,
        message: "closes are not adjusted for dividends: returns of TLT are understated by its yield".into(),
        count: 1,
    }];
    if missing > 0 {
        let message = "sessions without a VIX are left out".into();
        data.warnings.push(Warning { severity: Severity::Note, message, count: missing });
    }
    data.meta = Meta {
        title: "Three ETFs under a volatility regime".into(),
        run_id: "7f3a91c2".into(),
        mode: "Backtest".into(),
        ledger_hash: "demonstration, no ledger".into(),
        generated_by: concat!("tradewind ", env!("CARGO_PKG_VERSION")).into(),
        config: [
            ("Universe", "SPY, TLT, EFA"),
            ("Decides", "at the close, monthly and on a change of regime"),
            ("Fills", "at the next close"),
            ("Starting cash", "$100,000"),
            ("Seed", "none: no randomness"),
        ]
        .map(|(k, v)| (k.into(), v.into()))
        .to_vec(),
        sources: vec![ETF.into()],
        ..Meta::default()
    };
    let path =
        std::env::args().nth(1).map_or_else(|| std::env::temp_dir().join("tradewind-report-demo.html"), Into::into);
    let html = render(&data);
    std::fs::write(&path, &html)?;
    println!(
        "{} sessions, {} fills, {} KiB: {}",
        data.equity.dates.len(),
        data.trades.len(),
        html.len() / 1024,
        path.display()
    );
    Ok(())
}
