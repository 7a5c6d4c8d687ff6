"""Many outputs at once have the canonical bytes that each has by itself."""

from __future__ import annotations

from itertools import accumulate

from hypothesis import given
from hypothesis import strategies as st

from odl.core.events import Dropped, Learned, Output, Prediction, Query, Why
from odl.core.records import outputs_of
from odl.wire.codec import encode
from odl.wire.output_columns import encode_outputs

INDEX, CLASS, Q15 = st.integers(0, 2**64 - 1), st.integers(0, 254), st.integers(0, 32768)


def up_to(most: int, of: st.SearchStrategy[int]) -> st.SearchStrategy[tuple[int, ...]]:
    """A path or the scores of a prediction."""
    return st.lists(of, max_size=most).map(tuple)


OUTPUT: st.SearchStrategy[Output] = st.one_of(
    st.builds(Prediction, INDEX, up_to(8, CLASS), up_to(64, Q15), st.none() | CLASS),
    st.builds(Query, INDEX, st.integers(0, 65535), INDEX, INDEX),
    st.builds(Learned, INDEX, INDEX, CLASS, st.integers(0, 255)),
    st.builds(Dropped, INDEX, INDEX, st.sampled_from(Why)),
)


@given(st.lists(OUTPUT, max_size=12))
def test_many_outputs_are_encoded_as_one_by_one(outputs: list[Output]) -> None:
    data, ends = encode_outputs(outputs_of(outputs))
    single = [len(message).to_bytes(4, "little") + message for message in map(encode, outputs)]
    assert data == b"".join(single)
    assert ends.tolist() == list(accumulate(map(len, single)))
