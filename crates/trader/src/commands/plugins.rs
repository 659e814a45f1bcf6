//! `trader plugins`.

use std::fmt::Write;

use serde_json::{Value, json};
use tradewind_core_types::PluginInfo;

use super::{say, say_json};
use crate::catalogue;
use crate::error::Failure;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// One plugin, in full.
    id: Option<String>,
    /// Print as JSON, with JSON Schemas of the parameters.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(a: &Args) -> Result<(), Failure> {
    match &a.id {
        None if a.json => say_json(&catalogue::all().map(|(c, p)| entry(c, p)).collect::<Vec<_>>()),
        None => {
            let mut out = String::new();
            for (krate, p) in catalogue::all() {
                let _ = writeln!(out, "{:<26} {:<9} {:<28} {}", p.id, krate, roles(p), p.summary);
            }
            say(&out)
        }
        Some(id) => {
            let info = catalogue::find(id).map_err(Failure::Usage)?;
            let krate = catalogue::all().find(|(_, p)| p.id == info.id).map_or("", |x| x.0);
            if a.json { say_json(&entry(krate, info)) } else { say(&describe(krate, info)) }
        }
    }
}

fn roles(p: &PluginInfo) -> String {
    p.uses().join(", ")
}

fn entry(krate: &str, p: &PluginInfo) -> Value {
    let (inputs, outputs) = p.columns.map(|c| c()).unwrap_or_default();
    json!({
        "id": p.id,
        "crate": krate,
        "batch": p.batch,
        "summary": p.summary,
        "source": p.source,
        "roles": p.uses(),
        "inputs": inputs,
        "outputs": outputs,
        "defaults": (p.defaults)(),
        "parameters": (p.schema)(),
    })
}

fn describe(krate: &str, p: &PluginInfo) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "{}  ({krate}, batch {})\n{}\n", p.id, p.batch, p.summary);
    let _ = writeln!(out, "roles    {}", roles(p));
    if let Some(columns) = p.columns {
        let (inputs, outputs) = columns();
        let _ = writeln!(out, "inputs   {}\noutputs  {}", inputs.join(", "), outputs.join(", "));
    }
    let _ = writeln!(out, "source   {}\n\nparameters", p.source);
    let schema = (p.schema)();
    let properties = schema.get("properties").and_then(Value::as_object).cloned().unwrap_or_default();
    if let Value::Object(defaults) = (p.defaults)() {
        for (name, default) in defaults {
            let text =
                properties.get(&name).and_then(|s| s.get("description")).and_then(Value::as_str).unwrap_or_default();
            let _ = writeln!(out, "  {:<20} {:<18} {}", name, default.to_string(), text.replace('\n', " "));
        }
    }
    out
}
