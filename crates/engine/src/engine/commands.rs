//! What operators want.

use serde_json::Value;
use tradewind_core_types::{Cash, Command, Instruction, Obeyed};

use super::{Engine, EngineConfig, State};
use crate::effect::{Effects, Emitted};
use crate::error::EngineError;
use crate::kill_switch::TradingState;

/// So many ids of commands are remembered: enough for any operator, and bounded in runs of months.
const REMEMBERED: usize = 4096;
/// What a command may change: these keys of the engine's configuration, and everything below those that end with a dot.
const CHANGEABLE: [&str; 5] = ["no_trade_band", "min_notional", "position.", "executor.", "kill_switch."];

impl Engine {
    /// Does what a command says, once, and keeps a record of it.
    pub(super) fn command(&mut self, c: &Command, out: &mut Effects) -> Result<(), EngineError> {
        let State { commands, commanded, known, .. } = &mut self.state;
        let now = known.clock;
        *commanded += 1;
        let result = if commands.contains(&c.id) {
            Obeyed::Repeated
        } else {
            if commands.len() == REMEMBERED {
                commands.pop_front();
            }
            commands.push_back(c.id.clone());
            match self.obey(c) {
                Ok(()) => Obeyed::Done,
                Err(why) => Obeyed::Refused(why),
            }
        };
        self.emit(Emitted::Command(now, Box::new(c.clone()), result), out);
        Ok(())
    }

    fn obey(&mut self, c: &Command) -> Result<(), String> {
        let State { known, kill_switch, due, changes, .. } = &mut self.state;
        let now = known.clock;
        let reason = if c.reason.is_empty() { format!("set by {}", c.actor) } else { c.reason.clone() };
        match &c.order {
            Instruction::Deposit(amount) | Instruction::Withdraw(amount) if *amount <= Cash::ZERO => {
                return Err(format!("{amount}: expected an amount above zero"));
            }
            Instruction::Deposit(amount) => known.ledger.deposit(now, *amount),
            Instruction::Withdraw(amount) => {
                let cash = known.ledger.portfolio().cash();
                if *amount > cash {
                    return Err(format!("{amount} is more than the cash of {cash}"));
                }
                known.ledger.deposit(now, -*amount);
            }
            Instruction::Halt => kill_switch.set(TradingState::Halted, false, reason, now),
            Instruction::Reduce => kill_switch.set(TradingState::Reducing, false, reason, now),
            Instruction::Resume => kill_switch.set(TradingState::Active, false, reason, now),
            Instruction::Flatten => {
                kill_switch.set(TradingState::Halted, true, reason, now);
                due.symbols.extend(known.ledger.portfolio().positions().map(|p| p.symbol));
                due.symbols.extend(known.working.iter().map(|w| w.order.symbol));
            }
            // What a program shows of itself is no part of a run.
            Instruction::LogLevel(_) => {}
            Instruction::Set { key, value } => {
                self.config = changed(&self.config, key, value)?;
                changes.push((key.clone(), value.clone()));
            }
        }
        Ok(())
    }

    /// A configuration with the changes of an earlier part of the run.
    pub(super) fn changed_by(config: &EngineConfig, changes: &[(String, String)]) -> Result<EngineConfig, String> {
        changes.iter().try_fold(config.clone(), |c, (key, value)| changed(&c, key, value))
    }
}

/// The configuration with one value changed.
fn changed(config: &EngineConfig, key: &str, text: &str) -> Result<EngineConfig, String> {
    let allowed = CHANGEABLE.iter().any(|k| if k.ends_with('.') { key.starts_with(k) } else { key == *k });
    if !allowed || key == "kill_switch.state" {
        return Err(format!(
            "engine.{key} cannot change while a run goes on: expected one of {}",
            CHANGEABLE.join(", ")
        ));
    }
    let value: Value = serde_json::from_str(text).map_err(|e| format!("engine.{key}: {e}"))?;
    let mut all = serde_json::to_value(config).map_err(|e| e.to_string())?;
    let mut at = &mut all;
    for part in key.split('.') {
        at = at.get_mut(part).ok_or_else(|| format!("engine.{key}: there is no {part:?}"))?;
    }
    *at = value;
    let new: EngineConfig = serde_json::from_value(all).map_err(|e| format!("engine.{key}: {e}"))?;
    new.check().map_err(|e| e.to_string())?;
    Ok(new)
}
