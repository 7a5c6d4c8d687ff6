"""``python -m odl``: the command ``odl``."""

import sys

from odl.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
