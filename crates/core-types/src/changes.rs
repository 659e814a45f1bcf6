//! Which holdings changed last.

use crate::name::Symbol;

/// The symbols whose quantity changed last: what only looks at those need not look at all. No part of what is owned.
#[derive(Debug, Clone, Default)]
pub(crate) struct Changes {
    /// How many changes there have been.
    pub count: u64,
    recent: [Option<Symbol>; Changes::KEPT],
}
impl Changes {
    const KEPT: usize = 16;
    /// One more.
    pub fn note(&mut self, symbol: Symbol) {
        self.recent[(self.count % Self::KEPT as u64) as usize] = Some(symbol);
        self.count += 1;
    }
    /// Those after the first `seen`; `None` when they are no more kept.
    pub fn since(&self, seen: u64) -> Option<impl Iterator<Item = Symbol> + '_> {
        let kept = Self::KEPT as u64;
        let known = seen <= self.count && self.count - seen <= kept;
        known.then(|| (seen..self.count).filter_map(move |i| self.recent[(i % kept) as usize]))
    }
}
impl PartialEq for Changes {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}
impl Eq for Changes {}
