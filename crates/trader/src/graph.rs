//! Features as a graph: each is computed once, after those it reads.

use std::collections::BTreeMap;

use serde_json::Value;
use tradewind_core_types::{Feature, FeatureId, Invalid, Role, did_you_mean, parse_params};
use tradewind_engine::Named;
use tradewind_engine::builtin::FeatureSignalParams;

use crate::compose;
use crate::config::PluginConfig;

/// A configured feature with what it publishes and reads.
struct Node {
    feature: Named<dyn Feature>,
    /// The features it reads, by index.
    after: Vec<usize>,
}

/// Builds all features and sorts them: those that read others come after them, otherwise in the order of their names.
pub fn features(
    configured: &BTreeMap<String, PluginConfig>,
    alphas: &BTreeMap<String, PluginConfig>,
    bad: &mut Invalid,
) -> Vec<Named<dyn Feature>> {
    let mut nodes: Vec<Node> = Vec::new();
    for (name, p) in configured {
        if let Some(feature) = bad.absorb(compose::built(Role::Feature, name, p, |info| info.feature)) {
            nodes.push(Node { feature, after: Vec::new() });
        }
    }
    let mut published: BTreeMap<FeatureId, usize> = BTreeMap::new();
    for (i, n) in nodes.iter().enumerate() {
        for p in n.feature.outputs() {
            if let Some(other) = published.insert(p.id, i).filter(|o| *o != i) {
                let at = format!("feature.{}", n.feature.name);
                let problem = format!(
                    "publishes {}, as feature.{} does: give one of them another `name`",
                    p.id, nodes[other].feature.name
                );
                bad.absorb(Err::<(), _>(Invalid::one(at, problem)));
            }
        }
    }
    for n in &mut nodes {
        for id in n.feature.inputs() {
            match published.get(&id) {
                Some(&i) => n.after.push(i),
                None => {
                    bad.absorb(Err::<(), _>(unknown(&format!("feature.{}.input", n.feature.name), id, &published)));
                }
            }
        }
    }
    let mut order = Vec::new();
    let mut done = vec![false; nodes.len()];
    while order.len() < nodes.len() {
        let ready = (0..nodes.len()).find(|&i| !done[i] && nodes[i].after.iter().all(|&k| done[k]));
        let Some(i) = ready else {
            let path = cycle(&nodes, &done);
            let problem = format!("features read each other in a circle: {}", path.join(" reads "));
            bad.absorb(Err::<(), _>(Invalid::one("feature", problem)));
            break;
        };
        done[i] = true;
        order.push(i);
    }
    for (name, p) in alphas.iter().filter(|(_, p)| p.plugin == "feature_signal") {
        let params = parse_params::<FeatureSignalParams>(&Value::Object(p.params.clone())).and_then(|p| p.build());
        // What is wrong with the parameters themselves is said where alphas are built.
        for id in params.map(|a| a.reads()).unwrap_or_default() {
            if !published.contains_key(&id) {
                bad.absorb(Err::<(), _>(unknown(&format!("alpha.{name}.feature"), id, &published)));
            }
        }
    }
    let mut slots: Vec<Option<Named<dyn Feature>>> = nodes.into_iter().map(|n| Some(n.feature)).collect();
    order.into_iter().filter_map(|i| slots[i].take()).collect()
}

/// The error for a feature that nobody publishes.
fn unknown(field: &str, id: FeatureId, published: &BTreeMap<FeatureId, usize>) -> Invalid {
    let hint = did_you_mean(id.as_str(), published.keys().map(|k| k.as_str()));
    Invalid::one(field, format!("reads {id}, which no configured feature publishes{hint}"))
}

/// A circle among the features that could not be placed, by name, its first repeated at the end.
fn cycle(nodes: &[Node], done: &[bool]) -> Vec<String> {
    let Some(mut at) = done.iter().position(|d| !d) else { return Vec::new() };
    let mut seen: Vec<usize> = Vec::new();
    // Everyone left waits for someone left: following that leads into a circle.
    while !seen.contains(&at) {
        seen.push(at);
        at = nodes[at].after.iter().copied().find(|&k| !done[k]).unwrap_or(at);
    }
    let from = seen.iter().position(|&i| i == at).unwrap_or(0);
    seen[from..].iter().chain([&at]).map(|&i| nodes[i].feature.name.clone()).collect()
}
