"""Checkpoints: a model image with the learned heads of a session.

Learned heads are a function of an image and a label log. A checkpoint stores the result: the same
extractor, the current heads, and an empty log. A session started from it predicts what the old one
would have predicted, and continues learning.

A checkpoint holds this personal data of the wearer:

- Head weights, always. Labelled windows have changed them; the row of a class with few labels
  resembles the feature vectors of these labels.
- Names of added classes and the number of labels, always.
- Feature vectors of labelled windows (not samples), replayed in later learning, unless
  ``vectors=False``. In that case every stored vector from a label is removed, those of earlier
  checkpoints included. Vectors of the training subjects stay.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import zip_longest
from typing import Any

import numpy as np
from numpy.typing import NDArray

from odl.core.arrays import memory_of, net_of
from odl.core.errors import OdlError
from odl.core.events import NO_CLASS
from odl.core.image import Image
from odl.core.kernels.changes import count_changes, counts_as
from odl.core.kernels.command import command
from odl.core.kernels.grow import regrow
from odl.core.kernels.net import Act
from odl.core.kernels.plain import plain
from odl.core.state import Entry, log_dtype, state_dtype_of
from odl.model.profile_merge import names_in, unique_name


class CheckpointError(OdlError, ValueError):
    """A label log does not belong to its image; the message says why."""


def log_of(image: Image, state: bytes) -> NDArray[Any]:
    """The label log in a session's snapshot, or a board's state, of ``image``.

    Parameters
    ----------
    image : Image
        What the session started from.
    state : bytes
        As from `odl.core.session.Session.snapshot`: the state block followed by the log. In the state
        of a board without a session only the log is meaningful.

    Returns
    -------
    structured array, shape (entries,)
        Of `odl.core.state.log_dtype`. `checkpoint` checks the entries.

    Raises
    ------
    CheckpointError
        If the size of ``state`` or its number of entries does not fit the image.
    """
    block, entry = state_dtype_of(image), log_dtype(image.features)
    size = block.itemsize + image.max_log * entry.itemsize
    if len(state) != size:
        raise CheckpointError(f"a snapshot of {len(state)} bytes; this model's has {size}")
    n = int(np.frombuffer(state, block, 1)["n_log"][0])
    if not 0 <= n <= image.max_log:
        raise CheckpointError(f"a log of {n} entries; this model's holds {image.max_log}")
    return np.frombuffer(state, entry, image.max_log, block.itemsize)[:n].copy()


def checkpoint(image: Image, log: NDArray[Any], *, vectors: bool = True) -> Image:
    """Return ``image`` with the heads that ``log`` leads to.

    They are the learned heads as they are. A session shows what they and the image's own say together, and
    lets the answers decide between them; the checkpoint's own heads are the only ones that it has. So
    a wearer who goes on keeps the image and the label log, and a checkpoint is where others start from.

    Added classes without a label are left out, with the tasks below them; so are classes that were merged
    or removed. An image has one row for each class, so where one of the image's was merged, the heads learn
    its vectors once more as the other's: what they say of it is near what the session said, not equal to it.
    With ``vectors`` the features of labelled windows join the stored vectors, the newest of each class
    first. If room is short they replace vectors of the training subjects, so that the checkpoint fits the
    same firmware.

    Parameters
    ----------
    image : Image
        What the session started from.
    log : structured array, shape (entries,)
        See `log_of`.
    vectors : bool
        Keep feature vectors of the wearer.

    Returns
    -------
    Image
        ``image`` itself if nothing changes. ``learned`` in its card holds ``from``, the checksum of
        ``image``; ``labels``, the number of all labels; ``classes``, the added ones; ``vectors``, the
        number of the wearer's vectors, which are the last of those stored.

    Raises
    ------
    CheckpointError
        If the log does not belong to the image, or leaves one class alone.

    Examples
    --------
    >>> from odl.data import model_bytes
    >>> image = Image.from_bytes(model_bytes("shoulder"))
    >>> log = np.zeros(2, log_dtype(image.features))
    >>> log["kind"], log["cls"], log["order"] = [Entry.CLASS, Entry.LABEL], 9, [0, 1]
    >>> log["features"][0, :4], log["features"][1] = list(b"wave"), 255 - image.stored[0]
    >>> learned = checkpoint(image, log)
    >>> learned.names[9], learned.card["learned"]["labels"], learned.card["learned"]["vectors"]
    ('wave', 1, 1)
    >>> np.array_equal(checkpoint(image, log, vectors=False).stored, image.stored)
    True
    """
    check_log(image, log)
    base, before = image, _noted(image)
    labels = log[log["kind"] == Entry.LABEL]
    if not len(log) and (vectors or not before["vectors"]):
        return image
    made, added, counted = _taught(image, log)
    if len(made.row_class) == 1:
        raise CheckpointError("one class is left, and a model image has two or more")
    earlier = before["vectors"]
    if (log["kind"] == Entry.CHANGE).any():
        labels, image, earlier = _recounted(labels, image, earlier, counted)
    stored, owners, own = image.stored, image.owners, 0
    if vectors:
        stored, owners, own = _vectors(image, len(made.row_class), labels, earlier)
    elif earlier:
        stored, owners = stored[:-earlier], owners[:-earlier]
    note = {
        "from": f"{base.checksum:08x}",
        "labels": before["labels"] + len(labels),
        "classes": before["classes"] + added,
        "vectors": own,
    }
    made = replace(made, stored=stored, owners=owners, card=image.card | {"learned": note})
    lost = (counted[base.owners] != base.owners) & np.isin(counted[base.owners], made.row_class)
    if lost.any():
        made = _joined(made, base.stored[lost], counted[base.owners[lost]], labels)
    made.check("checkpoint")
    return made


def _noted(image: Image) -> dict[str, Any]:
    """The entry ``learned`` that an earlier checkpoint left in the card."""
    note = image.card.get("learned")
    note = note if isinstance(note, dict) else {}
    numbers = {name: note.get(name, 0) for name in ("labels", "vectors")}
    if not all(type(n) is int and n >= 0 for n in numbers.values()) or numbers["vectors"] > len(image.owners):
        raise CheckpointError("the model's card holds an impossible number of labels or vectors")
    classes = note.get("classes", [])
    return {**numbers, "classes": [str(name) for name in classes] if isinstance(classes, list) else []}


def check_log(image: Image, log: NDArray[Any]) -> None:
    """Raise `CheckpointError` for a log that `refit` could not process; it may come from a serial line."""
    if log.dtype != log_dtype(image.features):
        raise CheckpointError("a log of another model's entries")
    if len(log) > image.max_log:
        raise CheckpointError(f"a log of {len(log)} entries; this model's holds {image.max_log}")
    classes = set(image.row_class.tolist())
    split = set(image.parents.tolist()[1:])
    for i, entry in enumerate(log):
        kind, cls, head = int(entry["kind"]), int(entry["cls"]), int(entry["head"])
        heads = 1 + len(split)
        if kind == Entry.CLASS:
            fits = cls < 255 and cls not in classes and head < heads and len(classes) < image.max_rows
            classes.add(cls)
        elif kind == Entry.SPLIT:
            fits = cls in classes and cls not in split and head == heads and heads < image.max_heads
            split.add(cls)
        elif kind == Entry.CHANGE:
            fits = cls in classes and head in (*classes, NO_CLASS)
        else:
            fits = kind == Entry.LABEL and cls in classes
        if not fits:
            raise CheckpointError(f"entry {i} of the log does not fit this model")


def _taught(image: Image, log: NDArray[Any]) -> tuple[Image, list[str], NDArray[np.uint8]]:
    """The image with the heads refitted to ``log``, names of added classes, and what each class counts as."""
    state, room, _, _, block = memory_of(image, net_of(image))
    room[: len(log)] = log
    state["n_log"] = len(log)
    plain(regrow)(block)
    command(block, Act.REFIT, 0, 0, 0)
    s = state[0]
    count_changes(block)
    counted = np.full(256, NO_CLASS, np.uint8)
    for cls in s["row_class"][: int(s["n_rows"])]:
        counted[cls] = counts_as(block, cls)
    rows = np.flatnonzero(s["row_active"][: int(s["n_rows"])])
    rows = rows[counted[s["row_class"][rows]] == s["row_class"][rows]]
    classes = s["row_class"][rows]
    heads = [h for h in range(int(s["n_heads"])) if h == 0 or int(s["head_parent"][h]) in classes]
    names = {int(cls): image.names[int(cls)] for cls in classes if int(cls) in image.names}
    added = []
    for cls, name in names_in(log).items():
        if cls in classes:
            names[cls] = unique_name(name, {name for other, name in names.items() if other != cls})
            added += [names[cls]] if cls not in image.names else []
    made = replace(
        image,
        parents=s["head_parent"][heads].copy(),
        formats=s["head_format"][heads].copy(),
        row_class=classes.copy(),
        row_head=np.searchsorted(heads, s["row_head"][rows]).astype(np.uint8),
        base=s["weights"][rows].copy(),
        names=names,
    )
    return made, added, counted


def _joined(
    image: Image, vectors: NDArray[np.uint8], classes: NDArray[np.uint8], labels: NDArray[Any]
) -> Image:
    """The image after it has learned vectors whose rows it lacks, and the labels once more."""
    lessons = np.zeros(len(vectors), labels.dtype)
    lessons["kind"], lessons["cls"], lessons["window"] = Entry.LABEL, classes, -1
    lessons["features"][:, : image.features] = vectors
    log = np.concatenate([lessons, labels])
    state, room, _, _, block = memory_of(wide := replace(image, max_log=len(log)), net_of(wide))
    room[:] = log
    state["n_log"] = len(log)
    command(block, Act.REFIT, 0, 0, 0)
    return replace(image, base=state[0]["weights"][: len(image.row_class)].copy())


def _recounted(
    labels: NDArray[Any], image: Image, own: int, counted: NDArray[np.uint8]
) -> tuple[NDArray[Any], Image, int]:
    """Labels and stored vectors by what their classes count as; how many of the latter are the wearer's."""
    labels, owners = labels.copy(), counted[image.owners]
    labels["cls"] = counted[labels["cls"]]
    kept = owners != NO_CLASS
    image = replace(image, stored=image.stored[kept], owners=owners[kept])
    return labels[labels["cls"] != NO_CLASS], image, int(kept[len(kept) - own :].sum())


def _vectors(
    image: Image, rows: int, labels: NDArray[Any], own: int
) -> tuple[NDArray[np.uint8], NDArray[np.uint8], int]:
    """Stored vectors and owners for ``rows`` rows, and how many (the last ones) are the wearer's.

    Classes alternate. Each contributes its newest labels first, then those of earlier checkpoints,
    then the vectors of training.
    """
    latest = labels[np.argsort(labels["window"], kind="stable")[::-1]]
    mine, old = latest["features"][:, : image.features], len(image.owners) - own
    vectors = np.concatenate([mine, image.stored[old:], image.stored[:old]])
    owners = np.concatenate([latest["cls"], image.owners[old:], image.owners[:old]])
    queues = [np.flatnonzero(owners == cls).tolist() for cls in dict.fromkeys(owners.tolist())]
    turns = [i for turn in zip_longest(*queues) for i in turn if i is not None]
    chosen = np.array(turns[: _room(image, rows)], np.int64)
    worn = chosen < len(mine) + own
    order = np.concatenate([np.sort(chosen[~worn]), np.sort(chosen[worn])])
    return vectors[order], owners[order], int(worn.sum())


def _room(image: Image, rows: int) -> int:
    """Largest number of stored vectors with which a refit needs no more memory than with ``image``."""

    def items(stored: int, rows: int) -> int:
        return max(1, stored // rows) * image.max_rows + stored

    most = items(len(image.owners), len(image.row_class))
    return max((n for n in range(most + 1) if items(n, rows) <= most), default=0)
