//! The fast path: columns of trades to columns of bars.

use tradewind_core_types::{BadInput, Price, Quantity};

use super::Unit;
use super::bar::{BarColumns, TradeBar};
use super::engine::{DOLLAR, DollarBars, NOTHING, TICK, Tick, VOLUME};

/// The nearest whole number of billionths, halves away from zero as `Price::from_f64` rounds them; 0 or less, or too large, for what is
/// no positive number. Without a call to the mathematics library, and so an order of magnitude faster.
#[inline(always)]
pub(super) fn nanos(x: f64) -> i64 {
    let y = x * 1e9;
    let whole = y as i64;
    // Exact: below 2^53 by the nature of floats, above because there is no fraction.
    let rest = y - whole as f64;
    if rest >= 0.5 { whole.saturating_add(1) } else { whole }
}

fn lengths(times: usize, prices: usize, sizes: usize, sides: Option<usize>) -> Result<(), BadInput> {
    for (what, n) in [("prices", Some(prices)), ("sizes", Some(sizes)), ("sides", sides)] {
        if let Some(n) = n.filter(|n| *n != times) {
            return Err(BadInput::new(what, format!("{n} values"), format!("{times}, one for each time")));
        }
    }
    Ok(())
}

impl DollarBars {
    /// Takes a chunk of trades, adds every bar that they close to `out`, and says how many these were: exactly those of
    /// [`DollarBars::push`], trade by trade, at several times its speed.
    ///
    /// `times` are nanoseconds since 1970, `prices` dollars and `sizes` shares, rounded to nine decimals; `sides` tell who began a trade:
    /// above zero the buyer, below zero the seller, zero not known (the tick rule decides). The bar in progress goes on with the next chunk.
    ///
    /// ```
    /// use tradewind_core_types::Params;
    /// use tradewind_features::plugins::fe_dollar_bars::{BarColumns, FeDollarBarsParams};
    /// let mut bars = FeDollarBarsParams { threshold: 1000.0, ..Default::default() }.build()?;
    /// let mut out = BarColumns::default();
    /// assert_eq!(bars.push_columns(&[1, 2], &[10.0, 11.0], &[50.0, 20.0], None, &mut out)?, 0);
    /// assert_eq!(bars.push_columns(&[3], &[12.0], &[30.0], None, &mut out)?, 1);
    /// assert_eq!((out.volume[0], out.value[0], out.vwap[0]), (100.0, 1080.0, 10.8));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// For the first trade that cannot be used, with its row (from 0), or columns of unequal length. Then neither the state nor `out` has
    /// changed.
    pub fn push_columns(
        &mut self,
        times: &[i64],
        prices: &[f64],
        sizes: &[f64],
        sides: Option<&[i8]>,
        out: &mut BarColumns,
    ) -> Result<u64, BadInput> {
        lengths(times.len(), prices.len(), sizes.len(), sides.map(<[i8]>::len))?;
        let rows = times.iter().zip(prices).zip(sizes).map(|((t, p), q)| (*t, nanos(*p), nanos(*q)));
        self.chunk(rows, sides, out).map_err(|(i, e)| {
            // The number as it was given, not as it was rounded.
            let given = |x: &[f64]| x.get(i).copied().unwrap_or(f64::NAN);
            let e = Price::from_f64(given(prices)).err().or(Quantity::from_f64(given(sizes)).err()).unwrap_or(e);
            BadInput { what: format!("{} at row {i}", e.what), ..e }
        })
    }

    /// [`DollarBars::push_columns`] with prices and sizes in billionths of a dollar and a share.
    ///
    /// # Errors
    /// As there.
    pub fn push_nanos(
        &mut self,
        times: &[i64],
        prices: &[i64],
        sizes: &[i64],
        sides: Option<&[i8]>,
        out: &mut BarColumns,
    ) -> Result<u64, BadInput> {
        lengths(times.len(), prices.len(), sizes.len(), sides.map(<[i8]>::len))?;
        let rows = times.iter().zip(prices).zip(sizes).map(|((t, p), q)| (*t, *p, *q));
        self.chunk(rows, sides, out).map_err(|(i, e)| BadInput { what: format!("{} at row {i}", e.what), ..e })
    }

    fn chunk(
        &mut self,
        rows: impl Iterator<Item = (i64, i64, i64)>,
        sides: Option<&[i8]>,
        out: &mut BarColumns,
    ) -> Result<u64, (usize, BadInput)> {
        let (before, had) = (self.clone(), out.len());
        let mut sink = |b: &TradeBar| out.push(b);
        let done = match sides {
            None => self.rows(rows.map(|(time, price, size)| Tick { time, price, size, side: 0 }), &mut sink),
            Some(s) => self.rows(
                rows.zip(s).map(|((time, price, size), s)| Tick { time, price, size, side: s.signum() }),
                &mut sink,
            ),
        };
        if done.is_err() {
            *self = before;
            out.truncate(had);
        }
        done
    }

    #[inline(always)]
    fn rows(
        &mut self,
        mut ticks: impl Iterator<Item = Tick>,
        sink: &mut impl FnMut(&TradeBar),
    ) -> Result<u64, (usize, BadInput)> {
        let (mut row, mut closed) = (0, 0);
        loop {
            let next = match self.counts() {
                Some(Unit::Tick) => self.ordinary::<TICK>(&mut ticks, &mut row),
                Some(Unit::Volume) => self.ordinary::<VOLUME>(&mut ticks, &mut row),
                Some(Unit::Dollar) => self.ordinary::<DOLLAR>(&mut ticks, &mut row),
                None => self.ordinary::<NOTHING>(&mut ticks, &mut row),
            };
            let Some(t) = next else { return Ok(closed) };
            closed += self.take(t, sink).map_err(|e| (row, e))?;
            row += 1;
        }
    }
}
