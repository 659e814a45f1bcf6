//! The page: a template whose slots are filled once.

use crate::data::ReportData;
use crate::derive::Derived;
use crate::text::{esc, plural, script_json};
use crate::{payload, sections};

const TEMPLATE: &str = include_str!("assets/report.html");
const CSS: &str = include_str!("assets/report.css");
const CHART: &str = include_str!("assets/chart.js");
const REPORT: &str = include_str!("assets/report.js");
const TRADES: &str = include_str!("assets/trades.js");

/// The report as one HTML page that needs nothing else.
///
/// Never fails: what is missing or does not fit together is left out and named in the page's section on data quality.
pub fn render(data: &ReportData) -> String {
    let d = Derived::of(data);
    let m = &data.meta;
    let title = if m.title.is_empty() { "Tradewind run" } else { &m.title };
    let slot = |name: &str| match name {
        "title" => esc(title),
        "css" => CSS.to_owned(),
        "chart_js" => CHART.to_owned(),
        "report_js" => REPORT.to_owned(),
        "trades_js" => TRADES.to_owned(),
        "eyebrow" => esc(&[m.mode.as_str(), m.run_id.as_str()]
            .into_iter()
            .filter(|s| !s.is_empty())
            .collect::<Vec<_>>()
            .join(" · ")),
        "period" => esc(&sections::period(&d)),
        "alert" => sections::alert(&d),
        "equity_note" => {
            let note = if d.benchmarks.is_empty() {
                "At the end of each session"
            } else {
                "Benchmarks start from the same equity"
            };
            note.to_owned()
        }
        "headline" => sections::headline_tiles(&d),
        "monthly" => sections::monthly(&d),
        "drawdowns" => sections::drawdown_table(&d),
        "statistics" => sections::statistics(data, &d),
        "strategies" => sections::strategy_table(data, &d),
        "ablation" => sections::ablation(data),
        "metrics" => sections::metrics(data),
        "artefacts" => sections::artefacts(data),
        "var_verdict" => sections::var_verdict(data, &d),
        "warnings" => sections::warnings(&d),
        "configuration" => sections::configuration(data),
        "conventions" => sections::conventions(data, &d),
        "window" => d.window.to_string(),
        "trade_count" => plural(data.trades.len() as u64, "fill"),
        "not_taken_count" => esc(&not_taken_count(data)),
        "chart_data" => script_json(&payload::charts(data, &d)),
        "trade_data" => script_json(&payload::trades(data)),
        // The tests make sure that the template has no other slot.
        _ => String::new(),
    };
    fill(TEMPLATE, slot)
}

fn not_taken_count(data: &ReportData) -> String {
    let shown = data.not_taken.len() as u64;
    let total = data.not_taken_total.max(shown);
    if total > shown { format!("{shown} of {}", plural(total, "decision")) } else { plural(shown, "decision") }
}

/// Fills `{{name}}` slots in one pass: what is filled in is never searched for slots again.
fn fill(template: &str, slot: impl Fn(&str) -> String) -> String {
    let mut out = String::with_capacity(1 << 17);
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        out.push_str(before);
        let (name, after) = after.split_once("}}").unwrap_or((after, ""));
        out.push_str(&slot(name.trim()));
        rest = after;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_filled_in_is_not_searched_again() {
        assert_eq!(fill("a{{x}}b{{y}}", |n| if n == "x" { "{{y}}".into() } else { "2".into() }), "a{{y}}b2");
    }
}
