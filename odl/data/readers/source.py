"""Files as people have them: in folders, in a zip, packed with gzip."""

from __future__ import annotations

import gzip
import mmap
import zipfile
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path, PurePosixPath
from typing import IO

from odl._files import check_regular
from odl._kinds import missing
from odl.data.archive import damage_as_error, most_unpacked, open_zip, zip_members
from odl.data.card import DataError

LARGEST_PACKED = 2**31  # bytes of a packed file, unpacked; a file on disk has no limit
HEAD = 2**16  # bytes that a reader may look at before it takes a file
MOST_FILES = 100_000
_HIDDEN = ("__MACOSX", ".")


@dataclass(frozen=True)
class SourceFile:
    """One file to read, on disk or in a zip, packed with gzip or not.

    Attributes
    ----------
    path : Path
        As a person finds it; in a zip the zip's path and the member's.
    name : str
        Below the folder or zip that was named, with ``/`` between folders; what patterns of names are
        matched with. A zip among the files counts as a folder.
    archive : Path, optional
        The zip that holds it.
    member : str
        Its name there.
    """

    path: Path
    name: str
    archive: Path | None = None
    member: str = ""

    @cached_property
    def suffix(self) -> str:
        """The ending in lower case, without that of gzip: ``.csv`` of ``A.CSV.gz``."""
        name = PurePosixPath(self.name.lower())
        return PurePosixPath(name.stem).suffix if name.suffix == ".gz" else name.suffix

    def beside(self, name: str) -> SourceFile | None:
        """Return the file called ``name`` below the same folder or zip; None if there is none."""
        if self.archive is None:
            path = self.path.parents[self.name.count("/")] / name
            return SourceFile(path, name) if path.is_file() else None
        prefix = self.name[: -len(str(PurePosixPath(self.member)))]
        member = name.removeprefix(prefix)
        try:
            open_zip(self.archive).getinfo(member)
        except (KeyError, OSError, zipfile.BadZipFile):
            return None
        return SourceFile(self.archive / PurePosixPath(member), prefix + member, self.archive, member)

    def head(self, size: int = HEAD) -> bytes:
        """Return the first bytes, unpacked."""
        if self.archive is not None and size <= HEAD:  # each reader asks for them
            with damage_as_error(self.path):
                packed = open_zip(self.archive)
            return _head(packed, self)[:size]
        return bytes(self._read(size))

    def data(self) -> bytes | mmap.mmap:
        """Return all bytes, unpacked: mapped where the file lies on disk, else in memory."""
        if self.archive is None and not self.name.lower().endswith(".gz"):
            try:
                with self.path.open("rb") as file:
                    file.seek(0, 2)
                    return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if file.tell() else b""
            except OSError as error:
                raise DataError(f"{self.path}: cannot be read ({error.strerror})") from None
        data = self._read(LARGEST_PACKED + 1)
        if len(data) > LARGEST_PACKED:
            raise DataError(f"{self.path}: more than {LARGEST_PACKED} bytes when unpacked; unpack it first")
        return data

    def _read(self, size: int) -> bytes:
        with damage_as_error(self.path), ExitStack() as stack:
            if self.archive is not None:
                packed = open_zip(self.archive)
                file: IO[bytes] = stack.enter_context(packed.open(self.member))
                stored = packed.getinfo(self.member).file_size
            else:
                file = stack.enter_context(self.path.open("rb"))
                stored = self.path.stat().st_size
            if not self.name.lower().endswith(".gz"):
                return file.read(size)
            most = most_unpacked(stored)
            data = stack.enter_context(gzip.GzipFile(fileobj=file)).read(min(size, most + 1))
        if len(data) > most:
            raise DataError(f"{self.path}: {stored} bytes unpack to more than {most}, as in a bomb; not read")
        return data


@lru_cache(maxsize=1)
def _head(packed: zipfile.ZipFile, source: SourceFile) -> bytes:
    """The first bytes of a file in an open zip."""
    return bytes(source._read(HEAD))


def sources(base: Path) -> list[SourceFile]:
    """Return the files in ``base``, a folder, a zip or a file, those in zips below it too, 2 before 10.

    Raises
    ------
    DataError
        If ``base`` is not there, or a zip is damaged.
    """
    if not base.exists():
        raise DataError(f"{base}: {missing(base)}")
    check_regular(base)
    if base.is_file():
        return _inside(base, "") if _is_zip(base) else [SourceFile(base, base.name)]
    found: list[SourceFile] = []
    for path in base.rglob("*"):
        name = path.relative_to(base).as_posix()
        if not path.is_file() or any(part.startswith(_HIDDEN) for part in name.split("/")):
            continue
        found += _inside(path, name + "/") if _is_zip(path) else [SourceFile(path, name)]
        if len(found) > MOST_FILES:
            raise DataError(f"{base}: more than {MOST_FILES} files; name a folder further down")
    return sorted(found, key=lambda source: natural(source.name))


def _is_zip(path: Path) -> bool:
    return path.suffix.lower() == ".zip"


def _inside(path: Path, prefix: str) -> list[SourceFile]:
    members = [info.filename for info in zip_members(path, path)]
    own = [(m, PurePosixPath(m)) for m in members]  # without the needless signs of ./b//walk.csv
    return sorted(
        (
            SourceFile(path / name, f"{prefix}{name}", path, m)
            for m, name in own
            if not any(part.startswith(_HIDDEN) for part in name.parts)
        ),
        key=lambda source: natural(source.name),
    )


def natural(name: str) -> list[tuple[int, str]]:
    """A sort key with numbers by value.

    >>> sorted(["walk10", "walk2"], key=natural)
    ['walk2', 'walk10']
    """
    import re

    return [(int(w) if w.isdecimal() else -1, w) for w in re.split(r"([0-9]+)", name)]
