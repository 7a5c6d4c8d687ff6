"""Messages for tests: goldens written by hand from docs/recording.md and
docs/protocol.md, and strategies."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from odl.events import (
    NO_WINDOW,
    AddClass,
    Dropped,
    Gap,
    Label,
    Learned,
    Prediction,
    Query,
    Samples,
    Split,
    Truth,
    Undo,
    Why,
    valid_name,
)
from odl.wire import (
    Configure,
    End,
    Hello,
    Info,
    Message,
    ReadState,
    Ready,
    Refusal,
    Refused,
    Start,
    StateBytes,
)

GOLDENS: list[tuple[Message, str]] = [
    (
        Start({"seed": 3, "format": [1, 0]}, b"ODLM"),
        "01 19000000 7b22666f726d6174223a5b312c305d2c2273656564223a337d 04000000 4f444c4d",
    ),
    (Start({}, b""), "01 02000000 7b7d 00000000"),
    (End(2**40), "02 0000000000010000"),
    (Hello(1, 0), "03 01 00"),
    (
        Info(1, 0, 6, 128, 64, 768, 50_000, 0xDEADBEEF, 20008, 26624, 4096, "odl 0.1.0"),
        "04 01 00 06 8000 4000 0003 50c30000 efbeadde 284e0000 00680000 0010000000000000"
        " 09 6f646c20302e312e30",
    ),
    (
        Configure(1, 0, 1, 0, 2, 4, 1638, 20, 0, 300, 3000, 2**63, ((16384, 21, 0), (2**31 - 1, 60, -3))),
        "05 01 00 01 00 02 04 6606 14000000 00000000 2c010000 b80b000000000000 0000000000000080"
        " 02 00400000 15 0000 ffffff7f 3c fdff",
    ),
    (ReadState(20000, 256), "06 204e0000 0001"),
    (StateBytes(20000, b"\x01\x02\x00"), "07 204e0000 03000000 010200"),
    (StateBytes(0, b""), "07 00000000 00000000"),
    (Ready(640, 768), "08 8002000000000000 0003"),
    (Refused(16, Refusal.ORDER), "09 10 07"),
    (Refused(0, Refusal.DAMAGED), "09 00 03"),
    (
        Samples(64, np.array([[1, -1, 256], [-32768, 32767, 0]], np.int16)),
        "10 4000000000000000 03 0100 ffff 0001 0080 ff7f 0000",
    ),
    (Samples(1, np.zeros((0, 6), np.int16)), "10 0100000000000000 06"),
    (Gap(128, 50, "unplugged"), "11 8000000000000000 3200000000000000 09 756e706c7567676564"),
    (Gap(128, 0, ""), "11 8000000000000000 0000000000000000 00"),
    (Label(700, 640, 4), "12 bc02000000000000 8002000000000000 04"),
    (Label(700, 640, None), "12 bc02000000000000 8002000000000000 ff"),
    (Undo(258), "13 0201000000000000"),
    (AddClass(9, 7, "walk up", 1), "14 0900000000000000 07 01 07 77616c6b207570"),
    (AddClass(9, 0, "Übung", 0), "14 0900000000000000 00 00 06 c39c62756e67"),
    (Split(10, 7, 2), "15 0a00000000000000 07 02"),
    (Truth(0, 2**64 - 1, "rest"), "16 0000000000000000 ffffffffffffffff 04 72657374"),
    (
        Prediction(64, (2, 9), (0, 16384, 32768), 5),
        "20 4000000000000000 05 02 0209 03 0000 0040 0080",
    ),
    (Prediction(0, (), (), None), "20 0000000000000000 ff 00 00"),
    (Query(64, 65535, 564), "21 4000000000000000 ffff 3402000000000000"),
    (Learned(700, 640, 4, 1), "22 bc02000000000000 8002000000000000 04 01"),
    (Dropped(700, NO_WINDOW, Why.NOTHING_TO_UNDO), "23 bc02000000000000 ffffffffffffffff 07"),
]

indices = st.integers(0, 2**64 - 1)
ids = st.integers(0, 254)
heads = st.integers(0, 255)
names = st.text(min_size=1, max_size=32).filter(valid_name)
texts = st.text(max_size=255).filter(lambda text: len(text.encode()) <= 255)
json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@st.composite
def spans(draw: st.DrawFn) -> tuple[int, int]:
    """A start and an end that is not before it."""
    start, end = sorted((draw(indices), draw(indices)))
    return start, end


@st.composite
def samples(draw: st.DrawFn, start: int | None = None) -> Samples:
    """Blocks of up to 300 samples; many zeros, or none, as sensors have it."""
    shape = draw(st.integers(0, 300)), draw(st.integers(1, 9))
    if start is None:
        start = draw(st.integers(0, 2**64 - 1 - shape[0]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    low, high = draw(st.sampled_from([(-(2**15), 2**15), (-200, 200), (0, 1), (257, 512)]))
    return Samples(start, rng.integers(low, high, shape).astype(np.int16))


gaps = st.builds(lambda span, why: Gap(span[0], span[1] - span[0], why), spans(), texts)
labels = st.builds(Label, indices, indices, st.none() | ids)
truths = st.builds(lambda span, name: Truth(*span, name), spans(), names)
commands = (
    labels
    | st.builds(Undo, indices)
    | st.builds(AddClass, indices, ids, names, heads)
    | st.builds(Split, indices, ids, heads)
)
predictions = st.builds(
    Prediction,
    indices,
    st.lists(ids, max_size=8).map(tuple),
    st.lists(st.integers(0, 32768), max_size=255).map(tuple),
    st.none() | ids,
)
outputs = (
    predictions
    | st.builds(Query, indices, st.integers(0, 65535), indices)
    | st.builds(Learned, indices, indices, ids, heads)
    | st.builds(Dropped, indices, indices, st.sampled_from(Why))
)
events = samples() | gaps | commands | truths | outputs
starts = st.builds(Start, st.dictionaries(st.text(), json_values, max_size=4), st.binary(max_size=600))
u8, u16, u32 = st.integers(0, 2**8 - 1), st.integers(0, 2**16 - 1), st.integers(0, 2**32 - 1)
scales = st.tuples(u32, u8, st.integers(-(2**15), 2**15 - 1))
controls = (
    st.builds(Hello, u8, u8)
    | st.builds(Info, u8, u8, u8, u16, u16, u16, u32, u32, u32, u32, indices, texts)
    | st.builds(Configure, u8, u8, u8, u8, u8, u8, u16, u32, u32, u32, indices, indices,
                st.lists(scales, max_size=9).map(tuple))
    | st.builds(ReadState, u32, u16)
    | st.builds(StateBytes, u32, st.binary(max_size=600))
    | st.builds(Ready, indices, u16)
    | st.builds(Refused, u8, st.sampled_from(Refusal))
)  # fmt: skip
messages = events | starts | st.builds(End, indices) | controls
