"""What to do with bars that are damaged: the trader's choice, one rule a kind of damage.

What would change a result is refused unless something else was chosen; holes are kept and told, for a share that nobody traded has them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields

from engine.core.errors import InvalidOption, did_you_mean

CHOICES = {
    "rows": ("refuse", "drop"),
    "order": ("refuse", "sort"),
    "duplicates": ("refuse", "first", "last"),
    "gaps": ("keep", "refuse", "fill"),
    "hours": ("refuse", "keep", "trim", "shift"),
}
"""Rules by kind of damage, the usual one first."""

WORDS = tuple(dict.fromkeys(word for words in CHOICES.values() for word in words))


@dataclass(frozen=True, slots=True)
class Repair:
    """A rule for each kind of damage."""

    rows: str = "refuse"
    """Rows that cannot be true (no number, a price of 0 or less, high below low, a day without trading): refuse, or drop them."""
    order: str = "refuse"
    """Bars that stand after a later one of their instrument: refuse, or sort."""
    duplicates: str = "refuse"
    """Two bars of one time that differ: refuse, or keep the first or the last. Equal ones are one bar under any rule."""
    gaps: str = "keep"
    """Minutes missing between two bars of a session: keep the hole, refuse, or fill with flat bars of volume 0 at the last close."""
    hours: str = "refuse"
    """Times off by a fixed offset, as of a wrong time zone: refuse, keep, shift by it; or trim all bars outside trading hours."""

    @property
    def text(self) -> str:
        """Return it as `parse_repair` reads it; what is usual is left out."""
        chosen = (f"{kind}={getattr(self, kind)}" for kind in CHOICES if getattr(self, kind) != CHOICES[kind][0])
        return ",".join(chosen)


def parse_repair(words: str | Iterable[str] = ()) -> Repair:
    """Read rules such as "sort,last" or "gaps=fill"; a bare word holds for every kind that knows it, later ones win.

    Raises InvalidOption for a word that is no rule.
    """
    parts = words.split(",") if isinstance(words, str) else [part for word in words for part in word.split(",")]
    chosen: dict[str, str] = {}
    for part in filter(None, (part.strip().lower() for part in parts)):
        kind, equals, rule = part.partition("=")
        if not equals:
            kind, rule = "", part
        if kind and kind not in CHOICES:
            raise InvalidOption(f'Unknown damage "{kind}" to repair{did_you_mean(kind, CHOICES)}')
        known = CHOICES[kind] if kind else WORDS
        if rule not in known:
            raise InvalidOption(f'Unknown repair "{rule}"{did_you_mean(rule, known)}')
        chosen |= {name: rule for name in ([kind] if kind else CHOICES) if rule in CHOICES[name]}
    return Repair(**chosen)


assert {field.name for field in fields(Repair)} == set(CHOICES)
