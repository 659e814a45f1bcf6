//! To be written: realised.
