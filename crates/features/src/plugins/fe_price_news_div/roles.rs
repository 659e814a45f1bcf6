//! fe_price_news_div as a feature and as a filter.

use serde::{Deserialize, Serialize};
use tradewind_core_types::{
    Adjust, Adjustment, BadInput, Event, Feature, FeatureId, FeatureValues, Filter, Interest, Invalid, Kinds,
    MarketData, Metrics, News, Online, Params, Plugin, Published, Signal, Span, StrategyId, Symbol, Time, View,
};
use tradewind_numerics::Window;

use super::input::valid;
use super::{FePriceNewsDiv, FePriceNewsDivIn, FePriceNewsDivOut, FePriceNewsDivParams};
use crate::input::Series;
use crate::sentiment::score;

/// Headlines remembered of a symbol, against duplicates.
const REMEMBERED: usize = 256;

/// What became of the news items of the symbols followed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewsCounts {
    /// Counted in a session's sentiment.
    pub taken: u64,
    /// The same headline not long before.
    pub duplicate: u64,
    /// Published later than it became known: its clock cannot be trusted.
    pub future: u64,
    /// Published too long before it became known.
    pub old: u64,
    /// Neither text nor sentiment.
    pub empty: u64,
}

/// One symbol: the news since its last close, and the sessions before.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Slot {
    series: Series,
    calculator: FePriceNewsDiv,
    /// The price of this session so far.
    price: Option<f64>,
    sum: f64,
    items: u32,
    seen: Window<(u64, Time)>,
    last: Option<FePriceNewsDivOut>,
}

/// All symbols.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Followed {
    slots: Vec<Slot>,
    duplicate: Span,
    max_age: Span,
    counts: NewsCounts,
}

/// The letters and digits of a text, in lower case, as a number (FNV-1a); none without any.
fn fingerprint(text: &str) -> Option<u64> {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut any = false;
    for c in text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase) {
        any = true;
        let mut utf8 = [0; 4];
        for b in c.encode_utf8(&mut utf8).bytes() {
            hash = (hash ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    any.then_some(hash)
}

fn hours(h: f64) -> Span {
    Span::from_nanos((h * 3.6e12) as i64)
}

impl Followed {
    fn new(p: &FePriceNewsDivParams) -> Result<Self, Invalid> {
        let calculator = p.build()?;
        let slot = |series| Slot {
            series,
            calculator: calculator.clone(),
            price: None,
            sum: 0.0,
            items: 0,
            seen: Window::new(REMEMBERED),
            last: None,
        };
        Ok(Self {
            slots: p.series()?.into_iter().map(slot).collect(),
            duplicate: hours(p.duplicate_hours),
            max_age: hours(p.max_age_hours),
            counts: NewsCounts::default(),
        })
    }
    fn listens(&self) -> Interest {
        let others = Interest::of_market(Kinds::NEWS | Kinds::SESSION_CLOSE);
        Series::listen(self.slots.iter().map(|s| &s.series)).and(others)
    }
    fn news(&mut self, symbol: Symbol, news: &News, now: Time) -> Result<(), BadInput> {
        let Some(slot) = self.slots.iter_mut().find(|s| s.series.symbol() == symbol) else { return Ok(()) };
        let given = news.sentiment.map(valid).transpose()?;
        let print = fingerprint(&news.headline).or_else(|| fingerprint(&news.body));
        let counts = &mut self.counts;
        if news.published > now {
            counts.future += 1;
        } else if now.since(news.published) > self.max_age {
            counts.old += 1;
        } else if given.is_none() && print.is_none() {
            counts.empty += 1;
        } else if print.is_some_and(|p| slot.seen.iter().any(|(q, t)| p == q && now.since(t) < self.duplicate)) {
            counts.duplicate += 1;
        } else {
            slot.sum += given.unwrap_or_else(|| {
                let headline = score(&news.headline);
                if headline.hits > 0 { headline.score } else { score(&news.body).score }
            });
            slot.items += 1;
            counts.taken += 1;
            if let Some(p) = print {
                slot.seen.push((p, now));
            }
        }
        Ok(())
    }
    /// Shows an event; whether sessions have ended with it.
    fn on_event(&mut self, e: &Event, view: &View<'_>) -> Result<bool, BadInput> {
        for s in &mut self.slots {
            if let Some(v) = s.series.next(e, view) {
                s.price = Some(BadInput::positive("price", v)?);
            }
        }
        if let (MarketData::News(news), Some(symbol)) = (&e.data, e.symbol) {
            self.news(symbol, news, e.time)?;
        }
        if !matches!(e.data, MarketData::SessionClose) {
            return Ok(false);
        }
        for s in &mut self.slots {
            s.last = None;
            // Without a price (a halt, no bar) the news wait for the next session that has one.
            let Some(close) = s.price.take() else { continue };
            let mean = (s.items > 0).then(|| (s.sum / f64::from(s.items)).clamp(-1.0, 1.0));
            let row = FePriceNewsDivIn { close, sentiment: mean, news: Some(f64::from(s.items)), headlines: None };
            (s.sum, s.items) = (0.0, 0);
            s.last = s.calculator.update(&row)?;
        }
        Ok(true)
    }
    fn metrics(&self, out: &mut Metrics) {
        let c = &self.counts;
        out.extend([
            ("news_taken", c.taken as f64),
            ("news_duplicate", c.duplicate as f64),
            ("news_future", c.future as f64),
            ("news_old", c.old as f64),
            ("news_empty", c.empty as f64),
        ]);
    }
}

/// What is published after every session's close.
const PUBLISHED: [(&str, &str); 9] = [
    ("sentiment", "sentiment"),
    ("news", "items"),
    ("correlation", "1"),
    ("z_sentiment", "standard deviations"),
    ("z_return", "standard deviations"),
    ("divergence", "standard deviations"),
    ("disagree", "1"),
    ("quality_long", "1"),
    ("quality_short", "1"),
];

/// Publishes `NAME.SYMBOL.divergence` and what it is made of with every session's close, once warm; what is missing is not published.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FePriceNewsDivFeature {
    followed: Followed,
    ids: Vec<[FeatureId; PUBLISHED.len()]>,
}

impl FePriceNewsDivFeature {
    /// From parameters.
    ///
    /// # Errors
    /// All violations at once.
    pub fn new(p: &FePriceNewsDivParams) -> Result<Self, Invalid> {
        let followed = Followed::new(p)?;
        let mut ids = Vec::new();
        for s in &followed.slots {
            let id = |what: &str| {
                FeatureId::new(&format!("{}.{}.{what}", p.name, s.series.symbol()))
                    .map_err(|e| Invalid::one("name", e.to_string()))
            };
            let mut all = [id("sentiment")?; PUBLISHED.len()];
            for (slot, (what, _)) in all.iter_mut().zip(PUBLISHED) {
                *slot = id(what)?;
            }
            ids.push(all);
        }
        Ok(Self { followed, ids })
    }
    /// What became of the news so far.
    pub fn counts(&self) -> NewsCounts {
        self.followed.counts
    }
}

impl Plugin for FePriceNewsDivFeature {
    fn id(&self) -> &'static str {
        FePriceNewsDivParams::ID
    }
    fn listens(&self) -> Interest {
        self.followed.listens()
    }
    fn metrics(&self, out: &mut Metrics) {
        self.followed.metrics(out);
    }
}

impl Feature for FePriceNewsDivFeature {
    fn outputs(&self) -> Vec<Published> {
        self.ids
            .iter()
            .flat_map(|ids| ids.iter().zip(PUBLISHED).map(|(id, (_, unit))| Published { id: *id, unit }))
            .collect()
    }
    fn inputs(&self) -> Vec<FeatureId> {
        self.followed.slots.iter().filter_map(|s| s.series.reads()).collect()
    }
    fn on_event(&mut self, event: &Event, view: &View<'_>, out: &mut FeatureValues) -> Result<(), BadInput> {
        if !self.followed.on_event(event, view)? {
            return Ok(());
        }
        for (s, ids) in self.followed.slots.iter().zip(&self.ids) {
            let Some(o) = s.last else { continue };
            let values = [
                o.sentiment,
                Some(o.news),
                o.correlation,
                o.z_sentiment,
                o.z_return,
                o.divergence,
                o.divergence.map(|_| f64::from(u8::from(o.disagree))),
                Some(o.quality_long),
                Some(o.quality_short),
            ];
            for (id, value) in ids.iter().zip(values) {
                if let Some(v) = value {
                    out.set(*id, v, event.time);
                }
            }
        }
        Ok(())
    }
}

/// Scales down a signal that the last session's news contradict, by the worst of its legs.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FePriceNewsDivFilter {
    followed: Followed,
}

impl FePriceNewsDivFilter {
    /// From parameters.
    ///
    /// # Errors
    /// All violations at once.
    pub fn new(p: &FePriceNewsDivParams) -> Result<Self, Invalid> {
        Ok(Self { followed: Followed::new(p)? })
    }
}

impl Plugin for FePriceNewsDivFilter {
    fn id(&self) -> &'static str {
        FePriceNewsDivParams::ID
    }
    fn listens(&self) -> Interest {
        self.followed.listens()
    }
    fn observe(&mut self, event: &Event, view: &View<'_>) -> Result<(), BadInput> {
        self.followed.on_event(event, view).map(|_| ())
    }
    fn metrics(&self, out: &mut Metrics) {
        self.followed.metrics(out);
    }
}

impl Filter for FePriceNewsDivFilter {
    fn filter(&mut self, _: StrategyId, signal: &Signal, _: &View<'_>) -> Adjustment {
        let mut worst: Option<(f64, Symbol, FePriceNewsDivOut)> = None;
        for leg in &signal.legs {
            let slot = self.followed.slots.iter().find(|s| s.series.symbol() == leg.symbol);
            let Some(o) = slot.and_then(|s| s.last) else { continue };
            let direction = signal.score * leg.ratio;
            let quality = match direction {
                d if d > 0.0 => o.quality_long,
                d if d < 0.0 => o.quality_short,
                _ => 1.0,
            };
            if worst.is_none_or(|w| quality < w.0) {
                worst = Some((quality, leg.symbol, o));
            }
        }
        let Some((quality, symbol, o)) = worst else {
            return Adjustment::new(Adjust::Keep, "no news or not warm yet");
        };
        let Some(d) = o.divergence else {
            return Adjustment::new(Adjust::Keep, format!("{symbol}: {} news items, no divergence", o.news));
        };
        let with = |a: Adjustment| {
            a.with("divergence", d)
                .with("sentiment (sd)", o.z_sentiment.unwrap_or(0.0))
                .with("return (sd)", o.z_return.unwrap_or(0.0))
                .with("correlation", o.correlation.unwrap_or(0.0))
        };
        if quality < 1.0 {
            let news = if d < 0.0 { "bad" } else { "good" };
            let price = if d < 0.0 { "rose" } else { "fell" };
            with(Adjustment::new(Adjust::Scale(quality), format!("{symbol} {price} on {news} news: divergence {d:.2}")))
        } else {
            with(Adjustment::new(Adjust::Keep, format!("{symbol}: news do not contradict, divergence {d:.2}")))
        }
    }
}
