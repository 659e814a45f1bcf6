//! One role of a plugin, asked its question after every event: for conformance suites and for proofs of causality.

use std::fmt::Write;

use crate::{
    Adjustment, BadInput, Cash, Event, FeatureValues, Fill, Hears, LedgerHash, Market, Metrics, Order, OrderId,
    OrderKind, OrderReport, Outbox, Outgoing, Probe, Proposal, Quantity, Record, SessionRecord, Side, Signal, Signals,
    StrategyId, StrategyRecords, Symbol, Time, TimeInForce, View, approve,
};

/// The strategy whose signals filters and sizers are asked about.
const STRATEGY: &str = "probe";

/// The signal they are asked about.
fn asked(now: Time, symbol: Symbol) -> Result<Signal, BadInput> {
    Signal::new(now, symbol, 0.5, 0.8, "probe")
}

/// Tells records that the signals stand which probes ask about.
///
/// # Errors
/// None in practice: name and signals are good ones.
pub fn stand(records: &mut StrategyRecords, symbols: &[Symbol], market: &Market, now: Time) -> Result<(), BadInput> {
    let strategy = StrategyId::new(STRATEGY)?;
    let signals = symbols.iter().map(|s| asked(now, *s)).collect::<Result<Vec<_>, _>>()?;
    records.stand(signals.iter().map(|s| (strategy, s)), market, now);
    Ok(())
}

impl Probe {
    /// Empty records of what the plugin follows, of the strategy whose signals it is asked about. The caller shows them each event before
    /// the plugin sees it, and after a session close what stands, by [`stand`].
    ///
    /// # Errors
    /// None in practice: the strategy's name is a good one.
    pub fn records(&mut self) -> Result<StrategyRecords, BadInput> {
        let mut records = StrategyRecords::default();
        let plugin = self.plugin();
        plugin.serve(StrategyId::new(STRATEGY)?);
        records.follow(plugin.follows());
        Ok(records)
    }

    /// Shows one event and gives the answers as text, floats to the last bit. Features and alphas answer by themselves; the other
    /// roles are asked when `ask` says so.
    ///
    /// # Errors
    /// When the plugin cannot use the event, or an answer breaks its role's contract.
    pub fn step(
        &mut self,
        e: &Event,
        view: &View<'_>,
        features: &mut FeatureValues,
        symbols: &[Symbol],
        ask: bool,
    ) -> Result<String, BadInput> {
        let mut text = String::new();
        let say = |text: &mut String, a: &dyn std::fmt::Debug| {
            // Writing to a string cannot fail.
            let _ = write!(text, "{a:?};");
        };
        match self {
            Self::Feature(p) => {
                let mut own = FeatureValues::default();
                p.on_event(e, view, &mut own)?;
                own.iter().for_each(|v| say(&mut text, &v));
                own.move_into(features);
            }
            Self::Alpha(p) => {
                let mut out = Signals::new();
                p.on_event(e, view, &mut out)?;
                for s in &out {
                    let fine =
                        (-1.0..=1.0).contains(&s.score) && (0.0..=1.0).contains(&s.confidence) && s.time <= view.now;
                    if !fine {
                        return Err(BadInput::new(
                            "signal",
                            format!("{s:?}"),
                            "score and confidence in range, not from the future",
                        ));
                    }
                    say(&mut text, s);
                }
            }
            other => {
                other.plugin().observe(e, view)?;
                if ask {
                    text = other.answers(view, symbols)?;
                }
            }
        }
        Ok(text)
    }

    /// The answers of a role that is asked, as text, without showing it an event. Features and alphas have none.
    ///
    /// # Errors
    /// When an answer breaks its role's contract.
    pub fn answers(&mut self, view: &View<'_>, symbols: &[Symbol]) -> Result<String, BadInput> {
        let mut text = self.beside(view, symbols)?;
        for a in self.ask(view, symbols)? {
            if !a.adjust.is_finite() {
                return Err(BadInput::new("adjustment", format!("{a:?}"), "a finite number"));
            }
            // Writing to a string cannot fail.
            let _ = write!(text, "{a:?};");
        }
        Ok(text)
    }

    /// What the roles around orders and runs do at an instant, as text: each is given what it would be given of one order and its fill in each symbol.
    fn beside(&mut self, view: &View<'_>, symbols: &[Symbol]) -> Result<String, BadInput> {
        let mut text = String::new();
        let mut say = |a: &dyn std::fmt::Debug| text.push_str(&format!("{a:?};"));
        let one = Quantity::from_f64(1.0)?;
        let orders = (1..).zip(symbols).map(|(i, s)| probe_order(OrderId(i), *s, one, view));
        match self {
            Self::PreTrade(p) => {
                for o in orders {
                    let (verdict, a) = p.check(&o, view);
                    if !a.adjust.is_finite() {
                        return Err(BadInput::new("adjustment", format!("{a:?}"), "a finite number"));
                    }
                    say(&(verdict, a));
                }
            }
            Self::Execution(p) => {
                let approved = orders.filter_map(|o| approve(o, [], view, &mut Vec::new()).ok()).collect();
                let mut out = Outbox::default();
                p.schedule(approved, view, &mut out);
                if p.wakeup().is_some_and(|t| t <= view.now) {
                    p.due(view, &mut out);
                }
                say(&(out, p.wakeup()));
            }
            Self::Observer(p) => {
                for o in orders {
                    let price = view.market.price(o.symbol);
                    p.on_record(&Record::Order(&o), view)?;
                    if let Some(price) = price {
                        let fill = Fill {
                            id: o.id.0,
                            order: o.id,
                            time: view.now,
                            symbol: o.symbol,
                            side: o.side,
                            quantity: o.quantity,
                            price,
                            fee: Cash::ZERO,
                            slippage_bps: 1.0,
                        };
                        p.on_record(&Record::Report(&OrderReport::Filled(fill), Cash::ZERO), view)?;
                    }
                }
                let hash = LedgerHash::default();
                let session = SessionRecord {
                    time: view.now,
                    portfolio: view.portfolio,
                    metrics: &[],
                    hash,
                    profits: &[],
                    unassigned: Cash::ZERO,
                };
                p.on_record(&Record::Session(session), view)?;
                let mut metrics = Metrics::new();
                p.metrics(&mut metrics);
                for a in p.artefacts() {
                    // Contents grow with the run: their ends say what is new.
                    let end = a.content.lines().next_back().unwrap_or_default();
                    say(&(&a.name, a.kind, a.content.len(), end));
                }
                say(&metrics);
            }
            Self::Service(p) => {
                let mut out = Vec::new();
                if p.wakeup().is_some_and(|t| t <= view.now) {
                    p.tick(view, &mut out)?;
                }
                let hears = p.hears();
                for o in orders {
                    if hears >= Hears::Records {
                        p.on_outgoing(&Outgoing::Record(Record::Order(&o)), view, &mut out)?;
                    }
                    if hears == Hears::Everything {
                        p.on_outgoing(&Outgoing::Submit(&o), view, &mut out)?;
                    }
                }
                say(&(out, p.wakeup()));
            }
            _ => {}
        }
        Ok(text)
    }

    fn ask(&mut self, view: &View<'_>, symbols: &[Symbol]) -> Result<Vec<Adjustment>, BadInput> {
        let signal = |s: &Symbol| asked(view.now, *s);
        let strategy = StrategyId::new(STRATEGY)?;
        Ok(match self {
            Self::Filter(p) => {
                symbols.iter().map(|s| Ok(p.filter(strategy, &signal(s)?, view))).collect::<Result<_, BadInput>>()?
            }
            Self::Sizer(p) => {
                symbols.iter().map(|s| Ok(p.size(strategy, &signal(s)?, view))).collect::<Result<_, BadInput>>()?
            }
            Self::Overlay(p) => symbols.iter().map(|s| p.exposure(*s, view)).collect(),
            Self::Allocator(p) => {
                let mut sorted = symbols.to_vec();
                sorted.sort();
                let mut proposals = Vec::new();
                for s in &sorted {
                    proposals.push(Proposal {
                        strategy: StrategyId::new(&format!("only_{}", proposals.len()))?,
                        weights: vec![(*s, 0.9)],
                    });
                }
                proposals.push(Proposal {
                    strategy: StrategyId::new("all")?,
                    weights: sorted.iter().map(|s| (*s, 0.3)).collect(),
                });
                let given = p.allocate(&proposals, view);
                if given.len() != proposals.len() {
                    return Err(BadInput::new(
                        "allocations",
                        given.len().to_string(),
                        format!("{}, one per proposal", proposals.len()),
                    ));
                }
                given
            }
            Self::Rule(p) => {
                let mut targets: Vec<(Symbol, f64)> = symbols.iter().map(|s| (*s, 0.9)).collect();
                targets.sort_by_key(|t| t.0);
                p.apply(&targets, view).into_iter().map(|s| s.adjustment).collect()
            }
            Self::Feature(_)
            | Self::Alpha(_)
            | Self::PreTrade(_)
            | Self::Execution(_)
            | Self::Observer(_)
            | Self::Service(_) => Vec::new(),
        })
    }
}

/// An order to be asked about: one share, bought at the market.
fn probe_order(id: OrderId, symbol: Symbol, quantity: Quantity, view: &View<'_>) -> Order {
    Order {
        id,
        decision: id.0,
        time: view.now,
        symbol,
        side: Side::Buy,
        quantity,
        kind: OrderKind::Market,
        tif: TimeInForce::Gtc,
    }
}
