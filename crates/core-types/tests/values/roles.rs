//! The roles, and the entry of a plugin that plays some of them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tradewind_core_types::{Invalid, Overlay, Params, PluginInfo, Probe, Role};

#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct NoParams {}

impl Params for NoParams {
    const ID: &'static str = "no_params";
    type Built = ();
    fn build(&self) -> Result<(), Invalid> {
        Ok(())
    }
}

fn none(_: &Value) -> Result<Box<dyn Overlay>, Invalid> {
    Err(Invalid::one("overlay", "built"))
}

#[test]
fn each_role_has_the_name_of_its_table() {
    let names: Vec<&str> = Role::ALL.iter().map(|r| r.name()).collect();
    let tables = "feature alpha filter sizer overlay allocator rule pretrade execution observer service";
    assert_eq!(names.join(" "), tables);
    assert_eq!(format!("{:>9}", Role::PreTrade), " pretrade");
}

#[test]
fn a_plugin_plays_the_roles_that_it_builds() {
    let bare = PluginInfo::of::<NoParams>(0, "Nothing.", "Nobody.");
    assert!(bare.uses().is_empty());
    let info = PluginInfo { overlay: Some(none), ..bare };
    assert_eq!(info.roles(), [Role::Overlay]);
    assert_eq!(info.uses(), ["overlay"]);
    assert!(info.plays(Role::Overlay) && !info.plays(Role::Rule));
    // The probe asks the builder of this very role.
    let problem = Probe::all(&info, &Value::Null).err().map(|e| e.to_string());
    assert!(problem.is_some_and(|p| p.contains("built")));
}
