//! Operator commands from a file: one JSON object a line.

use serde::Deserialize;
use tradewind_core_types::{Calendar, Cash, Date, Time};
use tradewind_engine::{Command, Instruction, LogLevel};

use crate::error::Failure;

/// One line of an operator file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    /// RFC 3339, or a date: then the open of that date's session.
    time: String,
    /// Unique: a repeated id acts once.
    id: String,
    /// What to do: deposit, withdraw, halt, reduce, resume, flatten, log_level, set.
    command: String,
    /// Dollars, for deposit and withdraw.
    amount: Option<Cash>,
    /// For log_level.
    level: Option<LogLevel>,
    /// For set: a key below `engine`.
    key: Option<String>,
    /// For set: its new value.
    value: Option<serde_json::Value>,
    #[serde(default = "operator")]
    actor: String,
    #[serde(default)]
    reason: String,
}

fn operator() -> String {
    "operator".into()
}

const COMMANDS: [&str; 8] = ["deposit", "withdraw", "halt", "reduce", "resume", "flatten", "log_level", "set"];

impl Line {
    fn command(self) -> Result<(Time, Command), String> {
        let needs = |what: &str| format!("the command {} needs {what:?}", self.command);
        let order = match self.command.as_str() {
            "deposit" => Instruction::Deposit(self.amount.ok_or_else(|| needs("amount"))?),
            "withdraw" => Instruction::Withdraw(self.amount.ok_or_else(|| needs("amount"))?),
            "halt" => Instruction::Halt,
            "reduce" => Instruction::Reduce,
            "resume" => Instruction::Resume,
            "flatten" => Instruction::Flatten,
            "log_level" => Instruction::LogLevel(self.level.ok_or_else(|| needs("level"))?),
            "set" => Instruction::Set {
                key: self.key.clone().ok_or_else(|| needs("key"))?,
                value: self.value.as_ref().ok_or_else(|| needs("value"))?.to_string(),
            },
            other => {
                let hint = tradewind_core_types::did_you_mean(other, COMMANDS);
                return Err(format!("there is no command {other:?}{hint}: expected one of {}", COMMANDS.join(", ")));
            }
        };
        Ok((time(&self.time)?, Command { id: self.id, actor: self.actor, reason: self.reason, order }))
    }
}

fn time(text: &str) -> Result<Time, String> {
    let Ok(date) = text.parse::<Date>().map_err(drop).and_then(|d| if text.len() == 10 { Ok(d) } else { Err(()) })
    else {
        return text.parse().map_err(|e| format!("time: {e}"));
    };
    let session = Calendar::us_equities().session(date);
    session
        .map(|s| s.open)
        .ok_or_else(|| format!("time: {date} is no session: give a session's date, or date and time"))
}

/// Reads commands.
///
/// # Errors
/// The first line that is none, with its number.
pub fn read(name: &str, bytes: &[u8]) -> Result<Vec<(Time, Command)>, Failure> {
    let text = std::str::from_utf8(bytes).map_err(|e| Failure::Data(format!("{name}: {e}: expected text (UTF-8)")))?;
    let lines = text.lines().enumerate().filter(|(_, l)| !l.trim().is_empty());
    lines
        .map(|(i, line)| {
            let parsed = serde_json::from_str::<Line>(line).map_err(|e| e.to_string()).and_then(Line::command);
            parsed.map_err(|e| Failure::Data(format!("{name}, line {}: {e}", i + 1)))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_read_and_mistakes_are_named() {
        let text = r#"{"time": "2015-03-09", "id": "1", "command": "deposit", "amount": "2500.50", "reason": "savings"}

{"time": "2015-03-09T15:00:00Z", "id": "2", "command": "set", "key": "no_trade_band", "value": 0.02, "actor": "ann"}"#;
        let all = read("ops.jsonl", text.as_bytes()).unwrap();
        assert_eq!(all[0].0.to_string(), "2015-03-09T13:30:00Z");
        let deposit = Instruction::Deposit("2500.5".parse().unwrap());
        assert_eq!((all[0].1.actor.as_str(), &all[0].1.order), ("operator", &deposit));
        assert_eq!(all[1].1.order, Instruction::Set { key: "no_trade_band".into(), value: "0.02".into() });
        let wrong = [
            (r#"{"time": "2015-03-09", "id": "1", "command": "depsoit"}"#, "did you mean \"deposit\"?"),
            (r#"{"time": "2015-03-09", "id": "1", "command": "deposit"}"#, "needs \"amount\""),
            (r#"{"time": "2015-03-08", "id": "1", "command": "halt"}"#, "is no session"),
            (r#"{"time": "2015-03-09", "command": "halt"}"#, "id"),
            (r#"{"time": "2015-03-09", "id": "1", "command": "halt", "amout": 1}"#, "amout"),
            ("nonsense", "line 1"),
        ];
        for (line, part) in wrong {
            let e = read("ops.jsonl", line.as_bytes()).unwrap_err().to_string();
            assert!(e.contains(part) && e.contains("ops.jsonl, line 1"), "{e}");
        }
    }
}
