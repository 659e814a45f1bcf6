//! What an order may cost: refusals at submission, and the money there is when it fills.

use serde::{Deserialize, Serialize};
use tradewind_core_types::{Cash, Order, Price, Quantity, RejectReason, Side, Symbol, View};

use super::{Exchange, Shorting};

/// What fills of the current event have already changed, before the ledger books them.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Pending {
    /// What is held after those fills and the price it was last filled at.
    pub held: Vec<(Symbol, Quantity, Price)>,
    pub gross: Cash,
    pub equity: Cash,
}

/// What a fill would leave.
pub(super) struct After {
    pub held: Quantity,
    pub gross: Cash,
    pub equity: Cash,
}

impl Exchange {
    fn may_short(&self, symbol: Symbol) -> bool {
        match &self.config.shorting {
            Shorting::None => false,
            Shorting::All => true,
            Shorting::Only(names) => names.iter().any(|n| n == symbol.as_str()),
        }
    }

    pub(super) fn refusal(&self, order: &Order, view: &View<'_>) -> Option<RejectReason> {
        let last = match view.market.last(order.symbol) {
            Some(l) if !l.index && !self.delisted.contains(&order.symbol) => l,
            _ => return Some(RejectReason::UnknownSymbol),
        };
        if self.halted.contains(&order.symbol) {
            return Some(RejectReason::Halted);
        }
        if let Err(e) = order.validate() {
            return Some(RejectReason::BadOrder(e.to_string()));
        }
        let (held, _) = self.held(order.symbol, last.price, view);
        let after = held + order.signed();
        if after < Quantity::ZERO && order.side == Side::Sell && !self.may_short(order.symbol) {
            return Some(RejectReason::NoBorrow);
        }
        // Whether there is money for it is known when it fills: sales before it may pay for it. But nothing can pay for an order that
        // alone is beyond the whole account.
        let needed = last.price * after.abs();
        let allowed = self.config.leverage * view.portfolio.equity().to_f64();
        if after.abs() > held.abs() && needed.to_f64() > allowed {
            return Some(RejectReason::NoCash {
                needed,
                available: Cash::from_f64(allowed.max(0.0)).unwrap_or_default(),
            });
        }
        None
    }

    /// What is held of a symbol, and at which price it is valued, after the fills of the current event.
    pub(super) fn held(&self, symbol: Symbol, price: Price, view: &View<'_>) -> (Quantity, Price) {
        match self.pending.held.iter().find(|h| h.0 == symbol) {
            Some((_, quantity, mark)) => (*quantity, *mark),
            None => view.portfolio.position(symbol).map_or((Quantity::ZERO, price), |p| (p.quantity, p.price)),
        }
    }

    /// What a fill would leave, or why it is not possible. The position is valued at the fill's price, so that a mark from before a
    /// jump lends nothing, and fees are paid from equity too.
    pub(super) fn after(
        &self,
        order: &Order,
        quantity: Quantity,
        price: Price,
        fee: Cash,
        view: &View<'_>,
    ) -> Result<After, RejectReason> {
        let (held, mark) = self.held(order.symbol, price, view);
        let after = held + if order.side == Side::Buy { quantity } else { -quantity };
        if after < Quantity::ZERO && order.side == Side::Sell && !self.may_short(order.symbol) {
            return Err(RejectReason::NoBorrow);
        }
        let gross = view.portfolio.gross_value() + self.pending.gross - mark * held.abs() + price * after.abs();
        let equity = view.portfolio.equity() + self.pending.equity + price * held - mark * held - fee;
        let allowed = self.config.leverage * equity.to_f64();
        if after.abs() > held.abs() && gross.to_f64() > allowed {
            let needed = price * after.abs() - price * held.abs();
            let available = Cash::from_f64((allowed - gross.to_f64()).max(-1e15)).unwrap_or_default() + needed;
            return Err(RejectReason::NoCash { needed, available: available.max(Cash::ZERO) });
        }
        Ok(After { held: after, gross, equity })
    }
}
