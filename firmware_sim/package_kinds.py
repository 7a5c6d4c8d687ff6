"""The tools that packages are made for. The command line reads this at each start, so it imports little."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class PackageKind:
    """A tool that packages are made for.

    Attributes
    ----------
    name : str
        What ``--as`` takes.
    tool : str
        The tool's name for people; ``built`` is False if no package was ever built with it.
    board : str
        The one file to edit.
    use : str
        How to build the example.
    """

    name: str
    tool: str
    built: bool
    board: str
    use: str


KINDS: Final = {
    kind.name: kind
    for kind in (
        PackageKind("arduino", "the Arduino IDE or arduino-cli", False, "examples/Wear/board.h",
             "Copy the folder into your sketchbook's `libraries` folder, or zip it and choose *Sketch, "
             "Include Library, Add .ZIP Library*. Then open *File, Examples, Wear*."),
        PackageKind("platformio", "PlatformIO", False, "examples/wear/src/board.h",
             "Name your board in `examples/wear/platformio.ini`, then run `pio run --target upload` there."),
        PackageKind("zephyr", "west and Zephyr", False, "samples/wear/src/board.h",
             "`west build -b YOUR_BOARD samples/wear`; the sample names this folder as an extra module."),
        PackageKind("espidf", "idf.py", False, "examples/wear/main/board.h",
             "`idf.py set-target esp32 build flash` in `examples/wear`."),
        PackageKind("cmake", "CMake", True, "examples/wear/board.h",
             "`cmake -B build && cmake --build build`, then `build/wear`, which reads samples line by line. "
             "In a project of your own: `add_subdirectory`, then link to `odl::model`."),
    )
}  # fmt: skip
