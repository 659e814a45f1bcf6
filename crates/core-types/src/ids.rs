//! Names of orders and fills at a broker. None of them enters the books or their hash.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::BadInput;
use crate::order::OrderId;

/// Longest text of a name that a broker gives, in bytes.
const LONGEST: usize = 128;

/// A text of 1 to 128 visible ASCII characters.
fn visible(what: &str, text: String) -> Result<String, BadInput> {
    if (1..=LONGEST).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic()) {
        Ok(text)
    } else {
        Err(BadInput::new(what, format!("{text:?}"), format!("1 to {LONGEST} visible ASCII characters")))
    }
}

macro_rules! given_by_a_broker {
    ($(#[$doc:meta])* $t:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $t(String);

        impl $t {
            /// From the broker's text.
            ///
            /// # Errors
            /// Unless it has 1 to 128 visible ASCII characters.
            pub fn new(text: impl Into<String>) -> Result<Self, BadInput> {
                visible($what, text.into()).map(Self)
            }
            /// The broker's text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl TryFrom<String> for $t {
            type Error = BadInput;
            fn try_from(text: String) -> Result<Self, BadInput> {
                Self::new(text)
            }
        }
        impl From<$t> for String {
            fn from(x: $t) -> String {
                x.0
            }
        }
        impl fmt::Display for $t {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

given_by_a_broker! {
    /// A broker's own name of an order.
    BrokerOrderId, "broker's order id"
}
given_by_a_broker! {
    /// A broker's name of one execution: a fill with the same name is the same fill.
    ExecutionId, "execution id"
}

/// The name of a book of orders: 1 to 12 small letters, digits and underscores. Two programs that trade one account have different books.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BookName(String);

impl BookName {
    /// Checks a name.
    ///
    /// # Errors
    /// Unless it has 1 to 12 small letters, digits and underscores.
    pub fn new(text: impl Into<String>) -> Result<Self, BadInput> {
        let text = text.into();
        let known = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
        if (1..=12).contains(&text.len()) && text.bytes().all(known) {
            Ok(Self(text))
        } else {
            Err(BadInput::new("book", format!("{text:?}"), "1 to 12 small letters, digits and underscores"))
        }
    }
    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for BookName {
    fn default() -> Self {
        Self("main".into())
    }
}
impl TryFrom<String> for BookName {
    type Error = BadInput;
    fn try_from(text: String) -> Result<Self, BadInput> {
        Self::new(text)
    }
}
impl From<BookName> for String {
    fn from(x: BookName) -> String {
        x.0
    }
}
impl fmt::Display for BookName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name that we give an order at a broker, which refuses a name that it has seen before. As text, `book-epoch-order-attempt`, at most 48
/// characters. Each name has one text and each text one name.
///
/// ```
/// # use tradewind_core_types::{BookName, ClientOrderId, OrderId};
/// let id = ClientOrderId::new(BookName::new("main").unwrap(), 3, OrderId(1204));
/// assert_eq!(id.to_string(), "main-3-1204-1");
/// assert_eq!("main-3-1204-1".parse(), Ok(id));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ClientOrderId {
    /// Whose order it is.
    pub book: BookName,
    /// Which run of the book: orders are numbered from 1 in each.
    pub epoch: u32,
    /// Its number within the run.
    pub order: OrderId,
    /// How often it has been sent under a new name, from 1.
    pub attempt: u8,
}

impl ClientOrderId {
    /// The name of an order that is sent for the first time.
    pub fn new(book: BookName, epoch: u32, order: OrderId) -> Self {
        Self { book, epoch, order, attempt: 1 }
    }
    /// The name for sending the same order once more, when the broker has refused this one; `None` after 255 of them.
    #[must_use]
    pub fn again(&self) -> Option<Self> {
        Some(Self { attempt: self.attempt.checked_add(1)?, ..self.clone() })
    }
}

impl fmt::Display for ClientOrderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}-{}", self.book, self.epoch, self.order.0, self.attempt)
    }
}

impl FromStr for ClientOrderId {
    type Err = BadInput;
    fn from_str(text: &str) -> Result<Self, BadInput> {
        let parts: Vec<&str> = text.split('-').collect();
        let id = match parts.as_slice() {
            [book, epoch, order, attempt] => {
                let read = || -> Option<Self> {
                    Some(Self {
                        book: BookName::new(*book).ok()?,
                        epoch: epoch.parse().ok()?,
                        order: OrderId(order.parse().ok()?),
                        attempt: attempt.parse().ok().filter(|n| *n > 0)?,
                    })
                };
                read()
            }
            _ => None,
        };
        // No leading zeros and signs, which numbers may have: each name has one text.
        id.filter(|id| id.to_string() == text)
            .ok_or_else(|| BadInput::new("client order id", format!("{text:?}"), "book-epoch-order-attempt"))
    }
}
impl TryFrom<String> for ClientOrderId {
    type Error = BadInput;
    fn try_from(text: String) -> Result<Self, BadInput> {
        text.parse()
    }
}
impl From<ClientOrderId> for String {
    fn from(x: ClientOrderId) -> String {
        x.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn id(book: &str, epoch: u32, order: u64, attempt: u8) -> ClientOrderId {
        ClientOrderId { book: BookName::new(book).unwrap(), epoch, order: OrderId(order), attempt }
    }

    #[test]
    fn the_longest_has_48_characters_and_comes_back() {
        let longest = id("a_book_of_12", u32::MAX, u64::MAX, u8::MAX);
        let text = longest.to_string();
        assert_eq!((text.as_str(), text.len()), ("a_book_of_12-4294967295-18446744073709551615-255", 48));
        assert_eq!(text.parse(), Ok(longest.clone()));
        assert_eq!(longest.again(), None);
        let first = ClientOrderId::new(BookName::default(), 7, OrderId(12));
        assert_eq!(first.to_string(), "main-7-12-1");
        assert_eq!(first.again().unwrap().to_string(), "main-7-12-2");
        let json = serde_json::to_string(&first).unwrap();
        assert_eq!((json.as_str(), serde_json::from_str(&json).ok()), ("\"main-7-12-1\"", Some(first)));
    }

    #[test]
    fn other_texts_are_refused() {
        for wrong in [
            "",
            "main",
            "main-1-2",
            "main-1-2-3-4",
            "main-1-2-0",
            "main-01-2-1",
            "main-1-+2-1",
            "main-1-2-256",
            "Main-1-2-1",
            "-1-2-1",
            "main-1--2-1",
            "main-4294967296-2-1",
            "main-1-2-1 ",
            "a_book_of_13_-1-2-1",
            "sig-20261120-AAPL-01",
        ] {
            assert!(wrong.parse::<ClientOrderId>().is_err(), "{wrong:?}");
        }
        let long = "x".repeat(129);
        for wrong in ["", " ", "a b", "\u{e9}", long.as_str()] {
            assert!(BrokerOrderId::new(wrong).is_err() && ExecutionId::new(wrong).is_err(), "{wrong:?}");
            assert!(serde_json::from_str::<ExecutionId>(&serde_json::to_string(wrong).unwrap()).is_err());
        }
        let alpaca = "2f63ea93-423d-4169-b3f6-3fdafc10c418";
        assert_eq!(ExecutionId::new(alpaca).unwrap().as_str(), alpaca);
        assert!(BrokerOrderId::new(&long[1..]).is_ok());
    }

    fn any_id() -> impl Strategy<Value = ClientOrderId> {
        ("[a-z0-9_]{1,12}", any::<u32>(), any::<u64>(), 1..=u8::MAX).prop_map(|(b, e, o, a)| id(&b, e, o, a))
    }
    proptest! {
        #[test]
        fn text_and_name_are_one_to_one(a in any_id(), b in any_id()) {
            let (x, y) = (a.to_string(), b.to_string());
            prop_assert!(x.len() <= 48);
            prop_assert_eq!(x.parse::<ClientOrderId>().unwrap(), a.clone());
            prop_assert_eq!(x == y, a == b);
            // Neighbours that share digits are told apart.
            let near = [
                ClientOrderId { epoch: a.epoch / 10, ..a.clone() },
                ClientOrderId { order: OrderId(a.order.0 / 10), ..a.clone() },
                ClientOrderId { attempt: a.attempt / 10 + 1, ..a.clone() },
            ];
            for n in near {
                prop_assert_eq!(n.to_string() == x, n == a);
            }
        }
    }
}
