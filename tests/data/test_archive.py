"""Zips as people have them: damaged, in each other, or made to fill the memory."""

from __future__ import annotations

import gzip
import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from odl.data.archive import Files
from odl.data.card import DataError
from odl.data.dataset import open_dataset
from odl.data.inference.proposal import write_card
from odl.data.inference.propose import propose
from odl.data.readers.source import sources

TEXT = "".join(f"{i},{i % 7}\n" for i in range(20_000))


def packed(members: dict[str, bytes | str], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip with ``members``."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return file.getvalue()


def written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("compression", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_damaged_zip_is_told_in_one_sentence(tmp_path: Path, compression: int) -> None:
    whole = packed({"a.csv": TEXT}, compression)
    for seed in range(40):  # somewhere in the middle of the packed bytes, each time elsewhere
        data = bytearray(whole)
        rng = np.random.default_rng(seed)
        for at in rng.integers(40, len(whole) - 120, 20):
            data[at] ^= 0x55
        files = Files(written(tmp_path / "a.zip", bytes(data)))
        with pytest.raises(DataError, match=r"a\.zip/a\.csv: cannot be read \(.+\)$"):
            files.text("a.csv")


def test_a_directory_that_is_damaged_is_told(tmp_path: Path) -> None:
    data = bytearray(packed({"a.csv": TEXT}))
    data[data.rindex(b"PK\x01\x02")] ^= 0xFF
    with pytest.raises(DataError, match=r"a\.zip: cannot be read"):
        _ = Files(written(tmp_path / "a.zip", bytes(data))).names


def test_a_cut_zip_is_none(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"neither a folder nor a zip"):
        Files(written(tmp_path / "a.zip", packed({"a.csv": TEXT})[:-40]))


def test_a_password_is_told(tmp_path: Path) -> None:
    data = bytearray(packed({"a.csv": "1\n"}, zipfile.ZIP_STORED))
    data[6] |= 1
    data[data.rindex(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(DataError, match=r"a\.csv: cannot be read .*password"):
        Files(written(tmp_path / "a.zip", bytes(data))).text("a.csv")


def test_a_zip_bomb_is_not_unpacked(tmp_path: Path) -> None:
    path = written(tmp_path / "a.zip", packed({"a.csv": bytes(2**25)}))
    with pytest.raises(DataError, match=r"would unpack from \d+ to 33554432 bytes, as in a zip bomb"):
        _ = Files(path).names


@pytest.mark.parametrize("name", ["/etc/a.csv", "../a.csv", "b/../../a.csv"])
def test_a_name_that_leads_out_of_a_zip_is_refused(tmp_path: Path, name: str) -> None:
    zipped = written(tmp_path / "a.zip", packed({name: TEXT}))
    for read in (lambda: Files(zipped).names, lambda: sources(zipped), lambda: sources(tmp_path)):
        with pytest.raises(DataError, match=r"a\.zip: '.*a\.csv' leads out of the zip"):
            read()


def test_a_name_with_needless_signs_is_a_name(tmp_path: Path) -> None:
    rows = "t,ax,ay,az\n" + "".join(f"{i / 50},{i % 7},0,9.8\n" for i in range(500))
    zipped = written(
        tmp_path / "a.zip", packed({f"./b{'/' * 20}{name}.csv": rows for name in ("sit", "run")})
    )
    for path in (zipped, tmp_path):
        write_card(path, propose(path))
        dataset = open_dataset(path)
        assert {part.truths[0][2] for part in dataset.session(dataset.someone)} == {"run", "sit"}


def test_a_zip_within_a_zip_is_listed_where_it_is_asked_for(tmp_path: Path) -> None:
    inner = packed({"run/a.csv": "1\n", "b.csv": "2\n"})
    path = written(tmp_path / "all.zip", packed({"one.zip": inner, "c.csv": "3\n"}))
    assert Files(path).names == ("c.csv", "one.zip")
    files = Files(path, inside=r"one\.zip")
    assert files.names == ("c.csv", "one.zip/b.csv", "one.zip/run/a.csv")
    assert [files.text(name) for name in files.names] == ["3\n", "2\n", "1\n"]


def test_a_zip_in_a_folder_is_listed_where_it_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    written(tmp_path / "data" / "one.zip", packed({"a.csv": "1\n"}))
    files = Files(tmp_path, inside=r".*one\.zip")
    assert files.names == ("data/one.zip/a.csv",) and files.text(files.names[0]) == "1\n"


def test_zips_within_each_other_end(tmp_path: Path) -> None:
    data = packed({"a.csv": "1\n"})
    for _ in range(6):
        data = packed({"a.zip": data})
    with pytest.raises(DataError, match=r"more than 3 zips within each other"):
        _ = Files(written(tmp_path / "a.zip", data), inside=r".*\.zip").names


def test_a_bomb_within_a_zip_is_not_unpacked(tmp_path: Path) -> None:
    path = written(tmp_path / "all.zip", packed({"one.zip": packed({"a.csv": bytes(2**25)})}))
    with pytest.raises(DataError, match=r"all\.zip/one\.zip: 'a\.csv' would unpack"):
        _ = Files(path, inside=r"one\.zip").names


# Sources: the same for files that readers take


def test_a_bomb_among_sources_is_not_unpacked(tmp_path: Path) -> None:
    written(tmp_path / "a.zip", packed({"a.csv": bytes(2**25)}))
    with pytest.raises(DataError, match=r"a\.zip: 'a\.csv' would unpack .*, as in a zip bomb"):
        sources(tmp_path)


@pytest.mark.parametrize("in_zip", [False, True])
def test_a_gzip_bomb_is_not_unpacked(in_zip: bool, tmp_path: Path) -> None:
    data = gzip.compress(bytes(2**25))
    name = "a.zip" if in_zip else "a.csv.gz"
    path = written(tmp_path / name, packed({"a.csv.gz": data}) if in_zip else data)
    (source,) = sources(path)
    assert len(source.head()) == 2**16
    with pytest.raises(DataError, match=rf"a\.csv\.gz: {len(data)} bytes unpack to more than 16777216"):
        source.data()


@pytest.mark.parametrize("name", ["a.zip", "a.csv.gz"])
def test_a_damaged_source_is_told_in_one_sentence(name: str, tmp_path: Path) -> None:
    whole = packed({"a.csv": TEXT}) if name == "a.zip" else gzip.compress(TEXT.encode())
    for seed in range(40):
        data = bytearray(whole)
        for at in np.random.default_rng(seed).integers(40, len(whole) - 120, 20):
            data[at] ^= 0x55
        (source,) = sources(written(tmp_path / name, bytes(data)))
        with pytest.raises(DataError, match=r"a\.csv(\.gz)?: cannot be read \(.+\)$"):
            source.data()
    (source,) = sources(written(tmp_path / "cut.csv.gz", gzip.compress(TEXT.encode())[:-20]))
    with pytest.raises(DataError, match=r"cut\.csv\.gz: cannot be read \(.+\)$"):
        source.data()


def test_the_directory_of_a_zip_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A zip of 870 KB with 9500 files took hours: each of them read all names."""
    path = written(tmp_path / "many.zip", packed({f"{n}.csv": f"t,a\n{n},2\n" for n in range(50)}))
    opened = list[Path]()

    class Counted(zipfile.ZipFile):
        def __init__(self, path: Path) -> None:
            opened.append(path)
            super().__init__(path)

    monkeypatch.setattr("odl.data.archive.zipfile.ZipFile", Counted)
    found = sources(path)
    assert [source.data() for source in found][49] == b"t,a\n49,2\n"
    assert len(found) == 50 and len(opened) == 1
    files = Files(path)
    assert len([files.text(name) for name in files.names]) == 50 and len(opened) == 1
    monkeypatch.undo()
    written(path, packed({"new.csv": "t,a\n1,2\n"}))
    assert [source.name for source in sources(path)] == ["new.csv"]
