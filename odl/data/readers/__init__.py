"""Readers: from a file as people have it to tables, the same for every format.

A format is a module here with three names:

``NAME``
    What it reads, for messages: ``"Parquet"``.
``is_mine(source: SourceFile) -> bool``
    Whether it reads this file, told from ``source.path`` (its ending), ``source.name`` and ``source.head()``
    (the first bytes); cheap, and without an import of a heavy package.
``read(source: SourceFile) -> list[RawTable]``
    All tables of the file, at least one with a row. ``source.data()`` are the bytes, unpacked. It raises
    `DataError` with file and row; a package that is missing is an error that names the extra of setup.cfg
    to install. It raises `NotATable` for a file that is read with another, such as the samples of a header,
    or that holds no movement, such as a heart rate, and `NoTable` for one that is empty or something else.

`READERS` lists the modules in the order in which they are asked; text comes last and takes what looks like
text.

**What a reader does not do.** It guesses nothing: not which column is the clock, which are axes, what the
unit is, who the person is. It hands on columns under their names, and beside them only what the file says
in words or fields (`FileFacts`: a rate in a header, a label in a JSON, a split). `odl.data.inference` then
treats all tables alike. Where a format has a matrix without names, the reader names its columns as its
sensor list does (``accX``), else ``column 1``, ``column 2``. Where it has a rate and no clock, it gives
`FileFacts.rate_hz` and no column of time. A nested value (Movesense's ten samples in one message) becomes one
row per sample; its time stamp stays on each of them, equal, and inference spreads it over the packet.

**Several tables in one file** (a sheet each, a group of HDF5, a folder of Empatica E4 in a zip is several
files instead) are several `RawTable` with a ``part`` each. Sensors of different rates are different tables.
"""

from __future__ import annotations

from importlib import import_module

from odl.data.readers.source import SourceFile
from odl.data.readers.table import NoTable, RawTable

READERS = (
    "parquet",
    "hsdatalog",
    "documents",
    "matlab",
    "numpy_arrays",
    "hdf5",
    "excel",
    "wfdb_records",
    "empatica",
    "loggers",
    "serial_log",
    "text",
)


def read_tables(source: SourceFile) -> list[RawTable]:
    """Return the tables of a file, by the first reader that takes it.

    Raises
    ------
    DataError
        If no reader takes it, or the one that does finds a fault.
    """
    for module in READERS:
        reader = import_module(f"odl.data.readers.{module}")
        if reader.is_mine(source):
            tables: list[RawTable] = reader.read(source)
            return tables
    if source.suffix == ".zip":
        raise NoTable(f"{source.path}: a zip within a zip; unpack it first")
    raise NoTable(f"{source.path}: no reader knows this kind of file")
