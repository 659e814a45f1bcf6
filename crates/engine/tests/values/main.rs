//! Right values, calculated by hand.

mod costs;
mod exchange;
mod ledger;
