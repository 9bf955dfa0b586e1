"""``lmm4lmm score`` for large models: weights, dtype, devices, and options of the metric's own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lmm4lmm import api
from lmm4lmm.cli.options import parse_options
from lmm4lmm.core.errors import InputError


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What ``load_metric`` was called with; the metric that scores is CONTRIBUTING's."""
    calls: dict[str, Any] = {}
    load = api.load_metric

    def remember(name: str, **given: Any) -> Any:
        calls.update(given, name=name)
        return load("sharpness")

    monkeypatch.setattr(api, "load_metric", remember)
    return calls


def test_everything_reaches_the_metric(cli, manifest: Path, asked: dict[str, Any]) -> None:
    ended = cli(
        *("score", manifest, "-o", "out.jsonl", "--metric", "lmm4lmm", "--weights", "owner/name@v1"),
        *("--dtype", "bfloat16", "--device", "cuda:0,cuda:1"),
        *("--option", "attention=sdpa", "--option", "compile=true", "--option", "quantize=int8"),
    )
    assert ended.code == 0, ended.err
    assert asked == {
        **{"name": "lmm4lmm", "weights": "owner/name@v1", "dtype": "bfloat16", "device": "cuda:0,cuda:1"},
        **{"attention": "sdpa", "compile": True, "quantize": "int8"},
        "dimensions": ("perception", "correspondence", "answer"),
    }


def test_without_them_nothing_is_asked_of_the_metric(cli, manifest: Path, asked: dict[str, Any]) -> None:
    assert cli("score", manifest, "-o", "out.jsonl").code == 0
    assert (asked["name"], asked["weights"], asked["dtype"]) == ("nano", None, "auto")
    assert set(asked) == {"name", "weights", "dtype", "device", "dimensions"}


@pytest.mark.parametrize(
    ("weights", "metric"),
    [("trained", "nano"), ("converted", "lmm4lmm"), ("IntMeGroup/LMM4LMM-Perception", "lmm4lmm")],
)
def test_weights_choose_the_metric_and_that_is_said(
    cli, manifest: Path, asked: dict[str, Any], weights: str, metric: str
) -> None:
    for folder in ("trained", "converted"):
        Path(folder).mkdir()
    Path("trained/facts.json").write_text("{}")
    ended = cli("score", manifest, "-o", "out.jsonl", "--weights", weights)
    assert asked["name"] == metric
    assert f"metric {metric}, to judge by {weights}" in ended.err
    ended = cli("score", manifest, "-o", "out.jsonl", "--weights", weights, "--metric", "other")
    assert asked["name"] == "other"
    assert "to judge by" not in ended.err


def test_the_file_that_tells_nano_is_the_one_that_nano_writes() -> None:
    pytest.importorskip("torch", reason="the [lmm] extra is not installed")
    from lmm4lmm.cli.scoring import _NANO_FACTS
    from lmm4lmm.model.nano import assembly

    assert assembly.FACTS_FILE == _NANO_FACTS
    assert (assembly.package_folder() / _NANO_FACTS).is_file()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--dtype", "bfloat61"), "did you mean bfloat16"),
        (("--weights", "owner/name"), "metric 'sharpness' takes no weights"),
        (("--option", "attention=sdpa"), "takes no option 'attention'; it has no options of its own"),
        (("--option", "attention"), "should be KEY=VALUE"),
        (("--option", "dtype=float16"), "that is --dtype float16"),
        (("--option", "a=1", "--option", "a=2"), "given twice"),
        (("--device", "cpu,toaster"), "device 'toaster'"),
    ],
)
def test_what_is_refused_in_one_line(cli, manifest: Path, words: tuple[str, ...], message: str) -> None:
    if "--device" in words:
        pytest.importorskip("torch", reason="the [lmm] extra is not installed")
    ended = cli("score", manifest, "-o", "out.jsonl", "--metric", "sharpness", *words)
    assert ended.code == 2, (ended.out, ended.err)
    assert message in ended.err
    assert len(ended.err.splitlines()) == 1
    assert not Path("out.jsonl").exists()


def test_two_replicas_write_the_rows_of_one(cli, manifest: Path) -> None:
    pytest.importorskip("torch", reason="the [lmm] extra is not installed")
    assert cli("score", manifest, "-o", "one.jsonl", "--metric", "sharpness").code == 0
    ended = cli("score", manifest, "-o", "two.jsonl", "--metric", "sharpness", "--device", "cpu,cpu")
    assert ended.code == 0, ended.err
    assert Path("one.jsonl").read_bytes() == Path("two.jsonl").read_bytes()
    assert "2 replicas" in ended.err
    rows = [json.loads(line) for line in Path("two.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len(rows) == 12
    assert not any("error" in row for row in rows)


@pytest.mark.parametrize(
    ("pair", "value"),
    [
        ("a=true", True),
        ("a=False", False),
        ("a=none", None),
        ("a=3", 3),
        ("a=-1", -1),
        ("a=0.5", 0.5),
        ("a=1e-3", 1e-3),
        ("a=int8", "int8"),
        ("a=x=y", "x=y"),
        (" a = b ", "b"),
        ("a-b=1", 1),
    ],
)
def test_values_are_what_they_look_like(pair: str, value: object) -> None:
    (found,) = parse_options([pair]).values()
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize("pair", ["", "=", "a=", "=1", "1a=2", "a b=1", "weights=x"])
def test_pairs_that_are_none(pair: str) -> None:
    with pytest.raises(InputError, match="--option"):
        parse_options([pair])


def test_weights_that_are_not_there(cli, manifest: Path, nano_base_folder: Path) -> None:
    ended = cli("score", manifest, "-o", "out.jsonl", "--metric", "nano", "--weights", "no/such/folder")
    assert ended.code == 2
    assert "holds no trained part of nano" in ended.err
