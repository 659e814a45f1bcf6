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
}

impl Record {
    pub fn new(window: usize) -> Self {
        Self { outcomes: Window::new(window), facts: Facts::default() }
    }
    /// Takes in a finite return. Everything is summed anew over the window: nothing drifts, and a bet is a rare event.
    pub fn push(&mut self, ret: f64, session: u64) {
        self.outcomes.push(Outcome { ret, session });
        let mut f = Facts::default();
        let (mut won, mut lost, mut sum) = (0.0, 0.0, 0.0);
        let (mut last, mut last_decided) = (None, None);
        for o in self.outcomes.iter() {
            f.bets += 1;
            sum += o.ret;
            f.sessions += u32::from(last.replace(o.session) != Some(o.session));
            if o.ret > 0.0 {
                f.wins += 1;
                won += o.ret;
            } else if o.ret < 0.0 {
                f.losses += 1;
                lost -= o.ret;
                f.worst = f.worst.max(-o.ret);
            }
            if o.ret != 0.0 {
                f.decided += u32::from(last_decided.replace(o.session) != Some(o.session));
            }
        }
        f.mean_win = if f.wins > 0 { won / f64::from(f.wins) } else { 0.0 };
        f.mean_loss = if f.losses > 0 { lost / f64::from(f.losses) } else { 0.0 };
        f.mean = sum / f64::from(f.bets);
        let squares: f64 = self.outcomes.iter().map(|o| (o.ret - f.mean) * (o.ret - f.mean)).sum();
        f.variance = if f.bets > 1 { squares / f64::from(f.bets - 1) } else { 0.0 };
        self.facts = f;
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
