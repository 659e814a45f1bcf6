//! Proof that runs repeat to the last bit: twice, with one and two threads, replayed from the journal, stopped and restored.

use std::collections::BTreeSet;

use rayon::prelude::*;
use tradewind_core_types::{Cash, MarketData, Time};
use tradewind_engine::{Command, Instruction, JournalReader, LedgerHash, Merge, ReplayError, replay};

use crate::check::Rng;
use crate::compose;
use crate::config::{Config, JournalLevel};
use crate::dataset::Dataset;
use crate::error::Failure;
use crate::keeper::Keeper;
use crate::run::drive;

/// Of the last so many events, every tenth is one at which the run is stopped and restored.
const CHAINED: u64 = 1_000;

fn whole_run(config: &Config, data: &Dataset) -> Result<(LedgerHash, u64), Failure> {
    let mut run = compose::engine(config)?;
    drive(&mut run, data, &mut ())?;
    Ok((run.engine().ledger().hash(), run.engine().events()))
}

/// The ledger hash of a run, and the same again from its journal alone: without a venue, every effect compared with the one in the journal, from the
/// beginning and from a snapshot.
fn journaled(config: &Config, data: &Dataset, stop: u64) -> Result<[LedgerHash; 3], Failure> {
    let folder = tempfile::tempdir().map_err(|e| Failure::io("make", &std::env::temp_dir(), &e))?;
    let kept = |e: std::io::Error| Failure::io("write in", folder.path(), &e);
    let mut keeper = Keeper::in_folder(folder.path(), JournalLevel::Full, "").map_err(kept)?;
    let mut run = compose::engine(config)?;
    drive(&mut run, data, &mut keeper)?;
    let hash = run.engine().ledger().hash();
    keeper.finish(hash).map_err(kept)?;
    let again = |engine: &mut tradewind_engine::Engine| -> Result<LedgerHash, Failure> {
        let file = std::fs::File::open(folder.path().join("journal")).map_err(kept)?;
        let journal = JournalReader::new(std::io::BufReader::new(file)).map_err(|e| Failure::Run(e.to_string()))?;
        let failed = |e: ReplayError| Failure::Check(format!("replay of the journal: {e}"));
        replay(engine, journal, &mut ()).map_err(failed)?;
        Ok(engine.ledger().hash())
    };
    let replayed = again(&mut compose::engine(config)?.into_engine())?;
    let mut first = compose::engine(config)?;
    first.schedule(data.commands());
    first.run(&mut Merge::new(data.sources()?)?, Some(stop), &mut ())?;
    let saved = first.into_engine().save()?;
    let mut restored = compose::engine(config)?.into_engine();
    restored.load(&saved)?;
    Ok([hash, replayed, again(&mut restored)?])
}

/// The ledger hashes of runs that were stopped after so many events and restored, with the size of their states.
fn restored(config: &Config, data: &Dataset, stops: &BTreeSet<u64>) -> Result<Vec<(u64, usize, LedgerHash)>, Failure> {
    let mut run = compose::engine(config)?;
    run.schedule(data.commands());
    let mut merge = Merge::new(data.sources()?)?;
    let (mut at, mut saved) = (0, Vec::new());
    for stop in stops {
        run.run(&mut merge, Some(stop - at), &mut ())?;
        at = *stop;
        saved.push((*stop, run.save()?));
    }
    saved
        .into_par_iter()
        .map(|(stop, state)| {
            let mut run = compose::engine(config)?;
            run.load(&state)?;
            run.schedule(data.commands());
            let mut rest = Merge::new(data.sources()?)?;
            rest.skip(run.engine().events())?;
            run.run(&mut rest, None, &mut ())?;
            Ok((stop, state.len(), run.engine().ledger().hash()))
        })
        .collect()
}

/// The ledger hash of a run that is stopped and restored again and again: at every tenth of its last events.
fn chained(config: &Config, data: &Dataset, events: u64) -> Result<(u64, LedgerHash), Failure> {
    let mut run = compose::engine(config)?;
    run.schedule(data.commands());
    let mut merge = Merge::new(data.sources()?)?;
    let (mut times, mut next) = (0, events.saturating_sub(CHAINED));
    while !run.run(&mut merge, Some(next), &mut ())? {
        let saved = run.save()?;
        run = compose::engine(config)?;
        run.load(&saved)?;
        run.schedule(data.commands());
        (times, next) = (times + 1, 10);
    }
    Ok((times, run.engine().ledger().hash()))
}

/// Commands at times drawn from the sessions traded: money in and out, every state of the kill switch, a changed setting, a repeated id.
fn commands(config: &Config, data: &Dataset, rng: &mut Rng) -> Result<Vec<(Time, Command)>, Failure> {
    let from = compose::trading_from(config)?;
    let events = data.events()?;
    let times: Vec<Time> = events
        .iter()
        .filter(|e| e.time >= from && matches!(e.data, MarketData::SessionOpen | MarketData::SessionClose))
        .map(|e| e.time)
        .collect();
    let part = Cash::from_f64((config.run.cash / 10.0).round()).map_err(|e| Failure::Usage(e.to_string()))?;
    let set = Instruction::Set { key: "no_trade_band".into(), value: "0.03".into() };
    let orders = [
        ("deposit", Instruction::Deposit(part)),
        ("deposit", Instruction::Deposit(part)),
        ("reduce", Instruction::Reduce),
        ("resume 1", Instruction::Resume),
        ("withdraw", Instruction::Withdraw(part)),
        ("set", set),
        ("flatten", Instruction::Flatten),
        ("resume 2", Instruction::Resume),
        ("halt", Instruction::Halt),
        ("resume 3", Instruction::Resume),
    ];
    // In this order, at instants of the data and between them.
    let mut at: Vec<Time> = orders
        .iter()
        .filter_map(|_| {
            let t = times.get(rng.below(times.len() as u64) as usize)?;
            Some(Time::from_nanos(t.nanos() + rng.below(3) as i64 * 1_000_000_007))
        })
        .collect();
    at.sort();
    let command = |(id, order): (&str, Instruction)| Command {
        id: id.into(),
        actor: "check determinism".into(),
        reason: "a command for the check".into(),
        order,
    };
    Ok(at.into_iter().zip(orders.into_iter().map(command)).collect())
}

/// Runs twice, with one and two threads, from the journal alone, and stopped and restored at random events; the same with operator commands.
///
/// # Errors
/// Which of them led to another hash.
pub fn determinism(config: &Config, stops: usize, seed: u64) -> Result<String, Failure> {
    let with = |threads: usize| {
        let mut c = config.clone();
        c.run.threads = threads;
        c
    };
    let data = Dataset::load(&with(1))?;
    let config = &data.within(config);
    let (hash, events) = whole_run(config, &data)?;
    let mut lines = vec![format!("{hash}  first run, one thread, {events} events")];
    let mut runs = 1;
    let mut same = |expected: LedgerHash, other: LedgerHash, what: String| {
        lines.push(format!("{other}  {what}"));
        runs += 1;
        if other == expected {
            Ok(())
        } else {
            Err(Failure::Check(format!("{what}: ledger hash {other}, expected {expected}")))
        }
    };
    same(hash, whole_run(config, &data)?.0, "second run".into())?;
    same(hash, whole_run(&data.within(&with(2)), &Dataset::load(&with(2))?)?.0, "two threads".into())?;
    let mut rng = Rng(seed);
    let commanded = data.with_commands([data.commands(), commands(config, &data, &mut rng)?].concat());
    let (other, _) = whole_run(config, &commanded)?;
    let worlds = [(&data, hash, ""), (&commanded, other, ", with operator commands")];
    for (k, (data, hash, how)) in worlds.into_iter().enumerate() {
        let [kept, replayed, snapshot] = journaled(config, data, rng.below(events))?;
        same(hash, kept, format!("kept in a journal{how}"))?;
        same(hash, replayed, format!("replayed from the journal, effect by effect{how}"))?;
        same(hash, snapshot, format!("replayed from a snapshot and the rest of the journal{how}"))?;
        // Half of the restarts each.
        let share = (stops + 1 - k) / 2;
        let mut at = BTreeSet::new();
        while (at.len() as u64) < (share as u64).min(events) {
            at.insert(rng.below(events));
        }
        for (stop, bytes, restored) in restored(config, data, &at)? {
            same(hash, restored, format!("stopped after event {stop} ({bytes} bytes of state), restored{how}"))?;
        }
        if stops > 0 {
            let (times, chained) = chained(config, data, events)?;
            same(hash, chained, format!("stopped and restored {times} times at every tenth of the last events{how}"))?;
        }
    }
    lines.push(format!("determinism: {runs} runs, one hash, and one with operator commands"));
    Ok(lines.join("\n"))
}
