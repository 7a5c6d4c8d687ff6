"""Download a dataset whose card has an address, with pooch (extra "fetch"), only where asked for."""

from __future__ import annotations

from pathlib import Path

from odl._extras import how_to_install
from odl.data.bundled import list_datasets, load_card
from odl.data.card import DataError


def fetchable() -> list[str]:
    """Return the names of the datasets that can be downloaded.

    >>> "hapt" in fetchable(), "shoulder" in fetchable()
    (True, False)
    """
    return [name for name in list_datasets() if load_card(name).about.get("address")]


def fetch(name: str, folder: Path) -> Path:
    """Download dataset ``name`` into ``folder`` and return its zip, or the folder it was unpacked to.

    The checksums of these files are not published, so pooch reports the one that it has got.

    Raises
    ------
    DataError
        If pooch is missing or the download fails; the message says where the files can be had.
    """
    card = load_card(name)
    address = str(card.about["address"])
    where = f"the files come from {card.origin.partition(';')[0]}"
    try:
        import pooch
    except ModuleNotFoundError:
        raise DataError(
            f"fetching {name} needs pooch; install it with: {how_to_install('fetch')}; {where}"
        ) from None
    packed = address.endswith(".tar.gz")
    try:
        got = pooch.retrieve(
            address, known_hash=None, fname=f"{name}.tar.gz" if packed else f"{name}.zip", path=folder,
            processor=pooch.Untar(extract_dir=name) if packed else None,
        )  # fmt: skip
    except (OSError, ValueError) as error:
        raise DataError(f"{name} could not be fetched ({error}); {where}") from None
    return folder / name if packed else Path(got)
