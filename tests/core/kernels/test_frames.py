"""Many frames at once are those of `odl.wire.framing.frame`, one by one."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from odl.core.kernels.frames import put_frames
from odl.wire.framing import frame

MESSAGE = st.one_of(
    st.binary(min_size=1, max_size=20),
    st.builds(
        lambda fill, size, zeros: bytes(0 if i in zeros else fill for i in range(size)),
        st.integers(1, 255), st.integers(230, 1030), st.sets(st.integers(0, 1030), max_size=4),
    ),
)  # fmt: skip


def ends_of(sizes: list[int]) -> NDArray[np.int64]:
    """Where each of so many parts ends."""
    return np.cumsum(sizes, dtype=np.int64)


def frames(inputs: list[tuple[bytes, bytes]], outputs: list[list[bytes]], seq: int) -> bytes:
    """Each input, in two halves, and the outputs behind it, as the kernel frames them."""
    said = [message for some in outputs for message in some]
    data = b"".join(len(message).to_bytes(4, "little") + message for message in said)
    heads, bodies = (np.frombuffer(b"".join(parts), np.uint8) for parts in zip(*inputs, strict=True))
    starts = ends_of([0, *(4 + len(message) for message in said)])
    behind = ends_of([len(some) for some in outputs])
    head_ends, body_ends = (ends_of([len(part) for part in parts]) for parts in zip(*inputs, strict=True))
    room = 3 * (len(heads) + len(bodies) + len(data)) + 30 * (len(inputs) + len(said))
    out = np.full(room, 0xA5, np.uint8)
    n = put_frames(
        heads, bodies, np.frombuffer(data, np.uint8), head_ends, body_ends, behind, starts, seq, out
    )  # fmt: skip
    return out[: int(n)].tobytes()


@given(st.lists(MESSAGE, min_size=1, max_size=6), st.integers(0, 65535), st.integers(1, 300), st.data())
def test_many_frames_are_built_as_one_by_one(
    messages: list[bytes], seq: int, cut: int, data: st.DataObject
) -> None:
    outputs = [data.draw(st.lists(MESSAGE, max_size=2)) for _ in messages]
    order = [one for message, some in zip(messages, outputs, strict=True) for one in (message, *some)]
    single = b"".join(frame(message, seq + i) for i, message in enumerate(order))
    assert frames([(message[:cut], message[cut:]) for message in messages], outputs, seq) == single


def test_outputs_without_an_input() -> None:
    assert frames([(b"", b"")], [[b"\x21a", b"\x21b"]], 65535) == frame(b"\x21a", 65535) + frame(b"\x21b", 0)


def test_many_frames_of_every_length_up_to_three_groups() -> None:
    messages = [b"\1" * n for n in range(1, 800)]
    single = b"".join(frame(message, i) for i, message in enumerate(messages))
    assert frames([(message[:1], message[1:]) for message in messages], [[]] * len(messages), 0) == single
