"""Messages for tests: goldens written by hand from docs/recording.md and
docs/protocol.md, and strategies."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from odl.core.events import (
    NO_WINDOW,
    AddClass,
    Adopt,
    ChangeClass,
    Dropped,
    Gap,
    Label,
    Learned,
    Origin,
    Prediction,
    Query,
    Samples,
    Split,
    Teach,
    Truth,
    Undo,
    Why,
    valid_name,
)
from odl.wire import (
    IMAGE,
    STATE,
    Compact,
    Configure,
    Data,
    Description,
    End,
    Held,
    Hello,
    Info,
    Install,
    Message,
    Read,
    Ready,
    Refusal,
    Refused,
    Remember,
    Start,
    Status,
    Upload,
)

GOLDENS: list[tuple[Message, str]] = [
    (
        Start({"seed": 3, "format": [2, 0]}, b"ODLM"),
        "01 19000000 7b22666f726d6174223a5b322c305d2c2273656564223a337d 04000000 4f444c4d",
    ),
    (Start({}, b""), "01 02000000 7b7d 00000000"),
    (End(2**40), "02 0000000000010000"),
    (Hello(2, 0), "03 02 00"),
    (
        Info(
            2, 0, 6, 128, 64, 768, 50_000, 0xDEADBEEF, 26822, 131072, 20008, 26624, 77, 300, 4096, "odl 0.2.0"
        ),
        "04 02 00 06 8000 4000 0003 50c30000 efbeadde c6680000 00000200 284e0000 00680000 4d000000 2c010000"
        " 0010000000000000 09 6f646c20302e322e30",
    ),
    (
        Configure(
            5,
            0,
            1,
            0,
            2,
            4,
            983,
            4000,
            20,
            0,
            300,
            3000,
            77,
            3,
            3000,
            2**63,
            640,
            ((16384, 21, 0), (2**31 - 1, 60, -3)),
        ),  # fmt: skip
        "05 05 00 01 00 02 04 d703 a00f 14000000 00000000 2c010000 b80b0000 4d000000 03000000"
        " b80b000000000000"
        " 0000000000000080 8002000000000000 02 00400000 15 0000 ffffff7f 3c fdff",
    ),
    (Read(STATE, 20000, 256), "06 00 204e0000 0001"),
    (Data(STATE, 20000, b"\x01\x02\x00"), "07 00 204e0000 0000 03000000 010200"),
    (Data(IMAGE, 0, b"", 258), "07 01 00000000 0201 00000000"),
    (Ready(640, 768, 258), "08 8002000000000000 0003 0201"),
    (Refused(16, Refusal.ORDER, 65535), "09 10 07 ffff"),
    (Refused(0, Refusal.DAMAGED, 0), "09 00 03 0000"),
    (Description({"name": "x"}, {}), "0a 0c000000 7b226e616d65223a2278227d 02000000 7b7d"),
    (
        Status(77, 301, 5, 1, 2**32 - 1, 4096),
        "0b 4d000000 2d010000 05000000 01000000 ffffffff 0010000000000000",
    ),
    (Upload(1024, b"ODLM"), "0c 00040000 04000000 4f444c4d"),
    (Install(26822, 0xDEADBEEF), "0d c6680000 efbeadde"),
    (Compact(), "0e"),
    (Remember(b"\x05\x00"), "0f 02000000 0500"),
    (Held(), "30"),
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
    (Origin(700, "button", 900, 2**40), "17 bc02000000000000 84030000 0000000000010000 06 627574746f6e"),
    (Adopt(640, 12, b"\x05\x00"), "18 8002000000000000 0c00000000000000 02000000 0500"),
    (Teach(700, 4), "19 bc02000000000000 04"),
    (ChangeClass(700, 4, 2, "up"), "1a bc02000000000000 04 02 02 7570"),
    (ChangeClass(700, 4, None, "up"), "1a bc02000000000000 04 ff 02 7570"),
    (
        Prediction(64, (2, 9), (0, 16384, 32768), 5),
        "20 4000000000000000 05 02 0209 03 0000 0040 0080",
    ),
    (Prediction(0, (), (), None), "20 0000000000000000 ff 00 00"),
    (Query(640, 65535, 1140, 64), "21 8002000000000000 ffff 7404000000000000 4000000000000000"),
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
truths = st.builds(lambda span, name: Truth(span[0], span[1], name), spans(), names)
commands = (
    labels
    | st.builds(Teach, indices, ids)
    | st.builds(Undo, indices)
    | st.builds(AddClass, indices, ids, names, heads)
    | st.builds(Split, indices, ids, heads)
    | st.builds(ChangeClass, indices, ids, st.none() | ids, names)
)
adoptions = st.builds(
    lambda span, state: Adopt(span[0], span[1] - span[0], state), spans(), st.binary(max_size=600)
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
    | st.builds(Query, indices, st.integers(0, 65535), indices, indices)
    | st.builds(Learned, indices, indices, ids, heads)
    | st.builds(Dropped, indices, indices, st.sampled_from(Why))
)
u8, u16, u32 = st.integers(0, 2**8 - 1), st.integers(0, 2**16 - 1), st.integers(0, 2**32 - 1)
origins = st.builds(Origin, indices, texts, u32, indices)
events = samples() | gaps | commands | origins | adoptions | truths | outputs
objects = st.dictionaries(st.text(), json_values, max_size=4)
starts = st.builds(Start, objects, st.binary(max_size=600))
scales = st.tuples(u32, u8, st.integers(-(2**15), 2**15 - 1))
controls = (
    st.builds(Hello, u8, u8)
    | st.builds(Info, u8, u8, u8, u16, u16, u16, u32, u32, u32, u32, u32, u32, u32, u32, indices, texts)
    | st.builds(Configure, u8, u8, u8, u8, u8, u8, u16, u16, u32, u32, u32, u32, u32, u32,
                indices, indices, indices, st.lists(scales, max_size=9).map(tuple))
    | st.builds(Read, u8, u32, u16)
    | st.builds(Data, u8, u32, st.binary(max_size=600))
    | st.builds(Ready, indices, u16, u16)
    | st.builds(Refused, u8, st.sampled_from(Refusal), u16)
    | st.builds(Description, objects, objects)
    | st.builds(Status, u32, u32, u32, u32, u32, indices)
    | st.builds(Upload, u32, st.binary(max_size=600))
    | st.builds(Install, u32, u32)
    | st.just(Compact())
    | st.just(Held())
    | st.builds(Remember, st.binary(max_size=600))
)  # fmt: skip
messages = events | starts | st.builds(End, indices) | controls
