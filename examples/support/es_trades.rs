//! The 500,000 E-mini S&P 500 trades of mlfinpy (MIT licence), as `tools/oracle/fe_dollar_bars.py` has packed them.

use std::io::Read;

/// Columns of trades: nanoseconds since 1970, points, contracts.
pub struct Trades {
    pub times: Vec<i64>,
    pub prices: Vec<f64>,
    pub sizes: Vec<f64>,
}

/// Reads the trades from `tools/oracle/data/`.
pub fn es_trades() -> Result<Trades, Box<dyn std::error::Error>> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tools/oracle/data/es_trades_2013_09.bin.gz");
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(std::fs::File::open(path)?).read_to_end(&mut bytes)?;
    // LEB128: seven bits a byte, the lowest first.
    let mut rest = bytes.iter();
    let mut next = || {
        let (mut x, mut shift) = (0_u64, 0);
        for b in rest.by_ref() {
            x |= u64::from(b & 127) << shift;
            shift += 7;
            if b & 128 == 0 {
                return Ok(x);
            }
        }
        Err("the file of trades ends too early")
    };
    let n = next()? as usize;
    let mut t = Trades { times: Vec::with_capacity(n), prices: Vec::with_capacity(n), sizes: Vec::with_capacity(n) };
    let mut ms = 0_i64;
    for _ in 0..n {
        ms += next()? as i64;
        t.times.push(ms * 1_000_000);
    }
    let mut quarters = 0_i64;
    for _ in 0..n {
        let z = next()?;
        // Zigzag: 0, -1, 1, -2, 2 are 0, 1, 2, 3, 4.
        quarters += (z >> 1) as i64 ^ -((z & 1) as i64);
        t.prices.push(quarters as f64 / 4.0);
    }
    for _ in 0..n {
        t.sizes.push(next()? as f64);
    }
    Ok(t)
}
