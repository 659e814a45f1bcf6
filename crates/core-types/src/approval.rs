//! Approval: the only way to an order that a broker takes.

use serde::Serialize;

use crate::adjust::{Adjust, Adjustment};
use crate::name::Name;
use crate::order::Order;
use crate::pretrade::{PreTrade, Verdict};
use crate::step::{Stage, Step};
use crate::view::View;

/// An order that passed every check. Only [`approve`] makes one, and only this type can be given to a broker.
///
/// ```compile_fail
/// # fn f(order: tradewind_core_types::Order) {
/// let approved = tradewind_core_types::ApprovedOrder { order };
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ApprovedOrder {
    order: Order,
}

impl ApprovedOrder {
    /// The order.
    #[inline]
    pub fn order(&self) -> &Order {
        &self.order
    }
    /// The order, giving up the approval.
    pub fn into_order(self) -> Order {
        self.order
    }
}

/// Asks every check in turn, noting each as a step; approves the order when all say send.
///
/// # Errors
/// The verdict that held the order back; `steps` then ends with its reason.
pub fn approve<'a>(
    order: Order,
    checks: impl IntoIterator<Item = &'a mut (dyn PreTrade + 'static)>,
    view: &View<'_>,
    steps: &mut Vec<Step>,
) -> Result<ApprovedOrder, Verdict> {
    if let Err(e) = order.validate() {
        let why = Adjustment::new(Adjust::Veto, e.to_string());
        steps.push(Step { stage: Stage::PreTrade, plugin: Name::lit("order"), after: 0.0, adjustment: why });
        return Err(Verdict::Skip);
    }
    for check in checks {
        let (verdict, adjustment) = check.check(&order, view);
        let after = if verdict == Verdict::Send { order.quantity.to_f64() } else { 0.0 };
        steps.push(Step { stage: Stage::PreTrade, plugin: Name::lit(check.id()), after, adjustment });
        if verdict != Verdict::Send {
            return Err(verdict);
        }
    }
    Ok(ApprovedOrder { order })
}
