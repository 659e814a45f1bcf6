//! Where the values of a name are kept, found by the name's number.

/// No place: this cell is empty.
const NONE: u32 = u32::MAX;
/// Numbers that share a page: one line of a processor's cache.
const PAGE: usize = 16;

/// Places by the number of a name: a table of pages, of which only those exist that have a name on them.
///
/// A look-up is two array accesses. It costs the same whatever other runs of the process have met; their names take a quarter of a byte each.
#[derive(Debug, Clone, Default)]
pub(crate) struct Places {
    /// Which page the numbers of a block of [`PAGE`] have; the first page is always empty.
    blocks: Vec<u32>,
    pages: Vec<[u32; PAGE]>,
}

impl Places {
    /// The place of a number.
    #[inline]
    pub fn get(&self, number: usize) -> Option<usize> {
        let page = *self.blocks.get(number / PAGE)?;
        let place = self.pages.get(page as usize)?[number % PAGE];
        (place != NONE).then_some(place as usize)
    }
    /// Gives a number a place, or another one.
    pub fn set(&mut self, number: usize, place: usize) {
        let block = number / PAGE;
        if self.blocks.len() <= block {
            self.blocks.resize(block + 1, 0);
        }
        if self.pages.is_empty() {
            self.pages.push([NONE; PAGE]);
        }
        if self.blocks[block] == 0 {
            // Names and places are counted in 32 bits.
            self.blocks[block] = self.pages.len() as u32;
            self.pages.push([NONE; PAGE]);
        }
        self.pages[self.blocks[block] as usize][number % PAGE] = place as u32;
    }
    /// Takes a number out. Its page stays, for the next number of the block.
    pub fn remove(&mut self, number: usize) {
        let page = self.blocks.get(number / PAGE).copied().unwrap_or_default() as usize;
        if let Some(page) = self.pages.get_mut(page) {
            page[number % PAGE] = NONE;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    proptest::proptest! {
        #[test]
        fn does_what_a_map_does(steps in proptest::collection::vec((0_u8..3, 0_usize..40, 0_usize..1000), 1..400), stride in 1_usize..70_000) {
            let (mut places, mut map) = (Places::default(), BTreeMap::new());
            for (what, i, place) in steps {
                let number = i * stride;
                if what == 0 {
                    places.remove(number);
                    map.remove(&number);
                } else {
                    places.set(number, place);
                    map.insert(number, place);
                }
                for n in (0..40).map(|i| i * stride) {
                    proptest::prop_assert_eq!(places.get(n), map.get(&n).copied());
                }
            }
        }
    }

    #[test]
    fn the_size_follows_what_is_in_it() {
        let mut places = Places::default();
        // Five hundred names among fifty thousand of others, each in a block of its own.
        (0..500).for_each(|i| places.set(50_000 + 100 * i, i));
        assert_eq!((places.pages.len(), places.blocks.len()), (501, (50_000 + 100 * 499) / PAGE + 1));
        // One place after another in and out again, as a buffer of published values has it: pages are used again.
        for i in 0..100_000 {
            places.set(i, 3);
            places.remove(i);
        }
        assert_eq!(places.pages.len(), 1 + 100_000_usize.div_ceil(PAGE));
        assert!((0..100_000).all(|i| places.get(i).is_none()));
    }
}
