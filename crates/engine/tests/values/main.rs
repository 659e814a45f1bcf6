//! Right values, calculated by hand.

mod costs;
mod exchange;
mod floor;
mod ledger;
mod replace;
mod trailing;
