"""The core in a process of its own, built with AddressSanitizer and UBSan.

Its memory is shared with Python, so it is a machine like the others. What was not handed out is
poisoned: a read or a write one byte beside a room ends the process, as does undefined behaviour.
"""

from __future__ import annotations

import mmap
import os
import struct
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import numpy as np

from firmware_sim import host
from firmware_sim.headers import CORE
from firmware_sim.machine import SIGNATURES, Room

FLAGS = (
    "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer",
    "-Wno-conversion",  # which GCC sees where a sanitiser has rewritten an expression
)  # fmt: skip
ARENA = 4 * 2**20
GAP = 64  # bytes between two rooms
_TYPES = {"p": "void *", "z": "size_t", "i": "int32_t", "I": "uint32_t", "l": "int64_t", "L": "uint64_t",
          "h": "int16_t", "B": "uint8_t", "v": "void"}  # fmt: skip
_OPEN, _CLOSE = len(SIGNATURES), len(SIGNATURES) + 1

SERVER = """\
#define _DEFAULT_SOURCE
#include <fcntl.h>
#include <sanitizer/asan_interface.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core.h"
#include "host.h"

static char *arena;

static void *at(uint64_t place)
{
    return place == 0 ? NULL : arena + place;
}

static uint64_t call(uint64_t which, const uint64_t *a)
{
    switch (which) {
@CASES@
    case @OPEN@: __asan_unpoison_memory_region(at(a[0]), a[1]); return 0;
    case @CLOSE@: __asan_poison_memory_region(at(a[0]), a[1]); return 0;
    default: return 0;
    }
}

int main(int argc, char **argv)
{
    uint64_t words[12];
    int file = argc == 2 ? open(argv[1], O_RDWR) : -1;
    arena = mmap(NULL, @ARENA@, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (file < 0 || arena == MAP_FAILED)
        return 2;
    __asan_poison_memory_region(arena, @ARENA@);
    while (fread(words, sizeof words, 1, stdin) == 1) {
        uint64_t result = call(words[0], words + 1);
        fwrite(&result, sizeof result, 1, stdout);
        fflush(stdout);
    }
    return 0;
}
"""


def server() -> str:
    """The program: a case for each function."""
    cases = []
    for number, (name, signature) in enumerate(SIGNATURES.items()):
        result, types = signature[0], signature[1:]
        values = [f"at(a[{i}])" if t == "p" else f"({_TYPES[t]})a[{i}]" for i, t in enumerate(types)]
        does = f"{name}({', '.join(values)})"
        does = f"{does}; return 0;" if result == "v" else f"return (uint64_t){does};"
        cases.append(f"    case {number}: {does}")
    text = SERVER.replace("@CASES@", "\n".join(cases)).replace("@ARENA@", str(ARENA))
    return text.replace("@OPEN@", str(_OPEN)).replace("@CLOSE@", str(_CLOSE))


@cache
def build(sizes: tuple[tuple[str, int], ...], core: Path = CORE) -> Path:
    """The program for these sizes."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "server.c"
        source.write_text(server())
        return host.build(dict(sizes), core=core, flags=FLAGS, program=str(source))


class Stopped(AssertionError):
    """A sanitiser ended the process, and what it said."""


class SanitisedMachine:
    """See `firmware_sim.machine.Machine`."""

    def __init__(self, program: Path) -> None:
        handle, name = tempfile.mkstemp()
        os.ftruncate(handle, ARENA)
        self._map = mmap.mmap(handle, ARENA)
        os.close(handle)
        self._arena = np.frombuffer(self._map, np.uint8)
        self._rooms: list[tuple[int, int]] = []
        self._next = GAP
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        self._process = subprocess.Popen(
            [program, name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._said
        )
        self._numbers = {function: number for number, function in enumerate(SIGNATURES)}
        self._send(_OPEN, GAP, 0)  # when it has answered it has opened the file
        os.unlink(name)

    def __del__(self) -> None:
        for pipe in (self._process.stdin, self._process.stdout, self._said):
            if pipe:
                pipe.close()
        self._process.wait()

    def _send(self, what: int, *arguments: int) -> bytes:
        words = [what, *(a & (2**64 - 1) for a in arguments)]
        assert self._process.stdin and self._process.stdout
        try:
            self._process.stdin.write(struct.pack("<12Q", *words, *[0] * (12 - len(words))))
            self._process.stdin.flush()
            answer = self._process.stdout.read(8)
        except BrokenPipeError:
            answer = b""
        if len(answer) != 8:
            self._process.wait()
            self._said.seek(0)
            raise Stopped(self._said.read().decode()[:3000])
        return answer

    def room(self, size: int) -> Room:
        """Memory that the process sees too."""
        at = self._next
        self._next = at + -(-size // 8) * 8 + GAP
        if self._next > ARENA:
            raise MemoryError(f"no room for {size} bytes")
        self._rooms.append((at, size))
        self._send(_OPEN, at, size)
        self._arena[at : at + size] = 0
        return Room(at, self._arena[at : at + size])

    def mark(self) -> int:
        """How many rooms there are."""
        return len(self._rooms)

    def rewind(self, mark: int) -> None:
        """Close those behind the first ``mark``."""
        for at, size in self._rooms[mark:]:
            self._send(_CLOSE, at, size)
        if mark < len(self._rooms):
            self._next = self._rooms[mark][0]
        del self._rooms[mark:]

    def call(self, name: str, *arguments: int) -> int:
        """Call a function of the core."""
        answer = self._send(self._numbers[name], *arguments)
        kind = {
            "v": "<B",
            "i": "<i",
            "I": "<I",
            "B": "<B",
            "h": "<h",
            "l": "<q",
            "L": "<Q",
            "z": "<Q",
            "p": "<Q",
        }
        value = struct.unpack_from(kind[SIGNATURES[name][0]], answer)[0]
        return 0 if SIGNATURES[name][0] == "v" else int(value)
