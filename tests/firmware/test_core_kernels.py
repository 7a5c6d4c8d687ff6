"""Plain Python integers, Numba, C on this machine and C on a Cortex-M4: one table, equal results.

``tests/core/kernels`` holds Numba to the plain references; here C is held to them, with the faster
variants for the Cortex-M4 and without.
"""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers.twins import MACHINES, Kernels  # before table: it says where that is

from tests.helpers.kernel_table import TABLE  # isort: skip

EDGES = [(name, edge) for name, case in TABLE.items() for edge in range(len(case.edges))]
SOME = settings(max_examples=max(1, settings.default.max_examples // 3))


@cache
def kernels(kind: str) -> Kernels:
    return Kernels(kind)


@pytest.mark.parametrize("kind", MACHINES)
@pytest.mark.parametrize("name", TABLE)
@SOME
@given(data=st.data())
def test_c_equals_reference(kind: str, name: str, data: st.DataObject) -> None:
    case = TABLE[name]
    arguments = data.draw(case.arguments)
    assert kernels(kind).named(name)(*arguments) == case.reference(*arguments)


@pytest.mark.parametrize("kind", MACHINES)
@pytest.mark.parametrize(("name", "edge"), EDGES)
def test_c_equals_reference_at_the_edges(kind: str, name: str, edge: int) -> None:
    case = TABLE[name]
    arguments = case.edges[edge]
    assert kernels(kind).named(name)(*arguments) == case.reference(*arguments)
