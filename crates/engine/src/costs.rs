//! What trading costs in simulation: slippage and commissions.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tradewind_core_types::{BadInput, Cash, Invalid, Price, Quantity, Side};

/// How far a market-type order fills from the reference price, always to the trader's disadvantage:
/// `bps + spread_bps / 2 + impact_bps sqrt(quantity / volume)` (square-root law: Almgren, Thum, Hauptmann & Li 2005).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Slippage {
    /// Fixed slippage in basis points, 0 to 1000.
    pub bps: f64,
    /// Quoted spread in basis points, of which half is paid, 0 to 1000. Not applied to fills against a quote, which pay it anyway.
    pub spread_bps: f64,
    /// Impact in basis points of an order as large as the volume of its bar, 0 to 10000. Needs volume in the data when above 0.
    pub impact_bps: f64,
    /// Largest share of a bar's volume that one order may take, in (0, 1]; the rest stays working. Needs volume in the data.
    pub max_participation: Option<f64>,
}

impl Default for Slippage {
    fn default() -> Self {
        Self { bps: 1.0, spread_bps: 1.0, impact_bps: 0.0, max_participation: None }
    }
}

impl Slippage {
    /// No slippage at all.
    pub const NONE: Slippage = Slippage { bps: 0.0, spread_bps: 0.0, impact_bps: 0.0, max_participation: None };

    /// Checks ranges.
    ///
    /// # Errors
    /// All violations.
    pub fn check(&self) -> Result<(), Invalid> {
        let mut bad = Invalid::default();
        bad.require((0.0..=1000.0).contains(&self.bps), "bps", self.bps, "0 to 1000");
        bad.require((0.0..=1000.0).contains(&self.spread_bps), "spread_bps", self.spread_bps, "0 to 1000");
        bad.require((0.0..=10_000.0).contains(&self.impact_bps), "impact_bps", self.impact_bps, "0 to 10000");
        if let Some(p) = self.max_participation {
            bad.require(p > 0.0 && p <= 1.0, "max_participation", p, "above 0, at most 1");
        }
        bad.into_result(())
    }

    /// How much of `wanted` can fill against this volume.
    ///
    /// # Errors
    /// When a cap is set and the volume is not known.
    pub fn fillable(&self, wanted: Quantity, volume: Option<Quantity>) -> Result<Quantity, BadInput> {
        match self.max_participation {
            None => Ok(wanted),
            Some(p) => {
                let v = volume.ok_or_else(|| missing_volume("max_participation"))?;
                Ok(wanted.min(Quantity::from_f64(p * v.to_f64())?))
            }
        }
    }

    /// The price after slippage and how many basis points it is worse than `reference`.
    ///
    /// # Errors
    /// When impact is set and the volume is not known, or the price would leave the range of prices.
    pub fn price(
        &self,
        reference: Price,
        side: Side,
        quantity: Quantity,
        volume: Option<Quantity>,
        quoted: bool,
    ) -> Result<(Price, f64), BadInput> {
        let mut bps = self.bps + if quoted { 0.0 } else { 0.5 * self.spread_bps };
        if self.impact_bps > 0.0 {
            let v = volume.ok_or_else(|| missing_volume("impact_bps"))?.to_f64();
            if v > 0.0 {
                bps += self.impact_bps * (quantity.to_f64() / v).sqrt();
            }
        }
        if bps == 0.0 {
            return Ok((reference, 0.0));
        }
        let factor = if side == Side::Buy { 1.0 + 1e-4 * bps } else { 1.0 - 1e-4 * bps };
        Ok((Price::from_f64(reference.to_f64() * factor)?, bps))
    }
}

fn missing_volume(setting: &str) -> BadInput {
    BadInput::new(
        "volume",
        "missing",
        format!(
            "volume in the data, because costs.slippage.{setting} is set: set it to nothing or bring data with volume"
        ),
    )
}

/// What the broker and the regulators charge, rounded up to whole cents a fill.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Commission {
    /// Dollars a share, 0 to 1.
    pub per_share: f64,
    /// Smallest commission a fill in dollars, 0 to 100; only charged when `per_share` is above 0.
    pub minimum: f64,
    /// Commission in basis points of the value, 0 to 1000.
    pub bps: f64,
    /// SEC Section 31 fee on sales, dollars a million of value, 0 to 1000 (21.80 in 2016).
    pub sec_per_million: f64,
    /// FINRA trading activity fee on sales, dollars a share, 0 to 0.01 (0.000119 in 2014-2016).
    pub taf_per_share: f64,
    /// Largest trading activity fee a fill in dollars, 0 to 100 (5.95 in 2014-2016).
    pub taf_maximum: f64,
}

impl Default for Commission {
    /// No commission, regulatory fees of 2014-2016.
    fn default() -> Self {
        Self {
            per_share: 0.0,
            minimum: 0.0,
            bps: 0.0,
            sec_per_million: 21.80,
            taf_per_share: 0.000_119,
            taf_maximum: 5.95,
        }
    }
}

impl Commission {
    /// No fees at all.
    pub const NONE: Commission = Commission {
        per_share: 0.0,
        minimum: 0.0,
        bps: 0.0,
        sec_per_million: 0.0,
        taf_per_share: 0.0,
        taf_maximum: 0.0,
    };

    /// Checks ranges.
    ///
    /// # Errors
    /// All violations.
    pub fn check(&self) -> Result<(), Invalid> {
        let mut bad = Invalid::default();
        bad.require((0.0..=1.0).contains(&self.per_share), "per_share", self.per_share, "0 to 1");
        bad.require((0.0..=100.0).contains(&self.minimum), "minimum", self.minimum, "0 to 100");
        bad.require((0.0..=1000.0).contains(&self.bps), "bps", self.bps, "0 to 1000");
        bad.require(
            (0.0..=1000.0).contains(&self.sec_per_million),
            "sec_per_million",
            self.sec_per_million,
            "0 to 1000",
        );
        bad.require((0.0..=0.01).contains(&self.taf_per_share), "taf_per_share", self.taf_per_share, "0 to 0.01");
        bad.require((0.0..=100.0).contains(&self.taf_maximum), "taf_maximum", self.taf_maximum, "0 to 100");
        bad.into_result(())
    }

    /// The fee of a fill.
    ///
    /// # Errors
    /// When the value leaves the range of cash.
    pub fn fee(&self, side: Side, quantity: Quantity, price: Price) -> Result<Cash, BadInput> {
        let value = (price * quantity).to_f64();
        let shares = quantity.to_f64();
        let mut fee = Cash::ZERO;
        if self.per_share > 0.0 {
            fee += Cash::from_f64((self.per_share * shares).max(self.minimum))?.ceil_cents();
        }
        if self.bps > 0.0 {
            fee += Cash::from_f64(1e-4 * self.bps * value)?.ceil_cents();
        }
        if side == Side::Sell {
            if self.sec_per_million > 0.0 {
                fee += Cash::from_f64(1e-6 * self.sec_per_million * value)?.ceil_cents();
            }
            if self.taf_per_share > 0.0 {
                fee += Cash::from_f64((self.taf_per_share * shares).min(self.taf_maximum))?.ceil_cents();
            }
        }
        Ok(fee)
    }
}

/// Slippage and commissions together.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Costs {
    /// Slippage of market-type orders.
    pub slippage: Slippage,
    /// Commissions and fees.
    pub commission: Commission,
}

impl Costs {
    /// The part of the costs that depends on neither price nor size, as a fraction of the value traded: fixed slippage, half the spread and the
    /// commission by value. The records of strategies charge it.
    pub fn of_value(&self) -> f64 {
        1e-4 * (self.slippage.bps + 0.5 * self.slippage.spread_bps + self.commission.bps)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn p(s: &str) -> Price {
        s.parse().unwrap()
    }
    fn q(s: &str) -> Quantity {
        s.parse().unwrap()
    }

    #[test]
    fn of_value_by_hand() {
        let slippage = Slippage { bps: 2.0, spread_bps: 4.0, impact_bps: 100.0, max_participation: None };
        let costs = Costs { slippage, commission: Commission { bps: 3.0, per_share: 0.01, ..Commission::NONE } };
        assert!((costs.of_value() - 0.0007).abs() < 1e-18);
    }

    #[test]
    fn slippage_by_hand() {
        let s = Slippage { bps: 2.0, spread_bps: 4.0, impact_bps: 100.0, max_participation: Some(0.1) };
        // 2 + 4/2 + 100 sqrt(100/10000) = 14 bp
        let (price, bps) = s.price(p("100"), Side::Buy, q("100"), Some(q("10000")), false).unwrap();
        assert!((bps - 14.0).abs() < 1e-12);
        assert_eq!(price, p("100.14"));
        assert_eq!(s.price(p("100"), Side::Sell, q("100"), Some(q("10000")), true).unwrap().0, p("99.88"));
        assert!(s.price(p("100"), Side::Sell, q("100"), None, false).is_err());
        assert_eq!(s.fillable(q("5000"), Some(q("10000"))).unwrap(), q("1000"));
        assert!(s.fillable(q("5000"), None).is_err());
        assert!(Slippage { bps: f64::NAN, ..s }.check().is_err());
    }

    #[test]
    fn fees_by_hand() {
        let c = Commission::default();
        assert_eq!(c.fee(Side::Buy, q("100"), p("200")).unwrap(), Cash::ZERO);
        // SEC 20000 x 21.80e-6 = 0.436 -> 0.44; TAF 0.0119 -> 0.02
        assert_eq!(c.fee(Side::Sell, q("100"), p("200")).unwrap().to_string(), "0.46");
        let c = Commission { per_share: 0.005, minimum: 1.0, bps: 1.0, ..Commission::NONE };
        assert_eq!(c.fee(Side::Buy, q("100"), p("200")).unwrap().to_string(), "3");
    }
}
