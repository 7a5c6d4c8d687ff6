"""BibTeX for odl, for datasets and for the methods."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import odl
from odl.data import list_datasets, load_card

_METHODS = r"""@inproceedings{tactile2025,
  title = {{TActiLE}: Tiny Active {LEarning} for wearable devices},
  author = {Pavan, Massimo and Galimberti, Claudio and Roveri, Manuel},
  booktitle = {International Joint Conference on Neural Networks (IJCNN)},
  year = {2025},
  eprint = {2505.01160},
  archiveprefix = {arXiv}
}

@inproceedings{dendron2025,
  title = {Dendron: Enhancing Human Activity Recognition with On-Device {TinyML} Learning},
  author = {Shalby, Hazem and Roveri, Manuel},
  booktitle = {IEEE CIES},
  year = {2025},
  eprint = {2503.01353},
  archiveprefix = {arXiv}
}"""

_DATA = {
    "shoulder": r"""@article{burns2018shoulder,
  title = {Shoulder physiotherapy exercise recognition: machine learning the inertial signals from
    a smartwatch},
  author = {Burns, David M. and Leung, Nathan and Hardisty, Michael and Whyne, Cari M. and
    Henry, Patrick and McLachlin, Stewart},
  journal = {Physiological Measurement},
  volume = {39},
  number = {7},
  pages = {075007},
  year = {2018},
  eprint = {1802.01489},
  archiveprefix = {arXiv}
}""",
    "hapt": r"""@article{reyesortiz2015hapt,
  title = {Transition-Aware Human Activity Recognition Using Smartphones},
  author = {Reyes-Ortiz, Jorge-L. and Oneto, Luca and Sam{\`a}, Albert and Parra, Xavier and Anguita, Davide},
  journal = {Neurocomputing},
  volume = {171},
  pages = {754--767},
  year = {2016}
}""",
}  # fmt: skip


def bibtex(datasets: Iterable[str] | None = None) -> str:
    """BibTeX entries for odl, the two methods, and ``datasets`` (all that are known by default).

    A dataset without an entry of its own gets a ``@misc`` from its card.

    Examples
    --------
    >>> [line.split("{")[1] for line in bibtex(["hapt"]).splitlines() if line.startswith("@")]
    ['odl,', 'tactile2025,', 'dendron2025,', 'reyesortiz2015hapt,']
    """
    software = (
        "@software{odl,\n  title = {odl: learning on the device from a wearable's stream},\n"
        "  author = {{The odl contributors}},\n"
        f"  version = {{{odl.__version__}}},\n  year = {{{date.today().year}}},\n"
        "  license = {BSD-3-Clause}\n}"
    )
    names = list(list_datasets() if datasets is None else datasets)
    return "\n\n".join([software, _METHODS, *(_DATA.get(name) or _from_card(name) for name in names)])


def _from_card(name: str) -> str:
    card = load_card(name)
    text = (card.citation or card.origin).translate(str.maketrans("", "", "{}\\"))
    return f"@misc{{{name},\n  title = {{{card.title}}},\n  note = {{{text}}}\n}}"
