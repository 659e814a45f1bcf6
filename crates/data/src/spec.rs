//! How to read a file: the part of the configuration that describes one source of data.

use std::collections::BTreeMap;
use std::path::PathBuf;

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tradewind_core_types::{Invalid, Symbol, Time, did_you_mean};

/// The format of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TableFormat {
    /// Comma-separated text with a header line, plain or gzipped.
    Csv,
    /// Apache Parquet.
    Parquet,
    /// One JSON object a line, plain or gzipped.
    Jsonl,
}

/// How a table is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Layout {
    /// One row a symbol and time; columns are fields.
    #[default]
    Long,
    /// One row a time; every column but the time is a symbol and holds its closes.
    Wide,
}

/// What the rows are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Bars: `close`, and where known `open`, `high`, `low`, `volume`.
    #[default]
    Bar,
    /// Levels of an index that cannot be traded (VIX, S&P 500): like bars, without volume.
    Index,
    /// Trades: `price`, `size`, and where known `buyer`.
    Trade,
    /// Quotes: `bid`, `ask`, `bid_size`, `ask_size`.
    Quote,
    /// Splits, dividends, delistings, changes of symbol, halts: columns `date`, `symbol`, `kind`, `value`.
    CorporateAction,
    /// News records (JSONL).
    News,
    /// Analysts' rating records (JSONL).
    Rating,
    /// Earnings records (JSONL).
    Earnings,
    /// Option chain records (JSONL).
    OptionChain,
    /// Search interest records (JSONL).
    SearchTrend,
    /// Fund flow records (JSONL).
    FundFlow,
    /// Operator commands (JSONL): deposits, halts and the like. They are no market data: the program that runs the engine reads them.
    Operator,
}

impl Kind {
    /// The fields of a table of this kind: (name, whether it must be there). Empty for records.
    pub fn fields(self) -> &'static [(&'static str, bool)] {
        match self {
            Kind::Bar => &[("close", true), ("open", false), ("high", false), ("low", false), ("volume", false)],
            Kind::Index => &[("close", true), ("open", false), ("high", false), ("low", false)],
            Kind::Trade => &[("price", true), ("size", true), ("buyer", false)],
            Kind::Quote => &[("bid", true), ("ask", true), ("bid_size", true), ("ask_size", true)],
            Kind::CorporateAction => &[("kind", true), ("value", false)],
            _ => &[],
        }
    }
    /// Whether the file holds records of text (JSONL) and not a table.
    pub fn is_record(self) -> bool {
        self.fields().is_empty()
    }
}

/// The instant a bare date stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum At {
    /// The official close of that date's session: 16:00 New York, or the early close.
    #[default]
    Close,
    /// The open of that date's session: 09:30 New York.
    Open,
}

/// The unit of times given as numbers since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EpochUnit {
    /// Seconds.
    Seconds,
    /// Milliseconds.
    Milliseconds,
    /// Microseconds.
    Microseconds,
    /// Nanoseconds.
    Nanoseconds,
}

impl EpochUnit {
    pub(crate) const ALL: [Self; 4] = [Self::Seconds, Self::Milliseconds, Self::Microseconds, Self::Nanoseconds];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            EpochUnit::Seconds => "seconds",
            EpochUnit::Milliseconds => "milliseconds",
            EpochUnit::Microseconds => "microseconds",
            EpochUnit::Nanoseconds => "nanoseconds",
        }
    }
    /// The time of a number of this unit, when it is one that market data have: from 1980 to 2100. A number has at most one such unit.
    pub(crate) fn plausible(self, n: i64) -> Option<Time> {
        let (first, last) = (315_532_800, 4_102_444_800_i64);
        let nanos = n.checked_mul(self.nanos())?;
        (first..last).contains(&(nanos / 1_000_000_000)).then_some(Time::from_nanos(nanos))
    }
    pub(crate) fn nanos(self) -> i64 {
        match self {
            EpochUnit::Seconds => 1_000_000_000,
            EpochUnit::Milliseconds => 1_000_000,
            EpochUnit::Microseconds => 1_000,
            EpochUnit::Nanoseconds => 1,
        }
    }
}

/// What to do about an empty cell after a symbol's first price. (Before it, the symbol is simply not listed yet.)
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnMissing {
    /// Leave it out and count it.
    #[default]
    Skip,
    /// Refuse the file.
    Error,
}

/// What counts when two files, or two names in a file that are renamed to one, both have a symbol's rows of one session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnOverlap {
    /// The first of them, in the order of sources and columns.
    First,
    /// The last of them.
    Last,
    /// All of them; for trades and quotes only, such as those of several exchanges.
    Keep,
}

/// One source of data: a file and how to read it.
///
/// ```
/// use tradewind_data::SourceSpec;
/// let spec: SourceSpec = toml::from_str(r#"
///     path = "sample/vix_close_2014_2019.csv"
///     kind = "index"
///     layout = "wide"
///     rename = { vix = "VIX" }
/// "#)?;
/// assert!(spec.check().is_ok());
/// assert!(toml::from_str::<SourceSpec>("path = 'x.csv'\nlayuot = 'wide'").is_err());
/// # Ok::<(), toml::de::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SourceSpec {
    /// The file.
    pub path: PathBuf,
    /// What its rows are.
    pub kind: Kind,
    /// How it is laid out.
    pub layout: Layout,
    /// Its format; by default from the name (`.csv`, `.csv.gz`, `.parquet`, `.jsonl`, `.jsonl.gz`).
    pub format: Option<TableFormat>,
    /// Column of the time; by default the first of `ts`, `time`, `timestamp`, `datetime`, `date` that exists.
    pub time: Option<String>,
    /// The instant a bare date stands for.
    pub at: At,
    /// Whether each time at midnight (as written, of UTC or of New York) is a bare date: how pandas and many vendors store dates. A
    /// symbol of which every bar or level is stamped so is read as dates without it, and that is noted.
    pub midnight_is_date: bool,
    /// Whether the rows are daily bars or levels, of which only the date counts: each is known at its session's close (or open, by `at`).
    /// `false` states that their times are when they were known. Not set: daily rows stamped before their session's close are refused.
    pub daily: Option<bool>,
    /// Zone of times without an offset, as an IANA name such as `America/New_York`; without it such times are refused.
    pub timezone: Option<String>,
    /// Unit of times that are numbers; without it numbers are refused.
    pub epoch: Option<EpochUnit>,
    /// Seconds added to every time, 0 or more: the length of a bar that the file stamps at its start, or how long after the close
    /// an index level becomes known.
    pub delay_seconds: u32,
    /// The symbol of every row of a long table without a symbol column.
    pub symbol: Option<String>,
    /// Column of the symbol of a long table; by default `symbol`.
    pub symbol_column: Option<String>,
    /// The symbols to read, after renaming; all when empty.
    pub symbols: Vec<String>,
    /// Other names for symbols: name in the file to symbol.
    pub rename: BTreeMap<String, String>,
    /// Where fields have other column names: field (`close`, `price`, ...) to column; an empty name leaves an optional field unread.
    pub columns: BTreeMap<String, String>,
    /// First date to read (New York), when not from the start.
    #[schemars(with = "Option<String>", extend("format" = "date"))]
    pub from: Option<Date>,
    /// Last date to read (New York), when not to the end.
    #[schemars(with = "Option<String>", extend("format" = "date"))]
    pub to: Option<Date>,
    /// Whether prices are adjusted for splits and dividends already: then those of the same symbols must not be applied again.
    pub adjusted: bool,
    /// Whether rows dated on days without a session are left out and counted; otherwise they are errors.
    pub skip_holidays: bool,
    /// What to do about empty cells after a symbol's first price.
    pub on_missing: OnMissing,
    /// What counts where this source and another one, or two names in it that are renamed to one, both have a symbol's rows of a
    /// session; without it that is refused. Where both sources set it, the later one decides.
    pub on_overlap: Option<OnOverlap>,
    /// Size up to which the file is read, as it is and unpacked, in units of a million bytes: 1 to 1000000; 1024 when not set.
    pub max_megabytes: Option<u32>,
}

impl SourceSpec {
    /// Bars of a file, laid out as given; everything else by default.
    pub fn bars(path: impl Into<PathBuf>, layout: Layout) -> Self {
        Self { path: path.into(), layout, ..Self::default() }
    }

    /// Whether the parts fit together.
    ///
    /// # Errors
    /// Everything that does not, at once.
    pub fn check(&self) -> Result<(), Invalid> {
        let mut bad = Invalid::default();
        bad.require(!self.path.as_os_str().is_empty(), "path", "empty", "the path of a file");
        let wide = self.layout == Layout::Wide;
        bad.require(
            !wide || matches!(self.kind, Kind::Bar | Kind::Index),
            "layout",
            "wide",
            "long, unless kind is bar or index",
        );
        bad.require(
            !wide || self.symbol.is_none(),
            "symbol",
            "set",
            "nothing in a wide table: its columns are the symbols",
        );
        bad.require(
            !wide || self.symbol_column.is_none(),
            "symbol_column",
            "set",
            "nothing in a wide table: its columns are the symbols",
        );
        bad.require(!wide || self.columns.is_empty(), "columns", "set", "nothing in a wide table: use `rename`");
        bad.require(
            self.symbol.is_none() || self.symbol_column.is_none(),
            "symbol",
            "set together with symbol_column",
            "one of the two",
        );
        let fields = self.kind.fields().iter().map(|f| f.0);
        for (name, required) in self.kind.fields() {
            let unread = self.columns.get(*name).is_some_and(String::is_empty);
            bad.require(!(*required && unread), "columns", format!("no column for {name}"), "one: it is required");
        }
        for name in self.columns.keys() {
            if !fields.clone().any(|f| f == name) {
                let hint = did_you_mean(name, fields.clone());
                bad.require(false, "columns", format!("a mapping of {name:?}"), &format!("a field of the kind{hint}"));
            }
        }
        for s in self.symbols.iter().chain(self.rename.values()).chain(&self.symbol) {
            if let Err(e) = Symbol::new(s) {
                bad.require(false, "symbols", format!("{s:?}"), &e.expected);
            }
        }
        if let Some(zone) = &self.timezone {
            bad.require(
                jiff::tz::TimeZone::get(zone).is_ok(),
                "timezone",
                format!("{zone:?}"),
                "an IANA name such as America/New_York or UTC",
            );
        }
        if let (Some(from), Some(to)) = (self.from, self.to) {
            bad.require(from <= to, "from", from, "not after `to`");
        }
        let dated = matches!(self.kind, Kind::Bar | Kind::Index);
        bad.require(dated || self.daily.is_none(), "daily", "set", "nothing, unless kind is bar or index");
        let priced = dated || matches!(self.kind, Kind::Trade | Kind::Quote | Kind::CorporateAction);
        let fits = match self.on_overlap {
            None => true,
            Some(OnOverlap::Keep) => matches!(self.kind, Kind::Trade | Kind::Quote),
            Some(OnOverlap::First | OnOverlap::Last) => priced,
        };
        bad.require(
            fits,
            "on_overlap",
            if priced { "keep" } else { "set" },
            if priced { "first or last, unless kind is trade or quote" } else { "nothing with records" },
        );
        let megabytes = self.max_megabytes.unwrap_or(1);
        bad.require((1..=1_000_000).contains(&megabytes), "max_megabytes", megabytes, "1 to 1000000");
        if self.kind.is_record() {
            let ok = matches!(self.format, None | Some(TableFormat::Jsonl));
            bad.require(ok, "format", "a table", "jsonl: records of this kind are read from JSONL");
        }
        bad.into_result(())
    }
}
