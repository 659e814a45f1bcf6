//! A map by symbol: in the order of the symbols' text, and found without comparing any.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::name::Symbol;
use crate::places::Places;

/// Values by symbol. Iteration is in the order of the symbols' text, so that it never depends on the order in which names were first met;
/// a look-up is mostly two array accesses. A new symbol costs O(n), and no other name of the process costs anything.
///
/// ```
/// use tradewind_core_types::{Symbol, SymbolMap};
/// let (spy, tlt) = (Symbol::new("SPY")?, Symbol::new("TLT")?);
/// let mut held = SymbolMap::default();
/// held.insert(tlt, 0.4);
/// *held.get_or_insert_with(spy, || 0.0) += 0.6;
/// assert_eq!(held.entries(), [(spy, 0.6), (tlt, 0.4)]);
/// assert_eq!((held.get(tlt), held.position(tlt)), (Some(&0.4), Some(1)));
/// # Ok::<(), tradewind_core_types::BadInput>(())
/// ```
#[derive(Debug, Clone)]
pub struct SymbolMap<T> {
    entries: Vec<(Symbol, T)>,
    /// Where the entry of a symbol is.
    places: Places,
}

impl<T> Default for SymbolMap<T> {
    fn default() -> Self {
        Self { entries: Vec::new(), places: Places::default() }
    }
}

impl<T: PartialEq> PartialEq for SymbolMap<T> {
    fn eq(&self, o: &Self) -> bool {
        self.entries == o.entries
    }
}

impl<T: Eq> Eq for SymbolMap<T> {}

impl<T> SymbolMap<T> {
    /// How many symbols there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.entries.len()
    }
    /// Whether there is none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
    /// All symbols with their values, in the order of the symbols' text.
    #[inline]
    pub fn entries(&self) -> &[(Symbol, T)] {
        &self.entries
    }
    /// Where a symbol is among the entries.
    #[inline]
    pub fn position(&self, symbol: Symbol) -> Option<usize> {
        self.places.get(symbol.index())
    }
    /// Whether there is a value of a symbol.
    #[inline]
    pub fn contains(&self, symbol: Symbol) -> bool {
        self.position(symbol).is_some()
    }
    /// The value of a symbol.
    #[inline]
    pub fn get(&self, symbol: Symbol) -> Option<&T> {
        self.position(symbol).and_then(|i| self.entries.get(i)).map(|e| &e.1)
    }
    /// The value of a symbol, to change it.
    #[inline]
    pub fn get_mut(&mut self, symbol: Symbol) -> Option<&mut T> {
        self.position(symbol).and_then(|i| self.entries.get_mut(i)).map(|e| &mut e.1)
    }
    /// The value at a position, to change it.
    #[inline]
    pub fn at_mut(&mut self, position: usize) -> Option<&mut T> {
        self.entries.get_mut(position).map(|e| &mut e.1)
    }
    /// All symbols with their values, to change these.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (Symbol, &mut T)> {
        self.entries.iter_mut().map(|(s, v)| (*s, v))
    }
    /// All values.
    pub fn values(&self) -> impl Iterator<Item = &T> + Clone {
        self.entries.iter().map(|e| &e.1)
    }
    /// All values, without the symbols.
    pub fn into_values(self) -> impl Iterator<Item = T> {
        self.entries.into_iter().map(|e| e.1)
    }
    /// All values, to change them.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.entries.iter_mut().map(|e| &mut e.1)
    }

    /// The value of a symbol, which gets one when it has none.
    #[inline]
    pub fn get_or_insert_with(&mut self, symbol: Symbol, value: impl FnOnce() -> T) -> &mut T {
        let at = self.position(symbol).unwrap_or_else(|| self.add(symbol, value()));
        &mut self.entries[at].1
    }
    /// Sets the value of a symbol; gives the one before.
    #[inline]
    pub fn insert(&mut self, symbol: Symbol, value: T) -> Option<T> {
        match self.position(symbol) {
            Some(at) => Some(std::mem::replace(&mut self.entries[at].1, value)),
            None => {
                self.add(symbol, value);
                None
            }
        }
    }
    fn add(&mut self, symbol: Symbol, value: T) -> usize {
        let at = match self.entries.last() {
            Some(last) if last.0 > symbol => self.entries.partition_point(|e| e.0 < symbol),
            _ => self.entries.len(),
        };
        self.entries.insert(at, (symbol, value));
        self.place(at);
        at
    }
    /// Notes where the entries from `at` on are.
    fn place(&mut self, at: usize) {
        for (i, (symbol, _)) in self.entries.iter().enumerate().skip(at) {
            self.places.set(symbol.index(), i);
        }
    }
    /// Takes a symbol out.
    pub fn remove(&mut self, symbol: Symbol) -> Option<T> {
        let at = self.position(symbol)?;
        self.places.remove(symbol.index());
        let (_, value) = self.entries.remove(at);
        self.place(at);
        Some(value)
    }
    /// Keeps those for which this is true.
    pub fn retain(&mut self, mut keep: impl FnMut(Symbol, &mut T) -> bool) {
        let places = &mut self.places;
        let before = self.entries.len();
        self.entries.retain_mut(|(symbol, value)| {
            let kept = keep(*symbol, value);
            if !kept {
                places.remove(symbol.index());
            }
            kept
        });
        if self.entries.len() < before {
            self.place(0);
        }
    }
    /// Takes everything out.
    pub fn clear(&mut self) {
        for (symbol, _) in self.entries.drain(..) {
            self.places.remove(symbol.index());
        }
    }
    /// Gives a value another symbol's place: the value that was there is replaced. Whether there was anything to move.
    pub fn rename(&mut self, from: Symbol, to: Symbol) -> bool {
        let moved = self.remove(from).map(|value| self.insert(to, value));
        moved.is_some()
    }
}

impl<T> Extend<(Symbol, T)> for SymbolMap<T> {
    /// Of a symbol that comes twice the last value counts.
    fn extend<I: IntoIterator<Item = (Symbol, T)>>(&mut self, all: I) {
        for (symbol, value) in all {
            self.insert(symbol, value);
        }
    }
}
impl<T> FromIterator<(Symbol, T)> for SymbolMap<T> {
    fn from_iter<I: IntoIterator<Item = (Symbol, T)>>(all: I) -> Self {
        let mut map = Self::default();
        map.extend(all);
        map
    }
}

impl<T: Serialize> Serialize for SymbolMap<T> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        self.entries.serialize(s)
    }
}
impl<'de, T: Deserialize<'de>> Deserialize<'de> for SymbolMap<T> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Vec::<(Symbol, T)>::deserialize(d).map(|all| all.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    proptest::proptest! {
        #[test]
        fn does_what_an_ordered_map_does(steps in proptest::collection::vec((0_u8..6, 0_usize..12, 0_i32..100), 1..200)) {
            // Names that are met in another order than that of their text.
            let names: Vec<Symbol> = (0..12).rev().map(|i| Symbol::new(&format!("MAP{i:02}")).unwrap()).collect();
            let (mut map, mut tree) = (SymbolMap::default(), BTreeMap::new());
            for (what, i, x) in steps {
                let s = names[i];
                match what {
                    0 | 1 => proptest::prop_assert_eq!(map.insert(s, x), tree.insert(s, x)),
                    2 => proptest::prop_assert_eq!(map.remove(s), tree.remove(&s)),
                    3 => *map.get_or_insert_with(s, || 7) += *tree.entry(s).and_modify(|v| *v += 1).or_insert(8) - map.get(s).copied().unwrap_or(7),
                    4 => {
                        map.retain(|_, v| *v % 3 != x % 3);
                        tree.retain(|_, v| *v % 3 != x % 3);
                    }
                    _ => {
                        let to = names[x as usize % 12];
                        let moved = tree.remove(&s);
                        proptest::prop_assert_eq!(map.rename(s, to), moved.is_some());
                        tree.extend(moved.map(|v| (to, v)));
                    }
                }
                proptest::prop_assert!(map.entries().iter().map(|e| (e.0, e.1)).eq(tree.iter().map(|e| (*e.0, *e.1))));
                for s in &names {
                    proptest::prop_assert_eq!(map.get(*s), tree.get(s));
                    proptest::prop_assert_eq!(map.position(*s), tree.keys().position(|k| k == s));
                }
            }
            let back: SymbolMap<i32> = postcard::from_bytes(&postcard::to_stdvec(&map).unwrap()).unwrap();
            proptest::prop_assert_eq!(back.entries(), map.entries());
            map.clear();
            proptest::prop_assert!(map.is_empty() && names.iter().all(|s| !map.contains(*s)));
        }
    }
}
