//! A guard against silence: when no data come while a session is open, nothing may grow any more.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tradewind_core_types::{
    BadInput, Command, Event, Instruction, Invalid, MarketData, Params, Plugin, PluginInfo, Request, Service, Span,
    Time, View, parse_params,
};

/// Gives the command `reduce` or `halt` when a session is open and no market event has come for so long. An operator resumes. With daily bars nothing comes
/// between open and close, so that it is for data within the day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct IdleFeedParams {
    /// The longest silence, in seconds, 1 to 86400.
    pub seconds: f64,
    /// Whether trading halts; otherwise positions may still shrink.
    pub halt: bool,
}

impl Default for IdleFeedParams {
    fn default() -> Self {
        Self { seconds: 600.0, halt: false }
    }
}

impl Params for IdleFeedParams {
    const ID: &'static str = "idle_feed";
    type Built = IdleFeed;
    fn build(&self) -> Result<IdleFeed, Invalid> {
        let mut bad = Invalid::default();
        bad.require((1.0..=86_400.0).contains(&self.seconds), "seconds", self.seconds, "1 to 86400");
        bad.into_result(IdleFeed { params: self.clone(), heard: None })
    }
}

/// The service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IdleFeed {
    params: IdleFeedParams,
    /// When something was heard last, while a session is open and no command was given since.
    heard: Option<Time>,
}

impl Plugin for IdleFeed {
    fn id(&self) -> &'static str {
        IdleFeedParams::ID
    }
    fn observe(&mut self, e: &Event, view: &View<'_>) -> Result<(), BadInput> {
        let open = match e.data {
            MarketData::SessionClose => false,
            MarketData::SessionOpen => true,
            _ => view.in_session == Some(true),
        };
        self.heard = open.then_some(view.now);
        Ok(())
    }
}

impl Service for IdleFeed {
    fn wakeup(&self) -> Option<Time> {
        self.heard.map(|t| t.plus(Span::from_nanos((self.params.seconds * 1e9) as i64)))
    }
    fn tick(&mut self, view: &View<'_>, out: &mut Vec<Request>) -> Result<(), BadInput> {
        if let Some(since) = self.heard.take() {
            let order = if self.params.halt { Instruction::Halt } else { Instruction::Reduce };
            let (id, actor) = (format!("{}.{}", IdleFeedParams::ID, view.now.nanos()), IdleFeedParams::ID.into());
            out.push(Request::Command(Command { id, actor, reason: format!("no data since {since}"), order }));
        }
        Ok(())
    }
}

/// Registry entry.
pub const PLUGIN: PluginInfo = PluginInfo {
    service: Some(|v| Ok(Box::new(parse_params::<IdleFeedParams>(v)?.build()?))),
    ..PluginInfo::of::<IdleFeedParams>(
        0,
        "Reduces or halts when no data come while a session is open.",
        "This project.",
    )
};
