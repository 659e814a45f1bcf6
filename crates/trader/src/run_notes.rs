//! What to tell of a run in which something did nothing: dates that do not meet, strategies that say nothing, orders that never fill.

use jiff::civil::Date;
use tradewind_core_types::Role;
use tradewind_data::Calendar;
use tradewind_engine::{Backtest, Exchange, OrderStyle};

use crate::compose;
use crate::config::Config;
use crate::dataset::Dataset;
use crate::keeper::Keeper;

/// How many sessions lie from one date to another, both counted.
fn sessions(from: Date, to: Date) -> usize {
    Calendar::us_equities().sessions(from, to).len()
}

/// Dates of the run, its warm-up and its data that do not meet.
pub fn dates(config: &Config, data: &Dataset) -> Vec<String> {
    let mut out = Vec::new();
    let run = &config.run;
    let Some((first, last)) = data.priced() else { return out };
    let before = |d: Date| d.yesterday().unwrap_or(d);
    let missing = sessions(run.from, before(first));
    if missing > 0 {
        out.push(format!(
            "run.from is {}, and the first price of what can be traded is of {first}: the run begins there, and {missing} sessions before it count \
             in no figure",
            run.from
        ));
    }
    if let (Some(warm), Some(known)) = (run.warmup_from, data.known_from()) {
        let missing = sessions(warm, before(known.min(run.from)));
        if missing > 0 {
            out.push(format!(
                "run.warmup_from is {warm}, and the data begin on {known}: {missing} sessions of the warm-up have no data"
            ));
        }
    }
    let after = sessions(last.tomorrow().unwrap_or(last), run.to);
    if after > 0 {
        out.push(format!(
            "run.to is {}, and the last price of what can be traded is of {last}: the {after} sessions after it are flat and count in every \
             figure; set run.to = \"{last}\", or give data up to its end",
            run.to
        ));
    }
    out
}

/// Parts of a run that did nothing, and what to do.
pub fn idle(config: &Config, data: &Dataset, run: &Backtest<Exchange>, keeper: &Keeper) -> Vec<String> {
    let mut out = Vec::new();
    let longest =
        data.longest().map_or_else(String::new, |n| format!("; the longest series of the data has {n} prices"));
    for (name, p) in &config.feature {
        let Ok(feature) = compose::built(Role::Feature, name, p, |info| info.feature) else { continue };
        let published = feature.outputs();
        if !published.is_empty() && published.iter().all(|o| run.engine().view().features.get(o.id).is_none()) {
            out.push(format!(
                "feature.{name} ({}) published no value: it was never warm, or saw nothing that it follows{longest}. Give it more data (an \
                 earlier run.warmup_from), shorter windows, or symbols of the data",
                p.plugin
            ));
        }
    }
    for (name, s) in &config.strategy {
        if !keeper.signalled.iter().any(|id| id.as_str() == name) {
            let plugin = config.alpha.get(&s.alpha).map_or("", |p| p.plugin.as_str());
            out.push(format!(
                "strategy.{name} never had a signal: its alpha {} ({plugin}) was never warm, saw nothing that it follows, or its condition never \
                 held{longest}. Give it more data (an earlier run.warmup_from), shorter windows, or symbols of the data",
                s.alpha
            ));
        }
    }
    let (sent, style) = (keeper.orders.len(), config.engine.order_style);
    let openless = if style == OrderStyle::MarketOnOpen { data.without_opens() } else { Vec::new() };
    if !openless.is_empty() {
        out.push(format!(
            "engine.order_style is \"market_on_open\", and bars of {} have no open, so that every order on them expires: map the column \
             (columns.open), or use another order style",
            openless.join(", ")
        ));
    }
    if sent > 0 && keeper.ordered_fills().next().is_none() {
        let working = sent as u64 - keeper.ended.values().sum::<u64>().min(sent as u64);
        let ended = keeper.ended.iter().map(|(what, n)| (*what, *n)).chain([("still working", working)]);
        let ended: Vec<String> = ended.filter(|e| e.1 > 0).map(|(what, n)| format!("{n} {what}")).collect();
        out.push(format!(
            "none of {sent} orders was filled ({}): `trader explain RUN 1` shows the first; order style, data after the decision and cash \
             are what to look at",
            ended.join(", ")
        ));
    }
    out
}
