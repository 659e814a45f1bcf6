//! The deterministic event loop, decision pipeline, ledger and simulated exchange.
