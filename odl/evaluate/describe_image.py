"""A model image as text: its tree, layers, sizes, memory and origin."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from odl._text import clean, percent, wrapped
from odl.core.image import ROOT, Image
from odl.evaluate.describe import as_text, describe_image
from odl.model.restrict import leaves


def tree_text(image: Image) -> str:
    """The tasks and their classes as a tree, one line per class, with `node_accuracy` where the card has it.

    Examples
    --------
    >>> from odl.data import model_bytes
    >>> print(tree_text(Image.from_bytes(model_bytes("shoulder"))))
    root task
    |-- pendulum
    |-- abduction
    |-- forward elevation
    |-- internal rotation
    `-- external rotation
    """
    shares = node_accuracy(image)
    lines = ["root task", *_branches(image, 0, "", shares)]
    if shares:
        about = "behind a class: the share of its windows that was predicted to be under it, "
        lines += ["", wrapped(f"{about}of people held out of training")]
    return "\n".join(lines)


def node_accuracy(image: Image) -> dict[str, float]:
    """The accuracy at each class and group on people held out of training, from the card; empty without one.

    It is the share of the windows under a node that was predicted to be under it, 0 to 1.

    Examples
    --------
    >>> from odl.data import model_bytes
    >>> node_accuracy(Image.from_bytes(model_bytes("shoulder")))
    {}
    """
    held = image.card.get("held_out_people")
    nodes = held.get("nodes") if isinstance(held, dict) else None
    known = set(image.names.values())
    return {
        name: float(share)
        for name, share in (nodes.items() if isinstance(nodes, dict) else ())
        if name in known and isinstance(share, int | float) and 0 <= share <= 1
    }


def _branches(image: Image, head: int, indent: str, shares: Mapping[str, float]) -> list[str]:
    lines = []
    classes = image.row_class[image.row_head == head].tolist()
    for cls in classes:
        last = cls == classes[-1]
        name = image.names[cls]
        share = f"  {percent(shares[name], 1)}" if name in shares else ""
        lines.append(f"{indent}{'`' if last else '|'}-- {clean(name)}{share}")
        for below, parent in enumerate(image.parents.tolist()):
            if parent == cls and parent != ROOT:
                lines += _branches(image, below, indent + ("    " if last else "|   "), shares)
    return lines


def image_text(image: Image) -> str:
    """Tree, layers, sizes, memory, learning and origin of an image, in sections.

    Examples
    --------
    >>> from odl.data import model_bytes
    >>> text = image_text(Image.from_bytes(model_bytes("shoulder")))
    >>> [line for line in text.splitlines() if line.startswith(("trained on", "licence"))]
    ['trained on        1, 2, 3, 4, 5, 6', 'licence           BSD-3-Clause']
    """
    facts = describe_image(image)
    card: dict[str, Any] = facts["card"]
    first = ("dataset", "trained_on", "licence")
    origin = {name: card.get(name, "not stated") for name in first}
    origin |= {name: value for name, value in card.items() if name not in (*first, "curves")}
    sizes = {
        "input": facts["channels"],
        "window": f"{image.window} samples, {image.window / image.rate_hz:g} s at {image.rate_hz:g} Hz",
        "hop": f"{image.hop} samples, {image.hop / image.rate_hz:g} s",
        "layers": [f"{i + 1}: {layer}" for i, layer in enumerate(facts["layers"])],
        "features": image.features,
        "parameters": f"{facts['parameters']} in the extractor, {image.base.size} in the heads",
        "work": f"{facts['macs_per_window']} multiply-accumulates per window",
        "stored vectors": _stored(image),
        "version": facts["version"],
        "checksum": facts["checksum"],
    }
    return "\n\n".join(
        [
            tree_text(image),
            as_text(sizes),
            "memory in bytes\n" + as_text(facts["memory"], "  "),
            "learning\n" + as_text(facts["learning"], "  "),
            "origin\n" + as_text(_plain(origin)),
        ]
    )


def _stored(image: Image) -> str:
    ends = leaves(image)
    each = [int((image.owners == cls).sum()) for cls, name in image.names.items() if name in ends]
    low, high = min(each), max(each)
    return f"{len(image.owners)}, {low if low == high else f'{low} to {high}'} per class"


def _plain(card: Mapping[str, Any]) -> dict[str, Any]:
    """The entries of a card, cleaned: its text is untrusted."""
    return {
        clean(name, 1000): _plain(value)
        if isinstance(value, Mapping)
        else [clean(each, 1000) for each in value]
        if isinstance(value, list)
        else clean(value, 1000)
        for name, value in card.items()
    }
