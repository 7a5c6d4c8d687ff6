"""One description of each option: its checks, the sessions' options, the command line, the documents."""

from __future__ import annotations

import argparse
import ast
import re
from dataclasses import fields
from pathlib import Path

import pytest

import odl
from odl.cli.arguments import add_option
from odl.core.config import ConfigError
from odl.core.fixed_point import Scaling
from odl.evaluate.option_table import OPTIONS, SESSION_OPTIONS
from odl.evaluate.options import Options
from odl.live import LiveOptions
from tests.helpers.option_page import MARK, OWN, PAGE, flags_of, table


def test_the_page_holds_the_table() -> None:
    assert PAGE.read_text(encoding="utf-8").split(MARK)[1] == table(), "python -m tests.helpers.option_page"


def test_a_session_s_options_are_those_of_the_table() -> None:
    assert tuple(field.name for field in fields(Options)) == SESSION_OPTIONS
    assert all(getattr(Options(), name) == OPTIONS[name].default for name in SESSION_OPTIONS)


def test_a_live_session_s_options_are_those_of_the_table() -> None:
    of_the_session = {"options", "by"}  # a mapping of session options, and what no flag says
    assert {field.name for field in fields(LiveOptions)} - of_the_session <= OPTIONS.keys()
    assert all(getattr(LiveOptions(), f.name) == OPTIONS[f.name].default
               for f in fields(LiveOptions) if f.name in OPTIONS)  # fmt: skip


def test_every_flag_of_the_table_is_made_from_it() -> None:
    from odl.cli.main import make_parser

    wrong = []
    for command, action in flags_of(make_parser()):
        for flag in action.option_strings:
            option = OPTIONS.get(flag.removeprefix("--"))
            if option is None or (command, option.name) in OWN:
                continue
            made = argparse.ArgumentParser()
            add_option(made, option.name)
            if type(action) is not type(made._actions[-1]):
                wrong.append(f"{command} {flag}")
    assert wrong == []


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("batch", True, "`batch` is True; it can be 1 to 255"),
        ("batch", 1.0, "`batch` is 1.0; it can be 1 to 255"),
        ("delay", float("nan"), "`delay` is nan; it can be 0 to 1000000 seconds"),
        ("patience", 0, "`patience` is 0; it can be above 0, to 1000000 seconds"),
        ("seed", 2**63 + 1, f"`seed` is {2**63 + 1}; it can be 0 to 2**63"),
        ("every", -1, "`every` is -1; it can be 0 to 1000000 seconds"),
        ("floor", 65536, "`floor` is 65536; it can be 0 to 65535"),
        ("speed", float("inf"), "`speed` is inf; it can be a number above 0"),
        ("learn", "cloud", "`learn` is 'cloud'; it can be host, device or both"),
        ("answers", "guess", "`answers` is 'guess'; it can be truth"),
        ("hold", 1, "`hold` is 1; it can be true or false"),
        ("columns", "ax", "`columns` is 'ax'; it can be a list of names"),
        ("port", 3, "`port` is 3; it can be a text"),
        ("model", 3, "`model` is 3; it can be a path"),
        ("budget", [], "`budget` is []; it can be 20, '12/h', '5/day' or '2%'"),
    ],
)
def test_a_value_that_cannot_be_is_refused_by_the_keyword_s_name(
    name: str, value: object, sentence: str
) -> None:
    with pytest.raises(ConfigError, match=f"^{re.escape(sentence)}$"):
        OPTIONS[name].check(value)


def test_defaults_and_none_pass_the_check() -> None:
    for option in OPTIONS.values():
        option.check(option.default)
        option.check(None)
    assert Options.from_dict({"patience": 0.0}).patience == 0  # recordings of version 0.1.0 may hold it


def test_seconds_become_samples_at_the_model_s_rate() -> None:
    made = Options(every=1.5, floor=9, hold=False).config(50.0, 100, 1, Scaling((), (), ()))
    assert (made.every, made.floor, made.hold, made.patience) == (75, 9, False, 3000)
    assert Options().config(50.0, 100, 1, Scaling((), (), ())).hold


def test_what_is_on_by_default_can_be_switched_off() -> None:
    parser = argparse.ArgumentParser()
    add_option(parser, "hold")
    assert [parser.parse_args(words).hold for words in ([], ["--hold"], ["--no-hold"])] == [None, True, False]


def test_the_library_names_keywords_and_the_command_line_flags(capsys: pytest.CaptureFixture[str]) -> None:
    from odl.cli.main import main

    with pytest.raises(ConfigError, match="^`delay` is -1.0; "):
        odl.replay("shoulder", delay=-1.0)
    assert main(["replay", "shoulder", "--delay", "-1"]) == 2
    assert capsys.readouterr().err == "odl: --delay is -1.0; it can be 0 to 1000000 seconds\n"


def test_no_sentence_of_the_library_names_a_flag(root: Path) -> None:
    flag, command = (
        re.compile(r"\s--[a-z]"),
        re.compile(r"\bodl [a-z]+[^']*"),
    )  # a whole command may have flags
    found = []
    for path in sorted((root / "odl").rglob("*.py")):
        if "cli" in path.parts:
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        parts = {id(part) for one in ast.walk(tree) if isinstance(one, ast.JoinedStr) for part in one.values}
        for text in ast.walk(tree):
            words = ""
            if isinstance(text, ast.JoinedStr):
                words = "".join(str(p.value) if isinstance(p, ast.Constant) else "{}" for p in text.values)
            elif isinstance(text, ast.Constant) and isinstance(text.value, str) and id(text) not in parts:
                words = text.value
            if flag.search(command.sub("", words)):
                found.append(f"line {getattr(text, 'lineno', 0)} of {path.name}")
    assert found == []


def test_no_error_of_the_library_names_a_flag(root: Path) -> None:
    flag = re.compile(rf"--({'|'.join(OPTIONS)})\b")
    found = []
    for path in sorted((root / "odl").rglob("*.py")):
        for error in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            words = ast.unparse(error) if isinstance(error, ast.Raise) else ""
            if "cli" not in path.parts and flag.search(words):
                found.append(f"line {error.lineno} of {path.name}")
    assert found == []
