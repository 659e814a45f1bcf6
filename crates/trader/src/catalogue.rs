//! Every plugin of every crate. The only place that sees them all.

use tradewind_core_types::{PluginInfo, did_you_mean};

/// The registries of the plugin crates, with the crates' names.
pub static CRATES: [(&str, &[PluginInfo]); 4] = [
    ("alpha", tradewind_alpha::REGISTRY),
    ("features", tradewind_features::REGISTRY),
    ("risk", tradewind_risk::REGISTRY),
    ("engine", tradewind_engine::builtin::REGISTRY),
];

/// Every plugin with the name of its crate.
pub fn all() -> impl Iterator<Item = (&'static str, &'static PluginInfo)> + Clone {
    CRATES.iter().flat_map(|(name, plugins)| plugins.iter().map(move |p| (*name, p)))
}

/// The plugin with this id.
///
/// # Errors
/// A message with a suggestion.
pub fn find(id: &str) -> Result<&'static PluginInfo, String> {
    all()
        .find(|(_, p)| p.id == id)
        .map(|(_, p)| p)
        .ok_or_else(|| format!("there is no plugin {id:?}{}", did_you_mean(id, all().map(|(_, p)| p.id))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique_and_suggested() {
        let mut ids: Vec<_> = all().map(|(_, p)| p.id).collect();
        let n = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), n);
        assert!(find("fe_grach").unwrap_err().contains("did you mean \"fe_garch\"?"));
    }
}
