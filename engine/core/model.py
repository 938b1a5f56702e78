"""The nouns of trading: instrument, request, order, fill, position, account. Frozen; what changes is a new one.

Prices of market data and orders are rupees as float on the tick grid; money (`*_units`) is a whole number of 1/10,000 rupee.
Times are UTC nanoseconds since 1970. A side is +1 for a buy, -1 for a sell.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from enum import IntEnum, StrEnum
from typing import NamedTuple

UNITS = 10_000
"""Money units in a rupee."""

PAISA = 100
"""Money units in a paisa."""

HAND = "hand"
"""Owner of orders placed by the trader; a strategy's orders carry its name."""

EXTERNAL = "external"
"""Owner of orders and positions that came from outside this terminal."""

IST = timezone(timedelta(hours=5, minutes=30), "IST")
"""The time of Indian exchanges."""


def to_units(rupees: float | Decimal | int) -> int:
    """Turn rupees into money units, to the nearest unit; raises ValueError for NaN and infinity."""
    return int((Decimal(str(rupees)) * UNITS).to_integral_value(rounding="ROUND_HALF_UP"))


def to_rupees(units: int) -> Decimal:
    """Turn money units into rupees, exactly."""
    return Decimal(units) / UNITS


class Exchange(StrEnum):
    """Where an instrument trades."""

    NSE = "NSE"
    BSE = "BSE"
    NFO = "NFO"
    BFO = "BFO"
    CDS = "CDS"
    BCD = "BCD"
    MCX = "MCX"


class InstrumentKind(StrEnum):
    """What an instrument is."""

    EQUITY = "EQ"
    INDEX = "IDX"
    FUTURE = "FUT"
    CALL = "CE"
    PUT = "PE"


class Product(StrEnum):
    """How the broker carries the position."""

    MIS = "MIS"
    CNC = "CNC"
    NRML = "NRML"
    MTF = "MTF"


class Side(IntEnum):
    """Which way an order goes; the sign of its quantity."""

    BUY = 1
    SELL = -1


class OrderType(StrEnum):
    """When and at what price an order may fill."""

    MARKET = "MARKET"
    LIMIT = "LIMIT"
    SL = "SL"
    SL_M = "SL-M"


class Validity(StrEnum):
    """How long an order rests."""

    DAY = "DAY"
    IOC = "IOC"
    TTL = "TTL"
    """Some minutes, told by the request."""


class Variety(StrEnum):
    """How the broker handles the order: at once, when the market opens next, or in legs one after the other."""

    REGULAR = "regular"
    AMO = "amo"
    ICEBERG = "iceberg"


class Purpose(StrEnum):
    """Why an order is sent; exits and protection pass where entries are refused."""

    ENTRY = "entry"
    EXIT = "exit"
    STOP = "stop"
    TARGET = "target"
    TRAIL = "trail"
    SQUARE_OFF = "square_off"
    REVERSAL = "reversal"
    ASSIGN = "assign"
    """No execution at all: a lot that passes from one owner to another."""


class OrderStatus(StrEnum):
    """What the broker is known to have."""

    NEW = "NEW"
    DENIED = "DENIED"
    INTENT = "INTENT"
    SENT = "SENT"
    UNKNOWN = "UNKNOWN"
    ACKED = "ACKED"
    TRIGGER = "TRIGGER"
    OPEN = "OPEN"
    PARTIAL = "PARTIAL"
    FILLED = "FILLED"
    CANCELLED = "CANCELLED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"
    NOT_PLACED = "NOT_PLACED"
    OPERATOR = "OPERATOR"

    @property
    def is_terminal(self) -> bool:
        """Tell whether nothing more is expected of the order."""
        return self in _TERMINAL

    @property
    def is_working(self) -> bool:
        """Tell whether the order may still fill, as far as is known."""
        return self in _WORKING


_TERMINAL = frozenset(
    {
        OrderStatus.DENIED,
        OrderStatus.FILLED,
        OrderStatus.CANCELLED,
        OrderStatus.REJECTED,
        OrderStatus.EXPIRED,
        OrderStatus.NOT_PLACED,
        OrderStatus.OPERATOR,
    }
)
_WORKING = frozenset(set(OrderStatus) - _TERMINAL - {OrderStatus.NEW})


class Pending(StrEnum):
    """What has been asked of the broker and is not known yet."""

    NONE = "none"
    CANCEL = "cancel"
    MODIFY = "modify"
    CANCEL_UNKNOWN = "cancel_unknown"
    MODIFY_UNKNOWN = "modify_unknown"


class StrategyState(StrEnum):
    """What a running strategy may do."""

    IDLE = "IDLE"
    STARTING = "STARTING"
    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    STOPPING = "STOPPING"
    STOPPED = "STOPPED"
    FAULTED = "FAULTED"


class TradingState(StrEnum):
    """What the account may do: everything, only reduce, only cancel."""

    ACTIVE = "ACTIVE"
    REDUCING = "REDUCING"
    HALTED = "HALTED"


class LinkState(StrEnum):
    """Whether the broker can be heard."""

    DISCONNECTED = "DISCONNECTED"
    CONNECTING = "CONNECTING"
    RECONCILING = "RECONCILING"
    LIVE = "LIVE"
    RELOGIN = "RELOGIN"


class Phase(StrEnum):
    """What the market is doing now."""

    CLOSED = "closed"
    PRE_OPEN = "pre-open"
    CONTINUOUS = "continuous"
    CLOSING_AUCTION = "closing auction"
    POST_CLOSE = "post-close"


@dataclass(frozen=True, slots=True)
class Instrument:
    """Something that can be traded, or an index that can be watched."""

    exchange: Exchange
    symbol: str
    token: int
    name: str = ""
    kind: InstrumentKind = InstrumentKind.EQUITY
    tick_size: Decimal = Decimal("0.05")
    lot_size: int = 1
    multiplier: int = 1
    expiry: date | None = None
    strike: Decimal = Decimal(0)
    has_derivatives: bool = False
    freeze_quantity: int = 0
    key: str = field(init=False, repr=False, compare=False, default="")
    """Exchange and symbol, as in `NSE:RELIANCE`; tokens are reused, keys are not."""

    def __post_init__(self) -> None:
        # Made once, for every order asks for it many times; adding, for formatting an enumeration costs ten times as much.
        object.__setattr__(self, "key", self.exchange + ":" + self.symbol)

    def must_slice(self, quantity: int) -> bool:
        """Tell whether the exchange takes that much only in several orders."""
        return 0 < self.freeze_quantity < quantity

    @property
    def is_tradable(self) -> bool:
        """Tell whether orders can be placed on it; an index can only be watched."""
        return self.kind is not InstrumentKind.INDEX

    @property
    def contract_lot(self) -> int:
        """Lot of a future or an option, in which it is counted; 0 for shares."""
        return 0 if self.kind in (InstrumentKind.EQUITY, InstrumentKind.INDEX) else self.lot_size

    @property
    def is_option(self) -> bool:
        """Tell whether it is a call or a put."""
        return self.kind in (InstrumentKind.CALL, InstrumentKind.PUT)


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """What somebody wants done, before anything was checked."""

    instrument: Instrument
    side: Side
    quantity: int
    order_type: OrderType = OrderType.MARKET
    product: Product = Product.MIS
    price: float | None = None
    trigger_price: float | None = None
    validity: Validity = Validity.DAY
    disclosed_quantity: int = 0
    owner: str = HAND
    purpose: Purpose = Purpose.ENTRY
    reference_price: float | None = None
    """Last traded price when it was decided; the value of a market order is reckoned with it."""
    stop: float | None = None
    """Protective stop to place once the entry has filled."""
    target: float | None = None
    """Target to place once the entry has filled."""
    trail: float | None = None
    """Trailing distance in rupees for that stop."""
    group: str = ""
    """Orders of one group close each other: when one fills in full, the rest are cancelled."""
    variety: Variety = Variety.REGULAR
    iceberg_legs: int = 0
    """Into how many legs an iceberg is cut."""
    validity_minutes: int = 0
    """How long an order of validity TTL stands."""
    market_protection: float | None = None
    """How far from the last price an order at market may fill, in percent; None leaves it to the broker."""
    is_sliced: bool = False
    """More than the freeze quantity is meant, and is to be sent as several orders."""
    close_after_s: float = 0.0
    """What it opens is to be closed so long after it filled; 0 = not."""
    close_at_ns: int = 0
    """What it opens is to be closed at that time; 0 = not."""
    is_confirmed: bool = False
    """The trader has been asked whether it is meant as it stands, and said yes."""

    @property
    def signed_quantity(self) -> int:
        """Quantity with the sign of the side."""
        return int(self.side) * self.quantity

    @property
    def is_exit(self) -> bool:
        """Tell whether it is meant to reduce a position."""
        return self.purpose not in (Purpose.ENTRY, Purpose.REVERSAL)


@dataclass(frozen=True, slots=True)
class OrderChange:
    """What to modify about a working order; None leaves a field as it is."""

    quantity: int | None = None
    price: float | None = None
    trigger_price: float | None = None
    order_type: OrderType | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the risk manager says of a request: allowed, or the rule that refused and why."""

    is_allowed: bool
    rule: str = ""
    reason: str = ""
    reservation: int = 0
    """Number under which the risk is held until the order ends."""


@dataclass(frozen=True, slots=True)
class Order:
    """One order through its life; `id` is our own tag of 20 characters, unique for ever."""

    id: str
    request: OrderRequest
    status: OrderStatus = OrderStatus.NEW
    pending: Pending = Pending.NONE
    broker_order_id: str = ""
    quantity: int = 0
    price: float | None = None
    trigger_price: float | None = None
    filled: int = 0
    filled_value_units: int = 0
    message: str = ""
    reservation: int = 0
    created_ns: int = 0
    updated_ns: int = 0
    modifications: int = 0
    heard_ns: int = 0
    """Time of the newest news of it, by the broker's clock, which is not ours."""

    @property
    def instrument(self) -> Instrument:
        """What it is for."""
        return self.request.instrument

    @property
    def remaining(self) -> int:
        """Quantity that may still fill."""
        return 0 if self.status.is_terminal else self.quantity - self.filled

    @property
    def average_price(self) -> float:
        """Average price of its fills in rupees, 0 before the first."""
        return self.filled_value_units / self.filled / UNITS if self.filled else 0.0


@dataclass(frozen=True, slots=True)
class BrokerFill:
    """One execution as the broker reports it."""

    trade_id: str
    quantity: int
    price: float
    time_ns: int


@dataclass(frozen=True, slots=True)
class OrderUpdate:
    """What the broker says of an order, in our words; may come late, twice or out of order.

    `tag` is our order id when the broker carries it back; `fills` may be cumulative or only the new ones (they are keyed by trade id).
    `status` None keeps the status (an unknown or interim word of the broker); `pending` None says nothing about it.
    """

    broker_order_id: str
    tag: str
    status: OrderStatus | None
    filled: int
    fills: tuple[BrokerFill, ...] = ()
    pending: Pending | None = None
    quantity: int | None = None
    price: float | None = None
    trigger_price: float | None = None
    message: str = ""
    raw_status: str = ""
    time_ns: int = 0
    is_snapshot: bool = False
    request: OrderRequest | None = None
    """What the order asks, as far as the broker's row tells: needed to adopt an order that is not ours."""
    parts: tuple[str, ...] = ()
    """The broker's ids of all that the order became there, where it became several."""
    average_price: float = 0.0
    """Of all that filled, in rupees; 0 = not told."""
    raw: str = ""
    """The broker's own row, where its word for the status is none that is known."""


@dataclass(frozen=True, slots=True)
class Fill:
    """One execution, with what it cost."""

    trade_id: str
    order_id: str
    instrument: Instrument
    side: Side
    quantity: int
    price_units: int
    charges_units: int
    time_ns: int
    product: Product
    owner: str
    purpose: Purpose

    @property
    def signed_quantity(self) -> int:
        """Quantity with the sign of the side."""
        return int(self.side) * self.quantity

    @property
    def price(self) -> float:
        """Price in rupees."""
        return self.price_units / UNITS

    @property
    def value_units(self) -> int:
        """Money that changed hands, before charges."""
        return self.price_units * self.quantity * self.instrument.multiplier


@dataclass(frozen=True, slots=True)
class Trade:
    """A round trip: from flat, through any averaging, back to flat (or through zero by a reversal)."""

    instrument: Instrument
    owner: str
    product: Product
    quantity: int
    entry_ns: int
    exit_ns: int
    entry_value_units: int
    exit_value_units: int
    pnl_units: int
    charges_units: int
    reason: Purpose


@dataclass(frozen=True, slots=True)
class Position:
    """What is held of one instrument and product by one owner (or net, with owner "")."""

    instrument: Instrument
    product: Product
    owner: str = ""
    quantity: int = 0
    cost_units: int = 0
    """Signed money paid for what is held: exactly average price x quantity."""
    realised_units: int = 0
    """Of closed quantity, before charges."""
    charges_units: int = 0
    last_price_units: int = 0
    bought: int = 0
    sold: int = 0
    updated_ns: int = 0

    @property
    def average_price(self) -> float:
        """Average price of what is held in rupees, 0 when flat."""
        return self.cost_units / (self.quantity * self.instrument.multiplier) / UNITS if self.quantity else 0.0

    @property
    def unrealised_units(self) -> int:
        """Profit of what is held at the last price."""
        return self.last_price_units * self.quantity * self.instrument.multiplier - self.cost_units if self.quantity else 0

    @property
    def net_units(self) -> int:
        """Profit, realised and not, after charges."""
        return self.realised_units + self.unrealised_units - self.charges_units

    @property
    def exposure_units(self) -> int:
        """Market value of what is held, without sign."""
        return abs(self.last_price_units * self.quantity * self.instrument.multiplier)


@dataclass(frozen=True, slots=True)
class Account:
    """The account's figures at one moment, in money units."""

    capital_units: int
    cash_units: int
    equity_units: int
    peak_units: int
    day_start_units: int
    realised_units: int
    unrealised_units: int
    charges_units: int
    exposure_units: int = 0
    open_orders: int = 0
    fills: int = 0

    @property
    def day_pnl_units(self) -> int:
        """Profit of the day after charges."""
        return self.equity_units - self.day_start_units

    @property
    def drawdown_pct(self) -> float:
        """Fall from the peak of equity in percent."""
        return 100.0 * (self.peak_units - self.equity_units) / self.peak_units if self.peak_units > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Quote:
    """The latest of one instrument, with five levels of depth."""

    instrument: Instrument
    last_price: float = 0.0
    open: float = 0.0
    high: float = 0.0
    low: float = 0.0
    close: float = 0.0
    """Of the previous day."""
    volume: int = 0
    average_price: float = 0.0
    oi: int = 0
    bid: float = 0.0
    ask: float = 0.0
    bid_quantity: int = 0
    ask_quantity: int = 0
    bids: tuple[tuple[float, int], ...] = ()
    asks: tuple[tuple[float, int], ...] = ()
    time_ns: int = 0
    is_doubted: bool = False
    """The latest tick could not be true and was put aside; this is the quote before it."""

    @property
    def change_pct(self) -> float:
        """Change against the previous close in percent, 0 when that is not known."""
        return 100.0 * (self.last_price - self.close) / self.close if self.close > 0 else 0.0


class Bar(NamedTuple):
    """A closed bar of one instrument, as the screen and a plain-Python strategy see it; a tuple, for a backtest makes millions of them."""

    instrument: Instrument
    interval_s: int
    time_ns: int
    session_minute: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    oi: float = 0.0

    @property
    def time(self) -> datetime:
        """Start of the bar in Indian time."""
        return datetime.fromtimestamp(self.time_ns // 1_000_000_000, IST)


@dataclass(frozen=True, slots=True)
class StrategyStatus:
    """A running strategy at a glance; `get_summary()` of the public API has the same figures in rupees."""

    id: str
    name: str
    strategy_type: str
    mode: str
    state: StrategyState
    symbols: tuple[str, ...]
    started_ns: int = 0
    signals: int = 0
    orders: int = 0
    fills: int = 0
    open_positions: int = 0
    realised_units: int = 0
    unrealised_units: int = 0
    charges_units: int = 0
    capital_units: int = 0
    drawdown_pct: float = 0.0
    last_signal: str = ""
    last_error: str = ""
    parameters: Mapping[str, float] = field(default_factory=dict)
    code_sha256: str = ""
    """Fingerprint of the file that it was read from; "" for the terminal's own, for rules and for a function."""

    @property
    def net_units(self) -> int:
        """Profit, realised and not, after charges."""
        return self.realised_units + self.unrealised_units - self.charges_units


SAFE_MODE = "safe mode"
"""Cause of the stop that a bad start brings about: nothing new is risked until a person has looked."""

BY_A_PERSON = "once a person takes it back"
"""What ends a stop that nothing else does."""


@dataclass(frozen=True, slots=True)
class Restraint:
    """What holds the account, or one owner in it, back at present."""

    owner: str
    """Empty for the account."""
    control: str
    """The rule, or what else caused it."""
    reason: str
    state: TradingState
    ends: str
    """What ends it, as words that follow "ends"."""
    until_ns: int = 0
    """When it ends, where that is known."""
    key: str = ""
    """The instrument in which alone it holds, as NSE:RELIANCE; empty for all."""

    @property
    def needs_person(self) -> bool:
        """Tell whether nothing but a person ends it."""
        return self.ends == BY_A_PERSON


@dataclass(frozen=True, slots=True)
class Budget:
    """How much of its part one owner has used of a control."""

    owner: str
    control: str
    used: float
    limit: float
    """In the rule's unit."""


@dataclass(frozen=True, slots=True)
class RiskStatus:
    """The account's limits and how much of each is used, for the risk panel."""

    state: TradingState
    reason: str
    account: Account
    limits: Mapping[str, float] = field(default_factory=dict)
    """Limit by rule, in the rule's own unit."""
    used: Mapping[str, float] = field(default_factory=dict)
    """How much of that limit is used, in the same unit."""
    denied: int = 0
    """Orders of today that were refused here."""
    messages_per_s: float = 0.0
    restraints: tuple[Restraint, ...] = ()
    """What holds somebody back, the account's first."""
    budgets: tuple[Budget, ...] = ()
    """What owners have used of what each may use."""
    waiting: Mapping[str, tuple[float | None, int]] = field(default_factory=dict)
    """Looser limits that hold later, by rule (None = taken away), and when."""


@dataclass(frozen=True, slots=True)
class BackupInfo:
    """A copy of the database, and what is in it."""

    path: str
    made: datetime
    """In India, without an offset."""
    size: int
    """Bytes."""
    orders: int = 0
    fills: int = 0
    lines: int = 0
    """Of the journal."""
    last_ns: int = 0
    """Time of the journal's last line, 0 when it has none."""
    fault: str = ""
    """Why it cannot be used; empty when it can, as far as a look inside tells."""


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of the log panel."""

    time_ns: int
    level: str
    source: str
    text: str


@dataclass(frozen=True, slots=True)
class Login:
    """Which broker is used, and whether it lets us in; never a secret."""

    broker: str = "simulated"
    mode: str = "paper"
    api_key: str = ""
    has_secret: bool = False
    """The API secret lies in the keyring."""
    user_id: str = ""
    """Whose account it is; empty while nobody is logged in."""
    user_name: str = ""
    expires_ns: int = 0
    """When the log-in ends."""
    is_waiting: bool = False
    """The browser is open, and has not come back yet."""
    redirect: str = ""
    """Address that the broker's page must send the browser back to."""
    message: str = ""
    """What went wrong, or what to do next."""
