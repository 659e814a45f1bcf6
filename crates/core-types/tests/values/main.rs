//! Right values, calculated by hand.

mod approval;
mod decision;
mod money;
mod portfolio;
mod roles;
mod shares;
