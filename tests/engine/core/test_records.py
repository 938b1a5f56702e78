"""A record reads its fields as attributes, so no field may be called what NumPy calls something else."""

from __future__ import annotations

import numpy as np
import pytest

from engine.core.records import record


def test_fields_are_attributes_that_share_memory() -> None:
    rows = np.zeros(2, record(("side", "i1"), ("inner", record(("price", "f8"))), ("closes", "f8", (3,))))
    row = rows[1]
    row.side = -1
    row.inner.price = 2.5
    row.closes[2] = 7.0
    assert rows["closes"].tolist() == [[0.0, 0.0, 0.0], [0.0, 0.0, 7.0]]
    assert rows["side"].tolist() == [0, -1]
    assert rows["inner"]["price"].tolist() == [0.0, 2.5]


@pytest.mark.parametrize("name", ["base", "sum", "mean", "max", "size"])
def test_a_name_that_numpy_takes_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"no attribute of, was {name}; choose others"):
        record(("price", "f8"), (name, "f8"))
