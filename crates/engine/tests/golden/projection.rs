//! Every record of a run as one line of text, and the hash of all lines.
//!
//! The text names what a record says and not how it is declared, so that types can change and the hash shows that no record did.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};
use tradewind_core_types::{Cash, Decision, Order, OrderReport, serde_json};
use tradewind_engine::{Recorder, SessionRecord};

/// The lines so far and how many there are of each kind.
#[derive(Default)]
pub struct Golden {
    pub text: String,
    pub decisions: usize,
    pub orders: usize,
    pub accepted: usize,
    pub fills: usize,
    pub rejects: usize,
    pub cancels: usize,
    pub expiries: usize,
    pub sessions: usize,
}

impl Golden {
    /// SHA-256 of all lines, in hex.
    pub fn hash(&self) -> String {
        Sha256::digest(self.text.as_bytes()).iter().fold(String::new(), |mut hex, b| {
            write!(hex, "{b:02x}").unwrap();
            hex
        })
    }
    fn line(&mut self, text: std::fmt::Arguments<'_>) -> Result<(), String> {
        writeln!(self.text, "{text}").map_err(|e| e.to_string())
    }
    /// Compares the hash with the pinned one. The lines of the last run that agreed are kept beside those of one that does not.
    pub fn check(&self, name: &str, dir: &str, pinned: &str) {
        let (hash, dir) = (self.hash(), format!("{dir}/golden"));
        std::fs::create_dir_all(&dir).unwrap();
        let file = |which: &str| format!("{dir}/{name}.{which}.txt");
        if hash == pinned {
            std::fs::write(file("good"), &self.text).unwrap();
        } else {
            std::fs::write(file("bad"), &self.text).unwrap();
            panic!(
                "the records of `{name}` changed: {hash}, pinned {pinned}; see: diff {} {}",
                file("good"),
                file("bad")
            );
        }
    }
}

fn json(x: &impl serde::Serialize) -> String {
    serde_json::to_string(x).unwrap()
}

impl Recorder for Golden {
    fn decision(&mut self, d: &Decision) -> Result<(), String> {
        self.decisions += 1;
        self.line(format_args!("decision {}", json(d)))
    }
    fn order(&mut self, o: &Order) -> Result<(), String> {
        self.orders += 1;
        let Order { id, decision, time, symbol, side, quantity, kind, tif } = o;
        let (time, side, kind, tif) = (time.nanos(), json(side), json(kind), json(tif));
        self.line(format_args!("order {} of {decision} at {time}: {side} {quantity} {symbol} {kind} {tif}", id.0))
    }
    fn report(&mut self, r: &OrderReport, realised: Cash) -> Result<(), String> {
        match r {
            OrderReport::Accepted { order, time, .. } => {
                self.accepted += 1;
                self.line(format_args!("accepted {} at {} realised {realised}", order.0, time.nanos()))
            }
            OrderReport::Rejected { order, time, reason, .. } => {
                self.rejects += 1;
                self.line(format_args!("rejected {} at {}: {reason} realised {realised}", order.0, time.nanos()))
            }
            OrderReport::Filled(f) => {
                self.fills += 1;
                self.line(format_args!(
                    "fill {} of {} at {}: {} {} {} at {} fee {} slippage {:016x} realised {realised}",
                    f.id,
                    f.order.0,
                    f.time.nanos(),
                    json(&f.side),
                    f.quantity,
                    f.symbol,
                    f.price,
                    f.fee,
                    f.slippage_bps.to_bits(),
                ))
            }
            OrderReport::Noted { order, time, said, state, words } => {
                self.line(format_args!("noted {} at {}: {said:?} {state:?} {words:?}", order.0, time.nanos()))
            }
            OrderReport::Replaced { order, time, attempt, quantity, kind, tif } => {
                let (kind, tif) = (json(kind), json(tif));
                self.line(format_args!(
                    "replaced {} at {} by {attempt}: {quantity} {kind} {tif}",
                    order.0,
                    time.nanos()
                ))
            }
            OrderReport::Cancelled { order, time, remaining, .. } => {
                self.cancels += 1;
                self.line(format_args!("cancelled {} at {} of {remaining} realised {realised}", order.0, time.nanos()))
            }
            OrderReport::Expired { order, time, remaining, .. } => {
                self.expiries += 1;
                self.line(format_args!("expired {} at {} of {remaining} realised {realised}", order.0, time.nanos()))
            }
        }
    }
    fn session(&mut self, s: &SessionRecord<'_>) -> Result<(), String> {
        self.sessions += 1;
        let (cash, equity) = (s.portfolio.cash(), s.portfolio.equity());
        let mut metrics = String::new();
        for (plugin, name, value) in s.metrics {
            write!(metrics, " {plugin}.{name}={:016x}", value.to_bits()).unwrap();
        }
        self.line(format_args!("session {} cash {cash} equity {equity} hash {}{metrics}", s.time.nanos(), s.hash))
    }
}
