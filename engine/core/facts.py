"""What a risk rule may know of an order, besides the money: who wants it, what is held, what the market says, what went before.

Plain values only, gathered by the risk manager before the first rule is asked, so that a rule is a pure function of them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from engine.core.model import OrderRequest, Purpose, TradingState

PROTECTIVE = frozenset({Purpose.STOP, Purpose.TARGET, Purpose.TRAIL})
"""Purposes of orders that rest to guard a position; they stand side by side, each over all of it."""


@dataclass(slots=True)
class Facts:
    """One request and its surroundings at the moment of asking; not frozen, for freezing costs most of making one."""

    request: OrderRequest
    by_hand: bool = False
    """The trader asked for it in person."""
    is_live: bool = False
    """Real money."""
    state: TradingState = TradingState.ACTIVE
    state_reason: str = ""
    held: int = 0
    """Signed quantity that the order's owner holds of the instrument in that product."""
    closing: int = 0
    """How much of it working exits, protective orders apart, are closing already."""
    entering: int = 0
    """Signed quantity that the owner's working entries may still add."""
    last_price: float = 0.0
    """Rupees, 0 = none yet."""
    quote_age_s: float = math.inf
    """Seconds; infinite when there was never a quote."""
    is_open: bool = True
    """The instrument's market trades now, as far as the calendar knows."""
    is_past_square_off: bool = False
    """The day's time for closing intraday positions has come."""
    messages: int = 0
    """Messages sent to the broker in the last second."""
    repeats_soon: int = 0
    """Entries just like this one in the last seconds (`duplicate_order` says how many)."""
    repeats: int = 0
    """Entries just like this one in the last minute."""
    each_units: int = 0
    """What one unit of quantity is worth at `price`, in money units; 0 when nothing tells."""
    unclear: str = ""
    """Why nothing may be opened in the instrument until it is cleared up."""
    elsewhere: int = 0
    """How much of what the owner holds was closed by orders from elsewhere, and so is not there to be closed."""
    stopped: str = "The account"
    """Who is in that state: the account, or the order's owner alone."""
    entries: int = 0
    """Entries of the owner into the instrument in the last minutes, without an exit between them."""
    rejects: int = 0
    """Orders of the owner that the broker refused within a minute."""
    orders_today: int = 0
    """Orders that a strategy has sent today; 0 for the hand, which has no such budget."""
    quantity_today: int = 0
    """Quantity that its entries of today, sent or not yet, asked for."""
    is_budgeted: bool = False
    """Its owner is a strategy, and has a quantity of its own for the day."""
    lost_pct: float = 0.0
    """What a strategy has lost today, in percent of the account's equity."""
    cools_s: float = 0.0
    """For how long the owner still pauses after losses."""
    given_back_pct: float = 0.0
    """How much of the day's highest profit the account has given back."""
    is_armed: bool = True
    """A person has let the owner trade real money in this session, or it is none."""
    is_first_session: bool = False
    """It is the first day on which the owner trades real money."""
    messages_minute: int = 0
    """Messages sent to the broker in the last minute."""
    messages_today: int = 0
    """The same of the day, those that were refused there counted."""
    open_orders: int = 0
    """Orders of the account that work or whose fate is unknown, protective ones apart."""
    open_orders_here: int = 0
    """Those in the instrument."""
    open_units: int = 0
    """Money that the account's working entries may still bind."""
    uncovered: int = 0
    """Of an option sold: how much of it would be short without an option held that covers it."""
    crossed: str = ""
    """Who has an order working that this one could fill against."""
    opposed: str = ""
    """Who holds or enters the other side, and how much."""
    entry_hours: str = ""
    """When entries are taken, where that is not now."""
    usual_units: int = 0
    """Median value of the trader's own entries, in money units; 0 while there are too few."""
    restricted: str = ""
    """List that forbids entries in the instrument."""
    not_listed: str = ""
    """Why the instrument does not trade today."""
    spread_pct: float = math.nan
    """Distance of bid and offer in percent of their middle; NaN where there are not both."""
    margin_pct: float = math.nan
    """Part of the broker's margin that is in use; NaN where the broker does not tell."""
    close: float = 0.0
    """Close of the day before in rupees, 0 = not known."""
    remark: str = ""
    """What the trader is to be told of an order that passes all the same."""
    opens: bool = field(init=False)
    """It is not meant to reduce a position."""
    price: float = field(init=False)
    """Price at which its value is reckoned, 0 when nothing tells."""

    def __post_init__(self) -> None:
        request = self.request
        self.opens = not request.is_exit
        self.price = request.price or request.trigger_price or request.reference_price or self.last_price
