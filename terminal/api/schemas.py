"""What goes in and out of the REST API, field by field; anything unknown or out of range is refused before it is looked at.

Money is rupees. Times are India's, as text. A body holds data, never code and never a path.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Timeframe = Literal["minute", "3minute", "5minute", "10minute", "15minute", "30minute", "60minute"]
MINUTES: dict[str, int] = {
    "minute": 1,
    "3minute": 3,
    "5minute": 5,
    "10minute": 10,
    "15minute": 15,
    "30minute": 30,
    "60minute": 60,
}

Name = Annotated[str, Field(min_length=1, max_length=80, pattern=r"^[^\x00-\x1f\x7f]*[A-Za-z0-9][^\x00-\x1f\x7f]*$")]
Kind = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[a-z][a-z0-9_]*$")]
Symbol = Annotated[str, Field(min_length=1, max_length=40, pattern=r"^([A-Z]{2,5}:)?[A-Z0-9&\- ]+$")]
Number = Annotated[float, Field(allow_inf_nan=False)]
RequestId = Annotated[str, Field(min_length=8, max_length=64, pattern=r"^[A-Za-z0-9_-]+$")]
StrategyId = Annotated[str, Field(max_length=90, pattern=r"^[a-z0-9-]+$")]
Mode = Literal["paper", "live"]


class Strict(BaseModel):
    """A body with these fields and no others."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class ErrorDetail(BaseModel):
    """Why not."""

    type: str
    message: str = Field(description="What was expected, what was found, and what to do.")


class ErrorBody(BaseModel):
    """The body of every answer that is a no."""

    error: ErrorDetail


class Parameters(BaseModel):
    """What it trades and how; further fields are the template's own parameters."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "additionalProperties": {"type": "number"},
            "examples": [{"timeframe": "5minute", "symbols": ["RELIANCE", "TCS"]}],
        },
    )

    timeframe: Timeframe = "minute"
    symbols: list[Symbol] = Field(min_length=1, max_length=50)
    exchange: Literal["NSE", "BSE", "NFO", "BFO", "MCX", "CDS", "BCD"] = "NSE"
    product: Literal["CNC", "MIS", "NRML"] = "MIS"
    sizing: Annotated[str, Field(pattern=r"^(risk|kelly:[01](\.[0-9]{1,6})?|fixed:[1-9][0-9]{0,8})$")] | None = Field(
        default=None,
        description="risk, kelly:F (a part of Kelly's percentage), or fixed:N units; one unit when neither "
        "this nor a figure of risk is given.",
    )
    exit_after: float = Field(0.0, ge=0.0, le=1e6, allow_inf_nan=False, description="Minutes after which a position is closed; 0 = not.")
    exit_at: str = Field("", pattern="^$|^[012][0-9]:[0-5][0-9]$", description="Time at which all is closed, and nothing opened after it.")
    rules: dict[str, Any] | None = Field(None, description="Of a custom strategy: buy, sell, exit, stop_pct, target_pct, trail_pct.")


class Risk(Strict):
    """Limits of the strategy itself; the account's hold besides."""

    capital: Annotated[float, Field(ge=1.0, le=1e12, allow_inf_nan=False)] | None = None
    max_risk_per_trade: Annotated[float, Field(ge=0.0, le=100.0, allow_inf_nan=False)] | None = None
    max_position_size: Annotated[float, Field(ge=0.0, le=1000.0, allow_inf_nan=False)] | None = None
    max_daily_loss: Annotated[float, Field(ge=0.0, allow_inf_nan=False)] | None = None
    max_drawdown: Annotated[float, Field(ge=0.0, le=100.0, allow_inf_nan=False)] | None = None
    max_positions: Annotated[int, Field(ge=0, le=1000)] | None = None


class NewStrategy(Strict):
    """A strategy to be made; it stands still until it is deployed."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "name": "My Strategy",
                    "description": "Custom momentum strategy",
                    "strategy_type": "custom",
                    "parameters": {"timeframe": "5minute", "symbols": ["RELIANCE", "TCS"]},
                }
            ]
        },
    )

    name: Name
    description: Annotated[str, Field(max_length=500)] = ""
    strategy_type: Kind = "custom"
    parameters: Parameters
    risk: Risk = Risk()
    client_request_id: RequestId | None = Field(
        default=None, description="The same id again gives the same answer, and does nothing twice."
    )


class Deploy(Strict):
    """Where it is to trade."""

    mode: Mode = "paper"
    client_request_id: RequestId | None = None


class Strategy(BaseModel):
    """One strategy as it stands."""

    id: str
    name: str
    description: str
    strategy_type: str
    mode: Mode
    state: str
    parameters: dict[str, Any]
    risk: dict[str, Any]
    started_at: str | None
    signals: int
    orders: int
    fills: int
    open_positions: int
    realised_pnl: float
    unrealised_pnl: float
    charges: float
    net_pnl: float
    capital: float
    drawdown_pct: float
    last_signal: str
    last_error: str
    note: str = Field(description="What was assumed where the request left it open.")


class StrategyList(BaseModel):
    """All strategies."""

    strategies: list[Strategy]


class TemplateParameter(BaseModel):
    """One number that a template can be run with."""

    name: str
    default: float
    low: float
    high: float
    is_whole: bool


class TemplateInfo(BaseModel):
    """One template."""

    name: str
    title: str
    parameters: list[TemplateParameter]


class TemplateList(BaseModel):
    """All templates."""

    templates: list[TemplateInfo]
    timeframes: list[str]


class OrderInfo(BaseModel):
    """One order as it stands."""

    id: str
    symbol: str
    side: Literal["BUY", "SELL"]
    quantity: int
    filled: int
    order_type: str
    product: str
    price: float | None
    trigger_price: float | None
    average_price: float
    status: str
    owner: str
    purpose: str
    message: str
    created_at: str


class OrderList(BaseModel):
    """The orders of the day."""

    orders: list[OrderInfo]


class PositionInfo(BaseModel):
    """One net position."""

    symbol: str
    product: str
    quantity: int
    average_price: float
    last_price: float
    realised_pnl: float
    unrealised_pnl: float
    charges: float


class PositionList(BaseModel):
    """The net positions."""

    positions: list[PositionInfo]


class Reason(Strict):
    """Why; it is kept in the journal."""

    reason: Annotated[str, Field(min_length=1, max_length=200)] = "by the REST API"
    flatten: bool = Field(default=False, description="Close every position, too.")


class Health(BaseModel):
    """Whether it works."""

    status: Literal["ok", "reducing", "halted"]
    mode: Mode
    broker: str
    link: str
    market: str
    strategies: int
    tasks: int
    """Tasks at work in its loop: a number that only grows tells of a leak."""


class Done(BaseModel):
    """It was asked for; what became of it is seen in orders, positions and strategies."""

    done: bool = True
    message: str


class BacktestRequest(Strict):
    """Over which days, with how much, and what fills cost."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"days": 20, "capital": 100000, "wait": True}]})

    days: Annotated[int, Field(ge=1, le=3650)] = Field(default=30, description="Trading days back from the last bar that is known.")
    from_date: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")] | None = None
    to_date: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")] | None = None
    capital: Annotated[float, Field(ge=1.0, le=1e12, allow_inf_nan=False)] = 100_000.0
    charges: Literal["zerodha", "none"] = "zerodha"
    slippage_bps: Annotated[float, Field(ge=0.0, le=1000.0, allow_inf_nan=False)] = 0.0
    wait: bool = Field(default=False, description="Answer with the result instead of a job.")


class Job(BaseModel):
    """A backtest, running or done."""

    id: str
    strategy_id: str
    state: Literal["running", "done", "failed", "cancelled"]
    progress: float
    message: str
    result: dict[str, Any] | None


class JobList(BaseModel):
    """All backtests since the start."""

    jobs: list[Job]


class Proof(BaseModel):
    """Proof that this server knows the client's token."""

    proofs: list[str] = Field(description="HMAC-SHA256 of the nonce under each token, in hex.")
