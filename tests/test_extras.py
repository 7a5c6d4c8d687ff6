"""What a sentence about a missing extra tells a person to type fits their installation."""

from __future__ import annotations

import json
from importlib import metadata
from pathlib import Path

import pytest

from odl import _extras
from odl._extras import how_to_install


class Installed:
    """A distribution whose origin is written like this."""

    def __init__(self, origin: object) -> None:
        self.origin = origin

    def read_text(self, name: str) -> str | None:
        assert name == "direct_url.json"
        return None if self.origin is None else json.dumps(self.origin)


@pytest.mark.parametrize(
    ("origin", "command"),
    [
        (None, "pip install 'odl-stream[files]'"),
        (
            {"url": "file:///home/ann/odl", "dir_info": {"editable": True}},
            "pip install --editable '/home/ann/odl[files]'",
        ),
        ({"url": "file:///home/ann/my%20odl", "dir_info": {}}, "pip install '/home/ann/my odl[files]'"),
        ({"url": "file:///tmp/odl.whl", "archive_info": {}}, "pip install '/tmp/odl.whl[files]'"),
        ({"url": "https://example.org/odl.whl"}, "pip install 'odl-stream[files]'"),
    ],
)
def test_the_command_names_where_the_installation_came_from(
    origin: object, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metadata, "distribution", lambda name: Installed(origin))
    assert how_to_install("files") == command


def test_what_was_never_installed_is_named_by_its_checkout_or_taken_for_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(name: str) -> None:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "distribution", missing)
    monkeypatch.setattr(metadata, "requires", missing)
    assert how_to_install("train") == f"pip install --editable '{_extras.CHECKOUT}[train]'"
    assert _extras.packages_of_extras()["firmware"] == ["pyelftools", "unicorn", "ziglang"]
    monkeypatch.setattr(_extras, "CHECKOUT", tmp_path)
    assert how_to_install("train") == "pip install 'odl-stream[train]'"
    assert _extras.packages_of_extras() == {}
