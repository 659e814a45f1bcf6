//! The firms that cover a company: what each has changed last, and where they stand together.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tradewind_core_types::{BadInput, Span, Time};
use tradewind_numerics::math;

use super::AlphaAnalystRevisionsParams;
use super::grades::{Meaning, alias, letters, meaning, normalised};

/// How many unknown texts are kept by name.
const NAMED: usize = 32;
/// A target that is more than five times as high or low as before is of another share (a split), or a slip.
const COMPARABLE: f64 = 5.0;

/// What an action was taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// A better grade.
    Upgrade,
    /// A worse grade.
    Downgrade,
    /// A first grade.
    Initiation,
    /// The grade as before.
    Reiteration,
    /// A price target alone.
    Target,
    /// No view any more.
    Withdrawn,
    /// Words that are no known grade, or nothing at all.
    Unknown,
    /// Published before what the firm has said since.
    Late,
}

/// An action as it is said.
#[derive(Debug, Clone, Copy)]
pub(super) struct Said<'a> {
    pub time: Time,
    pub firm: &'a str,
    pub grade: &'a str,
    pub previous: Option<&'a str>,
    pub target: Option<f64>,
    pub previous_target: Option<f64>,
}

/// Records that say little, by reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Counts {
    pub actions: u64,
    pub unknown_grades: u64,
    pub reiterations: u64,
    pub late: u64,
    pub incomparable_targets: u64,
}

/// How words are read, numbers weighed, and what could not be read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Words {
    grades: Vec<(String, f64)>,
    aliases: Vec<(String, String)>,
    weights: Vec<(String, f64)>,
    half_life: f64,
    full_change: f64,
    initiation: f64,
    target_weight: f64,
    full_target: f64,
    shrink: f64,
    window: f64,
    coverage: f64,
    pub counts: Counts,
    /// Unknown grades by text, sorted.
    unknown: Vec<(String, u64)>,
}

impl Words {
    pub fn new(p: &AlphaAnalystRevisionsParams) -> Self {
        let aliases: Vec<(String, String)> = sorted(p.aliases.iter().map(|(a, b)| (normalised(a), normalised(b))));
        let name = |n: &str| alias(n, &aliases).map_or_else(|| normalised(n), str::to_owned);
        Self {
            grades: sorted(p.grades.iter().map(|(g, x)| (normalised(g), *x))),
            weights: sorted(p.firms.iter().map(|(n, w)| (name(n), *w))),
            aliases,
            half_life: p.half_life_days,
            full_change: p.full_change,
            initiation: p.initiation,
            target_weight: p.target_weight,
            full_target: p.full_target,
            shrink: p.shrink,
            window: p.window_days,
            coverage: p.coverage_days,
            counts: Counts::default(),
            unknown: Vec::new(),
        }
    }
    /// Unknown grades and how often they came, the first few by name.
    pub fn unknown(&self) -> BTreeMap<&str, u64> {
        self.unknown.iter().map(|(t, n)| (t.as_str(), *n)).collect()
    }
    fn note_unknown(&mut self, text: &str) {
        self.counts.unknown_grades += 1;
        match self.unknown.binary_search_by(|(k, _)| k.chars().cmp(letters(text))) {
            Ok(at) => self.unknown[at].1 += 1,
            Err(at) if self.unknown.len() < NAMED => self.unknown.insert(at, (normalised(text), 1)),
            Err(_) => {}
        }
    }
    fn decay(&self, now: Time, since: Time) -> f64 {
        math::exp2(-now.since(since).days().max(0.0) / self.half_life)
    }
}

fn sorted<T>(pairs: impl Iterator<Item = (String, T)>) -> Vec<(String, T)> {
    // Through a map: two spellings of one name are one entry.
    pairs.collect::<BTreeMap<_, _>>().into_iter().collect()
}

/// A change and when it was published; never zero.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Change {
    size: f64,
    time: Time,
}

/// One firm's view.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Firm {
    name: String,
    weight: f64,
    heard: Time,
    grade: Option<f64>,
    change: Option<Change>,
    target: Option<f64>,
    target_change: Option<Change>,
}

/// The firms of one company.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Book {
    /// By name.
    firms: Vec<Firm>,
}

/// Where they stand.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Stand {
    pub net: f64,
    pub confidence: f64,
    pub up: u32,
    pub down: u32,
    pub firms: u32,
    pub target_revision: Option<f64>,
}

impl Stand {
    pub fn breadth(&self) -> Option<f64> {
        (self.firms > 0).then(|| (f64::from(self.up) - f64::from(self.down)) / f64::from(self.firms))
    }
}

impl Book {
    pub fn len(&self) -> usize {
        self.firms.len()
    }

    /// Takes an action in.
    ///
    /// # Errors
    /// When it has no firm.
    pub fn hear(&mut self, words: &mut Words, said: &Said<'_>) -> Result<Action, BadInput> {
        if letters(said.firm).next().is_none() {
            return Err(BadInput::new("firm", said.firm, "the name of a broker"));
        }
        words.counts.actions += 1;
        let grade = meaning(said.grade, &words.grades);
        if grade == Meaning::Unknown {
            words.note_unknown(said.grade);
        }
        if matches!(grade, Meaning::Unknown | Meaning::None) && said.target.is_none() {
            return Ok(Action::Unknown);
        }
        let known = alias(said.firm, &words.aliases);
        let found = match known {
            Some(name) => self.firms.binary_search_by(|f| f.name.as_str().cmp(name)),
            None => self.firms.binary_search_by(|f| f.name.chars().cmp(letters(said.firm))),
        };
        let at = match found {
            Ok(at) => at,
            Err(at) => {
                let name = known.map_or_else(|| normalised(said.firm), str::to_owned);
                let weight = words.weights.binary_search_by(|w| w.0.cmp(&name)).map_or(1.0, |i| words.weights[i].1);
                let (heard, nothing) = (said.time, None);
                let firm =
                    Firm { name, weight, heard, grade: None, change: nothing, target: None, target_change: nothing };
                self.firms.insert(at, firm);
                at
            }
        };
        let firm = &mut self.firms[at];
        if said.time < firm.heard {
            words.counts.late += 1;
            return Ok(Action::Late);
        }
        firm.heard = said.time;
        if let Some(target) = said.target {
            firm.set_target(words, said, target);
        }
        let action = match grade {
            Meaning::Points(new) => firm.set_grade(words, said, new),
            Meaning::Withdrawn => {
                (firm.grade, firm.change, firm.target, firm.target_change) = (None, None, None, None);
                Action::Withdrawn
            }
            Meaning::None | Meaning::Unknown => Action::Target,
        };
        words.counts.reiterations += u64::from(action == Action::Reiteration);
        Ok(action)
    }

    /// Where the firms stand at a time.
    pub fn stand(&self, words: &Words, now: Time) -> Stand {
        let (mut sum, mut size, mut evidence) = (0.0, 0.0, 0.0);
        let (mut targets, mut target_sum) = (0.0, 0.0);
        let mut out = Stand { net: 0.0, confidence: 0.0, up: 0, down: 0, firms: 0, target_revision: None };
        for f in &self.firms {
            let within = |since: Time, days: f64| now.since(since).days() <= days;
            out.firms += u32::from(f.grade.is_some() && within(f.heard, words.coverage));
            if let Some(c) = f.change {
                let d = f.weight * words.decay(now, c.time);
                sum += d * c.size;
                size += d * c.size.abs();
                evidence += d;
                if within(c.time, words.window) && f.grade.is_some() {
                    out.up += u32::from(c.size > 0.0);
                    out.down += u32::from(c.size < 0.0);
                }
            }
            if let Some(c) = f.target_change {
                let d = f.weight * words.decay(now, c.time);
                let t = words.target_weight * d * (c.size / words.full_target).clamp(-1.0, 1.0);
                sum += t;
                size += t.abs();
                evidence += words.target_weight * d;
                targets += d;
                target_sum += d * c.size;
            }
        }
        out.net = sum / (words.shrink + evidence);
        if size > 0.0 {
            out.confidence = evidence / (words.shrink + evidence) * (sum.abs() / size).min(1.0);
        }
        out.target_revision = (targets > 1e-300).then(|| target_sum / targets);
        out
    }

    /// New shares for old ones: targets are for a share.
    pub fn rescale(&mut self, factor: f64) {
        self.firms.iter_mut().filter_map(|f| f.target.as_mut()).for_each(|t| *t *= factor);
    }
}

impl Firm {
    fn set_grade(&mut self, words: &Words, said: &Said<'_>, new: f64) -> Action {
        let told = match said.previous.map(|p| meaning(p, &words.grades)) {
            Some(Meaning::Points(x)) => Some(x),
            _ => None,
        };
        let known = self.grade.replace(new);
        if known == Some(new) {
            // The same again, perhaps by another publisher: the change is as old as it is.
            return Action::Reiteration;
        }
        let (size, action) = match told.or(known) {
            Some(old) => {
                let size = ((new - old) / words.full_change).clamp(-1.0, 1.0);
                (size, if new > old { Action::Upgrade } else { Action::Downgrade })
            }
            None => ((words.initiation * new).clamp(-1.0, 1.0), Action::Initiation),
        };
        self.change = (size != 0.0).then_some(Change { size, time: said.time });
        // The record says that it has not changed: what we knew was out of date.
        if told == Some(new) { Action::Reiteration } else { action }
    }
    fn set_target(&mut self, words: &mut Words, said: &Said<'_>, target: f64) {
        let before = self.target.replace(target).or(said.previous_target);
        let Some(ratio) = before.map(|b| target / b).filter(|r| *r != 1.0) else { return };
        if ratio.is_finite() && (1.0 / COMPARABLE..=COMPARABLE).contains(&ratio) {
            self.target_change = Some(Change { size: math::ln(ratio), time: said.time });
        } else {
            words.counts.incomparable_targets += 1;
        }
    }
}

/// Days as a span.
pub(super) fn span(days: f64) -> Span {
    Span::from_nanos((days * Span::DAY.nanos() as f64) as i64)
}
