//! The life of an order: what each report means in each state, as one table.

use serde::{Deserialize, Serialize};

/// Where an order is, as far as its broker has said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderState {
    /// Sent; nothing has been heard of it.
    #[default]
    Submitted,
    /// Received, not yet accepted.
    PendingNew,
    /// Works.
    Accepted,
    /// Accepted for an auction, of which the price is not known.
    AcceptedForBidding,
    /// Rests until another order has filled.
    Held,
    /// Works, and a part has filled.
    PartiallyFilled,
    /// Is to be cancelled, and may still fill.
    PendingCancel,
    /// Is to be replaced, and may still fill.
    PendingReplace,
    /// Another order has taken its place.
    Replaced,
    /// Nothing more today; one that is good till cancelled works again in the next session.
    DoneForDay,
    /// A trade is guaranteed but has not happened yet.
    Stopped,
    /// Not eligible for trading at present.
    Suspended,
    /// Done for the day, the settlement is being computed.
    Calculated,
    /// All of it has filled.
    Filled,
    /// Cancelled; what was filled stays filled.
    Cancelled,
    /// Its time in force ran out.
    Expired,
    /// Refused.
    Rejected,
}

/// The kind of a report: what it says, without the figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReportKind {
    /// Received.
    PendingNew,
    /// Works.
    Accepted,
    /// Accepted for an auction.
    AcceptedForBidding,
    /// Rests until another order has filled.
    Held,
    /// A part or the rest has filled.
    Progress,
    /// The request to cancel is noted.
    PendingCancel,
    /// The request to replace is noted.
    PendingReplace,
    /// Another order has taken its place.
    Replaced,
    /// Nothing more today.
    DoneForDay,
    /// A trade is guaranteed.
    Stopped,
    /// Not eligible for trading at present.
    Suspended,
    /// The settlement is being computed.
    Calculated,
    /// Cancelled.
    Cancelled,
    /// Its time in force ran out.
    Expired,
    /// Refused.
    Rejected,
    /// It will not be cancelled: it goes on.
    CancelRejected,
    /// It will not be replaced: it goes on.
    ReplaceRejected,
    /// The broker's own name of the order.
    Named,
    /// A fill never was.
    Busted,
    /// A fill was at another price or quantity.
    Corrected,
    /// The broker has changed the order by itself.
    Restated,
    /// Text that this release does not know.
    Unknown,
    /// All of it has filled.
    Filled,
}

/// What a report means for an order in a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// The order is in this state now.
    Go(OrderState),
    /// Some of it has filled: book what is new and go to [`OrderState::after_fill`].
    Book,
    /// A pending request was refused: the order is where its fills say.
    Resume,
    /// The broker's own name of the order is remembered.
    Name,
    /// A fill that was booked is taken back or corrected. When it is no longer remembered, as [`Turn::Doubt`].
    Amend,
    /// It is known already, or is older news than the state: nothing changes.
    Old,
    /// The report contradicts the state and changes nothing. It is counted.
    Contradicts,
    /// The report contradicts the state in a way that puts our books in doubt: nothing changes and trading halts.
    Doubt,
}

impl OrderState {
    /// All of them.
    pub const ALL: [Self; 17] = [
        Self::Submitted,
        Self::PendingNew,
        Self::Accepted,
        Self::AcceptedForBidding,
        Self::Held,
        Self::PartiallyFilled,
        Self::PendingCancel,
        Self::PendingReplace,
        Self::Replaced,
        Self::DoneForDay,
        Self::Stopped,
        Self::Suspended,
        Self::Calculated,
        Self::Filled,
        Self::Cancelled,
        Self::Expired,
        Self::Rejected,
    ];

    /// Whether nothing more comes of it, save fills that are reported late, busts and corrections.
    pub fn is_terminal(self) -> bool {
        match self {
            Self::Replaced | Self::Filled | Self::Cancelled | Self::Expired | Self::Rejected => true,
            Self::Submitted
            | Self::PendingNew
            | Self::Accepted
            | Self::AcceptedForBidding
            | Self::Held
            | Self::PartiallyFilled
            | Self::PendingCancel
            | Self::PendingReplace
            | Self::DoneForDay
            | Self::Stopped
            | Self::Suspended
            | Self::Calculated => false,
        }
    }

    /// The state after a part has filled: an end and a pending request stay.
    #[must_use]
    pub fn after_fill(self) -> Self {
        match self {
            Self::Submitted | Self::PendingNew | Self::Accepted | Self::AcceptedForBidding | Self::Held => {
                Self::PartiallyFilled
            }
            Self::PartiallyFilled | Self::DoneForDay | Self::Stopped | Self::Suspended | Self::Calculated => {
                Self::PartiallyFilled
            }
            Self::PendingCancel | Self::PendingReplace => self,
            Self::Replaced | Self::Filled | Self::Cancelled | Self::Expired | Self::Rejected => self,
        }
    }

    /// The table.
    #[inline]
    pub fn on(self, report: ReportKind) -> Turn {
        use OrderState as S;
        use ReportKind as R;
        use Turn::{Amend, Book, Contradicts, Doubt, Go, Name, Old, Resume};
        match report {
            // A fill is a fact, whatever was said before it.
            R::Progress => match self {
                S::Submitted | S::PendingNew | S::Accepted | S::AcceptedForBidding | S::Held | S::PartiallyFilled => {
                    Book
                }
                S::PendingCancel | S::PendingReplace | S::DoneForDay | S::Stopped | S::Suspended | S::Calculated => {
                    Book
                }
                S::Replaced | S::Filled | S::Cancelled | S::Expired | S::Rejected => Book,
            },
            R::PendingNew => match self {
                S::Submitted => Go(S::PendingNew),
                S::PendingNew | S::Accepted | S::AcceptedForBidding | S::Held | S::PartiallyFilled => Old,
                S::PendingCancel | S::PendingReplace | S::DoneForDay | S::Stopped | S::Suspended | S::Calculated => Old,
                S::Replaced | S::Filled | S::Cancelled | S::Expired | S::Rejected => Old,
            },
            R::Accepted => match self {
                S::Submitted | S::PendingNew | S::AcceptedForBidding | S::Held | S::Suspended | S::DoneForDay => {
                    Go(S::Accepted)
                }
                S::Accepted
                | S::PartiallyFilled
                | S::PendingCancel
                | S::PendingReplace
                | S::Stopped
                | S::Calculated => Old,
                // Reports overtake each other: it was accepted before it ended.
                S::Replaced | S::Filled | S::Cancelled | S::Expired => Old,
                S::Rejected => Contradicts,
            },
            R::AcceptedForBidding => match self {
                S::Submitted | S::PendingNew | S::Held => Go(S::AcceptedForBidding),
                S::Accepted | S::AcceptedForBidding | S::PartiallyFilled | S::PendingCancel | S::PendingReplace => Old,
                S::DoneForDay | S::Stopped | S::Suspended | S::Calculated => Old,
                S::Replaced | S::Filled | S::Cancelled | S::Expired => Old,
                S::Rejected => Contradicts,
            },
            R::Held => match self {
                S::Submitted | S::PendingNew => Go(S::Held),
                S::Held | S::Accepted | S::AcceptedForBidding | S::PartiallyFilled | S::PendingCancel => Old,
                S::PendingReplace | S::DoneForDay | S::Stopped | S::Suspended | S::Calculated => Old,
                S::Replaced | S::Filled | S::Cancelled | S::Expired => Old,
                S::Rejected => Contradicts,
            },
            R::PendingCancel => match self {
                S::Submitted | S::PendingNew | S::Accepted | S::AcceptedForBidding | S::Held | S::PartiallyFilled => {
                    Go(S::PendingCancel)
                }
                S::PendingReplace | S::DoneForDay | S::Stopped | S::Suspended | S::Calculated => Go(S::PendingCancel),
                S::PendingCancel | S::Replaced | S::Filled | S::Cancelled | S::Expired => Old,
                S::Rejected => Contradicts,
            },
            R::PendingReplace => match self {
                S::Submitted | S::PendingNew | S::Accepted | S::AcceptedForBidding | S::Held | S::PartiallyFilled => {
                    Go(S::PendingReplace)
                }
                S::DoneForDay | S::Stopped | S::Suspended | S::Calculated => Go(S::PendingReplace),
                S::PendingCancel | S::PendingReplace | S::Replaced | S::Filled | S::Cancelled | S::Expired => Old,
                S::Rejected => Contradicts,
            },
            R::Replaced => match self {
                S::Submitted | S::PendingNew | S::Accepted | S::AcceptedForBidding | S::Held | S::PartiallyFilled => {
                    Go(S::Replaced)
                }
                S::PendingCancel | S::PendingReplace | S::DoneForDay | S::Stopped | S::Suspended | S::Calculated => {
                    Go(S::Replaced)
                }
                S::Replaced => Old,
                S::Filled | S::Cancelled | S::Expired | S::Rejected => Contradicts,
            },
            R::DoneForDay => match self {
                S::Submitted | S::PendingNew | S::Accepted | S::AcceptedForBidding | S::Held | S::PartiallyFilled => {
                    Go(S::DoneForDay)
                }
                S::Stopped | S::Suspended | S::Calculated => Go(S::DoneForDay),
                // The request is still open.
                S::PendingCancel | S::PendingReplace | S::DoneForDay => Old,
                S::Replaced | S::Filled | S::Cancelled | S::Expired => Old,
                S::Rejected => Contradicts,
            },
            R::Stopped => match self {
                S::Submitted | S::PendingNew | S::Accepted | S::AcceptedForBidding | S::Held | S::PartiallyFilled => {
                    Go(S::Stopped)
                }
                S::DoneForDay | S::Suspended => Go(S::Stopped),
                S::PendingCancel | S::PendingReplace | S::Stopped | S::Calculated => Old,
                S::Replaced | S::Filled | S::Cancelled | S::Expired => Old,
                S::Rejected => Contradicts,
            },
            R::Suspended => match self {
                S::Submitted | S::PendingNew | S::Accepted | S::AcceptedForBidding | S::Held | S::PartiallyFilled => {
                    Go(S::Suspended)
                }
                S::DoneForDay | S::Stopped | S::Calculated => Go(S::Suspended),
                S::PendingCancel | S::PendingReplace | S::Suspended => Old,
                S::Replaced | S::Filled | S::Cancelled | S::Expired => Old,
                S::Rejected => Contradicts,
            },
            R::Calculated => match self {
                S::Submitted | S::PendingNew | S::Accepted | S::AcceptedForBidding | S::Held | S::PartiallyFilled => {
                    Go(S::Calculated)
                }
                S::DoneForDay | S::Stopped | S::Suspended => Go(S::Calculated),
                S::PendingCancel | S::PendingReplace | S::Calculated => Old,
                S::Replaced | S::Filled | S::Cancelled | S::Expired => Old,
                S::Rejected => Contradicts,
            },
            R::Cancelled => match self {
                S::Submitted | S::PendingNew | S::Accepted | S::AcceptedForBidding | S::Held | S::PartiallyFilled => {
                    Go(S::Cancelled)
                }
                S::PendingCancel | S::PendingReplace | S::DoneForDay | S::Stopped | S::Suspended | S::Calculated => {
                    Go(S::Cancelled)
                }
                S::Cancelled => Old,
                S::Replaced | S::Filled | S::Expired | S::Rejected => Contradicts,
            },
            R::Expired => match self {
                S::Submitted | S::PendingNew | S::Accepted | S::AcceptedForBidding | S::Held | S::PartiallyFilled => {
                    Go(S::Expired)
                }
                S::PendingCancel | S::PendingReplace | S::DoneForDay | S::Stopped | S::Suspended | S::Calculated => {
                    Go(S::Expired)
                }
                S::Expired => Old,
                S::Replaced | S::Filled | S::Cancelled | S::Rejected => Contradicts,
            },
            // The simulated exchange rejects the rest of a partly filled order when its money has run out.
            R::Rejected => match self {
                S::Submitted | S::PendingNew | S::Accepted | S::AcceptedForBidding | S::Held | S::PartiallyFilled => {
                    Go(S::Rejected)
                }
                S::PendingCancel | S::PendingReplace | S::DoneForDay | S::Stopped | S::Suspended | S::Calculated => {
                    Go(S::Rejected)
                }
                S::Rejected => Old,
                S::Replaced | S::Filled | S::Cancelled | S::Expired => Contradicts,
            },
            R::CancelRejected => match self {
                S::PendingCancel => Resume,
                // The request was never confirmed as pending, or the order ended first.
                S::Submitted | S::PendingNew | S::Accepted | S::AcceptedForBidding | S::Held | S::PartiallyFilled => {
                    Old
                }
                S::PendingReplace | S::DoneForDay | S::Stopped | S::Suspended | S::Calculated => Old,
                S::Replaced | S::Filled | S::Cancelled | S::Expired | S::Rejected => Old,
            },
            R::ReplaceRejected => match self {
                S::PendingReplace => Resume,
                S::Submitted | S::PendingNew | S::Accepted | S::AcceptedForBidding | S::Held | S::PartiallyFilled => {
                    Old
                }
                S::PendingCancel | S::DoneForDay | S::Stopped | S::Suspended | S::Calculated => Old,
                S::Filled | S::Cancelled | S::Expired | S::Rejected => Old,
                S::Replaced => Contradicts,
            },
            // It may come with any answer, and before the order is accepted.
            R::Named => match self {
                S::Submitted | S::PendingNew | S::Accepted | S::AcceptedForBidding | S::Held | S::PartiallyFilled => {
                    Name
                }
                S::PendingCancel | S::PendingReplace | S::DoneForDay | S::Stopped | S::Suspended | S::Calculated => {
                    Name
                }
                S::Replaced | S::Filled | S::Cancelled | S::Expired | S::Rejected => Name,
            },
            // What was booked is no longer what the broker holds, also long after the order has ended.
            R::Busted | R::Corrected => match self {
                S::Submitted | S::PendingNew | S::Accepted | S::AcceptedForBidding | S::Held | S::PartiallyFilled => {
                    Amend
                }
                S::PendingCancel | S::PendingReplace | S::DoneForDay | S::Stopped | S::Suspended | S::Calculated => {
                    Amend
                }
                S::Replaced | S::Filled | S::Cancelled | S::Expired | S::Rejected => Amend,
            },
            // The broker's own change of an order is no longer what was approved.
            R::Restated => match self {
                S::Submitted | S::PendingNew | S::Accepted | S::AcceptedForBidding | S::Held | S::PartiallyFilled => {
                    Doubt
                }
                S::PendingCancel | S::PendingReplace | S::DoneForDay | S::Stopped | S::Suspended | S::Calculated => {
                    Doubt
                }
                S::Replaced | S::Filled | S::Cancelled | S::Expired | S::Rejected => Old,
            },
            R::Filled => match self {
                S::Submitted | S::PendingNew | S::Accepted | S::AcceptedForBidding | S::Held | S::PartiallyFilled => {
                    Go(S::Filled)
                }
                S::PendingCancel | S::PendingReplace | S::DoneForDay | S::Stopped | S::Suspended | S::Calculated => {
                    Go(S::Filled)
                }
                S::Filled => Old,
                S::Replaced | S::Cancelled | S::Expired | S::Rejected => Contradicts,
            },
            // Its text is kept; of its meaning nothing is assumed.
            R::Unknown => match self {
                S::Submitted | S::PendingNew | S::Accepted | S::AcceptedForBidding | S::Held | S::PartiallyFilled => {
                    Contradicts
                }
                S::PendingCancel | S::PendingReplace | S::DoneForDay | S::Stopped | S::Suspended | S::Calculated => {
                    Contradicts
                }
                S::Replaced | S::Filled | S::Cancelled | S::Expired | S::Rejected => Contradicts,
            },
        }
    }
}

impl ReportKind {
    /// All of them.
    pub const ALL: [Self; 23] = [
        Self::PendingNew,
        Self::Accepted,
        Self::AcceptedForBidding,
        Self::Held,
        Self::Progress,
        Self::PendingCancel,
        Self::PendingReplace,
        Self::Replaced,
        Self::DoneForDay,
        Self::Stopped,
        Self::Suspended,
        Self::Calculated,
        Self::Cancelled,
        Self::Expired,
        Self::Rejected,
        Self::CancelRejected,
        Self::ReplaceRejected,
        Self::Named,
        Self::Busted,
        Self::Corrected,
        Self::Restated,
        Self::Unknown,
        Self::Filled,
    ];
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One row a report, one column a state, both in the order of `ALL`: `b` books, `-` is old, `?` contradicts, `!` halts, `r` resumes, `n` names, `m` amends;
    /// other letters are the state gone to.
    const WANTED: [(ReportKind, &str); 23] = [
        // S P A B H F c p R D T U K F C X J
        (ReportKind::PendingNew, "P----------------"),
        (ReportKind::Accepted, "AA-AA----A-A----?"),
        (ReportKind::AcceptedForBidding, "BB--B-----------?"),
        (ReportKind::Held, "HH--------------?"),
        (ReportKind::Progress, "bbbbbbbbbbbbbbbbb"),
        (ReportKind::PendingCancel, "cccccc-c-cccc---?"),
        (ReportKind::PendingReplace, "pppppp---pppp---?"),
        (ReportKind::Replaced, "RRRRRRRR-RRRR????"),
        (ReportKind::DoneForDay, "DDDDDD----DDD---?"),
        (ReportKind::Stopped, "TTTTTT---T-T----?"),
        (ReportKind::Suspended, "UUUUUU---UU-U---?"),
        (ReportKind::Calculated, "KKKKKK---KKK----?"),
        (ReportKind::Cancelled, "CCCCCCCC?CCCC?-??"),
        (ReportKind::Expired, "XXXXXXXX?XXXX??-?"),
        (ReportKind::Rejected, "JJJJJJJJ?JJJJ???-"),
        (ReportKind::CancelRejected, "------r----------"),
        (ReportKind::ReplaceRejected, "-------r?--------"),
        (ReportKind::Named, "nnnnnnnnnnnnnnnnn"),
        (ReportKind::Busted, "mmmmmmmmmmmmmmmmm"),
        (ReportKind::Corrected, "mmmmmmmmmmmmmmmmm"),
        (ReportKind::Restated, "!!!!!!!!-!!!!----"),
        (ReportKind::Unknown, "?????????????????"),
        (ReportKind::Filled, "FFFFFFFF?FFFF-???"),
    ];

    #[test]
    fn every_pair_is_as_decided() {
        let letters: Vec<char> = "SPABHfcpRDTUKFCXJ".chars().collect();
        for ((kind, row), listed) in WANTED.iter().zip(ReportKind::ALL) {
            assert_eq!(*kind, listed);
            assert_eq!(row.len(), OrderState::ALL.len());
            for (state, wanted) in OrderState::ALL.into_iter().zip(row.chars()) {
                let found = match state.on(*kind) {
                    Turn::Book => 'b',
                    Turn::Old => '-',
                    Turn::Contradicts => '?',
                    Turn::Doubt => '!',
                    Turn::Resume => 'r',
                    Turn::Name => 'n',
                    Turn::Amend => 'm',
                    Turn::Go(to) => letters[OrderState::ALL.iter().position(|s| *s == to).unwrap()],
                };
                assert_eq!(found, wanted, "{state:?} on {kind:?}");
            }
        }
    }

    #[test]
    fn an_end_is_an_end() {
        for state in OrderState::ALL {
            let turns = ReportKind::ALL.map(|k| state.on(k));
            let moves = turns.iter().any(|t| matches!(t, Turn::Go(_) | Turn::Resume));
            assert_eq!(moves, !state.is_terminal(), "{state:?}");
            assert_eq!(state.after_fill().is_terminal(), state.is_terminal(), "{state:?}");
        }
    }
}
