//! Market data in and out: readers, calendar, corporate actions, simulator.
