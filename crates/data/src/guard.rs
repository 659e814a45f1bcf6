//! Polars on bytes from outside: its errors, and its panics on malformed files, become text.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::sync::Once;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use polars::prelude::PolarsError;

/// Calls of [`guarded`] that are running.
static RUNNING: AtomicUsize = AtomicUsize::new(0);
static QUIET: Once = Once::new();

thread_local! {
    /// Calls of [`guarded`] that are running on this thread.
    static HERE: Cell<usize> = const { Cell::new(0) };
}

/// Counts a call while it lasts.
struct Running;

impl Running {
    fn begin() -> Self {
        RUNNING.fetch_add(1, Ordering::Relaxed);
        HERE.with(|n| n.set(n.get() + 1));
        Self
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        RUNNING.fetch_sub(1, Ordering::Relaxed);
        HERE.with(|n| n.set(n.get().saturating_sub(1)));
    }
}

/// Whether a panic on this thread is one that [`guarded`] catches: on the thread that called it, or on one of polars' own meanwhile.
fn caught_here() -> bool {
    let of_polars = || thread::current().name().is_some_and(|n| n.starts_with("polars-"));
    HERE.try_with(Cell::get).is_ok_and(|n| n > 0) || (RUNNING.load(Ordering::Relaxed) > 0 && of_polars())
}

/// Runs polars: an error or a panic becomes text, and nothing is printed about a panic that is caught. For that, the first call puts a
/// panic hook before the one there is; every other panic still gets there.
pub(crate) fn guarded<T>(f: impl FnOnce() -> Result<T, PolarsError>) -> Result<T, String> {
    QUIET.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !caught_here() {
                before(info);
            }
        }));
    });
    let running = Running::begin();
    let result = catch_unwind(AssertUnwindSafe(f));
    drop(running);
    match result {
        Ok(Ok(v)) => Ok(v),
        Ok(Err(e)) => Err(e.to_string()),
        Err(_) => Err("its content is damaged".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panics_are_caught_here_and_on_threads_of_polars_while_it_runs() {
        let on = |name: &str| thread::Builder::new().name(name.into()).spawn(caught_here).unwrap().join().unwrap();
        assert!(!caught_here());
        let seen = guarded(|| Ok((caught_here(), on("polars-3"), on("mine")))).unwrap();
        assert_eq!(seen, (true, true, false));
        assert!(guarded::<()>(|| panic!("not heard")).unwrap_err().contains("damaged"));
        assert!(!caught_here());
    }
}
