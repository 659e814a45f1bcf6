//! What every machine must compute alike, to the last bit: hashes of the embedded scenarios' runs and of every plugin's answers.

use jiff::ToSpan;
use rayon::prelude::*;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use tradewind_core_types::{Cash, Cell, Decision, Event, MarketData, PluginInfo, Probe, Span, Symbol, Time};
use tradewind_engine::{Recorder, SessionRecord};

use crate::check::{Rng, answers};
use crate::config::SCENARIOS;
use crate::dataset::Dataset;
use crate::error::Failure;
use crate::keeper::Keeper;
use crate::{Config, catalogue, compose, run, schema};

/// How much is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// The scenarios as they are. Each plugin on 500 sessions and 1,500 rows: with its defaults, with the scenarios' parameters, and with each switch
    /// turned and each word replaced in turn.
    Full,
    /// 60 days of the scenarios. Each plugin on 300 sessions and 700 rows: with its defaults and the scenarios' parameters.
    Short,
}

impl Extent {
    fn pick<T>(self, full: T, short: T) -> T {
        if self == Self::Full { full } else { short }
    }
}

/// What was computed, and the hash of it, in a fixed order.
pub type Hashes = Vec<(String, String)>;

/// Computes everything.
///
/// # Errors
/// Whatever stops a run.
pub fn all(extent: Extent) -> Result<Hashes, Failure> {
    let mut out = Hashes::new();
    let mut scenes = Vec::new();
    for (name, _) in SCENARIOS {
        let mut config = Config::scenario(name, &["report.ablation=false".into()])?;
        if extent == Extent::Short {
            let end = config.run.from.saturating_add(60.days());
            config.run.to = config.run.to.min(end);
        }
        let data = Dataset::load(&config)?;
        out.extend(scenario(name, &config, &data)?);
        scenes.push(Scene::new(config, &data, extent)?);
    }
    let rows = extent.pick(1500, 700);
    let plugins: Vec<&PluginInfo> = catalogue::all().map(|(_, info)| info).collect();
    let said: Vec<(String, String)> = plugins
        .par_iter()
        .map(|info| {
            let mut digest = Sha256::new();
            let mut count = 0;
            for (params, scene) in settings(info, &scenes, extent) {
                count += ask(info, &params, scene, &mut digest)?;
                count += tabulate(info, &params, rows, &mut digest);
            }
            Ok((format!("{} ({count} answers)", info.id), hex(digest)))
        })
        .collect::<Result<_, Failure>>()?;
    out.extend(said);
    Ok(out)
}

fn hex(digest: Sha256) -> String {
    digest.finalize().iter().map(|b| format!("{b:02x}")).collect()
}

/// Hashes of a run: its ledger, its decisions with everything charted, its summary.
fn scenario(name: &str, config: &Config, data: &Dataset) -> Result<Hashes, Failure> {
    let (mut engine, mut heard) = (compose::engine(config)?, Heard::default());
    run::drive(&mut engine, data, &mut heard)?;
    let summary = run::execute(config, data, &mut Keeper::default())?;
    let text = serde_json::to_vec(&summary).map_err(|e| Failure::Run(e.to_string()))?;
    Ok(vec![
        (format!("{name}: ledger"), engine.engine().ledger().hash().to_string()),
        (format!("{name}: decisions"), hex(heard.0)),
        (format!("{name}: summary"), hex(Sha256::new().chain_update(text))),
    ])
}

/// Hashes what a run decides and charts.
#[derive(Default)]
struct Heard(Sha256);

impl Recorder for Heard {
    fn decision(&mut self, d: &Decision) -> Result<(), String> {
        self.0.update(serde_json::to_vec(d).map_err(|e| e.to_string())?);
        Ok(())
    }
    fn session(&mut self, s: &SessionRecord<'_>) -> Result<(), String> {
        self.0.update(format!("{:?} {:?}", s.metrics, s.portfolio.equity()));
        Ok(())
    }
}

/// The beginning of a scenario's data, to show to plugins, and what it says of their parameters.
struct Scene {
    config: Config,
    events: Vec<Event>,
    symbols: Vec<Symbol>,
}

impl Scene {
    fn new(config: Config, data: &Dataset, extent: Extent) -> Result<Self, Failure> {
        let mut events = data.events()?;
        let mut closes = events.iter().enumerate().filter(|(_, e)| matches!(e.data, MarketData::SessionClose));
        if let Some((last, _)) = closes.nth(extent.pick(500, 300)) {
            events.truncate(last);
        }
        let mut symbols: Vec<Symbol> = events.iter().filter(|e| e.mark().is_some()).filter_map(|e| e.symbol).collect();
        symbols.sort();
        symbols.dedup();
        symbols.truncate(4);
        Ok(Self { config, events, symbols })
    }
}

/// The parameters to try, each with the data to try them on.
fn settings<'a>(info: &PluginInfo, scenes: &'a [Scene], extent: Extent) -> Vec<(Value, &'a Scene)> {
    let defaults = (info.defaults)();
    let mut out = Vec::new();
    for scene in scenes {
        out.push((defaults.clone(), scene));
        let used = scene.config.roles().flat_map(|(_, plugins)| plugins.values());
        out.extend(used.filter(|p| p.plugin == info.id).map(|p| (Value::Object(p.params.clone()), scene)));
    }
    if let (Extent::Full, Some(first)) = (extent, scenes.first()) {
        let variations = choices(&(info.schema)().to_value(), defaults.as_object().unwrap_or(&Map::new()));
        out.extend(variations.into_iter().filter(|v| (info.check)(v).is_ok()).map(|v| (v, first)));
    }
    out
}

/// The defaults with one switch turned, or one word replaced by another that the schema allows.
fn choices(schema: &Value, defaults: &Map<String, Value>) -> Vec<Value> {
    let mut out = Vec::new();
    for (key, value) in defaults {
        let mut others: Vec<Value> = match value {
            Value::Bool(b) => vec![Value::Bool(!b)],
            _ => schema["properties"]
                .get(key)
                .map(|p| schema::literals(schema, p))
                .unwrap_or_default()
                .into_iter()
                .map(Value::String)
                .collect(),
        };
        others.retain(|other| other != value);
        for other in others {
            let mut changed = defaults.clone();
            changed.insert(key.clone(), other);
            out.push(Value::Object(changed));
        }
    }
    out
}

/// Hashes what each role of a plugin says of the scene; gives how many answers there were. A refusal is hashed, too: of events, or of
/// parameters that one of the roles cannot have.
fn ask(info: &PluginInfo, params: &Value, scene: &Scene, digest: &mut Sha256) -> Result<usize, Failure> {
    let cash = Cash::from_f64(scene.config.run.cash).map_err(|e| Failure::Usage(e.to_string()))?;
    let roles = Probe::all(info, params).unwrap_or_else(|why| {
        digest.update(why.to_string());
        Vec::new()
    });
    let mut count = 0;
    for role in roles {
        match answers(role, &scene.events, &scene.symbols, cash, Time::MAX) {
            Ok(said) => {
                count += said.len();
                said.last().iter().for_each(|(_, hash)| digest.update(hash));
            }
            Err(why) => digest.update(why),
        }
    }
    Ok(count)
}

/// Hashes what a plugin makes of a table of `rows` made-up rows; gives how many it answered.
fn tabulate(info: &PluginInfo, params: &Value, rows: usize, digest: &mut Sha256) -> usize {
    let Some(Ok(mut table)) = info.table.map(|build| build(params)) else { return 0 };
    let columns: Vec<&'static str> = table.inputs().iter().map(|c| c.name).collect();
    let mut rng = Rng(rows as u64);
    let mut levels = vec![100.0; columns.len()];
    let mut time = Time::from_nanos(1_388_674_800_000_000_000);
    let (mut out, mut count) = (Vec::new(), 0);
    for i in 0..rows {
        time = time.plus(Span::from_days(1));
        let row: Vec<Cell> =
            columns.iter().zip(&mut levels).map(|(name, level)| cell(name, i, time, level, &mut rng)).collect();
        match table.update(&row, &mut out) {
            Ok(()) => {
                count += usize::from(!out.is_empty());
                digest.update(format!("{out:?}"));
            }
            Err(why) => digest.update(why.to_string()),
        }
    }
    digest.update(table.summary().to_string());
    count
}

/// A cell as its column's name asks for it: a time, a word, a return, a probability, or a level that wanders by 1 % a row. Only additions and
/// multiplications: the inputs themselves are the same everywhere.
fn cell(name: &str, row: usize, time: Time, level: &mut f64, rng: &mut Rng) -> Cell {
    let uniform = rng.below(1 << 40) as f64 / (1_u64 << 40) as f64;
    let step = 0.02 * (uniform - 0.5) * if row % 200 < 40 { 3.0 } else { 1.0 };
    match name {
        "time" => Cell::Str(time.to_string()),
        "symbol" | "firm" => Cell::Str(format!("N{}", rng.below(3))),
        "grade" | "previous" => Cell::Str(["Buy", "Hold", "Sell"][rng.below(3) as usize].to_owned()),
        "headlines" => Cell::Str(["Profit jumps", "Loss widens", "Shares unchanged"][rng.below(3) as usize].to_owned()),
        "side" => Cell::I64(2 * rng.below(2) as i64 - 1),
        "ret" | "flow" | "signal" | "forward" | "portfolio" | "benchmark" | "asset" | "market" | "sentiment" => {
            Cell::F64(step)
        }
        "probability" | "dispersion" | "volatility" => Cell::F64(0.1 + 0.8 * uniform),
        "day" => Cell::F64(row as f64),
        "interest" => Cell::F64((100.0 * uniform).round()),
        "high" => Cell::F64(1000.0),
        "low" => Cell::F64(1.0),
        _ => {
            *level *= 1.0 + step;
            Cell::F64(*level)
        }
    }
}
