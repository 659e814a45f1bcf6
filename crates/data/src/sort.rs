//! The order of events: by time, then symbol, then row, in linear time.

use std::collections::HashMap;

use crate::table::EventTable;

/// The table in order; untouched when it is already.
///
/// Times are numbered in order and rows sorted by counting, first by symbol and then, stably, by time: files hold few different times
/// (every symbol of a file has the same sessions), so a comparison sort would do needless work.
pub(crate) fn sorted(table: EventTable) -> EventTable {
    let keys = || table.times.iter().zip(&table.ids);
    if keys().zip(keys().skip(1)).all(|(a, b)| a <= b) {
        return table;
    }
    let (ranks, distinct) = ranks(&table.times);
    let rows: Vec<u32> = (0_u32..).take(table.len()).collect();
    let by_symbol = counted(&rows, &table.ids, table.symbols.len());
    let perm = counted(&by_symbol, &ranks, distinct);
    table.permuted(&perm)
}

/// `rows` sorted stably by `key[row]`, which lies below `keys`.
fn counted(rows: &[u32], key: &[u32], keys: usize) -> Vec<u32> {
    let mut at = vec![0_usize; keys + 1];
    for k in key {
        at[*k as usize + 1] += 1;
    }
    for i in 1..at.len() {
        at[i] += at[i - 1];
    }
    let mut out = vec![0; rows.len()];
    for &row in rows {
        let slot = &mut at[key[row as usize] as usize];
        out[*slot] = row;
        *slot += 1;
    }
    out
}

/// For each time its position among the distinct ones in order, and how many of these there are.
fn ranks(times: &[i64]) -> (Vec<u32>, usize) {
    // Distinct times as they are met, each with the one that followed it last: sorted by symbol, it follows again.
    let mut met: Vec<(i64, u32)> = Vec::new();
    let mut by_time: HashMap<i64, u32> = HashMap::new();
    let mut last = 0_u32;
    let mut numbers: Vec<u32> = times
        .iter()
        .map(|&t| {
            let guess = met.get(last as usize).map_or(0, |m| m.1);
            let id = match met.get(guess as usize) {
                Some(m) if m.0 == t => guess,
                _ => *by_time.entry(t).or_insert_with(|| {
                    met.push((t, 0));
                    met.len() as u32 - 1
                }),
            };
            if let Some(m) = met.get_mut(last as usize) {
                m.1 = id;
            }
            last = id;
            id
        })
        .collect();
    let mut order: Vec<u32> = (0..met.len() as u32).collect();
    order.sort_unstable_by_key(|&i| met[i as usize].0);
    let mut rank = vec![0_u32; met.len()];
    for (r, i) in (0_u32..).zip(&order) {
        rank[*i as usize] = r;
    }
    for n in &mut numbers {
        *n = rank[*n as usize];
    }
    (numbers, met.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn counting_is_a_stable_sort(times in proptest::collection::vec(-5_i64..5, 0..60)) {
            let (ranks, n) = ranks(&times);
            let rows: Vec<u32> = (0..times.len() as u32).collect();
            let mut expected = rows.clone();
            expected.sort_by_key(|&i| times[i as usize]);
            proptest::prop_assert_eq!(counted(&rows, &ranks, n), expected);
        }
    }
}
