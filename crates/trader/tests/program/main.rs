//! The program as a whole: its commands, its answers to bad input, its proofs, and what is left when it is killed.

mod apply;
mod bad_input;
mod beside;
mod bits;
mod causality;
mod cli;
mod common;
mod features;
mod fetch;
mod kill;
mod meets;
mod mutations;
mod orders;
mod pairs;
mod scenario;
