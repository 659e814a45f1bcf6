//! Sizes a bet by a fraction of Kelly's criterion, less the more uncertain the odds are.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tradewind_core_types::{BadInput, Invalid, Online, Params, PluginInfo, parse_params};

use crate::kelly::record::{Record, Rule};
use crate::kelly::sizer::KellySizer;

/// Which form of Kelly's criterion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// From how often and how much is won and lost: (p b - q) / b.
    Discrete,
    /// From mean and variance of the returns.
    Continuous,
}

/// What is taken off for the uncertainty of the estimates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Attenuation {
    /// Nothing.
    None,
    /// Kelly at the `level` quantile of the posterior of p (of the mean, for `continuous`).
    Posterior,
    /// The shrinkage of Baker & McHale.
    BakerMchale,
}

/// What a lost bet costs, as a part of what was invested.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Loss {
    /// The mean loss of the record.
    Mean,
    /// The worst loss of the record.
    Worst,
    /// All of it, as in a casino.
    Stake,
}

/// Where the probability of winning comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Probability {
    /// The record.
    Record,
    /// The signal's confidence (in a table the column `probability`), held to be worth as many observations as the record has.
    Confidence,
}

/// Whose returns form one record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Pool {
    /// Each strategy's in each symbol.
    None,
    /// Each strategy's in all symbols.
    Strategy,
    /// All strategies' in each symbol.
    Symbol,
}

/// Parameters of `risk_frac_kelly_atten`.
///
/// size = min(`cap`, `fraction` x attenuation x K), the fraction of equity for the next bet, from the returns of the last `window` bets:
/// * discrete: K = f* / loss with f* = (p b - q) / b, p = (`prior_wins` + wins) / (`prior_wins` + `prior_losses` + n), q = 1 - p,
///   b = mean win / mean loss (a bet at exactly zero is neither); f* is what may be lost, so what may be invested is f* divided by what
///   a lost bet costs, which is `loss`;
/// * continuous: K = mean / variance (ddof = 1).
///
/// K is at most 1 / (worst loss of the record), and 0 without an edge. Attenuation in [0, 1] is
/// * posterior: f*(p_low) / f*(p) with p_low the `level` quantile of Beta(`prior_wins` + wins, `prior_losses` + losses); for continuous
///   mean_low / mean with mean_low = mean + t(`level`, n - 1) sqrt(variance / n); 0 when nothing is left;
/// * baker_mchale: f*^2 / (f*^2 + ((b + 1) / b)^2 Var p) with Var p that of the same Beta; for continuous t^2 / (1 + t^2),
///   t = mean / sqrt(variance / n);
/// * none: 1.
///
/// With `probability = "confidence"` a bet brings its own p; wins and losses above are then p n and (1 - p) n. Without it, the record's p
/// may make the size smaller than `unproven`, but not larger. Before `minimum` observations, or with less than `sides` wins or losses,
/// the size is `unproven`.
///
/// Table: input `ret` (return of a bet, decimal) and `probability` (of the next bet, may be empty); output the numbers above and `size`.
/// Warm-up: `minimum` - 1 rows. Sizer: a bet is one session of a signal, in its direction, recorded when the session is over.
///
/// Sources: Kelly (1956), "A new interpretation of information rate", Bell System Technical Journal 35(4); Thorp (2006), "The Kelly
/// criterion in blackjack, sports betting and the stock market"; Baker & McHale (2013), "Optimal betting under parameter
/// uncertainty: improving the Kelly criterion", Decision Analysis 10(3).
///
/// ```
/// use tradewind_core_types::{Online, Params};
/// use tradewind_risk::plugins::risk_frac_kelly_atten::{Attenuation, RiskFracKellyAttenIn, RiskFracKellyAttenParams};
/// let params = RiskFracKellyAttenParams {
///     attenuation: Attenuation::None, fraction: 0.5, minimum: 4, sides: 1, cap: 10.0, ..Default::default()
/// };
/// let mut kelly = params.build()?;
/// let mut last = None;
/// for ret in [0.04, -0.02, 0.04, 0.04] {
///     last = kelly.update(&RiskFracKellyAttenIn { ret, probability: None })?;
/// }
/// // p = (1 + 3) / (2 + 4) = 2/3, b = 2, f* = (4/3 - 1/3) / 2 = 1/2: 25 times equity invested loses half of it at 2 %, half of that.
/// assert!((last.unwrap().size - 10.0_f64.min(0.5 * 0.5 / 0.02)).abs() < 1e-12);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RiskFracKellyAttenParams {
    /// Which form of Kelly's criterion.
    pub method: Method,
    /// Part of Kelly that is bet, in (0, 1].
    pub fraction: f64,
    /// What is taken off for the uncertainty of the estimates.
    pub attenuation: Attenuation,
    /// Quantile of the posterior, in (0, 0.5]; used with `attenuation = "posterior"`. The lower, the more careful.
    pub level: f64,
    /// Wins of the Beta prior, above 0 and at most 1e6.
    pub prior_wins: f64,
    /// Losses of the Beta prior, above 0 and at most 1e6.
    pub prior_losses: f64,
    /// What a lost bet costs (discrete): `mean` or `worst` loss of the record, or the whole `stake`.
    pub loss: Loss,
    /// Largest size, fraction of equity, in (0, 100].
    pub cap: f64,
    /// Bets a record remembers, `minimum` to 100,000.
    pub window: usize,
    /// Fewest observations (sessions with a bet) before Kelly is used, 2 to `window`.
    pub minimum: usize,
    /// Fewest wins and fewest losses before Kelly is used, at least 1: from less one does not know what a win or loss is worth.
    pub sides: usize,
    /// Size before that, fraction of equity, in [0, `cap`].
    pub unproven: f64,
    /// Where the probability of winning comes from; `confidence` only with `method = "discrete"`.
    pub probability: Probability,
    /// Whose returns form one record; several bets of one session count as one observation.
    pub pool: Pool,
    /// Sessions from a decision to the close at whose price it is filled, 0 to 5. 1: an order decided at a close is filled at the next,
    /// and what happens in between is not earned.
    pub delay: usize,
}

impl Default for RiskFracKellyAttenParams {
    fn default() -> Self {
        Self {
            method: Method::Discrete,
            fraction: 0.25,
            attenuation: Attenuation::Posterior,
            level: 0.25,
            prior_wins: 1.0,
            prior_losses: 1.0,
            loss: Loss::Mean,
            cap: 0.3,
            window: 504,
            minimum: 60,
            sides: 5,
            unproven: 0.02,
            probability: Probability::Record,
            pool: Pool::None,
            delay: 1,
        }
    }
}

impl Params for RiskFracKellyAttenParams {
    const ID: &'static str = "risk_frac_kelly_atten";
    type Built = RiskFracKellyAtten;

    fn build(&self) -> Result<RiskFracKellyAtten, Invalid> {
        let mut bad = Invalid::default();
        bad.require(self.fraction > 0.0 && self.fraction <= 1.0, "fraction", self.fraction, "a part in (0, 1]");
        bad.require(self.level > 0.0 && self.level <= 0.5, "level", self.level, "a quantile in (0, 0.5]");
        for (field, x) in [("prior_wins", self.prior_wins), ("prior_losses", self.prior_losses)] {
            bad.require(x > 0.0 && x <= 1e6, field, x, "a number of bets, above 0 and at most 1e6");
        }
        bad.require(self.cap > 0.0 && self.cap <= 100.0, "cap", self.cap, "a fraction of equity in (0, 100]");
        bad.require((2..=100_000).contains(&self.window), "window", self.window, "2 to 100000 bets");
        let fits = (2..=self.window).contains(&self.minimum);
        bad.require(fits, "minimum", self.minimum, &format!("2 to window ({}) observations", self.window));
        // Both sides must fit into the window, or nothing is ever proven.
        let sides = (1..=self.window / 2).contains(&self.sides);
        bad.require(sides, "sides", self.sides, &format!("1 to half the window ({}) bets", self.window / 2));
        let small = self.unproven >= 0.0 && self.unproven <= self.cap;
        bad.require(small, "unproven", self.unproven, "a fraction of equity, zero or more and at most cap");
        let known = self.probability == Probability::Record || self.method == Method::Discrete;
        bad.require(known, "probability", "confidence", "record: the continuous form knows no probability");
        bad.require(self.delay <= 5, "delay", self.delay, "0 to 5 sessions");
        let record = Record::new(self.window.min(100_000));
        bad.into_result(RiskFracKellyAtten { rule: Rule::new(self), record, bets: 0 })
    }
}

/// What a bet earned, and what is known of the next.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RiskFracKellyAttenIn {
    /// Return of a bet on what was invested in it, decimal, between -10 and 10. Bets on outcomes: b for a win, -1 for a loss.
    pub ret: f64,
    /// Probability that the next bet wins, in [0, 1]; used with `probability = "confidence"`.
    pub probability: Option<f64>,
}

/// The size of the next bet.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RiskFracKellyAttenOut {
    /// Observations behind it.
    pub n: u32,
    /// Probability of winning (discrete).
    pub p: Option<f64>,
    /// The probability Kelly is attenuated to.
    pub p_low: Option<f64>,
    /// Mean win over mean loss.
    pub b: Option<f64>,
    /// Mean return (continuous).
    pub mean: Option<f64>,
    /// The mean Kelly is attenuated to.
    pub mean_low: Option<f64>,
    /// Variance of the returns.
    pub variance: Option<f64>,
    /// Full Kelly, fraction of equity; empty while unproven.
    pub kelly: Option<f64>,
    /// Part of Kelly that is bet.
    pub fraction: f64,
    /// What is left for the uncertainty, in [0, 1].
    pub attenuation: Option<f64>,
    /// Fraction of equity for the next bet, in [0, cap].
    pub size: f64,
}

/// The size of the next bet from the returns of earlier ones.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RiskFracKellyAtten {
    rule: Rule,
    record: Record,
    bets: u64,
}

impl Online for RiskFracKellyAtten {
    type In = RiskFracKellyAttenIn;
    type Out = RiskFracKellyAttenOut;

    fn update(&mut self, x: &RiskFracKellyAttenIn) -> Result<Option<RiskFracKellyAttenOut>, BadInput> {
        // Beyond this it is a percentage or a price.
        if x.ret.is_nan() || x.ret.abs() > 10.0 {
            return Err(BadInput::new("ret", x.ret.to_string(), "a return as a decimal, between -10 and 10"));
        }
        if let Some(p) = x.probability
            && !(0.0..=1.0).contains(&p)
        {
            return Err(BadInput::new("probability", p.to_string(), "a probability in [0, 1]"));
        }
        self.record.push(x.ret, self.bets);
        self.bets += 1;
        if self.bets < self.rule.minimum as u64 {
            return Ok(None);
        }
        let s = self.rule.size(self.record.facts(), x.probability);
        Ok(Some(RiskFracKellyAttenOut {
            n: s.n,
            p: s.p,
            p_low: s.p_low,
            b: s.b,
            mean: s.mean,
            mean_low: s.mean_low,
            variance: s.variance,
            kelly: s.kelly,
            fraction: self.rule.fraction,
            attenuation: s.attenuation,
            size: s.size,
        }))
    }
    fn warmup(&self) -> usize {
        self.rule.minimum - 1
    }
    fn summary(&self) -> Value {
        let (f, s) = (self.record.facts(), self.rule.size(self.record.facts(), None));
        json!({
            "bets": self.bets, "wins": f.wins, "losses": f.losses, "mean_win": f.mean_win, "mean_loss": f.mean_loss,
            "worst_loss": f.worst, "mean": f.mean, "variance": f.variance, "kelly": s.kelly, "attenuation": s.attenuation,
            "size": s.size,
        })
    }
}

/// The plugin's entry in the registry.
pub const PLUGIN: PluginInfo = PluginInfo {
    sizer: Some(|v| Ok(Box::new(KellySizer::new(&parse_params(v)?)?))),
    ..PluginInfo::of::<RiskFracKellyAttenParams>(
        2,
        "Sizes a bet by a fraction of Kelly's criterion, less the more uncertain the odds are.",
        "Kelly (1956); Thorp (2006), The Kelly criterion; Baker & McHale (2013), Optimal betting under parameter uncertainty",
    )
    .with_table::<RiskFracKellyAttenParams>()
};

#[cfg(test)]
mod tests {
    use super::*;

    fn last(p: &RiskFracKellyAttenParams, returns: &[f64], probability: Option<f64>) -> RiskFracKellyAttenOut {
        let rows: Vec<_> = returns.iter().map(|ret| RiskFracKellyAttenIn { ret: *ret, probability }).collect();
        p.build().unwrap().batch(&rows).unwrap().pop().unwrap().unwrap()
    }
    fn small() -> RiskFracKellyAttenParams {
        RiskFracKellyAttenParams { minimum: 2, sides: 1, cap: 100.0, unproven: 0.02, ..Default::default() }
    }
    fn near(a: impl Into<Option<f64>>, b: f64) {
        let a = a.into().unwrap();
        assert!((a - b).abs() < 1e-12 * b.abs().max(1.0), "{a} instead of {b}");
    }

    #[test]
    fn by_hand() {
        // Won 4 %, lost 2 %: p = 2/4, b = 2, f* = 1/4, K = 0.25 / 0.02. Beta(2, 2) has the distribution 3x^2 - 2x^3: 0.5 at one half.
        let p = RiskFracKellyAttenParams { level: 0.5, ..small() };
        let o = last(&p, &[0.04, -0.02], None);
        near(o.p, 0.5);
        near(o.p_low, 0.5);
        near(o.b, 2.0);
        near(o.kelly, 12.5);
        near(o.attenuation, 1.0);
        near(o.size, 0.25 * 12.5);
        // A casino's bet: the stake is lost. A flat bet counts for nothing, and the cap holds.
        let p = RiskFracKellyAttenParams { loss: Loss::Stake, cap: 0.05, ..p };
        let o = last(&p, &[0.04, 0.0, -0.02], None);
        near(o.kelly, 0.25);
        near(o.size, 0.05);
        // Mean loss 2 %, worst 3 %: K = f* / 0.03 with p = 2/5, b = 2, f* = 0.1.
        let o = last(&RiskFracKellyAttenParams { loss: Loss::Worst, ..small() }, &[0.04, -0.01, -0.03], None);
        near(o.kelly, 0.1 / 0.03);
        // Nine wins of 3 %, losses of 0.1 % and one of 5 %: f* over the mean loss is 39, but at 20 the worst would have taken all.
        let returns = [[0.03; 9].as_slice(), &[-0.001, -0.001, -0.001, -0.05]].concat();
        near(last(&small(), &returns, None).kelly, 20.0);
        // Baker & McHale: Beta(2, 2) has variance 1/20; f* = 1/4, slope 3/2: (1/16) / (1/16 + 9/80) = 5/14.
        let o =
            last(&RiskFracKellyAttenParams { attenuation: Attenuation::BakerMchale, ..small() }, &[0.04, -0.02], None);
        near(o.attenuation, 5.0 / 14.0);
    }

    #[test]
    fn continuous_by_hand() {
        // Mean 1 %, variance 2 x 0.03^2 = 0.0018: K = 50/9, less than 1 / 0.02. With one degree of freedom t(0.25) = -1:
        // mean_low = 0.01 - sqrt(0.0018 / 2) = -0.02.
        let p = RiskFracKellyAttenParams { method: Method::Continuous, ..small() };
        let o = last(&p, &[0.04, -0.02], None);
        near(o.kelly, 50.0 / 9.0);
        near(o.mean_low, -0.02);
        assert_eq!((o.attenuation, o.size), (Some(0.0), 0.0));
        // t = 0.01 / 0.03: 1/10.
        let o = last(
            &RiskFracKellyAttenParams { attenuation: Attenuation::BakerMchale, ..p.clone() },
            &[0.04, -0.02],
            None,
        );
        near(o.attenuation, 0.1);
        near(o.size, 0.25 * 0.1 * 50.0 / 9.0);
    }

    #[test]
    fn a_given_probability_is_worth_as_much_as_the_record() {
        let p = RiskFracKellyAttenParams {
            probability: Probability::Confidence,
            attenuation: Attenuation::None,
            ..small()
        };
        let o = last(&p, &[0.04, -0.02], Some(0.75));
        // Beta(1 + 1.5, 1 + 0.5): p = 2.5 / 4.
        near(o.p, 0.625);
        // Without one, the size is at most what is given to the unproven, and zero where the record shows no edge.
        let o = last(&p, &[0.04, -0.02], None);
        near(o.p, 0.5);
        near(o.size, 0.02);
        near(last(&p, &[0.01, -0.02], None).size, 0.0);
        assert_eq!(last(&p, &[0.04, -0.02], Some(1.0)).p, Some(0.75));
    }

    #[test]
    fn no_edge_and_nothing_proven() {
        let o = last(&small(), &[0.01, -0.01, -0.01], None);
        assert_eq!((o.kelly, o.size), (Some(0.0), 0.0));
        for returns in [[0.01, 0.02, 0.01], [-0.01, -0.02, -0.01], [0.0, 0.0, 0.0]] {
            let o = last(&small(), &returns, None);
            assert_eq!((o.kelly, o.size), (None, 0.02), "{returns:?}");
        }
        let p = RiskFracKellyAttenParams { method: Method::Continuous, ..small() };
        assert_eq!(last(&p, &[0.0, 0.0, 0.0], None).size, 0.02);
    }
}
