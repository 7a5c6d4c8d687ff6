"""Whether the oldest versions that setup.cfg allows can be installed together, and work.

    python .ci/oldest.py             ask pip whether they fit together; nothing is installed
    python .ci/oldest.py --run DIR   also install those that odl itself needs into DIR, and run odl there

Each lower bound becomes an exact version; what these need in turn is the newest that fits. The extras "docs",
"lint", "train" and "peers" are left out: linters are pinned by nobody, and torch and TFLite are gigabytes.
"""

from __future__ import annotations

import argparse
import configparser
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LEFT_OUT = {"docs", "lint", "train", "peers"}
TRY = ["pytest==8.2.0", "hypothesis==6.100"]  # to run the golden sessions with


def groups() -> dict[str, list[str]]:
    """The requirements of odl itself ("") and of each extra."""
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    found = {"": config["options"]["install_requires"], **config["options.extras_require"]}
    return {name: [line for line in text.split("\n") if line.strip()] for name, text in found.items()}


def oldest(*names: str) -> list[str]:
    """The requirements of these groups, each at its lower bound."""
    pins = set()
    for line in (line for name in names for line in groups()[name]):
        package, bound, version = line.partition(">=")
        if not bound or not version.replace(".", "").isdecimal():
            sys.exit(f"setup.cfg: '{line}' has no lower bound such as numpy>=2.0")
        pins.add(f"{package}=={version}")
    packages = [pin.partition("==")[0] for pin in pins]
    for package in sorted(set(packages)):
        if packages.count(package) > 1:
            sys.exit(f"setup.cfg: {package} has two lower bounds")
    return sorted(pins)


def run(*words: str | Path) -> None:
    print("+", *words, flush=True)
    subprocess.run(list(map(str, words)), check=True, cwd=ROOT)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--run", type=Path, metavar="DIR", help="install into DIR, and run odl there")
    args = parser.parse_args()
    install = ["-m", "pip", "install", "-q", "--only-binary", ":all:"]
    everything = oldest(*(name for name in groups() if name not in LEFT_OUT))
    run(sys.executable, *install, "--dry-run", "--ignore-installed", *everything)
    print(f"{len(everything)} packages fit together at their lower bounds")
    if args.run is not None:
        venv.create(args.run, with_pip=True)
        python = args.run / ("Scripts" if sys.platform == "win32" else "bin") / "python"
        run(python, *install, *oldest(""), *TRY)
        run(python, "-m", "odl", "demo", "--out", args.run / "demo")
        run(python, "-m", "pytest", "-q", "tests/golden/test_sessions.py", "tests/wire")


if __name__ == "__main__":
    main()
