//! Interned names: symbols, strategies, features and plain labels, as cheap to copy and compare as an integer.

use std::collections::BTreeMap;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ptr;
use std::sync::{LazyLock, PoisonError, RwLock};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::error::BadInput;

#[derive(Debug)]
struct Entry {
    text: &'static str,
    index: u32,
}

type Table = RwLock<BTreeMap<&'static str, &'static Entry>>;

/// Looks `text` up or adds it. Entries live as long as the program: their number is that of the distinct names it meets.
fn intern(table: &Table, text: &str) -> &'static Entry {
    if let Some(e) = table.read().unwrap_or_else(PoisonError::into_inner).get(text) {
        return e;
    }
    let mut names = table.write().unwrap_or_else(PoisonError::into_inner);
    if let Some(e) = names.get(text) {
        return e;
    }
    let text: &'static str = Box::leak(text.to_owned().into_boxed_str());
    let index = u32::try_from(names.len()).unwrap_or(u32::MAX);
    let entry: &'static Entry = Box::leak(Box::new(Entry { text, index }));
    names.insert(text, entry);
    entry
}

/// What every name is: ordered, hashed, printed and stored by its text.
macro_rules! by_text {
    ($t:ident) => {
        impl Eq for $t {}
        impl PartialOrd for $t {
            fn partial_cmp(&self, o: &Self) -> Option<std::cmp::Ordering> {
                Some(self.cmp(o))
            }
        }
        impl Ord for $t {
            fn cmp(&self, o: &Self) -> std::cmp::Ordering {
                if self == o { std::cmp::Ordering::Equal } else { self.as_str().cmp(o.as_str()) }
            }
        }
        impl Hash for $t {
            fn hash<H: Hasher>(&self, h: &mut H) {
                self.as_str().hash(h);
            }
        }
        impl fmt::Display for $t {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }
        impl fmt::Debug for $t {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
        impl Serialize for $t {
            fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.serialize_str(self.as_str())
            }
        }
        impl<'de> Deserialize<'de> for $t {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                Self::new(&String::deserialize(d)?).map_err(de::Error::custom)
            }
        }
    };
}

macro_rules! interned {
    ($(#[$doc:meta])* $t:ident, $table:ident, $what:literal, $max:literal, $ok:expr, $expected:literal) => {
        static $table: LazyLock<Table> = LazyLock::new(Table::default);

        $(#[$doc])*
        #[derive(Clone, Copy)]
        pub struct $t(&'static Entry);

        impl $t {
            /// The name with this text.
            ///
            /// # Errors
            #[doc = concat!("Unless it is ", $expected, ".")]
            pub fn new(text: &str) -> Result<Self, BadInput> {
                let ok: fn(char) -> bool = $ok;
                if !text.is_empty() && text.len() <= $max && text.chars().all(ok) {
                    Ok(Self(intern(&$table, text)))
                } else {
                    Err(BadInput::new($what, text, $expected))
                }
            }
            /// The text.
            pub fn as_str(self) -> &'static str {
                self.0.text
            }
            /// A small number of this name within this process, for use as an array index. It depends on the order in which
            /// names were first met, so it must never decide an order or be stored: use `Ord` (by text) for that.
            #[inline]
            pub fn index(self) -> usize {
                self.0.index as usize
            }
        }
        impl PartialEq for $t {
            #[inline]
            fn eq(&self, o: &Self) -> bool {
                ptr::eq(self.0, o.0)
            }
        }
        by_text!($t);
    };
}

interned!(
    /// What is traded or observed: `SPY`, `BRK.B`, `VIX`, `^GSPC`.
    ///
    /// ```
    /// use tradewind_core_types::Symbol;
    /// let a = Symbol::new("SPY")?;
    /// assert_eq!(a, Symbol::new("SPY")?);
    /// assert!(a < Symbol::new("TLT")?);
    /// assert!(Symbol::new("no spaces").is_err());
    /// # Ok::<(), tradewind_core_types::BadInput>(())
    /// ```
    Symbol, SYMBOLS, "symbol", 32,
    |c| c.is_ascii_alphanumeric() || "._-/^=:".contains(c), "1 to 32 letters, digits or . _ - / ^ = :"
);
interned!(
    /// A strategy's name in the configuration.
    StrategyId, STRATEGIES, "strategy", 64,
    |c| c.is_ascii_alphanumeric() || c == '_' || c == '-', "1 to 64 letters, digits, _ or -"
);
interned!(
    /// The name of a value that a feature publishes, such as `fe_garch.SPY.volatility`.
    FeatureId, FEATURES, "feature", 128,
    |c| c.is_ascii_alphanumeric() || "._-/^=:".contains(c), "1 to 128 letters, digits or . _ - / ^ = :"
);
static NAMES: LazyLock<Table> = LazyLock::new(Table::default);

/// A label: a plugin's id, the name of a number in an explanation.
#[derive(Clone, Copy)]
pub struct Name(&'static str);

impl Name {
    /// The label with this text.
    ///
    /// # Errors
    /// Unless it is 1 to 128 printable characters.
    pub fn new(text: &str) -> Result<Self, BadInput> {
        if !text.is_empty() && text.len() <= 128 && !text.chars().any(char::is_control) {
            Ok(Self(intern(&NAMES, text).text))
        } else {
            Err(BadInput::new("name", text, "1 to 128 printable characters"))
        }
    }
    /// A label known when the program was written, at no cost; anything but printable ASCII becomes `?`.
    pub const fn lit(text: &'static str) -> Self {
        let bytes = text.as_bytes();
        if bytes.is_empty() {
            return Self("?");
        }
        let mut i = 0;
        while i < bytes.len() {
            if bytes[i] < b' ' || bytes[i] > b'~' {
                return Self("?");
            }
            i += 1;
        }
        Self(text)
    }
    /// The text.
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}
impl PartialEq for Name {
    fn eq(&self, o: &Self) -> bool {
        self.0 == o.0
    }
}
by_text!(Name);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_is_by_text_and_not_by_first_meeting() {
        let z = Symbol::new("ZZZ").unwrap();
        let a = Symbol::new("AAA").unwrap();
        assert!(a < z && a.index() != z.index());
        assert_eq!(serde_json::to_string(&a).unwrap(), "\"AAA\"");
        assert_eq!(serde_json::from_str::<Symbol>("\"AAA\"").unwrap(), a);
        for bad in ["", "A B", "A\n", &"x".repeat(33), "é"] {
            assert!(Symbol::new(bad).is_err(), "{bad:?}");
        }
    }
}
