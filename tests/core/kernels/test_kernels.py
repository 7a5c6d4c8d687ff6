"""Every kernel of the table equals its plain reference, jitted and not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers.kernel_table import TABLE

pytestmark = pytest.mark.filterwarnings("error")  # NumPy warns where an integer overflows
EDGES = [(name, edge) for name, case in TABLE.items() for edge in range(len(case.edges))]


@pytest.mark.parametrize("name", TABLE)
@given(data=st.data())
def test_kernel_equals_reference(name: str, data: st.DataObject) -> None:
    case = TABLE[name]
    arguments = data.draw(case.arguments)
    assert case.kernel(*arguments) == case.reference(*arguments)


@pytest.mark.parametrize(("name", "edge"), EDGES)
def test_kernel_equals_reference_at_the_edges(name: str, edge: int) -> None:
    case = TABLE[name]
    arguments = case.edges[edge]
    assert case.kernel(*arguments) == case.reference(*arguments)
