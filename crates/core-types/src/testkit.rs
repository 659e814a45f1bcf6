//! The conformance suite every plugin runs, and the data it runs on. Behind the feature `testkit`.
//!
//! Every check panics with a message, as tests do.

mod routing;

use serde_json::{Map, Value};

use crate::*;

pub use routing::{every_kind, listens_suite, one_of_each};

/// A small seeded generator (SplitMix64), so that test data need no dependency.
#[derive(Debug, Clone)]
pub struct Rng(pub u64);

impl Rng {
    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
    /// Uniform in (0, 1).
    pub fn uniform(&mut self) -> f64 {
        ((self.next_u64() >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    }
    /// Standard normal (Box-Muller).
    pub fn normal(&mut self) -> f64 {
        (-2.0 * libm::log(self.uniform())).sqrt() * libm::cos(std::f64::consts::TAU * self.uniform())
    }
}

/// Simple returns with GARCH(1,1)-like clustering, about 1 % a day.
pub fn returns(seed: u64, n: usize) -> Vec<f64> {
    let mut rng = Rng(seed);
    let mut var = 1e-4;
    (0..n)
        .map(|_| {
            let r = f64::sqrt(var) * rng.normal();
            var = 2e-6 + 0.08 * r * r + 0.9 * var;
            r.clamp(-0.2, 0.2)
        })
        .collect()
}

/// Closes that follow [`returns`] from 100.
pub fn closes(seed: u64, n: usize) -> Vec<f64> {
    let mut p = 100.0;
    returns(seed, n)
        .into_iter()
        .map(|r| {
            p *= 1.0 + r;
            p
        })
        .collect()
}

/// Bars (open, high, low, close) that follow [`closes`].
pub fn bars(seed: u64, n: usize) -> Vec<Bar> {
    let mut rng = Rng(seed ^ 0xBA25);
    let mut last = 100.0;
    closes(seed, n)
        .into_iter()
        .map(|c| {
            let open = last * (1.0 + 0.002 * rng.normal());
            let high = f64::max(open, c) * (1.0 + 0.004 * rng.uniform());
            let low = f64::min(open, c) * (1.0 - 0.004 * rng.uniform());
            last = c;
            let p = |x: f64| Price::from_f64(x).expect("a positive price");
            let volume = Quantity::from_f64((1e6 * (1.0 + rng.uniform())).round()).ok();
            Bar::new(Some(p(open)), Some(p(high)), Some(p(low)), p(c), volume).expect("an ordered bar")
        })
        .collect()
}

/// `sessions` daily sessions from 2014-01-02 (every day is one): open, bars of SPY, TLT, IEF, AAPL, MSFT, index levels VIX, VIX3M and
/// SPX, close. SPY and SPX share their returns; TLT moves against them; VIX follows their volatility.
pub fn daily_events(seed: u64, sessions: usize) -> Vec<Event> {
    let day0 = Time::from_ymd(2014, 1, 2).expect("a date");
    let spy = bars(seed, sessions);
    let noise = |k: u64| bars(seed.wrapping_add(k), sessions);
    let (tlt, ief, aapl, msft) = (noise(1), noise(2), noise(3), noise(4));
    let mut rng = Rng(seed ^ 0x51);
    let mut var: f64 = 1e-4;
    let mut previous = 100.0;
    let mut against = 100.0;
    let mut out = Vec::new();
    for i in 0..sessions {
        let open = day0.plus(Span::from_days(i as i64)).plus(Span::from_secs(14 * 3600 + 1800));
        let close = day0.plus(Span::from_days(i as i64)).plus(Span::from_secs(21 * 3600));
        let event = |time, symbol: Option<&str>, data| Event {
            time,
            symbol: symbol.map(|s| Symbol::new(s).expect("a symbol")),
            origin: Origin { source: 0, row: i as u32 + 1 },
            data,
        };
        let r = spy[i].close.to_f64() / previous - 1.0;
        previous = spy[i].close.to_f64();
        var = 0.9 * var + 0.1 * r * r;
        against *= 1.0 - 0.4 * r + 0.1 * (tlt[i].close.to_f64() / tlt[i.saturating_sub(1)].close.to_f64() - 1.0);
        let vix = (100.0 * (252.0 * var).sqrt() * (1.1 + 0.1 * rng.normal())).clamp(5.0, 90.0);
        let level = |x: f64| Bar::close_only(Price::from_f64(x).expect("a positive level"));
        out.push(event(open, None, MarketData::SessionOpen));
        out.push(event(close, Some("SPY"), MarketData::Bar(spy[i])));
        out.push(event(close, Some("TLT"), MarketData::Bar(level(against))));
        out.push(event(close, Some("IEF"), MarketData::Bar(ief[i])));
        out.push(event(close, Some("AAPL"), MarketData::Bar(aapl[i])));
        out.push(event(close, Some("MSFT"), MarketData::Bar(msft[i])));
        out.push(event(close, Some("VIX"), MarketData::Index(level(vix))));
        out.push(event(close, Some("VIX3M"), MarketData::Index(level(0.7 * vix + 6.0))));
        out.push(event(close, Some("SPX"), MarketData::Index(spy[i])));
        out.push(event(close, None, MarketData::SessionClose));
    }
    out
}

/// Events of [`daily_events`] together with records of text: for SPY and TLT weekly search interest (now and then three times the
/// usual, each week also a period that has not ended), rating actions of four brokers, and quarterly earnings, expected three
/// weeks and updated one week before they are announced after the close. Which record comes when does not depend on the seed.
pub fn with_records(seed: u64, sessions: usize) -> Vec<Event> {
    const GRADES: [&str; 5] = ["Buy", "Hold", "Outperform", "Underweight", "Sector Perform"];
    let mut rng = Rng(seed ^ 0x7E47);
    let symbols = asked();
    // Consensus and whisper of the report to come.
    let mut expected = [(1.0, 1.0); 2];
    let mut out = Vec::with_capacity(sessions * 11);
    let day0 = Time::from_ymd(2014, 1, 2).expect("a date");
    let at = |day: usize, secs: i64| day0.plus(Span::from_days(day as i64)).plus(Span::from_secs(secs));
    let mut today = daily_events(seed, sessions).into_iter().peekable();
    for i in 0..sessions {
        let event = |time, k: usize, data| Event {
            time,
            symbol: Some(symbols[k]),
            origin: Origin { source: 1, row: i as u32 + 1 },
            data,
        };
        for (k, expected) in expected.iter_mut().enumerate() {
            let morning = at(i, 12 * 3600);
            if i % 7 == 0 && i > 0 {
                let spike = if rng.uniform() > 0.9 { 3.0 } else { 1.0 };
                let interest = (20.0 * spike + 3.0 * rng.normal()).clamp(0.0, 100.0).round();
                for (period, partial) in [(at(i - 7, 0), false), (at(i, 0), true)] {
                    out.push(event(morning, k, MarketData::SearchTrend(SearchTrend { period, interest, partial })));
                }
            }
            if i % 11 == 3 * k {
                let firm = format!("Broker {}", rng.next_u64() % 4);
                let grade = GRADES[(rng.next_u64() % 5) as usize].to_owned();
                let target = Price::from_f64((100.0 + 10.0 * rng.normal()).clamp(50.0, 200.0)).ok();
                let rating = Rating { published: morning, firm, grade, previous: None, target, previous_target: None };
                out.push(event(morning, k, MarketData::Rating(rating.into())));
            }
            let announced = at(i - i % 63 + 62, 22 * 3600);
            if i % 63 == 42 || i % 63 == 56 {
                let consensus = 1.0 + 0.2 * rng.uniform();
                *expected = (consensus, consensus * (1.0 + 0.05 * rng.normal()));
                let (consensus, whisper) = (Some(expected.0), Some(expected.1));
                let e = Earnings { announced, actual: None, consensus, whisper, dispersion: Some(0.05) };
                out.push(event(morning, k, MarketData::Earnings(e.into())));
            }
        }
        while let Some(e) = today.next_if(|e| e.time < at(i + 1, 0)) {
            out.push(e);
        }
        if i % 63 == 62 {
            for (k, (consensus, whisper)) in expected.into_iter().enumerate() {
                let actual = Some(whisper + 0.02 * rng.normal());
                let e = Earnings {
                    announced: at(i, 22 * 3600),
                    actual,
                    consensus: Some(consensus),
                    whisper: None,
                    dispersion: None,
                };
                out.push(event(at(i, 22 * 3600 + 60), k, MarketData::Earnings(e.into())));
            }
        }
    }
    out
}

/// One numeric column of a file of the bundled sample (`sample/` at the top of the repository), by date; rows where it is empty or
/// where `only` (column, value) does not hold are left out.
pub fn sample(file: &str, column: &str, only: Option<(&str, &str)>) -> Vec<(String, f64)> {
    use std::io::Read as _;
    let path = format!("{}/../../sample/{file}", env!("CARGO_MANIFEST_DIR"));
    let raw = std::fs::read(&path).unwrap_or_else(|e| panic!("{path}: {e}"));
    let mut text = String::new();
    if file.ends_with(".gz") {
        flate2::read::MultiGzDecoder::new(raw.as_slice()).read_to_string(&mut text).expect("gzip of text");
    } else {
        text = String::from_utf8(raw).expect("text");
    }
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().expect("a header").split(',').collect();
    let at =
        |name: &str| header.iter().position(|h| *h == name).unwrap_or_else(|| panic!("{file} has no column {name}"));
    let (value, only) = (at(column), only.map(|(c, v)| (at(c), v)));
    lines
        .map(|l| l.split(',').collect::<Vec<_>>())
        .filter(|c| only.is_none_or(|(i, v)| c[i] == v) && !c[value].is_empty())
        .map(|c| (c[0].to_owned(), c[value].parse().expect("a number")))
        .collect()
}

fn bits<T: serde::Serialize>(x: &T) -> Vec<u8> {
    postcard::to_stdvec(x).expect("outputs can be written")
}

/// Everything a calculator must satisfy, on inputs of its own kind (at least three times its warm-up).
///
/// Defaults build; parameters round-trip and refuse unknown fields; warm-up is exact; streaming, batch, a run restored in the
/// middle and a second run agree bit by bit; outputs are finite; a changed future leaves the past identical.
pub fn online_suite<P>(params: &P, inputs: &[<P::Built as Online>::In])
where
    P: Params,
    P::Built: Online,
{
    P::default().build().map(|_| ()).expect("the defaults build");
    let json = serde_json::to_value(params).expect("parameters can be written");
    let back: P = parse_params(&json).expect("parameters can be read back");
    assert_eq!(serde_json::to_value(&back).ok().as_ref(), Some(&json), "parameters round-trip");
    let unknown = serde_json::json!({"no_such_field": 1});
    assert!(parse_params::<P>(&unknown).is_err(), "an unknown field is refused");

    let fresh = || params.build().unwrap_or_else(|e| panic!("these parameters build: {e}"));
    let mut a = fresh();
    let warmup = a.warmup();
    assert!(inputs.len() > warmup + 2, "more inputs than the warm-up of {warmup}");
    let outs: Vec<_> = inputs.iter().map(|x| a.update(x).expect("good input is accepted")).collect();
    for (i, o) in outs.iter().enumerate() {
        assert_eq!(o.is_some(), i >= warmup, "output {i} with a warm-up of {warmup}");
        if let Some(o) = o {
            let v = serde_json::to_value(o).expect("outputs can be written");
            // serde_json writes what is not finite as null; optional fields are written as null too, so look at the type.
            all_finite(o, &v);
        }
    }
    let reference: Vec<_> = outs.iter().map(bits).collect();
    let batch = fresh().batch(inputs).expect("good input is accepted");
    assert_eq!(batch.iter().map(bits).collect::<Vec<_>>(), reference, "batch equals streaming");

    for cut in [1, warmup.max(1), inputs.len() / 2, inputs.len() - 1] {
        let mut first = fresh();
        for x in &inputs[..cut] {
            first.update(x).expect("good input is accepted");
        }
        let saved = first.save().expect("the state can be saved");
        let mut second = fresh();
        second.load(&saved).expect("the state can be restored");
        assert_eq!(second.save().expect("saved again"), saved, "restoring loses nothing");
        for (i, x) in inputs.iter().enumerate().skip(cut) {
            let o = second.update(x).expect("good input is accepted");
            assert_eq!(bits(&o), reference[i], "restored at {cut}, output {i}");
        }
        // Another future: the last inputs in reverse order.
        let mut third = fresh();
        let mut other = inputs.to_vec();
        other[cut..].reverse();
        for (i, x) in other.iter().enumerate() {
            let o = third.update(x).expect("good input is accepted");
            assert!(i >= cut || bits(&o) == reference[i], "the future changed output {i}");
        }
    }
}

fn all_finite<T: serde::Serialize + serde::de::DeserializeOwned>(out: &T, v: &Value) {
    let text = format!("{v}");
    // A NaN or infinity is written as null and cannot be read back as a number.
    let back: Result<T, _> = serde_json::from_value(v.clone());
    let same = back.as_ref().is_ok_and(|b| bits(b) == bits(out));
    assert!(same, "an output is not finite or does not round-trip: {text}");
}

/// Bad input is an error and leaves the state as it was.
pub fn refuses<O: Online>(calculator: &mut O, bad: &[O::In]) {
    for (i, x) in bad.iter().enumerate() {
        let before = calculator.save().expect("the state can be saved");
        let r = calculator.update(x);
        assert!(r.is_err(), "bad input {i} was accepted");
        assert_eq!(calculator.save().expect("the state can be saved"), before, "bad input {i} changed the state");
    }
}

/// Every parameter changes something: `changes` names a different value for each parameter (several lines with further
/// overrides separated as an object), and `trace` gives whatever is observable for a set of parameters.
pub fn every_parameter_matters<P: Params>(changes: &[Value], trace: impl Fn(&P) -> Vec<u8>) {
    let defaults = serde_json::to_value(P::default()).expect("parameters can be written");
    let all: Map<String, Value> = defaults.as_object().expect("an object").clone();
    let mut seen = std::collections::BTreeSet::new();
    for change in changes {
        // The last key is the parameter under test; those before it set the scene.
        let keys: Vec<&String> = change.as_object().expect("an object").keys().collect();
        let key = keys.last().expect("a parameter");
        let mut scene = all.clone();
        for k in &keys[..keys.len() - 1] {
            scene.insert((*k).clone(), change[*k].clone());
        }
        let mut changed = scene.clone();
        changed.insert((*key).clone(), change[*key].clone());
        let read =
            |m: Map<String, Value>| parse_params::<P>(&Value::Object(m)).unwrap_or_else(|e| panic!("{key}: {e}"));
        assert_ne!(trace(&read(scene)), trace(&read(changed)), "parameter {key} changes nothing");
        seen.insert((*key).clone());
    }
    for key in all.keys() {
        assert!(seen.contains(key), "parameter {key} is not tried");
    }
}

/// The outputs of a calculator over inputs, for [`every_parameter_matters`].
pub fn online_trace<P>(params: &P, inputs: &[<P::Built as Online>::In]) -> Vec<u8>
where
    P: Params,
    P::Built: Online,
{
    let outs = params.build().expect("these parameters build").batch(inputs).expect("good input is accepted");
    bits(&outs)
}

/// The symbols every role is asked about.
fn asked() -> Vec<Symbol> {
    ["SPY", "TLT"].map(|s| Symbol::new(s).expect("a symbol")).to_vec()
}

/// Runs a role over events and gives its answers, restoring it from its own saved state after event `restore`.
pub fn drive(build: &dyn Fn() -> Probe, events: &[Event], restore: Option<usize>) -> Vec<String> {
    let (mut market, mut features) = (Market::default(), FeatureValues::default());
    let cash: Cash = "100000".parse().expect("cash");
    let mut portfolio = Portfolio::with_cash(cash);
    let mut role = build();
    let mut records = role.records().expect("a good name");
    let mut out = Vec::new();
    for (i, e) in events.iter().enumerate() {
        market.apply(e);
        records.observe(e, &market);
        if let (Some(s), Some(p)) = (e.symbol, e.mark()) {
            portfolio.mark(s, p);
            // Something is held, so that equity moves with the market.
            if i < 20 && s.as_str() == "SPY" && portfolio.quantity(s).is_zero() {
                let fill = Fill {
                    id: 1,
                    order: OrderId(1),
                    time: e.time,
                    symbol: s,
                    side: Side::Buy,
                    quantity: "900".parse().expect("a quantity"),
                    price: p,
                    fee: Cash::ZERO,
                    slippage_bps: 0.0,
                };
                portfolio.fill(&fill).expect("a fill");
            }
        }
        let before = features.clone();
        let view = View { records: &records, ..View::new(e.time, &market, &before, &portfolio) };
        out.push(role.step(e, &view, &mut features, &asked(), true).expect("good events are accepted"));
        if e.data == MarketData::SessionClose {
            probe::stand(&mut records, &asked(), &market, e.time).expect("good signals");
        }
        if restore == Some(i) {
            let saved = role.plugin().save().expect("the state can be saved");
            role = build();
            role.plugin().load(&saved).expect("the state can be restored");
        }
    }
    out
}

/// Everything a plugin's roles must satisfy: deterministic, restorable anywhere, finite, blind to the future, and changed by no event that
/// they do not listen to.
pub fn role_suite(info: &PluginInfo, params: &Value) {
    let events = with_records(11, 400);
    let other = with_records(12, 400);
    let all = || Probe::all(info, params).unwrap_or_else(|e| panic!("{}: {e}", info.id));
    for k in 0..all().len() {
        let build = || all().remove(k);
        let name = build().role();
        let reference = drive(&build, &events, None);
        assert!(reference.iter().any(|t| !t.is_empty()), "{} as {name} never says anything", info.id);
        assert_eq!(drive(&build, &events, None), reference, "{} as {name} is deterministic", info.id);
        for cut in [0, 7, 333, events.len() / 2, events.len() - 2] {
            assert_eq!(
                drive(&build, &events, Some(cut)),
                reference,
                "{} as {name} restored after event {cut}",
                info.id
            );
        }
        for cut in [50, events.len() / 2, events.len() * 3 / 4] {
            let mut mixed = events[..cut].to_vec();
            mixed.extend_from_slice(&other[cut..]);
            let got = drive(&build, &mixed, None);
            assert_eq!(
                got[..cut],
                reference[..cut],
                "{} as {name}: the future changed the past before event {cut}",
                info.id
            );
        }
        // Flat and gapped data: nothing may panic or become infinite (Probe::step checks).
        let flat: Vec<Event> = events
            .iter()
            .map(|e| {
                let mut e = e.clone();
                if let MarketData::Bar(b) | MarketData::Index(b) = &mut e.data {
                    *b = Bar::close_only("20".parse().expect("a price"));
                }
                e
            })
            .collect();
        drive(&build, &flat, None);
        let gapped: Vec<Event> =
            events.iter().enumerate().filter(|(i, _)| i % 7 != 3).map(|(_, e)| e.clone()).collect();
        drive(&build, &gapped, None);
        listens_suite(&format!("{} as {name}", info.id), params, &build);
    }
}

/// The checks that need only the registry entry: ids, documentation, defaults, schema and, for every parameter, a description.
pub fn info_suite(info: &PluginInfo) {
    assert!(!info.summary.is_empty() && !info.source.is_empty(), "{} has a summary and a source", info.id);
    assert!(!info.uses().is_empty(), "{} has a role", info.id);
    let defaults = (info.defaults)();
    (info.check)(&defaults).unwrap_or_else(|e| panic!("{}: the defaults build: {e}", info.id));
    (info.check)(&serde_json::json!({})).unwrap_or_else(|e| panic!("{}: an empty table builds: {e}", info.id));
    let e = (info.check)(&serde_json::json!({"no_such_field": 1})).expect_err("an unknown field is refused");
    assert!(e.to_string().contains("no_such_field"), "{e}");
    let schema = (info.schema)();
    let properties = schema.get("properties").and_then(Value::as_object).cloned().unwrap_or_default();
    for key in defaults.as_object().expect("an object").keys() {
        let described = properties.get(key).and_then(|p| p.get("description")).is_some();
        assert!(described, "{}: parameter {key} is documented", info.id);
    }
    sizes_are_bounded(info, &properties);
}

/// Every parameter that is a whole number has an upper bound, and is checked before memory is asked for: one without a check would end
/// this test, or the machine.
fn sizes_are_bounded(info: &PluginInfo, properties: &serde_json::Map<String, Value>) {
    let whole = |schema: &Value| match schema.get("type") {
        Some(Value::Array(types)) => types.iter().any(|t| t == "integer"),
        other => other.is_some_and(|t| t == "integer"),
    };
    for key in properties.iter().filter(|(_, schema)| whole(schema)).map(|p| p.0) {
        for size in [u64::from(u32::MAX), 1 << 32, 1 << 62] {
            let mut given = serde_json::Map::new();
            given.insert(key.clone(), size.into());
            match (info.check)(&Value::Object(given)) {
                Ok(()) => panic!("{}: {key} = {size} is accepted: give it an upper bound", info.id),
                Err(e) => {
                    let named = e.0.iter().any(|v| v.field == *key);
                    assert!(named, "{}: {key} = {size} is refused by its name: {e}", info.id);
                }
            }
        }
    }
}
