//! A record of realised returns, and the size that follows from it.

use serde::{Deserialize, Serialize};
use tradewind_numerics::{Window, beta_distribution as beta};

use super::{Posterior, continuous, discrete, shrinkage_continuous, shrinkage_discrete};
use crate::plugins::risk_frac_kelly_atten::{Attenuation, Loss, Method, RiskFracKellyAttenParams};

/// What one bet earned, and in which session (pooled bets of one session are no independent evidence).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Outcome {
    pub ret: f64,
    pub session: u64,
}

/// What the returns of a record say, whatever is done with it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Facts {
    /// Bets that won, that lost, and all of them, those at exactly zero included.
    pub wins: u32,
    pub losses: u32,
    pub bets: u32,
    /// Sessions with a win or loss, and with any bet.
    pub decided: u32,
    pub sessions: u32,
    pub mean_win: f64,
    pub mean_loss: f64,
    /// Largest loss, positive.
    pub worst: f64,
    pub mean: f64,
    /// ddof = 1; 0 with less than two bets.
    pub variance: f64,
}

/// The last returns of one strategy, symbol or both.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Record {
    outcomes: Window<Outcome>,
    facts: Facts,
    won: f64,
    lost: f64,
    /// Sum of squared deviations from the mean.
    m2: f64,
    since_rebuild: usize,
}

impl Record {
    pub fn new(window: usize) -> Self {
        Self { outcomes: Window::new(window), facts: Facts::default(), won: 0.0, lost: 0.0, m2: 0.0, since_rebuild: 0 }
    }
    /// Takes in a finite return, in the order of sessions. Sums are moved on by what comes and what goes (Welford's recursion for a
    /// sliding window) and rebuilt from the window whenever it has been replaced, so that rounding cannot accumulate.
    pub fn push(&mut self, ret: f64, session: u64) {
        let new = Outcome { ret, session };
        let last = self.outcomes.last();
        let decided = self.outcomes.iter().rev().find(|o| o.ret != 0.0);
        let old = self.outcomes.push(new);
        let f = &mut self.facts;
        f.sessions += u32::from(last.map(|o| o.session) != Some(session));
        f.decided += u32::from(ret != 0.0 && decided.map(|o| o.session) != Some(session));
        f.bets += 1;
        f.wins += u32::from(ret > 0.0);
        f.losses += u32::from(ret < 0.0);
        f.worst = f.worst.max(-ret);
        self.won += ret.max(0.0);
        self.lost += (-ret).max(0.0);
        match old {
            None => {
                let d = ret - f.mean;
                f.mean += d / f64::from(f.bets);
                self.m2 += d * (ret - f.mean);
            }
            Some(old) => {
                f.bets -= 1;
                f.wins -= u32::from(old.ret > 0.0);
                f.losses -= u32::from(old.ret < 0.0);
                let first = self.outcomes.iter().next();
                f.sessions -= u32::from(first.map(|o| o.session) != Some(old.session));
                let first = self.outcomes.iter().find(|o| o.ret != 0.0);
                f.decided -= u32::from(old.ret != 0.0 && first.map(|o| o.session) != Some(old.session));
                self.won -= old.ret.max(0.0);
                self.lost -= (-old.ret).max(0.0);
                if -old.ret >= f.worst {
                    f.worst = self.outcomes.iter().fold(0.0, |w, o| f64::max(w, -o.ret));
                }
                let before = f.mean;
                f.mean += (ret - old.ret) / f64::from(f.bets);
                self.m2 += (ret - old.ret) * (ret - f.mean + old.ret - before);
            }
        }
        self.since_rebuild += 1;
        if self.since_rebuild >= self.outcomes.capacity() {
            self.rebuild();
        }
        let f = &mut self.facts;
        f.mean_win = if f.wins > 0 { self.won / f64::from(f.wins) } else { 0.0 };
        f.mean_loss = if f.losses > 0 { self.lost / f64::from(f.losses) } else { 0.0 };
        f.variance = if f.bets > 1 { self.m2.max(0.0) / f64::from(f.bets - 1) } else { 0.0 };
    }
    fn rebuild(&mut self) {
        self.since_rebuild = 0;
        let all = || self.outcomes.iter().map(|o| o.ret);
        self.won = all().map(|r| r.max(0.0)).sum();
        self.lost = all().map(|r| (-r).max(0.0)).sum();
        let mean = all().sum::<f64>() / self.outcomes.len() as f64;
        self.m2 = all().map(|r| (r - mean) * (r - mean)).sum();
        self.facts.mean = mean;
    }
    pub fn facts(&self) -> &Facts {
        &self.facts
    }
}

/// The size that a record and perhaps a probability given from elsewhere lead to, with every number on the way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Sized {
    /// Independent observations behind it.
    pub n: u32,
    pub p: Option<f64>,
    pub p_low: Option<f64>,
    pub b: Option<f64>,
    pub mean: Option<f64>,
    pub mean_low: Option<f64>,
    pub variance: Option<f64>,
    pub kelly: Option<f64>,
    pub attenuation: Option<f64>,
    pub size: f64,
    /// Why the size is the one for what is not proven.
    pub unproven: Option<Unproven>,
}

/// Why there is no Kelly fraction yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Unproven {
    /// Too few observations.
    Few,
    /// Too few wins or too few losses to know what one is worth.
    OneSided,
    /// The returns do not vary.
    Constant,
    /// The signal's probability is missing: the record may only make the size smaller.
    NoProbability,
}

/// The parameters that matter here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Rule {
    pub method: Method,
    pub fraction: f64,
    pub attenuation: Attenuation,
    pub level: f64,
    pub prior: (f64, f64),
    pub loss: Loss,
    pub cap: f64,
    pub minimum: usize,
    pub sides: usize,
    pub unproven: f64,
    pub confidence: bool,
}

impl Rule {
    pub fn new(p: &RiskFracKellyAttenParams) -> Self {
        Self {
            method: p.method,
            fraction: p.fraction,
            attenuation: p.attenuation,
            level: p.level,
            prior: (p.prior_wins, p.prior_losses),
            loss: p.loss,
            cap: p.cap,
            minimum: p.minimum,
            sides: p.sides,
            unproven: p.unproven,
            confidence: p.probability == crate::plugins::risk_frac_kelly_atten::Probability::Confidence,
        }
    }

    /// The size for the next bet; `given` is the probability a signal brings.
    pub fn size(&self, f: &Facts, given: Option<f64>) -> Sized {
        match self.method {
            Method::Discrete => self.discrete(f, given),
            Method::Continuous => self.continuous(f),
        }
    }

    fn discrete(&self, f: &Facts, given: Option<f64>) -> Sized {
        let decided = f.wins + f.losses;
        let mut out = Sized { n: f.decided, size: self.unproven, ..Sized::default() };
        if decided == 0 || (f.decided as usize) < self.minimum {
            out.unproven = Some(Unproven::Few);
            return out;
        }
        if (f.wins.min(f.losses) as usize) < self.sides.max(1) {
            out.unproven = Some(Unproven::OneSided);
            return out;
        }
        // Bets of one session count as one: what they say together is shared among as many observations as there were sessions.
        let n = f64::from(f.decided);
        let given = given.filter(|p| self.confidence && (0.0..=1.0).contains(p));
        let (wins, losses) = match given {
            Some(p) => (p * n, (1.0 - p) * n),
            None => (f64::from(f.wins) * n / f64::from(decided), f64::from(f.losses) * n / f64::from(decided)),
        };
        let Ok(posterior) = Posterior::new(self.prior, wins, losses) else { return out };
        let (p, b) = (posterior.mean(), f.mean_win / f.mean_loss);
        let Ok(full) = discrete(p, b) else { return out };
        let p_low = match self.attenuation {
            Attenuation::Posterior => posterior.quantile(self.level),
            Attenuation::None | Attenuation::BakerMchale => p,
        };
        let attenuation = match self.attenuation {
            Attenuation::None => Ok(1.0),
            Attenuation::Posterior if full > 0.0 => discrete(p_low, b).map(|low| (low / full).min(1.0)),
            Attenuation::Posterior => Ok(0.0),
            Attenuation::BakerMchale => shrinkage_discrete(p, b, posterior.variance()),
        };
        // A quantile that is not a probability leaves nothing to bet on.
        let attenuation = attenuation.unwrap_or(0.0);
        let loss = match self.loss {
            Loss::Mean => f.mean_loss,
            Loss::Worst => f.worst,
            Loss::Stake => 1.0,
        };
        (out.p, out.p_low, out.b) = (Some(p), Some(p_low), Some(b));
        self.finish(&mut out, full / loss, attenuation, f.worst);
        if self.confidence && given.is_none() {
            out.unproven = Some(Unproven::NoProbability);
            out.size = out.size.min(self.unproven);
        }
        out
    }

    fn continuous(&self, f: &Facts) -> Sized {
        let mut out = Sized { n: f.sessions, size: self.unproven, ..Sized::default() };
        if (f.sessions as usize) < self.minimum {
            out.unproven = Some(Unproven::Few);
            return out;
        }
        if (f.wins.min(f.losses) as usize) < self.sides {
            out.unproven = Some(Unproven::OneSided);
            return out;
        }
        let (n, sd) = (f64::from(f.sessions), f.variance.sqrt());
        // Variation below one part in 1e9 of the mean is rounding, not risk.
        let varies = sd > 1e-9 * f.mean.abs();
        let Ok(full) = continuous(f.mean, f.variance).map(|k| if varies { k } else { f64::NAN }) else {
            out.unproven = Some(Unproven::Constant);
            return out;
        };
        if full.is_nan() {
            out.unproven = Some(Unproven::Constant);
            return out;
        }
        // Under Jeffreys' prior the mean is Student t with n - 1 degrees of freedom about the sample's.
        let mean_low = match self.attenuation {
            Attenuation::Posterior => f.mean + beta::student_quantile(self.level, n - 1.0) * sd / n.sqrt(),
            Attenuation::None | Attenuation::BakerMchale => f.mean,
        };
        let attenuation = match self.attenuation {
            Attenuation::None => Ok(1.0),
            Attenuation::Posterior if full > 0.0 => continuous(mean_low, f.variance).map(|low| (low / full).min(1.0)),
            Attenuation::Posterior => Ok(0.0),
            Attenuation::BakerMchale => shrinkage_continuous(f.mean, f.variance, n),
        };
        (out.mean, out.mean_low, out.variance) = (Some(f.mean), Some(mean_low), Some(f.variance));
        self.finish(&mut out, full, attenuation.unwrap_or(0.0), f.worst);
        out
    }

    fn finish(&self, out: &mut Sized, kelly: f64, attenuation: f64, worst: f64) {
        // Not even full Kelly bets so much that the worst loss on record would have taken everything.
        let kelly = if worst > 0.0 { kelly.min(1.0 / worst) } else { kelly };
        out.kelly = Some(kelly);
        out.attenuation = Some(attenuation);
        out.size = (kelly * self.fraction * attenuation).min(self.cap);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn facts_are_those_of_the_window(
            bets in proptest::collection::vec((prop_oneof![Just(0.0), -0.3_f64..0.3], 0_u64..2), 1..80), window in 1_usize..20,
        ) {
            let (mut r, mut session, mut all) = (Record::new(window), 0, Vec::new());
            for (ret, next) in bets {
                session += next;
                r.push(ret, session);
                all.push((ret, session));
                let w = &all[all.len().saturating_sub(window)..];
                let distinct = |keep: &dyn Fn(f64) -> bool| {
                    let mut s: Vec<u64> = w.iter().filter(|o| keep(o.0)).map(|o| o.1).collect();
                    s.dedup();
                    s.len() as u32
                };
                let of = |keep: &dyn Fn(f64) -> bool| w.iter().map(|o| o.0).filter(|x| keep(*x)).collect::<Vec<f64>>();
                let (won, lost) = (of(&|x| x > 0.0), of(&|x| x < 0.0));
                let mean = |v: &[f64]| if v.is_empty() { 0.0 } else { v.iter().sum::<f64>() / v.len() as f64 };
                let f = *r.facts();
                prop_assert_eq!((f.bets, f.wins, f.losses), (w.len() as u32, won.len() as u32, lost.len() as u32));
                prop_assert_eq!((f.sessions, f.decided), (distinct(&|_| true), distinct(&|x| x != 0.0)));
                prop_assert_eq!(f.worst, lost.iter().fold(0.0, |a, x| f64::max(a, -x)));
                let m = mean(&of(&|_| true));
                let v = w.iter().map(|o| (o.0 - m).powi(2)).sum::<f64>() / (w.len().max(2) - 1) as f64;
                for (got, want) in [(f.mean_win, mean(&won)), (f.mean_loss, -mean(&lost)), (f.mean, m), (f.variance, v)] {
                    prop_assert!((got - want).abs() < 1e-14, "{got} instead of {want}");
                }
            }
        }
    }
}
