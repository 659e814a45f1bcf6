//! How a run of rating actions becomes a score and fades. The actions are made up, the words are those brokers use:
//! `cargo run --release -p tradewind-alpha --example alpha_analyst_revisions`.

use tradewind_alpha::plugins::alpha_analyst_revisions::{AlphaAnalystRevisionsIn, AlphaAnalystRevisionsParams};
use tradewind_core_types::{Online, Params};
use tradewind_numerics::math;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let actions = [
        ("2026-01-05T12:00:00Z", "Morgan Stanley", "Overweight", "Equal-Weight", Some(240.0), Some(210.0)),
        ("2026-01-05T15:30:00Z", "Morgan Stanley", "overweight", "Equal-Weight", Some(240.0), None),
        ("2026-01-07T21:30:00Z", "B of A Securities", "Buy", "Neutral", Some(250.0), Some(215.0)),
        ("2026-01-12T13:00:00Z", "Bank of America", "Buy", "", Some(255.0), None),
        ("2026-02-02T13:00:00Z", "J.P. Morgan", "Underweight", "Neutral", Some(180.0), Some(220.0)),
        ("2026-02-20T13:00:00Z", "Needham & Co.", "Franchise Pick", "", None, None),
        ("2026-04-15T13:00:00Z", "UBS", "Sell", "Buy", Some(170.0), Some(230.0)),
    ];
    let mut revisions = AlphaAnalystRevisionsParams::default().build()?;
    println!("date        firm               words            taken for        net  breadth  targets  confidence");
    for (time, firm, grade, previous, target, previous_target) in actions {
        let row = AlphaAnalystRevisionsIn {
            time: time.parse()?,
            firm: firm.into(),
            grade: Some(grade.into()),
            previous: Some(previous.into()),
            target,
            previous_target,
        };
        let Some(o) = revisions.update(&row)? else { continue };
        println!(
            "{}  {firm:17}  {grade:15}  {:12} {:+7.3}  {:>7}  {:>7}  {:10.3}",
            &time[..10],
            format!("{:?}", o.action),
            o.net,
            o.breadth.map_or("-".into(), |b| format!("{b:+.2}")),
            o.target_revision.map_or("-".into(), |t| format!("{:+.1}%", 100.0 * math::exp_m1(t))),
            o.confidence
        );
    }
    println!("{}", revisions.summary());
    Ok(())
}
