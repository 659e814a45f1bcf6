//! Takes positions down with their age, lot by lot, and closes them at a maximum age.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tradewind_core_types::{BadInput, Invalid, Online, Params, PluginInfo, Quantity, Span, Symbol, Time, parse_params};

use crate::decay::TimeDecayRule;
use crate::lots::{Curve, Lots, Moment, Schedule, Unit};

/// Parameters of `risk_time_decay_size`.
///
/// Of a lot of age a (in `unit`) at most entry size x factor(a) may be held, with u = (a - `grace`) / `half_life`:
/// * factor = 1 up to `grace`, 0 from `max_age`, and in between the larger of `floor` and
/// * exponential: 2^-u, linear: 1 - u / 2, step: 2^-floor(u); so half is left one half-life after the grace period, in each of them.
///
/// Lots are rebuilt from the quantity held. More in the same direction is a new lot of age 0; less is first what age demands, the oldest
/// lot first, and beyond that closes lots first in, first out, each with its share of the entry size. A change of sign ends all lots.
/// Splits scale them. So what age has taken is neither taken twice nor counted as new, and the size allowed never rises by itself.
///
/// Table: one row a session, input `quantity` held (with sign), `price` and `day` (of the clock, in days from any start; needed with
/// `unit = "days"`, else may be empty); output number of `lots`, `age` of the oldest, `factor` = allowed / entry size, `size` allowed (with
/// sign) and its `value`. Warm-up: none. Rule: caps every target at what age leaves of the lots held (see the page for how targets grow
/// again); first of all rules.
///
/// Sources: Kaufman (2013), "Trading systems and methods", 5th ed., ch. 23 (time-based exits); Grinold & Kahn (1999), "Active portfolio
/// management", 2nd ed., ch. 13 (half-life of a signal's information).
///
/// ```
/// use tradewind_core_types::{Online, Params};
/// use tradewind_risk::plugins::risk_time_decay_size::{RiskTimeDecaySizeIn, RiskTimeDecaySizeParams};
/// let params = RiskTimeDecaySizeParams { grace: 1.0, half_life: 2.0, floor: 0.1, max_age: 6.0, ..Default::default() };
/// let mut decay = params.build()?;
/// let mut sizes = Vec::new();
/// for _ in 0..7 {
///     let row = RiskTimeDecaySizeIn { quantity: 100.0, price: 20.0, day: None };
///     sizes.extend(decay.update(&row)?.map(|o| o.size));
/// }
/// // Ages 0 to 6: whole up to 1, half at 3, a quarter at 5, nothing from 6.
/// assert_eq!((sizes[1], sizes[3], sizes[5], sizes[6]), (100.0, 50.0, 25.0, 0.0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RiskTimeDecaySizeParams {
    /// How size falls with age.
    pub schedule: Schedule,
    /// How age is counted: `sessions`, or `days` of 24 hours.
    pub unit: Unit,
    /// Age up to which nothing is taken, zero or more and below `max_age`.
    pub grace: f64,
    /// Age beyond the grace period at which half is left, above 0 and at most 1e6.
    pub half_life: f64,
    /// Least part that is left before `max_age`, in [0, 1].
    pub floor: f64,
    /// Age from which nothing is left, above `grace` and at most 1e6.
    pub max_age: f64,
    /// Time after such an end (in `unit`, above 0 and at most 1e6) from which the same signal may be bought anew; without it only a
    /// signal that went to zero or changed its sign may. Rule only.
    pub reentry: Option<f64>,
    /// Symbols that do not age, such as the one hedges are made with. Rule only.
    pub exempt: Vec<String>,
}

impl Default for RiskTimeDecaySizeParams {
    fn default() -> Self {
        Self {
            schedule: Schedule::Exponential,
            unit: Unit::Sessions,
            grace: 5.0,
            half_life: 10.0,
            floor: 0.25,
            max_age: 60.0,
            reentry: None,
            exempt: Vec::new(),
        }
    }
}

impl RiskTimeDecaySizeParams {
    /// What is left of a lot by age.
    pub fn curve(&self) -> Curve {
        Curve {
            schedule: self.schedule,
            unit: self.unit,
            grace: self.grace,
            half_life: self.half_life,
            floor: self.floor,
            max_age: self.max_age,
        }
    }
}

impl Params for RiskTimeDecaySizeParams {
    const ID: &'static str = "risk_time_decay_size";
    type Built = RiskTimeDecaySize;

    fn build(&self) -> Result<RiskTimeDecaySize, Invalid> {
        let mut bad = Invalid::default();
        let (grace, max) = (self.grace, self.max_age);
        bad.require((0.0..=1e6).contains(&grace), "grace", grace, "an age, zero or more");
        bad.require(max > grace.max(0.0) && max <= 1e6, "max_age", max, "an age above grace, at most 1e6");
        let half = self.half_life;
        bad.require(half > 0.0 && half <= 1e6, "half_life", half, "an age above 0, at most 1e6");
        bad.require((0.0..=1.0).contains(&self.floor), "floor", self.floor, "a part in [0, 1]");
        if let Some(r) = self.reentry {
            bad.require(r > 0.0 && r <= 1e6, "reentry", r, "an age above 0, at most 1e6");
        }
        for s in &self.exempt {
            bad.require(Symbol::new(s).is_ok(), "exempt", s, "a symbol");
        }
        bad.into_result(RiskTimeDecaySize { curve: self.curve(), lots: Lots::default(), rows: 0, day: None })
    }
}

/// What is held at the end of a session.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RiskTimeDecaySizeIn {
    /// Shares held, negative when short, at most 1e9.
    pub quantity: f64,
    /// Price, above 0.
    pub price: f64,
    /// Time in days from any start, not falling; needed with `unit = "days"`.
    pub day: Option<f64>,
}

/// What age leaves of it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RiskTimeDecaySizeOut {
    /// Lots held.
    pub lots: u32,
    /// Age of the oldest, in the unit of the parameters.
    pub age: Option<f64>,
    /// Allowed over entry size, in [0, 1].
    pub factor: Option<f64>,
    /// Shares that may still be held, negative when short; never more than are held.
    pub size: f64,
    /// Their value.
    pub value: f64,
}

/// What age leaves of one holding.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RiskTimeDecaySize {
    curve: Curve,
    lots: Lots,
    rows: u64,
    day: Option<f64>,
}

impl Online for RiskTimeDecaySize {
    type In = RiskTimeDecaySizeIn;
    type Out = RiskTimeDecaySizeOut;

    fn update(&mut self, x: &RiskTimeDecaySizeIn) -> Result<Option<RiskTimeDecaySizeOut>, BadInput> {
        let held = Quantity::from_f64(x.quantity).map_err(|e| BadInput { what: "quantity".into(), ..e })?.nanos();
        let price = BadInput::positive("price", x.price)?;
        if price > 1e9 {
            return Err(BadInput::new("price", price.to_string(), "a price of at most 1e9"));
        }
        let last = self.day.unwrap_or(-1e5);
        let day = match (x.day, self.curve.unit) {
            // Nanoseconds of 64 bits hold 292 years on either side.
            (Some(d), _) if d >= last && d <= 1e5 => Some(d),
            (None, Unit::Sessions) => self.day,
            (found, _) => {
                let found = found.map_or("missing".to_owned(), |d| d.to_string());
                return Err(BadInput::new("day", found, format!("days not before {last}, at most 1e5")));
            }
        };
        let nanos = day.unwrap_or(0.0) * Span::DAY.nanos() as f64;
        let now = Moment { time: Time::from_nanos(nanos as i64), session: self.rows };
        self.lots.change(held, now, &self.curve, None);
        (self.day, self.rows) = (day, self.rows + 1);
        let (entry, allowed) = (self.lots.entry(), self.lots.allowed(now, &self.curve));
        let size = if allowed > 0.0 { self.lots.sign() * allowed / 1e9 } else { 0.0 };
        Ok(Some(RiskTimeDecaySizeOut {
            lots: self.lots.len() as u32,
            age: self.lots.age(now, self.curve.unit),
            factor: (entry > 0.0).then(|| allowed / entry),
            size,
            value: size * price,
        }))
    }
    fn warmup(&self) -> usize {
        0
    }
    fn summary(&self) -> Value {
        json!({ "sessions": self.rows, "lots": self.lots.len(), "held": self.lots.held() as f64 / 1e9 })
    }
}

/// The plugin's entry in the registry.
pub const PLUGIN: PluginInfo = PluginInfo {
    rule: Some(|v| Ok(Box::new(TimeDecayRule::new(&parse_params(v)?)?))),
    ..PluginInfo::of::<RiskTimeDecaySizeParams>(
        2,
        "Takes positions down with their age, lot by lot, and closes them at a maximum age.",
        "Kaufman (2013), Trading systems and methods, ch. 23; Grinold & Kahn (1999), Active portfolio management, ch. 13",
    )
    .with_table::<RiskTimeDecaySizeParams>()
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        let p = RiskTimeDecaySizeParams {
            schedule: Schedule::Step,
            grace: 1.0,
            half_life: 2.0,
            floor: 0.0,
            max_age: 5.0,
            ..Default::default()
        };
        let mut d = p.build().unwrap();
        let mut go = |quantity| {
            let o = d.update(&RiskTimeDecaySizeIn { quantity, price: 10.0, day: None }).unwrap().unwrap();
            (o.lots, o.age, o.factor, o.size)
        };
        assert_eq!(go(0.0), (0, None, None, 0.0));
        assert_eq!(go(-40.0), (1, Some(0.0), Some(1.0), -40.0));
        assert_eq!(go(-40.0), (1, Some(1.0), Some(1.0), -40.0));
        assert_eq!(go(-40.0), (1, Some(2.0), Some(1.0), -40.0));
        // Age 3: half of 40; and 20 more, new.
        assert_eq!(go(-60.0), (2, Some(3.0), Some(40.0 / 60.0), -40.0));
        // A partial exit of 30: 20 of the first that age demands, then half of its 20; 10 of 20 left of an entry of 20.
        assert_eq!(go(-30.0), (2, Some(4.0), Some(30.0 / 40.0), -30.0));
        // The first is five sessions old and ends; the second is two.
        assert_eq!(go(-30.0), (2, Some(5.0), Some(0.5), -20.0));
        // The 10 are sold.
        assert_eq!(go(-20.0), (1, Some(3.0), Some(0.5), -10.0));
        // Through zero: all is new.
        assert_eq!(go(7.0), (1, Some(0.0), Some(1.0), 7.0));
    }

    #[test]
    fn on_the_clock() {
        let p = RiskTimeDecaySizeParams { unit: Unit::Days, grace: 0.0, half_life: 2.0, ..Default::default() };
        let mut d = p.build().unwrap();
        let mut go =
            |day| d.update(&RiskTimeDecaySizeIn { quantity: 8.0, price: 2.0, day: Some(day) }).unwrap().unwrap();
        assert_eq!(go(16_000.25).size, 8.0);
        let o = go(16_002.25);
        assert_eq!((o.age, o.size, o.value), (Some(2.0), 4.0, 8.0));
        // A long weekend counts here as what it is.
        assert_eq!(go(16_004.25).size, 2.0);
        assert_eq!(go(16_060.25).size, 0.0);
    }
}
