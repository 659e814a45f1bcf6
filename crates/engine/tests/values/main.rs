//! Right values, calculated by hand.

mod costs;
mod exchange;
mod extended;
mod floor;
mod groups;
mod groups_model;
mod ledger;
mod notional;
mod replace;
mod trailing;
