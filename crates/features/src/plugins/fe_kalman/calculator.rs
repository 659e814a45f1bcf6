//! The streaming calculator: filters each value, and fits variances now and then.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tradewind_core_types::{BadInput, Invalid, Online};
use tradewind_numerics::kalman::{Estimate, Innovation, Kalman, LocalLevel, Start, Start1, Structure, fit};
use tradewind_numerics::{RollingMoments, Window};

use super::{FeKalmanParams, KalmanModel, Variances, checked};

/// One observation.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct FeKalmanIn {
    /// The value, in any unit; missing: time passes without one.
    pub value: Option<f64>,
    /// The regressor of this value, in any unit; used and needed by `model = "regression"`, a value without one is missing.
    pub regressor: Option<f64>,
}

/// What is known after it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct FeKalmanOut {
    /// Level (or intercept), in the unit of the input; missing as long as too few values were there.
    pub level: Option<f64>,
    /// Its standard deviation; under `ratio` missing until the scale is known.
    pub level_sd: Option<f64>,
    /// Trend of the level, in the unit of the input a step (`local_linear_trend`).
    pub trend: Option<f64>,
    /// Coefficient of the regressor, in units of the input a unit of the regressor (`regression`).
    pub beta: Option<f64>,
    /// What the prediction before this value missed, in the unit of the input.
    pub innovation: Option<f64>,
    /// The same in standard deviations: standard normal if the model is right.
    pub z: Option<f64>,
}

/// The filter itself: scalars for the local level.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Engine {
    Level(LocalLevel),
    General(Box<Kalman>),
}

/// What the fits need.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Fits {
    /// The last values and their regressors.
    history: Window<(Option<f64>, f64)>,
    min_obs: usize,
    refit_every: usize,
    until_refit: usize,
    last: Option<Estimate>,
    done: u64,
    failed: u64,
}

/// The calculator: see [`FeKalmanParams`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FeKalman {
    model: KalmanModel,
    structure: Structure,
    start: Start,
    engine: Engine,
    /// v^2 / F of the last innovations, under `ratio` or while there is no fit.
    scale: Option<RollingMoments>,
    scale_from: usize,
    fits: Option<Fits>,
    warmup: usize,
    values: u64,
    missing: u64,
}

impl FeKalman {
    /// From parameters that were checked.
    pub(super) fn new(p: &FeKalmanParams) -> Result<Self, Invalid> {
        let structure = p.structure();
        let refused = || Invalid::one("noise", "these variances give no model");
        let engine = if p.model == KalmanModel::LocalLevel {
            Engine::Level(p.level().ok_or_else(refused)?)
        } else {
            let model = structure.model(&p.state_noise()[..structure.states()], p.noise).ok_or_else(refused)?;
            Engine::General(Box::new(Kalman::new(model, p.start())))
        };
        let likelihood = p.variances == Variances::Likelihood;
        Ok(Self {
            model: p.model,
            structure,
            start: p.start(),
            engine,
            scale: (p.variances != Variances::Fixed).then(|| RollingMoments::new(p.window)),
            scale_from: p.min_obs,
            fits: likelihood.then(|| Fits {
                history: Window::new(p.window),
                min_obs: p.min_obs,
                refit_every: p.refit_every,
                until_refit: 0,
                last: None,
                done: 0,
                failed: 0,
            }),
            warmup: if likelihood { p.min_obs - 1 } else { structure.states() - 1 },
            values: 0,
            missing: 0,
        })
    }
    fn step(&mut self, y: Option<f64>, x: f64) -> Option<Innovation> {
        match (&mut self.engine, self.model) {
            (Engine::Level(l), _) => l.step(y),
            (Engine::General(k), KalmanModel::Regression) => k.step(&[1.0, x], y),
            (Engine::General(k), _) => k.step(&[1.0, 0.0], y),
        }
    }
    /// Fits the history, when it is time; the first fit filters the history again under its variances.
    fn refit(&mut self) {
        let Some(f) = &mut self.fits else { return };
        if f.history.len() < f.min_obs {
            return;
        }
        if f.until_refit > 0 {
            f.until_refit -= 1;
            return;
        }
        f.until_refit = f.refit_every - 1;
        f.done += 1;
        let (y, x): (Vec<Option<f64>>, Vec<f64>) = f.history.iter().unzip();
        let found = fit(self.structure, &|i| [1.0, x[i], 0.0, 0.0, 0.0, 0.0], &y);
        let model =
            found.as_ref().ok().and_then(|e| self.structure.model(&e.state_noise[..self.structure.states()], e.noise));
        let (Ok(e), Some(model)) = (found, model) else {
            f.failed += 1;
            return;
        };
        let first = f.last.replace(e).is_none();
        self.scale = None;
        let fitted = match &mut self.engine {
            Engine::Level(l) => l.set_variances(e.state_noise[0], e.noise).is_some(),
            Engine::General(k) => {
                k.set_model(model);
                true
            }
        };
        if first && fitted {
            // The state so far came of variances that were only assumed.
            match &mut self.engine {
                Engine::Level(l) => *l = l.restarted(level_start(self.start)),
                Engine::General(k) => **k = Kalman::new(model, self.start),
            }
            for (y, x) in y.into_iter().zip(x) {
                self.step(y, x);
            }
        }
    }
    /// Variance by which F is multiplied; `None` while it is not known.
    fn factor(&self) -> Option<f64> {
        match &self.scale {
            None => Some(1.0),
            Some(s) if s.window().len() >= self.scale_from => s.mean().filter(|m| *m > 0.0),
            Some(_) => None,
        }
    }
    /// The last fit that succeeded.
    pub fn last_fit(&self) -> Option<&Estimate> {
        self.fits.as_ref().and_then(|f| f.last.as_ref())
    }
    /// Whether the gain has converged and the shortcut is taken.
    pub fn is_steady(&self) -> bool {
        match &self.engine {
            Engine::Level(l) => l.is_steady(),
            Engine::General(k) => k.is_steady(),
        }
    }
    /// Level (or intercept) and its variance before scaling; trend or beta.
    fn state(&self) -> (Option<f64>, Option<f64>, Option<f64>) {
        match &self.engine {
            Engine::Level(l) => (l.level(), l.variance(), None),
            Engine::General(k) if k.unknown() > 0 => (None, None, None),
            Engine::General(k) => (k.mean().first().copied(), k.covariance(0, 0), k.mean().get(1).copied()),
        }
    }
}

/// The start of the local level in its own terms.
pub(super) fn level_start(s: Start) -> Start1 {
    match s {
        Start::Diffuse => Start1::Diffuse,
        Start::Approximate(v) => Start1::Approximate(v),
        Start::Known(m, v) => Start1::Known(m[0], v[0]),
    }
}

impl Online for FeKalman {
    type In = FeKalmanIn;
    type Out = FeKalmanOut;

    fn update(&mut self, i: &FeKalmanIn) -> Result<Option<FeKalmanOut>, BadInput> {
        let mut y = i.value.map(|v| checked("value", v)).transpose()?;
        let mut x = 0.0;
        if self.model == KalmanModel::Regression {
            match i.regressor.map(|v| checked("regressor", v)).transpose()? {
                Some(v) => x = v,
                None => y = None,
            }
        }
        // The scale is that of innovations before this one, so that z is a surprise.
        let factor = self.factor();
        let innovation = self.step(y, x);
        let z = innovation.and_then(|i| i.z());
        if let (Some(s), Some(z)) = (&mut self.scale, z) {
            s.push(z * z);
        }
        self.values = self.values.saturating_add(1);
        self.missing = self.missing.saturating_add(u64::from(y.is_none()));
        if let Some(f) = &mut self.fits {
            f.history.push((y, x));
        }
        self.refit();
        if self.values <= self.warmup as u64 {
            return Ok(None);
        }
        let (level, variance, second) = self.state();
        let deviation = |v: f64| v.max(0.0).sqrt();
        Ok(Some(FeKalmanOut {
            level,
            level_sd: variance.zip(self.factor()).map(|(v, f)| deviation(v * f)),
            trend: second.filter(|_| self.model == KalmanModel::LocalLinearTrend),
            beta: second.filter(|_| self.model == KalmanModel::Regression),
            innovation: innovation.map(|i| i.value).filter(|_| level.is_some()),
            z: z.zip(factor).map(|(z, f)| z / f.sqrt()),
        }))
    }

    fn warmup(&self) -> usize {
        self.warmup
    }

    fn summary(&self) -> Value {
        let (log_likelihood, counted) = match &self.engine {
            Engine::Level(l) => (l.log_likelihood().value(), l.log_likelihood().counted()),
            Engine::General(k) => (k.log_likelihood().value(), k.log_likelihood().counted()),
        };
        let mut out = json!({
            "model": self.model,
            "values": self.values,
            "missing": self.missing,
            "innovations": counted,
            "log_likelihood": log_likelihood,
            "scale": self.factor(),
            "steady": self.is_steady(),
        });
        if let Engine::Level(l) = &self.engine {
            let k = l.limit_gain();
            out["gain"] = json!(k);
            // Without drift the gain tends to zero and the lag grows without end.
            out["mean_lag"] = json!((k > 0.0).then(|| (1.0 - k) / k));
        }
        if let Some(f) = &self.fits {
            out["fits"] = json!(f.done);
            out["failed_fits"] = json!(f.failed);
            if let Some(e) = &f.last {
                out["noise"] = json!(e.noise);
                out["state_noise"] = json!(e.state_noise[..self.structure.states()]);
                out["fit_log_likelihood"] = json!(e.log_likelihood);
            }
        }
        out
    }
}
