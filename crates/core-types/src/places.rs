//! Where the values of a name are kept, found by the name's number.

/// No place: this cell is empty.
const NONE: u32 = u32::MAX;
/// 2^64 over the golden ratio: numbers in a row, or at even distances, are spread over all cells (Knuth, TAOCP 3, 6.4).
const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;

/// Places by the number of a name: a table of cells in which a number lies at, or soon after, the cell that it is spread to.
///
/// Its size and the cost of a look-up depend on the names in it, and not on those that other runs of the process have met.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    /// The number of a name and its place. Their count is a power of two, and at most half of them are in use.
    cells: Vec<(u32, u32)>,
    used: usize,
    /// 64 less the number of bits of a cell's index.
    shift: u32,
}

impl Default for Places {
    fn default() -> Self {
        // Without cells every look-up ends at once, whatever the index.
        Self { cells: Vec::new(), used: 0, shift: 1 }
    }
}

impl Places {
    /// Where a number would lie if it were alone.
    #[inline]
    fn home(&self, number: usize) -> usize {
        ((number as u64).wrapping_mul(SPREAD) >> self.shift) as usize
    }
    #[inline]
    fn next(&self, cell: usize) -> usize {
        (cell + 1) & (self.cells.len() - 1)
    }
    /// The cell of a number, or the empty one where it would be put.
    #[inline]
    fn cell(&self, number: usize) -> Option<usize> {
        let mut i = self.home(number);
        loop {
            let (n, place) = *self.cells.get(i)?;
            if n as usize == number || place == NONE {
                return Some(i);
            }
            i = self.next(i);
        }
    }
    /// The place of a number.
    #[inline]
    pub fn get(&self, number: usize) -> Option<usize> {
        let (_, place) = *self.cells.get(self.cell(number)?)?;
        (place != NONE).then_some(place as usize)
    }
    /// Gives a number a place, or another one.
    pub fn set(&mut self, number: usize, place: usize) {
        if 2 * (self.used + 1) > self.cells.len() {
            self.grow();
        }
        if let Some(i) = self.cell(number)
            && let Some(cell) = self.cells.get_mut(i)
        {
            self.used += usize::from(cell.1 == NONE);
            // Names and places are counted in 32 bits.
            *cell = (number as u32, place as u32);
        }
    }
    fn grow(&mut self) {
        let count = (2 * self.cells.len()).max(8);
        let before = std::mem::replace(&mut self.cells, vec![(0, NONE); count]);
        self.shift = u64::BITS - count.trailing_zeros();
        self.used = 0;
        for (number, place) in before.into_iter().filter(|c| c.1 != NONE) {
            self.set(number as usize, place as usize);
        }
    }
    /// Takes a number out.
    pub fn remove(&mut self, number: usize) {
        let Some(mut hole) = self.cell(number).filter(|i| self.cells[*i].1 != NONE) else { return };
        // An entry after the hole that could not be found across it moves into it (Knuth, algorithm R).
        let mut i = self.next(hole);
        while self.cells[i].1 != NONE {
            let home = self.home(self.cells[i].0 as usize);
            let mask = self.cells.len() - 1;
            if (i.wrapping_sub(home) & mask) >= (i.wrapping_sub(hole) & mask) {
                self.cells[hole] = self.cells[i];
                hole = i;
            }
            i = self.next(i);
        }
        self.cells[hole].1 = NONE;
        self.used -= 1;
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
                proptest::prop_assert_eq!(places.used, map.len());
            }
        }
    }

    #[test]
    fn the_size_follows_what_is_in_it() {
        let mut places = Places::default();
        (0..500).for_each(|i| places.set(4_000_000_000 - 7_919 * i, i));
        assert_eq!(places.cells.len(), 1024);
        // One place after another in and out again, as a buffer of published values has it.
        for i in 0..100_000 {
            places.set(i, 3);
            places.remove(i);
        }
        assert_eq!((places.cells.len(), places.used), (1024, 500));
        // Even distances do not crowd: a look-up looks at few cells.
        for stride in [1, 2, 64, 100, 1024, 50_001] {
            let mut places = Places::default();
            (0..500).for_each(|i| places.set(i * stride, i));
            let far = |i: usize| {
                let n = i * stride;
                places.cell(n).unwrap().wrapping_sub(places.home(n)) & 1023
            };
            let worst = (0..500).map(far).max().unwrap();
            assert!(worst <= 16, "{worst} cells away with a distance of {stride}");
        }
    }
}
