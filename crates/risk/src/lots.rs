//! What is held by lot, each with its age, and what is left of each as it ages.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tradewind_core_types::Time;
use tradewind_numerics::math;

/// How size falls with age.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Schedule {
    /// By half in every half-life, day by day.
    Exponential,
    /// In a straight line: one half after a half-life, nothing after two.
    Linear,
    /// By half at the end of every half-life.
    Step,
}

/// How age is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Sessions begun since the lot was bought.
    Sessions,
    /// Days of 24 hours.
    Days,
}

/// What is left of a lot by age.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Curve {
    /// How size falls.
    pub schedule: Schedule,
    /// How age is counted.
    pub unit: Unit,
    /// Age up to which nothing is taken.
    pub grace: f64,
    /// Age beyond the grace period at which half is left.
    pub half_life: f64,
    /// Least that is left before `max_age`.
    pub floor: f64,
    /// Age from which nothing is left.
    pub max_age: f64,
}

impl Curve {
    /// The part of a lot that may still be held at this age, in [0, 1]; never rises with age. An age that is no number has none.
    pub fn factor(&self, age: f64) -> f64 {
        if age.is_nan() || age >= self.max_age {
            return 0.0;
        }
        if age <= self.grace {
            return 1.0;
        }
        let lives = (age - self.grace) / self.half_life;
        let left = match self.schedule {
            Schedule::Exponential => math::exp2(-lives),
            Schedule::Linear => 1.0 - 0.5 * lives,
            Schedule::Step => math::exp2(-lives.floor()),
        };
        left.max(self.floor)
    }
}

/// A moment, on both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// On the wall.
    pub time: Time,
    /// Sessions begun so far.
    pub session: u64,
}

impl Moment {
    /// Age at `now` of what began at this moment.
    pub fn age(&self, now: Moment, unit: Unit) -> f64 {
        match unit {
            Unit::Sessions => now.session.saturating_sub(self.session) as f64,
            Unit::Days => now.time.since(self.time).days().max(0.0),
        }
    }
}

/// What was bought (or sold short) at one time. Sizes are billionths of a share, without sign.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Lot {
    born: Moment,
    /// Size at entry, less what was closed since for other reasons than age.
    entry: f64,
    /// What is held of it; never less than the curve leaves of `entry`.
    left: i64,
}

impl Lot {
    /// What age demands of it.
    fn due(&self, now: Moment, curve: &Curve) -> i64 {
        let keeps = (self.entry * curve.factor(self.born.age(now, curve.unit))).ceil() as i64;
        (self.left - keeps).max(0)
    }
}

/// What one change of the quantity held did to the lots.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Change {
    /// Billionths of a share that were added, as a new lot.
    pub added: u64,
    /// Whether what was held before is gone.
    pub ended: bool,
    /// Whether, when it ended, some of it had already been taken by age.
    pub decayed: bool,
}

/// What the decision behind a change was: one order is the difference of what age takes and what is new.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Decided {
    /// When it was taken.
    pub at: Moment,
    /// How much was to be new, in billionths of a share.
    pub new: f64,
}

/// The lots of one symbol, rebuilt from the quantities held.
///
/// More in the same direction is a new lot of age 0 (those of one session are one lot). Less is, first, what age demands of the lots, the
/// oldest first: it leaves `entry` as it is. The rest closes lots first in, first out, and takes the same share of `entry` with it. So the
/// sales that decay itself causes are not decayed again, and a partial exit is not bought back.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Lots {
    short: bool,
    /// Oldest first.
    lots: Vec<Lot>,
}

impl Lots {
    /// What is held, in billionths of a share, with sign.
    pub fn held(&self) -> i64 {
        let size: i64 = self.lots.iter().map(|l| l.left).sum();
        if self.short { -size } else { size }
    }
    /// How many lots there are.
    pub fn len(&self) -> usize {
        self.lots.len()
    }
    /// Whether nothing is held.
    pub fn is_empty(&self) -> bool {
        self.lots.is_empty()
    }
    /// -1 or 1; meaningless when nothing is held.
    pub fn sign(&self) -> f64 {
        if self.short { -1.0 } else { 1.0 }
    }
    /// Age of the oldest lot.
    pub fn age(&self, now: Moment, unit: Unit) -> Option<f64> {
        self.lots.iter().map(|l| l.born.age(now, unit)).reduce(f64::max)
    }
    /// Size at entry of what is held, in billionths of a share.
    pub fn entry(&self) -> f64 {
        self.lots.iter().map(|l| l.entry).sum()
    }
    /// What the curve leaves, in billionths of a share; never more than is held.
    pub fn allowed(&self, now: Moment, curve: &Curve) -> f64 {
        let one = |l: &Lot| (l.entry * curve.factor(l.born.age(now, curve.unit))).min(l.left as f64);
        self.lots.iter().map(one).sum()
    }
    /// Whether age takes nothing of any lot.
    pub fn young(&self, now: Moment, curve: &Curve) -> bool {
        self.lots.iter().all(|l| curve.factor(l.born.age(now, curve.unit)) >= 1.0)
    }

    /// The quantity held has become `held` (billionths of a share, with sign).
    ///
    /// With `decided` known, what age had to take and what was to be new are told apart although one order did both: as far as the change
    /// allows, the old lots have given what age demanded then, and as much as was wanted is new.
    pub fn change(&mut self, held: i64, now: Moment, curve: &Curve, decided: Option<Decided>) -> Change {
        let before = self.held();
        let mut out = Change::default();
        if held == before {
            return out;
        }
        if before != 0 && held.signum() != before.signum() {
            out.ended = true;
            out.decayed = !self.young(now, curve);
            self.lots.clear();
        }
        let size = if out.ended { 0 } else { before.abs() };
        let net = held.abs() - size;
        if let Some(d) = decided.filter(|d| size > 0 && d.new > 0.0) {
            let due: i64 = self.lots.iter().map(|l| l.due(d.at, curve)).sum();
            let renewed = (d.new.floor() as i64).min(due + net) - net.max(0);
            if renewed > 0 {
                self.take_due(renewed, d.at, curve);
                self.add(renewed, now);
                out.added = renewed.unsigned_abs();
            }
        }
        if net > 0 {
            self.short = held < 0;
            self.add(net, now);
            out.added += net.unsigned_abs();
        } else if !out.ended {
            self.less(-net, now, curve);
        }
        out
    }
    fn add(&mut self, size: i64, now: Moment) {
        match self.lots.last_mut() {
            Some(l) if l.born.session == now.session => {
                l.left += size;
                l.entry += size as f64;
            }
            _ => self.lots.push(Lot { born: now, entry: size as f64, left: size }),
        }
    }
    /// Takes up to `size` of what age demands, the oldest lot first; gives what is left of it.
    fn take_due(&mut self, mut size: i64, at: Moment, curve: &Curve) -> i64 {
        for l in &mut self.lots {
            let take = l.due(at, curve).min(size);
            l.left -= take;
            size -= take;
        }
        size
    }
    fn less(&mut self, size: i64, now: Moment, curve: &Curve) {
        let mut size = self.take_due(size, now, curve);
        for l in &mut self.lots {
            let take = size.min(l.left);
            if take > 0 {
                l.entry *= (l.left - take) as f64 / l.left as f64;
                l.left -= take;
                size -= take;
            }
        }
        self.lots.retain(|l| l.left > 0);
    }
    /// `num` new shares have come for `den` old ones, and `held` is what there is now: the same lots of the same age. What rounding took
    /// is missing in the newest.
    pub fn split(&mut self, num: u32, den: u32, held: i64) {
        if num == 0 || den == 0 {
            return;
        }
        for l in &mut self.lots {
            l.entry *= f64::from(num) / f64::from(den);
            let exact = i128::from(l.left) * i128::from(num) / i128::from(den);
            l.left = i64::try_from(exact).unwrap_or(i64::MAX);
        }
        let mut missing = held.abs() - self.lots.iter().map(|l| l.left).sum::<i64>();
        for l in self.lots.iter_mut().rev() {
            let by = missing.max(-l.left);
            l.left += by;
            missing -= by;
        }
        self.lots.retain(|l| l.left > 0);
    }
    /// Another symbol's lots come to these, in the same direction; else the larger holding's are kept.
    pub fn merge(&mut self, other: Lots) {
        if self.is_empty() || (self.short != other.short && other.held().abs() > self.held().abs()) {
            *self = other;
        } else if self.short == other.short {
            self.lots.extend(other.lots);
            self.lots.sort_by_key(|l| (l.born.session, l.born.time));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use tradewind_core_types::Span;

    const CURVE: Curve = Curve {
        schedule: Schedule::Exponential,
        unit: Unit::Sessions,
        grace: 2.0,
        half_life: 4.0,
        floor: 0.2,
        max_age: 20.0,
    };
    fn at(session: u64) -> Moment {
        Moment { time: Time::MIN.plus(Span::from_days(session as i64)), session }
    }

    #[test]
    fn curves_by_hand() {
        let factors = |c: Curve| [0.0, 2.0, 4.0, 6.0, 9.9, 10.0, 19.9, 20.0].map(|a| c.factor(a));
        let r = 0.5_f64.sqrt();
        let e = factors(CURVE);
        assert_eq!((e[0], e[1], e[3], e[5], e[6], e[7]), (1.0, 1.0, 0.5, 0.25, 0.2, 0.0));
        assert!((e[2] - r).abs() < 1e-15);
        assert_eq!(factors(Curve { schedule: Schedule::Linear, ..CURVE }), [1.0, 1.0, 0.75, 0.5, 0.2, 0.2, 0.2, 0.0]);
        assert_eq!(factors(Curve { schedule: Schedule::Step, ..CURVE }), [1.0, 1.0, 1.0, 0.5, 0.5, 0.25, 0.2, 0.0]);
        assert_eq!((CURVE.factor(f64::NAN), CURVE.factor(-1.0)), (0.0, 1.0));
    }

    #[test]
    fn adds_partials_and_flips_by_hand() {
        let mut l = Lots::default();
        // 600 in two fills of one session, 400 more four sessions later.
        l.change(250, at(0), &CURVE, None);
        assert_eq!(l.change(600, at(0), &CURVE, None), Change { added: 350, ended: false, decayed: false });
        l.change(1000, at(4), &CURVE, None);
        assert_eq!((l.len(), l.age(at(6), Unit::Sessions)), (2, Some(6.0)));
        // At session 6 the first is half: 300 + 400.
        assert_eq!(l.allowed(at(6), &CURVE), 700.0);
        // 100 of the 300 that age demands are sold: the claim of age on the lot stays.
        l.change(900, at(6), &CURVE, None);
        assert_eq!((l.held(), l.entry(), l.allowed(at(6), &CURVE)), (900, 1000.0, 700.0));
        // 350 more: 200 for age, then half of the 300 left of the first lot, which takes half of its entry along.
        l.change(550, at(6), &CURVE, None);
        assert_eq!((l.held(), l.entry(), l.allowed(at(6), &CURVE)), (550, 700.0, 550.0));
        // At session 10: 300 x 1/4 + 400 x 1/2.
        assert_eq!(l.allowed(at(10), &CURVE), 275.0);
        // Two for one: twice as much of everything.
        l.split(2, 1, 1100);
        assert_eq!((l.held(), l.allowed(at(10), &CURVE)), (1100, 550.0));
        // Through zero: what is short begins anew.
        let c = l.change(-80, at(11), &CURVE, None);
        assert_eq!(c, Change { added: 80, ended: true, decayed: true });
        assert_eq!((l.held(), l.sign(), l.allowed(at(17), &CURVE)), (-80, -1.0, 40.0));
        assert_eq!(l.change(0, at(17), &CURVE, None), Change { added: 0, ended: true, decayed: true });
        assert!(l.is_empty() && l.age(at(17), Unit::Days).is_none());
    }

    #[test]
    fn one_order_for_what_is_old_and_what_is_new() {
        let bought = |net: i64, new: f64| {
            let mut l = Lots::default();
            l.change(800, at(0), &CURVE, None);
            // At session 6 age demands 400 of 800.
            let c = l.change(800 + net, at(7), &CURVE, Some(Decided { at: at(6), new }));
            assert_eq!(l.held(), 800 + net);
            (c.added, l.len(), l.entry())
        };
        // 600 new less 400 old: 200 are bought, and 600 of what is held are new.
        assert_eq!(bought(200, 600.0), (600, 2, 1400.0));
        // Filled by half only: age first.
        assert_eq!(bought(100, 600.0), (500, 2, 1300.0));
        // 100 new less 400 old: 300 are sold, 100 of what is held are new.
        assert_eq!(bought(-300, 100.0), (100, 2, 900.0));
        // Sold by more than that: nothing is new. By now age demands 463 (2^(-5/4) of 800 are 336.4), and 37 of the 337 close.
        assert_eq!(bought(-500, 100.0), (0, 1, 800.0 * (300.0 / 337.0)));
        // Nothing was to be new: what comes is new all the same.
        assert_eq!(bought(50, 0.0), (50, 2, 850.0));
    }

    #[test]
    fn a_reverse_split_that_rounds_keeps_the_sum() {
        let mut l = Lots::default();
        for (i, q) in [5, 9, 14].into_iter().enumerate() {
            l.change(q, at(i as u64), &CURVE, None);
        }
        // 5, 4 and 5 become 1, 1 and 1; 14 / 3 is 4: the newest takes the rest.
        l.split(1, 3, 4);
        assert_eq!((l.held(), l.len()), (4, 3));
        l.split(1, 4, 1);
        assert_eq!((l.held(), l.len()), (1, 1));
        let (mut a, mut b) = (Lots::default(), Lots::default());
        a.change(5, at(1), &CURVE, None);
        b.change(7, at(0), &CURVE, None);
        a.merge(b);
        assert_eq!((a.held(), a.age(at(2), Unit::Sessions)), (12, Some(2.0)));
        let mut c = Lots::default();
        c.change(-20, at(1), &CURVE, None);
        a.merge(c);
        assert_eq!(a.held(), -20);
    }

    proptest! {
        #[test]
        fn factors_never_rise_with_age(
            schedule in prop_oneof![Just(Schedule::Exponential), Just(Schedule::Linear), Just(Schedule::Step)],
            grace in 0.0_f64..10.0, half_life in 0.1_f64..50.0, floor in 0.0_f64..1.0, beyond in 0.1_f64..100.0,
            age in 0.0_f64..120.0, more in 0.0_f64..20.0,
        ) {
            let c = Curve { schedule, unit: Unit::Days, grace, half_life, floor, max_age: grace + beyond };
            let (a, b) = (c.factor(age), c.factor(age + more));
            prop_assert!(b <= a && (0.0..=1.0).contains(&a));
            prop_assert!(a >= floor || (age >= c.max_age && a == 0.0));
        }

        #[test]
        fn lots_always_add_up(steps in proptest::collection::vec((0_u64..3, -2_000_i64..2_000, 0_u8..8), 1..60)) {
            let (mut l, mut session, mut held) = (Lots::default(), 0, 0_i64);
            for (sessions, q, kind) in steps {
                session += sessions;
                let allowed = l.allowed(at(session), &CURVE);
                match kind {
                    // A split, or a change to any quantity.
                    0 => {
                        held = held * 3 / 2;
                        l.split(3, 2, held);
                    }
                    1..4 => {
                        // Less of the same: never more is allowed than before, and exactly what age leaves stays allowed.
                        let down = held.signum() * (held.abs() - q.abs()).max(0);
                        held = down;
                        l.change(held, at(session), &CURVE, None);
                        let after = l.allowed(at(session), &CURVE);
                        prop_assert!((after - allowed.min(held.abs() as f64)).abs() <= 1e-6 * allowed + l.len() as f64 + 1.0, "{after} {allowed} {held}");
                    }
                    _ => {
                        held = q;
                        l.change(held, at(session), &CURVE, None);
                    }
                }
                prop_assert_eq!(l.held(), held);
                prop_assert!(l.allowed(at(session), &CURVE) <= held.abs() as f64);
                prop_assert!(l.allowed(at(session + 1), &CURVE) <= l.allowed(at(session), &CURVE));
                // Older than the maximum: nothing.
                prop_assert_eq!(l.allowed(at(session + 20), &CURVE), 0.0);
            }
        }
    }
}
