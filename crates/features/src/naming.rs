//! Symbols and published names from parameters, for features that run once for each symbol.

use tradewind_core_types::{FeatureId, Invalid, Symbol};

/// The symbols of a list: at least one, each once.
pub(crate) fn symbols(list: &[String]) -> Result<Vec<Symbol>, Invalid> {
    let mut bad = Invalid::default();
    bad.require(!list.is_empty(), "symbols", "empty", "at least one symbol");
    let mut all: Vec<Symbol> = Vec::with_capacity(list.len());
    for s in list {
        match Symbol::new(s) {
            Ok(s) => {
                bad.require(!all.contains(&s), "symbols", s, "each symbol once");
                all.push(s);
            }
            Err(e) => bad.require(false, "symbols", format!("{s:?}"), &e.expected),
        }
    }
    bad.into_result(all)
}

/// `NAME.SYMBOL.what`.
pub(crate) fn published(name: &str, symbol: Symbol, what: &str) -> Result<FeatureId, Invalid> {
    FeatureId::new(&format!("{name}.{symbol}.{what}")).map_err(|e| Invalid::one("name", format!("is {name:?}: {e}")))
}
