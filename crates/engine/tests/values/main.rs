//! Right values, calculated by hand.

mod costs;
mod exchange;
mod floor;
mod groups;
mod groups_model;
mod ledger;
mod replace;
mod trailing;
