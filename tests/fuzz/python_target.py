"""One Python target under atheris: `python -m tests.fuzz.python_target NAME [options of libFuzzer]`.

Coverage is counted in `odl`, but for its kernels, which Numba compiles.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
import warnings

from odl.core import kernels


def main() -> None:
    """Instrument what is imported, then run until libFuzzer is done."""
    import atheris

    for module in pkgutil.iter_modules(kernels.__path__, f"{kernels.__name__}."):
        importlib.import_module(module.name)  # before anything is instrumented: Numba compiles them
    with atheris.instrument_imports(include=["odl"]):
        from tests.fuzz import readers
    warnings.simplefilter("ignore")
    name = sys.argv.pop(1)
    readers.run(name, b"")  # kernels are compiled now, not in the first execution
    atheris.Setup(sys.argv, lambda data: readers.run(name, data))
    atheris.Fuzz()


if __name__ == "__main__":
    main()
