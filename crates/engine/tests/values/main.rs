//! Right values, calculated by hand.

mod costs;
mod ledger;
