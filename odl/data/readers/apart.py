"""Files whose packages crash or hang at damaged bytes, read by a process of their own.

libhdf5 and scipy's reader of MATLAB files trust lengths within the file: a few changed bytes end the process
that reads them, or keep it busy for ever, which no ``except`` catches. So one child process, started at the
first such file, is sent the bytes and answers with tables; where it dies, the file is refused and the next
one gets a new child. It may spend some seconds of processor time on a file (where the system counts that, so
not on Windows). Nothing but JSON and the numbers of arrays passes between the two.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from odl.data.card import DataError
from odl.data.readers.source import SourceFile
from odl.data.readers.table import FileFacts, NoTable, NotATable, RawTable

SECONDS, SECONDS_PER_MB = 1.0, 1.0  # of the processor that one file may take
_ERRORS = {error.__name__: error for error in (DataError, NotATable, NoTable)}
MEMORY, MEMORY_PER_BYTE = 2**27, 100  # bytes that one file may take beside what the child has
_ROWS = "\0rows"  # the numbers of a table's rows, among its columns
_COMMAND = "from odl.data.readers.apart import serve; serve()"

Group = tuple[dict[str, Any], dict[str, NDArray[Any]]]


@dataclass(frozen=True)
class Bytes(SourceFile):
    """A file whose bytes are at hand."""

    content: bytes = b""

    def data(self) -> bytes:
        """The bytes."""
        return self.content

    def _read(self, size: int) -> bytes:
        return self.content[:size]


def tables_apart(module: str, source: SourceFile, data: bytes) -> list[RawTable]:
    """Return what ``parse(source, data)`` of a module of readers finds, run in the child.

    Raises
    ------
    DataError
        As ``parse`` does; and if the child dies or takes too long at this file.
    """
    return [
        RawTable(
            source.path, columns, rows=columns.pop(_ROWS, meta["row"]), units=meta["units"],
            facts=_facts(meta["facts"]), part=meta["part"],
        )
        for meta, columns in _asked(module, "parse", source, data)
    ]  # fmt: skip


def arrays_apart(module: str, source: SourceFile, data: bytes) -> dict[str, NDArray[Any]]:
    """Return what a module's ``numbers(source, data)`` finds, run in the child; see `tables_apart`."""
    ((_, arrays),) = _asked(module, "numbers", source, data)
    return arrays


def _facts(written: dict[str, Any]) -> FileFacts:
    spans = tuple((int(first), int(end), str(label)) for first, end, label in written["spans"])
    texts = {"breaks": tuple(written["breaks"]), "notes": tuple(written["notes"])}
    return FileFacts(**(written | {"spans": spans} | texts))


# --- the parent ---

_child: subprocess.Popen[bytes] | None = None
_parent = 0
_lock = threading.Lock()


def _asked(module: str, function: str, source: SourceFile, data: bytes) -> list[Group]:
    head = {
        "module": module, "function": function, "path": str(source.path), "name": source.name,
        "size": len(data), "seconds": SECONDS + SECONDS_PER_MB * len(data) / 1e6,
    }  # fmt: skip
    with _lock:
        child = _running()
        assert child.stdin is not None and child.stdout is not None
        try:
            child.stdin.write(json.dumps(head).encode() + b"\n")
            child.stdin.write(data)
            child.stdin.flush()
            return _received(child.stdout)
        except DataError:
            raise
        except (OSError, EOFError):
            ended = child.wait()
            slow = hasattr(signal, "SIGPROF") and ended == -signal.SIGPROF
            why = f"it takes more than {head['seconds']:.1f} s" if slow else "it makes the reader crash"
            raise DataError(f"{source.path}: this is damaged: {why}; it was not read") from None
        except BaseException:  # Ctrl-C: half an answer may be in the pipe
            child.kill()
            child.wait()
            raise


def _running() -> subprocess.Popen[bytes]:
    global _child, _parent
    if _parent != os.getpid():  # a fork: the child and its pipes are those of the process that forked
        _child, _parent = None, os.getpid()
    if _child is None or _child.poll() is not None:
        if _child is not None:
            _close(_child)
        home = str(Path(__file__).resolve().parents[3])
        paths = [home, *filter(None, [os.environ.get("PYTHONPATH")])]
        _child = subprocess.Popen(
            [sys.executable, "-P", "-c", _COMMAND], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
        )  # fmt: skip
        atexit.register(_close, _child)
    return _child


def _close(child: subprocess.Popen[bytes]) -> None:
    """End the child; it keeps nothing that could be lost."""
    if _parent != os.getpid():
        return
    child.kill()
    child.wait()
    for pipe in (child.stdin, child.stdout):
        if pipe is not None:
            with contextlib.suppress(OSError):  # what it was sent and did not read
                pipe.close()


def _received(pipe: IO[bytes]) -> list[Group]:
    head = json.loads(_line(pipe))
    if "error" in head:
        raise _ERRORS[head["kind"]](head["error"])
    groups = []
    for meta in head["groups"]:
        arrays: dict[str, NDArray[Any]] = {}
        for name, dtype, shape in meta.pop("arrays"):
            arrays[name] = _taken(pipe, dtype, shape)
        groups.append((meta, arrays))
    return groups


def _taken(pipe: IO[bytes], dtype: str, shape: list[int]) -> NDArray[Any]:
    if dtype == "text":
        lengths = _taken(pipe, "<i8", shape)
        text = _exactly(pipe, int(lengths.sum())).decode()
        ends = np.cumsum(_taken(pipe, "<i8", shape)).tolist()
        return np.array([text[a:b] for a, b in zip([0, *ends], ends, strict=False)], object)
    kind = np.dtype(dtype)
    raw = np.empty(kind.itemsize * int(np.prod(shape, dtype=np.int64)), np.uint8)
    if not len(raw):
        return np.empty(shape, kind)
    if pipe.readinto(raw) < len(raw):  # type: ignore[attr-defined]
        raise EOFError
    return raw.view(kind).reshape(shape)


def _line(pipe: IO[bytes]) -> bytes:
    line = pipe.readline()
    if not line.endswith(b"\n"):
        raise EOFError
    return line


def _exactly(pipe: IO[bytes], size: int) -> bytes:
    data = pipe.read(size)
    if len(data) < size:
        raise EOFError
    return data


# --- the child ---


def serve() -> None:
    """Read files from the standard input and answer on the standard output until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides
    asked, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a package prints is no answer
    while line := asked.readline():
        head = json.loads(line)
        name = head["name"]
        source = Bytes(Path(head["path"]), name, content=_exactly(asked, head["size"]))
        module = import_module(f"odl.data.readers.{head['module']}")
        _limit(head["seconds"], head["size"])
        try:
            groups = _groups(getattr(module, head["function"])(source, source.content))
        except DataError as error:
            _limit(0)
            _send(answers, {"error": str(error), "kind": type(error).__name__}, ())
        else:
            _limit(0)
            metas = [meta | {"arrays": [_described(*a) for a in arrays.items()]} for meta, arrays in groups]
            _send(answers, {"groups": metas}, (a for _, arrays in groups for a in arrays.values()))


def _limit(seconds: float, size: int = 0) -> None:
    """Die when this process has used so many more seconds of the processor; 0 for never.

    With a ``size``, it gets as much more memory as a file of so many bytes may take (on Linux).
    """
    if hasattr(signal, "setitimer"):  # not on Windows
        signal.setitimer(signal.ITIMER_PROF, seconds)  # what it sends ends a process, whatever that is doing
    if size:
        with contextlib.suppress(ImportError, OSError, ValueError, IndexError):  # not Linux
            import resource

            used = 1024 * int(Path("/proc/self/status").read_text().split("VmData:")[1].split()[0])
            hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
            resource.setrlimit(resource.RLIMIT_DATA, (used + MEMORY + MEMORY_PER_BYTE * size, hard))


def _groups(found: list[RawTable] | dict[str, NDArray[Any]]) -> list[Group]:
    if isinstance(found, dict):
        return [({}, found)]
    groups = []
    for table in found:
        meta = {"row": 1, "units": table.units, "facts": asdict(table.facts), "part": table.part}
        columns = dict(table.columns)
        if isinstance(table.rows, int):
            meta["row"] = table.rows
        else:
            columns[_ROWS] = table.rows
        groups.append((meta, columns))
    return groups


def _described(name: str, array: NDArray[Any]) -> tuple[str, str, tuple[int, ...]]:
    return name, "text" if array.dtype.kind == "O" else array.dtype.str, array.shape


def _send(answers: IO[bytes], head: dict[str, Any], arrays: Iterable[NDArray[Any]]) -> None:
    answers.write(json.dumps(head).encode() + b"\n")
    for array in arrays:
        if array.dtype.kind == "O":
            texts = [str(cell).encode("utf-8", "replace").decode() for cell in array]
            packed = [text.encode() for text in texts]
            answers.write(np.array([len(p) for p in packed], "<i8").tobytes())
            answers.write(b"".join(packed))
            answers.write(np.array([len(t) for t in texts], "<i8").tobytes())
        else:
            answers.write(array.tobytes())
    answers.flush()
