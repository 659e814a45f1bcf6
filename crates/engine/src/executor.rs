//! The signal executor: which of the discretionary signals get one of a limited number of places.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tradewind_core_types::{Adjust, Adjustment, Invalid, StrategyId, Symbol};

/// Places for the signals of discretionary strategies (`discretionary = true`).
///
/// A signal that holds a place keeps it while it wants something. Free places go to the highest confidence first. When all are taken, a signal
/// replaces the weakest that holds one if it is more confident by at least `margin`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ExecutorParams {
    /// How many positions at most, 1 to 10000.
    pub max_positions: usize,
    /// Largest size of each as a fraction of equity, above 0, at most 10.
    pub max_weight: f64,
    /// By how much more confident a signal must be to replace the weakest, 0 to 1 (0.05 is five points).
    pub margin: f64,
}

impl Default for ExecutorParams {
    fn default() -> Self {
        Self { max_positions: 5, max_weight: 0.30, margin: 0.05 }
    }
}

impl ExecutorParams {
    /// Checks ranges.
    ///
    /// # Errors
    /// All violations.
    pub fn check(&self) -> Result<(), Invalid> {
        let mut bad = Invalid::default();
        bad.require((1..=10_000).contains(&self.max_positions), "max_positions", self.max_positions, "1 to 10000");
        let w = self.max_weight;
        bad.require(w > 0.0 && w <= 10.0, "max_weight", w, "above 0, at most 10");
        bad.require((0.0..=1.0).contains(&self.margin), "margin", self.margin, "0 to 1");
        bad.into_result(())
    }
}

/// A signal that wants a place: whose, on which first leg.
pub(crate) type Key = (StrategyId, Symbol);

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Request {
    pub key: Key,
    pub confidence: f64,
    /// Whether it wants anything at all.
    pub wants: bool,
}

/// Who holds a place, with the confidence last seen.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Executor {
    places: BTreeMap<Key, f64>,
}

impl Executor {
    /// Answers each request, in their order. `also` gets the holders that lost their place without having asked: their symbols must
    /// be decided, too.
    pub fn assign(&mut self, p: &ExecutorParams, requests: &[Request], also: &mut Vec<Key>) -> Vec<Adjustment> {
        for r in requests {
            match self.places.get_mut(&r.key) {
                Some(_) if !r.wants => {
                    self.places.remove(&r.key);
                }
                Some(c) => *c = r.confidence,
                None => {}
            }
        }
        // The most confident newcomers first; equals in the order of their names.
        let mut new: Vec<&Request> = requests.iter().filter(|r| r.wants && !self.places.contains_key(&r.key)).collect();
        new.sort_by(|a, b| b.confidence.total_cmp(&a.confidence).then_with(|| a.key.cmp(&b.key)));
        let mut told: BTreeMap<Key, Adjustment> = BTreeMap::new();
        for r in new {
            if self.places.len() < p.max_positions {
                self.places.insert(r.key, r.confidence);
                continue;
            }
            let weakest = self.places.iter().min_by(|a, b| a.1.total_cmp(b.1).then_with(|| b.0.cmp(a.0)));
            let Some((&weakest, &least)) = weakest else { continue };
            if r.confidence - least >= p.margin - 1e-12 {
                self.places.remove(&weakest);
                self.places.insert(r.key, r.confidence);
                let why = format!("replaced by {} of {}", r.key.1, r.key.0);
                told.insert(
                    weakest,
                    Adjustment::new(Adjust::Veto, why).with("confidence", least).with("other", r.confidence),
                );
                if !requests.iter().any(|x| x.key == weakest) {
                    also.push(weakest);
                }
            } else {
                let why = format!("no free place: all {} are taken, the weakest is {}", p.max_positions, weakest.1);
                told.insert(
                    r.key,
                    Adjustment::new(Adjust::Veto, why)
                        .with("confidence", r.confidence)
                        .with("weakest", least)
                        .with("margin", p.margin),
                );
            }
        }
        let taken = self.places.len() as f64;
        let place = || {
            Adjustment::new(Adjust::Cap(p.max_weight), format!("one of {} places", p.max_positions))
                .with("taken", taken)
        };
        requests
            .iter()
            .map(|r| match told.get(&r.key) {
                Some(a) if !self.places.contains_key(&r.key) => a.clone(),
                _ if r.wants => place(),
                _ => Adjustment::new(Adjust::Keep, "wants no place"),
            })
            .collect()
    }

    /// A symbol goes on under another name, or is gone: its places are free.
    pub fn release(&mut self, symbol: Symbol) {
        self.places.retain(|k, _| k.1 != symbol);
    }

    /// Frees the places of signals that no longer stand.
    pub fn retain(&mut self, stands: impl Fn(&Key) -> bool) {
        self.places.retain(|k, _| stands(k));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(s: &str) -> Key {
        (StrategyId::new("news").unwrap(), Symbol::new(s).unwrap())
    }
    fn ask(s: &str, confidence: f64) -> Request {
        Request { key: key(s), confidence, wants: true }
    }
    fn go(e: &mut Executor, p: &ExecutorParams, all: &[Request]) -> Vec<String> {
        e.assign(p, all, &mut Vec::new()).iter().map(|a| format!("{:?} {}", a.adjust, a.reason)).collect()
    }

    #[test]
    fn places_go_to_the_most_confident_and_the_weakest_is_replaced_by_five_points_more() {
        let p = ExecutorParams { max_positions: 2, ..ExecutorParams::default() };
        let mut e = Executor::default();
        let told = go(&mut e, &p, &[ask("A", 0.60), ask("B", 0.70), ask("C", 0.65)]);
        assert!(told[0].starts_with("Veto no free place") && told[1].starts_with("Cap(0.3)"), "{told:?}");
        assert!(told[2].starts_with("Cap(0.3)"));
        // Four points are not enough, five are.
        assert!(go(&mut e, &p, &[ask("A", 0.69)])[0].starts_with("Veto no free place"));
        let mut also = Vec::new();
        let told = e.assign(&p, &[ask("A", 0.70)], &mut also);
        assert_eq!((told[0].adjust, also), (Adjust::Cap(0.3), vec![key("C")]));
        let told = go(&mut e, &p, &[ask("D", 0.95), ask("A", 0.7), ask("B", 0.7)]);
        assert!(told[2].starts_with("Veto replaced by D of news"), "{told:?}");
        // Who wants nothing any more gives its place back.
        let told = go(&mut e, &p, &[Request { wants: false, ..ask("D", 0.9) }, ask("B", 0.1)]);
        assert!(told[0].starts_with("Keep") && told[1].starts_with("Cap"), "{told:?}");
    }

    proptest::proptest! {
        #[test]
        fn never_more_than_the_places(all in proptest::collection::vec((0_u8..9, 0.0..1.0_f64, proptest::bool::ANY), 1..60), most in 1_usize..5) {
            let p = ExecutorParams { max_positions: most, ..ExecutorParams::default() };
            let mut e = Executor::default();
            for chunk in all.chunks(4) {
                let mut requests: Vec<Request> = Vec::new();
                for (s, confidence, wants) in chunk {
                    let r = Request { wants: *wants, ..ask(&format!("S{s}"), *confidence) };
                    if !requests.iter().any(|x| x.key == r.key) {
                        requests.push(r);
                    }
                }
                let told = e.assign(&p, &requests, &mut Vec::new());
                proptest::prop_assert!(e.places.len() <= most);
                for (r, a) in requests.iter().zip(told) {
                    proptest::prop_assert_eq!(e.places.contains_key(&r.key), r.wants && a.adjust != Adjust::Veto);
                }
            }
        }
    }
}
