"""The documentation site: `make docs` builds it from these pages, the notebooks and the docstrings."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import odl  # noqa: E402

project = "odl"
author = copyright = "The odl contributors"
version = release = odl.__version__

# The project's root is the source folder, so that links between README, pages and notebooks stay as they are.
root_doc = "docs/index"
include_patterns = ["docs/*.md", "notebooks/*.ipynb", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"]
exclude_patterns = [".*", "site", "build", "dist", "out", "odl-demo", "tests", "odl"]
extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_argparse_cli",
]
myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence"]
suppress_warnings = ["ref.python"]  # a word of a docstring that is the name of several attributes

# The notebooks run when the site is built; a cell that fails ends the build.
nb_execution_mode = "force"
nb_execution_in_temp = True
nb_execution_raise_on_error = True
nb_execution_timeout = 300
nb_execution_show_tb = True
nb_merge_streams = True
nb_ipywidgets_js: dict[str, dict[str, str]] = {}  # widgets would load their scripts from another host

autodoc_typehints = "none"  # numpydoc's sections have the types
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True, "show-inheritance": True}
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True
add_module_names = False

html_theme = "furo"
html_title = f"odl {release}"
html_extra_path = ["site"]
html_copy_source = False
html_show_sphinx = False
html_theme_options = {"navigation_with_keys": True}


def setup(app: Any) -> None:
    app.connect("env-check-consistency", check_public_names)


def check_public_names(app: Any, env: Any) -> None:
    """Warn, which ends a strict build, of each name that `odl` offers and the reference lacks."""
    from sphinx.util import logging

    documented = {name for name, *_ in env.get_domain("py").get_objects()}
    for name in odl.__all__:
        if not name.startswith("_") and f"odl.{name}" not in documented:
            logging.getLogger(__name__).warning("odl.%s is public and has no entry in docs/api.md", name)
