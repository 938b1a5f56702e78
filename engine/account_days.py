"""Keeps the account's days: where each began, its highest point, and what it came to.

A day is India's; it begins with the first thing that is heard of it.
"""

from __future__ import annotations

from datetime import date, timedelta

from engine.clock import IST_OFFSET_NS
from engine.core.model import Account, RiskStatus
from engine.store.rows import AccountDay

DAY_NS = 86_400_000_000_000

_EPOCH = date(1970, 1, 1)


class AccountDays:
    """The present day of one account."""

    def __init__(self, account_id: str) -> None:
        self._account_id = account_id
        self._number: int | None = None
        self._realised_units = self._charges_units = self._fills = self._orders = 0

    @property
    def day(self) -> date:
        """Return the present day."""
        return _EPOCH + timedelta(days=self._number or 0)

    def is_over(self, now_ns: int) -> bool:
        """Tell whether a later day than the present one has begun; a clock that was set back begins none a second time."""
        return self._number is not None and (now_ns + IST_OFFSET_NS) // DAY_NS > self._number

    def begin(self, now_ns: int, account: Account, orders: int) -> None:
        """Begin a day; its profit, charges, fills and orders count from here."""
        self._number = (now_ns + IST_OFFSET_NS) // DAY_NS
        self._realised_units, self._charges_units = account.realised_units, account.charges_units
        self._fills, self._orders = account.fills, orders

    def go_on(self, row: AccountDay) -> None:
        """Go on with a day of which a row was kept before a restart."""
        self._realised_units -= row.realised_units
        self._charges_units -= row.charges_units
        self._fills -= row.fills
        self._orders -= row.orders

    def row(self, status: RiskStatus, orders: int) -> AccountDay:
        """Return the day as it stands; `orders` counts those of all days."""
        account = status.account
        return AccountDay(
            account=self._account_id,
            day=self.day,
            start_units=account.day_start_units,
            end_units=account.equity_units,
            realised_units=account.realised_units - self._realised_units,
            unrealised_units=account.unrealised_units,
            charges_units=account.charges_units - self._charges_units,
            peak_units=account.peak_units,
            orders=orders - self._orders,
            fills=account.fills - self._fills,
            denied=status.denied,
            state=status.state.value,
            reason=status.reason,
        )
