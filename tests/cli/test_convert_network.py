"""``odl convert`` of a .tflite file: the image, what is said of it, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from odl.cli.main import main
from odl.data.streams import load_model
from odl.evaluate.replay import replay
from tests.helpers.tflite_files import SAME, File

CHANNELS = "ax,ay,az,wx,wy,wz"
UNITS = "g,g,g,rad/s,rad/s,rad/s"


def network(padding: int = 1) -> bytes:
    """Six channels, as the shoulder recordings have them, to four classes."""
    net = File((1, 128, 1, 6), 0.05, -3, 2).conv(8, (5, 1), (2, 1), padding).pool("MAX", 2, 2)
    return net.conv(12, (3, 1)).reduce("MEAN", [1, 2]).dense(4, 0, 5, scale=0.2).softmax().bytes()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "har.tflite"
    path.write_bytes(network())
    return path


def convert(source: Path, *words: str) -> int:
    return main(["convert", str(source), str(source.with_suffix(".odlm")), *words])


def test_classes_without_names_are_told_how_they_get_them(
    source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert convert(source, "--rate", "50") == 0
    assert "--classes A,B,... gives them, in the order of the outputs" in capsys.readouterr().out
    assert convert(source, "--rate", "50", "--no-head", "--force") == 0
    assert "the classes have no names; --classes A,B,... gives them\n" in capsys.readouterr().out
    assert convert(source, "--rate", "50", "--force", "--classes", "a,b,c,d") == 0
    assert "have no names; --classes" not in capsys.readouterr().out


@pytest.mark.peers
def test_a_file_that_the_reference_refuses_is_named(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    net = File((1, 40, 1, 3), 0.05).conv(8, (5, 1)).reduce("MEAN", [1, 2]).dense(4, 0)
    source.write_bytes(net.add("SOFTMAX", [], net._out((1, 4), 0.5, 0), beta=1.0).bytes())
    assert convert(source, "--rate", "50", "--check", "5") == 2
    said = capsys.readouterr().err
    assert "har.tflite: LiteRT cannot run it: " in said and said.strip().count("\n") == said.count(
        "comparing"
    )
    assert not source.with_suffix(".odlm").exists()


def test_an_image_is_written_and_described(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--rate", "50", "--hop", "32", "--columns", CHANNELS, "--units", UNITS, "--classes", "a,b,c,d"]
    assert convert(source, *words) == 0
    image = load_model(source.with_suffix(".odlm"))
    assert (image.hop, image.rate_hz, list(image.names.values())) == (32, 50.0, ["a", "b", "c", "d"])
    said = capsys.readouterr().out
    for part in (
        "windows of 128 samples (2.56 s) every 32, 12 features", "replays and streams",
        "fits a NUCLEO-F401RE", "its classifier is the first head: a, b, c, d", "not compared",
    ):  # fmt: skip
        assert part in said
    assert "no names and units" not in said and convert(source, *words) == 2  # it is there already


def test_a_padded_network_takes_whole_windows(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source.write_bytes(network(SAME))
    assert convert(source, "--rate", "50", "--no-head") == 0
    said = capsys.readouterr().out
    assert "a sample is computed 2 times" in said and "no head yet" in said and "no names and units" in said


@pytest.mark.parametrize("padding", [SAME, 1])
def test_a_converted_image_replays(source: Path, padding: int) -> None:
    source.write_bytes(network(padding))
    assert convert(source, "--rate", "50", "--columns", CHANNELS, "--units", UNITS) == 0
    result = replay("shoulder", model=source.with_suffix(".odlm"), subjects=["9"])
    assert len(result.predictions) > 100


@pytest.mark.peers
def test_check_names_what_it_compared_with(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert convert(source, "--rate", "50", "--check", "50") == 0
    assert "equal to the reference kernels of LiteRT" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("", "--rate is missing: how many samples a second"),
        ("--rate 0", "--rate is 0; a number above 0 and below 4 million is wanted"),
        ("--rate 50 --hop 5", "har.tflite: a hop of 5 samples; multiples of 4 up to"),
        ("--rate 50 --check 0", "--check is 0; a number of windows is wanted"),
        ("--rate 50 --counts", "--counts is not for a network"),
        ("--rate 50 --classes a,b", "har.tflite: 2 classes are named; the network tells 4 apart"),
    ],
)
def test_what_cannot_be_done_is_said(
    source: Path, words: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert convert(source, *words.split()) == 2
    assert said in capsys.readouterr().err and not source.with_suffix(".odlm").exists()


def test_a_damaged_file_is_named(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source.write_bytes(network()[:900])
    assert convert(source, "--rate", "50") == 2
    assert "har.tflite: damaged" in capsys.readouterr().err


def test_options_of_networks_are_for_networks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.csv").write_text("ax\n1\n")
    assert main(["convert", str(tmp_path / "a.csv"), str(tmp_path / "a.odl"), "--hop", "3"]) == 2
    assert "--hop is for networks (.tflite), and a.csv is not one" in capsys.readouterr().err


def test_edge_impulse_calls_its_files_lite(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lite = source.rename(source.with_suffix(".lite"))
    assert convert(lite, "--rate", "50") == 0
    assert "har.odlm: 2" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["har.keras", "har.h5", "har.onnx", "har.pt"])
def test_a_network_of_another_kind_is_told_what_is_wanted(
    name: str, source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert convert(source.rename(source.with_name(name)), "--rate", "50") == 2
    assert f"{name}: a network has to be an int8 .tflite file" in capsys.readouterr().err


def test_every_ending_that_converts_is_named(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert convert(source.rename(source.with_name("har.bin")), "--rate", "50") == 2
    assert "neither in .odl nor .odlm nor .tflite nor .lite nor .csv" in capsys.readouterr().err
