"""TActiLE's image experiment: policies beside random choice at equal labels, on MNIST and its kin.

A small convolutional network is trained on half of the images of five classes and frozen in int8. A stream of
other images, of all ten classes, runs through it; a policy chooses which are labelled, within an exact budget
and in batches; the integer head is learned anew with each batch and tested on images of its own. Everything
that varies stands in study.toml beside this file. The folders of DIR have the names of its sets, and the
files in them are as published: four idx files, or a tar of PART/CLASS/NAME.jpg.

Needs torch (extra `train`), SciPy (extra `study`) and, for CIFAR-10, Pillow (extra `images`).

    python -m benchmarks.images --data DIR [--study FILE] [--json FILE]
    python -m benchmarks.images --tables FILE       # the tables of such a JSON file again
"""

from __future__ import annotations

import argparse
import json
import time
import tomllib
from pathlib import Path
from typing import Any

from benchmarks.images.choosing import bytes_kept, chooser_of
from benchmarks.images.sessions import Start, session
from benchmarks.images.table import labels_of, page
from odl.study.description import StudyPart

STUDY = Path(__file__).with_name("study.toml")


def say(line: str) -> None:
    print(f"[{time.perf_counter() - BEGAN:5.0f} s] {line}", flush=True)


def run(data: Path, study: dict[str, Any]) -> dict[str, Any]:
    """Every session of the study."""
    from benchmarks.images.material import material_of

    labels = labels_of(study["policies"])
    parts = [StudyPart.read("policies", entry) for entry in study["policies"]]
    result: dict[str, Any] = {"study": study, "sets": {}}
    for name in study["sets"]:
        say(f"{name}: the extractor")
        seen = study["known"], study["steps"][name], study["tested"], study["extractor"]
        material = material_of(data / name, *seen)
        features = material.x.shape[1]
        sizes = study["labels"], study["batch"], study["stream"]
        result["bytes"] = {
            label: bytes_kept(part, study["batch"], study["stream"], features)
            for label, part in zip(labels, parts, strict=True)
        }
        rows: list[dict[str, Any]] = []
        for start in (Start(key, **has) for key, has in study["starts"].items()):
            for label, part in zip(labels, parts, strict=True):
                for seed in range(study["seeds"]):
                    chooser = chooser_of(part, *sizes, seed, features)
                    figures = session(material, start, study["stream"], seed, chooser)
                    rows.append({"start": start.name, "policy": label, "seed": seed, **figures})
                say(f"{name}, start {start.name}: {label}, {study['seeds']} seeds")
        result["sets"][name] = {"extractor": dict(material.about), "rows": rows}
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder of the sets' folders")
    parser.add_argument("--study", type=Path, default=STUDY)
    parser.add_argument("--json", type=Path, help="write all figures")
    parser.add_argument("--tables", type=Path, help="print the tables of such a file, and run nothing")
    given = parser.parse_args()
    if given.tables:
        print(page(json.loads(given.tables.read_text())))
        return
    if given.data is None:
        print("skipped: the image sets are not bundled; name their folder with --data")
        return
    result = run(given.data, tomllib.loads(given.study.read_text()))
    if given.json:
        given.json.write_text(json.dumps(result))
    print(page(result))


BEGAN = time.perf_counter()
if __name__ == "__main__":
    main()
