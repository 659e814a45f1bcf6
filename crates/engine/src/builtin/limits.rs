//! Portfolio limits: each symbol, each sector, net and gross exposure, and what may be short.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tradewind_core_types::{Adjust, Adjustment, Invalid, Plugin, Revision, Rule, RuleStep, Symbol, SymbolMap, View};

use crate::exchange::Shorting;

/// Limits as fractions of equity. Each only makes positions smaller, in this order: shorts, symbols, sectors, net, gross.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LimitsParams {
    /// Largest size of one symbol's weight, above 0, at most 10.
    pub symbol: f64,
    /// Largest sum of the sizes of all weights, above 0, at most 10.
    pub gross: f64,
    /// Largest size of longs less shorts, above 0, at most `gross`: the larger side is scaled down to it.
    pub net: Option<f64>,
    /// Largest sum of the sizes of one sector's weights, above 0, at most `gross`; needs `sectors`.
    pub sector: Option<f64>,
    /// The sectors: name = list of symbols. A symbol without a sector has none of these limits.
    pub sectors: BTreeMap<String, Vec<String>>,
    /// What may be held short; by default what the exchange allows.
    pub shortable: Option<Shorting>,
}

impl Default for LimitsParams {
    fn default() -> Self {
        Self { symbol: 1.0, gross: 0.98, net: None, sector: None, sectors: BTreeMap::new(), shortable: None }
    }
}

impl LimitsParams {
    /// Checks and builds.
    ///
    /// # Errors
    /// All violations.
    pub fn build(&self) -> Result<Limits, Invalid> {
        let mut bad = Invalid::default();
        bad.require(self.symbol > 0.0 && self.symbol <= 10.0, "symbol", self.symbol, "above 0, at most 10");
        bad.require(self.gross > 0.0 && self.gross <= 10.0, "gross", self.gross, "above 0, at most 10");
        let most = format!("above 0, at most `gross` ({}): a larger one would never bind", self.gross);
        for (name, limit) in [("net", self.net), ("sector", self.sector)] {
            if let Some(x) = limit {
                bad.require(x > 0.0 && x <= self.gross, name, x, &most);
            }
        }
        let both = self.sector.is_some() != self.sectors.is_empty();
        bad.require(both, "sector", "one without the other", "`sector` (a limit) and `sectors` (the symbols) together");
        let mut sectors = SymbolMap::default();
        let mut names = Vec::new();
        for (name, symbols) in &self.sectors {
            bad.require(!symbols.is_empty(), &format!("sectors.{name}"), "empty", "at least one symbol");
            for s in symbols {
                let Ok(symbol) = Symbol::new(s) else {
                    bad.require(false, &format!("sectors.{name}"), s, "a symbol");
                    continue;
                };
                let twice = sectors.insert(symbol, names.len()).is_some();
                bad.require(!twice, &format!("sectors.{name}"), s, "a symbol that is in no other sector");
            }
            names.push(name.clone());
        }
        if let Some(Shorting::Only(list)) = &self.shortable {
            for s in list {
                bad.require(Symbol::new(s).is_ok(), "shortable", s, "a symbol");
            }
        }
        bad.into_result(Limits { params: self.clone(), sectors, names, shown: Shown::default() })
    }
}

/// The rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Limits {
    params: LimitsParams,
    /// The number of each symbol's sector.
    sectors: SymbolMap<usize>,
    names: Vec<String>,
    #[serde(skip)]
    shown: Shown,
}

/// A sum of weights in units of 2^-60: whole numbers neither drift nor depend on the order in which they came.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Total(i128);

impl Total {
    const UNITS: f64 = (1_u64 << 60) as f64;

    fn change(&mut self, from: f64, to: f64) {
        // What is no number counts as nothing: it is vetoed elsewhere.
        let units = |w: f64| (w.clamp(-1e12, 1e12) * Self::UNITS) as i128;
        self.0 += units(to) - units(from);
    }
    /// See [`over`]; a sum may also lie as far below zero.
    fn over(self, limit: f64) -> bool {
        self.0.abs() > (limit * ROUNDING * Self::UNITS) as i128
    }
}

/// The targets shown last, each at its place, and what they come to.
#[derive(Debug, Clone, Default, PartialEq)]
struct Shown {
    weights: Vec<f64>,
    /// The sector of each.
    sectors: Vec<Option<usize>>,
    /// The sum of the sizes in each sector, of all sizes, and of all weights.
    totals: Vec<Total>,
    gross: Total,
    net: Total,
    /// Whether each is larger than one symbol may be, or short and may not be.
    beyond: Vec<bool>,
    /// How many of them are.
    many: usize,
}

impl Shown {
    fn set(&mut self, i: usize, w: f64, beyond: bool) {
        let old = std::mem::replace(&mut self.weights[i], w);
        self.net.change(old, w);
        self.gross.change(old.abs(), w.abs());
        if let Some(k) = self.sectors[i] {
            self.totals[k].change(old.abs(), w.abs());
        }
        self.many = self.many + usize::from(beyond) - usize::from(self.beyond[i]);
        self.beyond[i] = beyond;
    }
}

/// What a limit is multiplied by, so that nothing is beyond it by its rounding alone.
const ROUNDING: f64 = 1.0 + 1e-12;

/// Whether a sum is above its limit by more than rounding.
fn over(sum: f64, limit: f64) -> bool {
    sum > limit * ROUNDING
}

impl Limits {
    /// Takes the targets in: all, or those at these places.
    fn see(&mut self, targets: &[(Symbol, f64)], changed: Option<&[usize]>) {
        let mut shown = std::mem::take(&mut self.shown);
        let set = |shown: &mut Shown, i: usize| {
            let (symbol, w) = targets[i];
            shown.set(i, w, self.beyond(symbol, w));
        };
        match changed.filter(|_| shown.weights.len() == targets.len()) {
            Some(some) => some.iter().for_each(|i| set(&mut shown, *i)),
            None => {
                let n = targets.len();
                shown = Shown {
                    weights: vec![0.0; n],
                    sectors: targets.iter().map(|t| self.sectors.get(t.0).copied()).collect(),
                    totals: vec![Total::default(); self.names.len()],
                    beyond: vec![false; n],
                    ..Shown::default()
                };
                (0..n).for_each(|i| set(&mut shown, i));
            }
        }
        self.shown = shown;
    }
    /// Whether one target by itself is more than may be.
    fn beyond(&self, symbol: Symbol, w: f64) -> bool {
        w.abs() > self.params.symbol || (w < 0.0 && !self.may_short(symbol))
    }
    /// Whether anything binds.
    fn binds(&self) -> bool {
        let (p, shown) = (&self.params, &self.shown);
        shown.many > 0
            || p.sector.is_some_and(|limit| shown.totals.iter().any(|t| t.over(limit)))
            || p.net.is_some_and(|limit| shown.net.over(limit))
            || shown.gross.over(p.gross)
    }
    fn may_short(&self, symbol: Symbol) -> bool {
        match &self.params.shortable {
            None | Some(Shorting::All) => true,
            Some(Shorting::None) => false,
            Some(Shorting::Only(list)) => list.iter().any(|s| s == symbol.as_str()),
        }
    }
}

impl Plugin for Limits {
    fn id(&self) -> &'static str {
        "limits"
    }
}

/// Scales those of some weights that are `which` by `factor`, with a step for each.
fn scale(
    some: impl Iterator<Item = usize>,
    weights: &mut [(Symbol, f64)],
    which: impl Fn(f64) -> bool,
    factor: f64,
    why: &Adjustment,
    steps: &mut Vec<RuleStep>,
) {
    for i in some {
        let Some((symbol, w)) = weights.get_mut(i).filter(|(_, w)| *w != 0.0 && which(*w)) else { continue };
        *w *= factor;
        steps.push(RuleStep {
            symbol: *symbol,
            adjustment: Adjustment { adjust: Adjust::Scale(factor), ..why.clone() },
        });
    }
}

impl Limits {
    /// The steps that bring what was taken in within all limits.
    fn clip(&self, targets: &[(Symbol, f64)]) -> Vec<RuleStep> {
        let (p, shown) = (&self.params, &self.shown);
        let mut steps = Vec::new();
        // Most portfolios are within all limits: then nothing is copied.
        if !self.binds() {
            return steps;
        }
        let mut weights = targets.to_vec();
        for ((symbol, w), _) in weights.iter_mut().zip(&shown.beyond).filter(|x| *x.1) {
            let adjustment = if *w < 0.0 && !self.may_short(*symbol) {
                Adjustment::new(Adjust::Veto, "may not be held short").with("weight", *w)
            } else {
                Adjustment::new(Adjust::Cap(p.symbol), "limit per symbol").with("weight", *w)
            };
            *w = adjustment.adjust.apply(*w);
            steps.push(RuleStep { symbol: *symbol, adjustment });
        }
        let why =
            |what: String, is: f64, limit: f64| Adjustment::new(Adjust::Keep, what).with("is", is).with("limit", limit);
        if let Some(limit) = p.sector {
            let mut members: Vec<Vec<usize>> = vec![Vec::new(); self.names.len()];
            for (i, k) in shown.sectors.iter().enumerate().filter_map(|(i, k)| k.map(|k| (i, k))) {
                members[k].push(i);
            }
            for (name, own) in self.names.iter().zip(&members) {
                let total: f64 = own.iter().map(|&i| weights[i].1.abs()).sum();
                if over(total, limit) {
                    let why = why(format!("limit on the sector {name}"), total, limit);
                    scale(own.iter().copied(), &mut weights, |_| true, limit / total, &why, &mut steps);
                }
            }
        }
        if let Some(limit) = p.net {
            let side = |sign: f64| weights.iter().map(|w| (w.1 * sign).max(0.0)).sum::<f64>();
            let (long, short) = (side(1.0), side(-1.0));
            let net = long - short;
            if over(net.abs(), limit) {
                // The larger side gives way: scaling both would leave the same imbalance.
                let (large, small) = (long.max(short), long.min(short));
                let why = why("limit on net exposure".into(), net, limit);
                let all = 0..weights.len();
                scale(all, &mut weights, |w| w * net > 0.0, (small + limit) / large, &why, &mut steps);
            }
        }
        let gross: f64 = weights.iter().map(|w| w.1.abs()).sum();
        if over(gross, p.gross) {
            let why = why("limit on gross exposure".into(), gross, p.gross);
            scale(0..weights.len(), &mut weights, |_| true, p.gross / gross, &why, &mut steps);
        }
        steps
    }
}

impl Rule for Limits {
    fn apply(&mut self, targets: &[(Symbol, f64)], _: &View<'_>) -> Vec<RuleStep> {
        self.see(targets, None);
        self.clip(targets)
    }
    fn revise(&mut self, targets: &[(Symbol, f64)], what: Revision<'_>, _: &View<'_>) -> Vec<RuleStep> {
        self.see(targets, what.changed);
        self.clip(targets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tradewind_core_types::{FeatureValues, Market, Portfolio, Time};

    fn s(i: usize) -> Symbol {
        Symbol::new(&format!("S{i}")).unwrap()
    }
    fn apply(p: &LimitsParams, ws: &[f64]) -> Vec<f64> {
        let targets: Vec<_> = ws.iter().enumerate().map(|(i, w)| (s(i), *w)).collect();
        let (market, features, portfolio) = (Market::default(), FeatureValues::default(), Portfolio::default());
        let view = View::new(Time::MIN, &market, &features, &portfolio);
        let mut after = targets.clone();
        for step in p.build().unwrap().apply(&targets, &view) {
            let t = after.iter_mut().find(|t| t.0 == step.symbol).unwrap();
            t.1 = step.adjustment.adjust.apply(t.1);
        }
        after.into_iter().map(|t| t.1).collect()
    }
    fn sectors() -> BTreeMap<String, Vec<String>> {
        BTreeMap::from([("banks".into(), vec!["S0".into(), "S1".into()]), ("oil".into(), vec!["S2".into()])])
    }

    #[test]
    fn by_hand() {
        let p = LimitsParams { symbol: 0.5, gross: 1.0, ..LimitsParams::default() };
        // 0.8 is capped to 0.5, then 0.5 + 0.5 + 0.25 = 1.25 is scaled by 0.8.
        assert_eq!(apply(&p, &[0.8, -0.5, 0.25]), [0.4, -0.4, 0.2]);
        // Longs 0.75, shorts 0.25: net 0.5 becomes 0.25 when the longs are scaled by (0.25 + 0.25) / 0.75.
        let p = LimitsParams { net: Some(0.25), ..LimitsParams::default() };
        let w = apply(&p, &[0.75, -0.25]);
        assert!((w[0] - 0.5).abs() < 1e-15 && w[1] == -0.25, "{w:?}");
        let p = LimitsParams { sector: Some(0.375), sectors: sectors(), ..LimitsParams::default() };
        assert_eq!(apply(&p, &[0.5, -0.25, 0.25, 0.125]), [0.25, -0.125, 0.25, 0.125]);
        let p = LimitsParams { shortable: Some(Shorting::Only(vec!["S1".into()])), ..LimitsParams::default() };
        assert_eq!(apply(&p, &[-0.2, -0.3]), [0.0, -0.3]);
    }

    #[test]
    fn limits_that_contradict_each_other_are_refused() {
        let wrong = LimitsParams {
            gross: 0.5,
            net: Some(0.6),
            sector: Some(0.2),
            shortable: Some(Shorting::Only(vec!["no symbol".into()])),
            ..LimitsParams::default()
        };
        let e = wrong.build().unwrap_err().to_string();
        assert!(
            e.contains("net") && e.contains("never bind") && e.contains("sectors") && e.contains("shortable"),
            "{e}"
        );
        let mut twice = sectors();
        twice.insert("too".into(), vec!["S0".into()]);
        let e = LimitsParams { sector: Some(0.2), sectors: twice, ..LimitsParams::default() }.build().unwrap_err();
        assert!(e.to_string().contains("in no other sector"), "{e}");
    }

    proptest::proptest! {
        #[test]
        fn what_is_said_of_a_change_is_what_is_said_of_the_whole(
            start in proptest::collection::vec(-0.6..0.6_f64, 6),
            changes in proptest::collection::vec(proptest::collection::vec((0_usize..6, -0.6..0.6_f64), 1..3), 1..20),
        ) {
            let p = LimitsParams {
                symbol: 0.5, gross: 1.4, net: Some(0.7), sector: Some(0.6), sectors: sectors(),
                shortable: Some(Shorting::Only(vec!["S0".into(), "S2".into(), "S4".into()])),
            };
            let (market, features, portfolio) = (Market::default(), FeatureValues::default(), Portfolio::default());
            let view = View::new(Time::MIN, &market, &features, &portfolio);
            let mut targets: Vec<_> = start.iter().enumerate().map(|(i, w)| (s(i), *w)).collect();
            let mut limits = p.build().unwrap();
            limits.apply(&targets, &view);
            for change in changes {
                change.iter().for_each(|(i, w)| targets[*i].1 = *w);
                let mut places: Vec<usize> = change.iter().map(|c| c.0).collect();
                places.sort_unstable();
                places.dedup();
                let said = limits.revise(&targets, Revision { changed: Some(&places), decided: &[] }, &view);
                proptest::prop_assert_eq!(&said, &p.build().unwrap().apply(&targets, &view));
                // What is clipped is shown next: and then nothing is left to say.
                for step in said {
                    let at = targets.iter().position(|t| t.0 == step.symbol).unwrap();
                    targets[at].1 = step.adjustment.adjust.apply(targets[at].1);
                }
                let all: Vec<usize> = (0..6).collect();
                let again = limits.revise(&targets, Revision { changed: Some(&all), decided: &[] }, &view);
                proptest::prop_assert!(again.is_empty(), "{again:?}");
            }
        }

        #[test]
        fn result_obeys_all_limits_at_once_and_never_grows(
            ws in proptest::collection::vec(-3.0..3.0_f64, 1..8),
            symbol in 0.1..2.0_f64, gross in 0.1..2.0_f64, net in 0.01..1.0_f64, sector in 0.01..1.0_f64,
        ) {
            let (net, sector) = (net * gross, sector * gross);
            let p = LimitsParams { symbol, gross, net: Some(net), sector: Some(sector), sectors: sectors(), shortable: None };
            let after = apply(&p, &ws);
            let fits = |x: f64, limit: f64| x <= limit * (1.0 + 1e-12);
            for (a, b) in after.iter().zip(&ws) {
                proptest::prop_assert!(fits(a.abs(), symbol) && a.abs() <= b.abs() && a * b >= 0.0);
            }
            proptest::prop_assert!(fits(after.iter().map(|w| w.abs()).sum::<f64>(), gross));
            proptest::prop_assert!(fits(after.iter().take(2).map(|w| w.abs()).sum::<f64>(), sector));
            proptest::prop_assert!(after.iter().sum::<f64>().abs() <= net + 1e-12);
            // Monotone in each cap: a tighter one never leaves a larger gross exposure.
            for tighter in [
                LimitsParams { symbol: 0.5 * symbol, ..p.clone() },
                LimitsParams { sector: Some(0.5 * sector), ..p.clone() },
                LimitsParams { net: Some(0.5 * net.min(0.5 * gross)), gross: 0.5 * gross, sector: Some(0.5 * sector), ..p.clone() },
            ] {
                let less: f64 = apply(&tighter, &ws).iter().map(|w| w.abs()).sum();
                // Net exposure may bind less once a side has shrunk, so the sum of sizes is compared without it.
                let free = |q: &LimitsParams| apply(&LimitsParams { net: None, ..q.clone() }, &ws).iter().map(|w| w.abs()).sum::<f64>();
                proptest::prop_assert!(free(&tighter) <= free(&p) * (1.0 + 1e-12) && less.is_finite());
            }
        }
    }
}
