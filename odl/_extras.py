"""How to get the packages that an installation was made without."""

from __future__ import annotations

import json
import shlex
from importlib import metadata
from urllib.parse import unquote, urlsplit

DISTRIBUTION = "odl-stream"


def how_to_install(extra: str) -> str:
    """The command that adds ``extra`` to this installation, from wherever that came.

    A checkout or a wheel is named by its path, so the command works before anything is published.

    Examples
    --------
    >>> how_to_install("train").startswith("pip install ")
    True
    """
    try:
        written = metadata.distribution(DISTRIBUTION).read_text("direct_url.json")
        origin = json.loads(written or "{}")
    except (metadata.PackageNotFoundError, ValueError):
        origin = {}
    url = urlsplit(str(origin.get("url", "")))
    if url.scheme != "file":
        return f"pip install '{DISTRIBUTION}[{extra}]'"
    editable = "--editable " if origin.get("dir_info", {}).get("editable") else ""
    return f"pip install {editable}{shlex.quote(f'{unquote(url.path)}[{extra}]')}"
