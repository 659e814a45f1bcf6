//! The composition of roles that turns signals into target weights.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Deref, DerefMut};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tradewind_core_types::{
    Allocator, Alpha, Feature, Filter, Observer, Overlay, Plugin, PreTrade, Role, Rule, Service, Signal, Sizer,
    StateError, StrategyId, SymbolMap,
};

use crate::builtin::Limits;

/// How much of a signal's score counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Conviction {
    /// The score itself.
    #[default]
    Score,
    /// Its sign only: all or nothing.
    Direction,
    /// Score times confidence.
    ScoreConfidence,
}

/// A plugin under the name that the configuration gives it.
pub struct Named<R: ?Sized> {
    /// The name, one of its own among the plugins of the role. Saved states are kept by it.
    pub name: String,
    /// What it was built from, as text; a saved state is taken on only by a plugin of the same settings.
    pub settings: String,
    plugin: Box<R>,
}

impl<R: ?Sized> Named<R> {
    /// A plugin under a name.
    pub fn new(name: &str, plugin: Box<R>) -> Self {
        Self { name: name.to_owned(), settings: String::new(), plugin }
    }
    /// The same with a record of what it was built from.
    #[must_use]
    pub fn built_from(mut self, settings: String) -> Self {
        self.settings = settings;
        self
    }
}

impl<R: Plugin + ?Sized> Named<R> {
    /// A plugin under its own id.
    pub fn of(plugin: Box<R>) -> Self {
        Self::new(plugin.id(), plugin)
    }
}

impl<R: ?Sized> Deref for Named<R> {
    type Target = R;
    #[inline]
    fn deref(&self) -> &R {
        &self.plugin
    }
}

impl<R: ?Sized> DerefMut for Named<R> {
    #[inline]
    fn deref_mut(&mut self) -> &mut R {
        &mut self.plugin
    }
}

/// One strategy: an alpha and what its signals pass through. Filters and overlays are shared and named by their index in the
/// pipeline, so that two strategies under the same overlay see one and the same state.
pub struct Strategy {
    /// Name.
    pub id: StrategyId,
    /// Where its signals come from.
    pub alpha: Named<dyn Alpha>,
    /// How much of the score counts.
    pub conviction: Conviction,
    /// Filters, by index in [`Pipeline::filters`], in order.
    pub filters: Vec<usize>,
    /// From score to fraction of equity: the smallest counts.
    pub sizers: Vec<Named<dyn Sizer>>,
    /// Overlays, by index in [`Pipeline::overlays`], in order.
    pub overlays: Vec<usize>,
    /// Whether the position manager watches over what it holds.
    pub managed: bool,
    /// Whether its signals compete for the limited places of the executor.
    pub discretionary: bool,
}

impl Strategy {
    /// A strategy that holds what its alpha says: no filters, sizers, overlays or management. The alpha has the strategy's name.
    pub fn new(id: StrategyId, alpha: Box<dyn Alpha>) -> Self {
        Self {
            id,
            alpha: Named::new(id.as_str(), alpha),
            conviction: Conviction::default(),
            filters: Vec::new(),
            sizers: Vec::new(),
            overlays: Vec::new(),
            managed: false,
            discretionary: false,
        }
    }
}

/// Everything between the as-of view and the broker.
#[derive(Default)]
pub struct Pipeline {
    /// Features, in the order in which they see events (a feature may use those before it).
    pub features: Vec<Named<dyn Feature>>,
    /// Strategies.
    pub strategies: Vec<Strategy>,
    /// Filters.
    pub filters: Vec<Named<dyn Filter>>,
    /// Overlays.
    pub overlays: Vec<Named<dyn Overlay>>,
    /// Allocators, after the overlays: scaling commutes, and a cap must see the exposure that would really be held.
    pub allocators: Vec<Named<dyn Allocator>>,
    /// Portfolio rules, in the order of their phases and within a phase in this order.
    pub rules: Vec<Named<dyn Rule>>,
    /// Limits: applied after the rules, and once more after the hedges, so that the result obeys them whatever came before.
    pub limits: Option<Limits>,
    /// Last looks at each order, in order.
    pub pretrade: Vec<Named<dyn PreTrade>>,
    /// Watchers.
    pub observers: Vec<Named<dyn Observer>>,
    /// Cost of a trade as a fraction of its value, for the paper bets in the records of strategies.
    pub paper_cost: f64,
}

/// Where a plugin sits: its place among those of its role, for a sizer after its strategy's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seat {
    Feature(usize),
    Alpha(usize),
    Sizer(usize, usize),
    Filter(usize),
    Overlay(usize),
    Allocator(usize),
    Rule(usize),
    PreTrade(usize),
    Observer(usize),
}

/// Signals in force, per strategy and first leg.
pub(crate) type Standing = Vec<SymbolMap<Signal>>;

/// The saved state of one plugin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct PluginState {
    /// Role and name, as in the configuration.
    key: String,
    /// The plugin's id.
    plugin: String,
    /// Version of the shape of its state.
    version: u32,
    /// What it was built from.
    settings: String,
    state: Vec<u8>,
}

/// One plugin with all that tells it from others.
pub(crate) struct Placed<'a> {
    /// Role and name.
    key: String,
    /// `None` for the limits.
    seat: Option<Seat>,
    settings: &'a str,
    plugin: &'a mut dyn Plugin,
}

impl Pipeline {
    /// Every plugin in a fixed order. The key is role and name; sizers belong to their strategies. Of two with one key the later has a number.
    fn placed(&mut self) -> Vec<Placed<'_>> {
        fn all<'a, R: ?Sized + 'a>(
            out: &mut Vec<Placed<'a>>,
            role: Role,
            seat: impl Fn(usize) -> Seat,
            plugins: &'a mut [Named<R>],
            plugin: impl Fn(&'a mut R) -> &'a mut dyn Plugin,
        ) {
            out.extend(plugins.iter_mut().enumerate().map(|(i, n)| Placed {
                key: format!("{role}.{}", n.name),
                seat: Some(seat(i)),
                settings: &n.settings,
                plugin: plugin(&mut n.plugin),
            }));
        }
        let mut out = Vec::new();
        all(&mut out, Role::Feature, Seat::Feature, &mut self.features, |p| p);
        for (s, strategy) in self.strategies.iter_mut().enumerate() {
            all(&mut out, Role::Alpha, |_| Seat::Alpha(s), std::slice::from_mut(&mut strategy.alpha), |p| p);
            let sizers = out.len();
            all(&mut out, Role::Sizer, |i| Seat::Sizer(s, i), &mut strategy.sizers, |p| p);
            out[sizers..].iter_mut().for_each(|p| p.key = format!("strategy.{}.{}", strategy.id, p.key));
        }
        all(&mut out, Role::Filter, Seat::Filter, &mut self.filters, |p| p);
        all(&mut out, Role::Overlay, Seat::Overlay, &mut self.overlays, |p| p);
        all(&mut out, Role::Allocator, Seat::Allocator, &mut self.allocators, |p| p);
        all(&mut out, Role::Rule, Seat::Rule, &mut self.rules, |p| p);
        out.extend(self.limits.iter_mut().map(|p| Placed {
            key: "limits".into(),
            seat: None,
            settings: "",
            plugin: p,
        }));
        all(&mut out, Role::PreTrade, Seat::PreTrade, &mut self.pretrade, |p| p);
        all(&mut out, Role::Observer, Seat::Observer, &mut self.observers, |p| p);
        number(&mut out);
        out
    }

    /// The seats of all plugins, with role and name.
    pub(crate) fn seats(&mut self) -> Vec<(Seat, String)> {
        self.placed().into_iter().filter_map(|p| Some((p.seat?, p.key))).collect()
    }

    /// Role and name of every plugin.
    pub(crate) fn keys(&mut self) -> BTreeSet<String> {
        self.placed().into_iter().map(|p| p.key).collect()
    }

    /// Visits every plugin but observers in a fixed order.
    pub(crate) fn each(&mut self, mut f: impl FnMut(&mut dyn Plugin)) {
        self.features.iter_mut().for_each(|p| f(&mut **p));
        for s in &mut self.strategies {
            f(&mut *s.alpha);
            s.sizers.iter_mut().for_each(|p| f(&mut **p));
        }
        self.filters.iter_mut().for_each(|p| f(&mut **p));
        self.overlays.iter_mut().for_each(|p| f(&mut **p));
        self.allocators.iter_mut().for_each(|p| f(&mut **p));
        self.rules.iter_mut().for_each(|p| f(&mut **p));
        self.limits.iter_mut().for_each(|p| f(p));
        self.pretrade.iter_mut().for_each(|p| f(&mut **p));
    }

    /// Every plugin that sees events through [`Plugin::observe`] (all but features and alphas), in the order in which they see one.
    pub(crate) fn seated(&self) -> impl Iterator<Item = (Seat, &dyn Plugin)> {
        fn seats<R: ?Sized>(
            all: &[Named<R>],
            seat: impl Fn(usize) -> Seat,
            plugin: impl Fn(&R) -> &dyn Plugin,
        ) -> impl Iterator<Item = (Seat, &dyn Plugin)> {
            all.iter().enumerate().map(move |(i, p)| (seat(i), plugin(p)))
        }
        let sizers = self.strategies.iter().enumerate();
        sizers
            .flat_map(|(s, strategy)| seats(&strategy.sizers, move |i| Seat::Sizer(s, i), |p| p))
            .chain(seats(&self.filters, Seat::Filter, |p| p))
            .chain(seats(&self.overlays, Seat::Overlay, |p| p))
            .chain(seats(&self.allocators, Seat::Allocator, |p| p))
            .chain(seats(&self.rules, Seat::Rule, |p| p))
            .chain(seats(&self.pretrade, Seat::PreTrade, |p| p))
            .chain(seats(&self.observers, Seat::Observer, |p| p))
    }

    /// The plugin on a seat.
    pub(crate) fn on(&mut self, seat: Seat) -> Option<&mut dyn Plugin> {
        Some(match seat {
            Seat::Feature(i) => &mut **self.features.get_mut(i)?,
            Seat::Alpha(i) => &mut *self.strategies.get_mut(i)?.alpha,
            Seat::Sizer(s, i) => &mut **self.strategies.get_mut(s)?.sizers.get_mut(i)?,
            Seat::Filter(i) => &mut **self.filters.get_mut(i)?,
            Seat::Overlay(i) => &mut **self.overlays.get_mut(i)?,
            Seat::Allocator(i) => &mut **self.allocators.get_mut(i)?,
            Seat::Rule(i) => &mut **self.rules.get_mut(i)?,
            Seat::PreTrade(i) => &mut **self.pretrade.get_mut(i)?,
            Seat::Observer(i) => &mut **self.observers.get_mut(i)?,
        })
    }

    /// The states of all plugins.
    pub(crate) fn save(&mut self) -> Result<Vec<PluginState>, StateError> {
        save(self.placed())
    }

    /// See [`load`].
    pub(crate) fn load(&mut self, states: &[PluginState]) -> Result<Vec<String>, StateError> {
        load(self.placed(), states)
    }
}

/// Makes the keys unique: of two that are alike the later has a number.
fn number(all: &mut [Placed<'_>]) {
    let mut taken = BTreeSet::new();
    for p in all {
        let (key, mut n) = (p.key.clone(), 1);
        while !taken.insert(p.key.clone()) {
            n += 1;
            p.key = format!("{key}#{n}");
        }
    }
}

impl Named<dyn Service> {
    /// All of them, to be saved and restored like the plugins of a pipeline.
    pub(crate) fn placed(all: &mut [Self]) -> Vec<Placed<'_>> {
        let mut out: Vec<_> = all
            .iter_mut()
            .map(|n| Placed {
                key: format!("{}.{}", Role::Service, n.name),
                seat: None,
                settings: &n.settings,
                plugin: &mut *n.plugin as &mut dyn Plugin,
            })
            .collect();
        number(&mut out);
        out
    }
}

/// The states of plugins.
pub(crate) fn save(plugins: Vec<Placed<'_>>) -> Result<Vec<PluginState>, StateError> {
    let keep = |p: Placed<'_>| {
        Ok(PluginState {
            plugin: p.plugin.id().to_owned(),
            version: p.plugin.version(),
            settings: p.settings.to_owned(),
            state: p.plugin.save().map_err(|e| StateError { who: p.key.clone(), ..e })?,
            key: p.key,
        })
    };
    plugins.into_iter().map(keep).collect()
}

/// Gives each plugin the state that was saved under its key, wherever it stands now; what has none begins anew. Gives, in words, what is new
/// and what was dropped.
///
/// A state of another version is refused: a plugin that silently forgot what it knew would trade on too little.
///
/// # Errors
/// A state that its plugin cannot read; then nothing has changed.
pub(crate) fn load(plugins: Vec<Placed<'_>>, states: &[PluginState]) -> Result<Vec<String>, StateError> {
    let mut by_key: BTreeMap<&str, &PluginState> = states.iter().map(|s| (s.key.as_str(), s)).collect();
    let (mut messages, mut kept) = (Vec::new(), Vec::new());
    for p in plugins {
        let id = p.plugin.id();
        let saved = by_key.remove(p.key.as_str());
        match saved.map(|s| s.fits(&p)).transpose()? {
            Some(Ok(())) => kept.extend(saved.map(|s| (p, s))),
            Some(Err(why)) => messages.push(format!("{} {why}: the state is dropped, and it begins anew", p.key)),
            None => messages.push(format!("{} ({id}) is new: it begins without a state", p.key)),
        }
    }
    let gone = by_key.into_values().map(|s| format!("{} ({}) is gone: its state is dropped", s.key, s.plugin));
    messages.extend(gone);
    let before: Vec<Vec<u8>> = kept.iter().map(|(p, _)| p.plugin.save()).collect::<Result<_, _>>()?;
    let loaded = kept
        .iter_mut()
        .try_for_each(|(p, s)| p.plugin.load(&s.state).map_err(|e| StateError { who: p.key.clone(), ..e }));
    if loaded.is_err() {
        kept.iter_mut().zip(&before).try_for_each(|((p, _), state)| p.plugin.load(state))?;
    }
    loaded.map(|()| messages)
}

impl PluginState {
    /// Whether the plugin can go on from it; if not, why it begins anew.
    fn fits(&self, p: &Placed<'_>) -> Result<Result<(), String>, StateError> {
        let (id, version) = (p.plugin.id(), p.plugin.version());
        if self.plugin != id {
            return Ok(Err(format!("was {} and is {id}", self.plugin)));
        }
        if self.version != version {
            let problem = format!(
                "the saved state of {id} has version {}, and this release reads version {version}: go on with the release that wrote it, or give the \
                 plugin another name, under which it begins anew",
                self.version
            );
            return Err(StateError { who: p.key.clone(), problem });
        }
        Ok(if self.settings == p.settings { Ok(()) } else { Err(format!("({id}) has other settings")) })
    }
}
