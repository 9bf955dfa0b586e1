"""What a metric's loader is called with, and what is refused before it is called."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import lmm4lmm
from lmm4lmm.core.catalog import Catalog
from lmm4lmm.core.errors import InputError
from lmm4lmm.core.records import DIMENSIONS
from lmm4lmm.metrics.replicas import Replicas, every_gpu
from lmm4lmm.model.devices import Devices

CALLS: list[dict[str, Any]] = []


class Named:
    """A metric that only knows where it is."""

    fingerprint, dimensions = "named-1", DIMENSIONS

    def __init__(self, **given: Any) -> None:
        CALLS.append(given)
        self.device = given["device"]


def plain(*, device: str, dimensions: Sequence[str], dtype: str) -> Named:
    return Named(device=device, dimensions=dimensions, dtype=dtype)


def large(
    *,
    device: str,
    dimensions: Sequence[str],
    dtype: str,
    weights: str | Path | None = None,
    attention: str = "auto",
    compile: bool = False,
) -> Named:
    options = {"weights": weights, "attention": attention, "compile": compile}
    return Named(device=device, dimensions=dimensions, dtype=dtype, **options)


def anything(**options: Any) -> Named:
    return Named(**options)


@pytest.fixture(autouse=True)
def catalogue(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("loaders_of_this_test")
    vars(module).update(
        plain=plain,
        large=large,
        spread=every_gpu(partial(large)),
        anything=anything,
    )
    monkeypatch.setitem(sys.modules, module.__name__, module)
    names = {name: f"{module.__name__}:{name}" for name in ("plain", "large", "spread", "anything")}
    monkeypatch.setattr("lmm4lmm.metrics.loading.METRICS", Catalog("metric", names, "none.at.all"))
    CALLS.clear()


def test_weights_and_options_reach_a_loader_that_takes_them() -> None:
    lmm4lmm.load_metric("large", weights="some/repo", compile=True, dimensions=["answer"], dtype="float16")
    assert CALLS == [
        {
            **{"device": "auto", "dimensions": ("answer",), "dtype": "float16"},
            **{"weights": "some/repo", "attention": "auto", "compile": True},
        }
    ]


def test_what_was_not_given_is_left_to_the_loader() -> None:
    lmm4lmm.load_metric("anything")
    assert CALLS == [{"device": "auto", "dimensions": DIMENSIONS, "dtype": "auto"}]


def test_a_loader_that_takes_anything_gets_it() -> None:
    lmm4lmm.load_metric("anything", weights="w", colour="red")
    assert CALLS[0].items() >= {"weights": "w", "colour": "red"}.items()


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("plain", {"weights": "w"}, "^metric 'plain' takes no weights$"),
        ("plain", {"attention": "sdpa"}, "'plain' takes no option 'attention'; it has no options of its own"),
        ("large", {"atention": "sdpa"}, "its options are attention, compile; did you mean attention"),
        ("large", {"zzz": 1}, "takes no option 'zzz'; its options are attention, compile$"),
    ],
)
def test_what_the_loader_does_not_take_is_refused(name: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        lmm4lmm.load_metric(name, **options)
    assert CALLS == []


def test_several_devices_are_several_calls() -> None:
    pytest.importorskip("torch", reason="the [lmm] extra is not installed")
    metric = lmm4lmm.load_metric("large", device="cpu, cpu", weights="w")
    assert isinstance(metric, Replicas)
    assert [(call["device"], call["weights"]) for call in CALLS] == [("cpu", "w")] * 2
    with pytest.raises(InputError, match="device 'toaster'"):
        lmm4lmm.load_metric("large", device="cpu,toaster")


@pytest.mark.parametrize(
    ("name", "found", "expected"),
    [
        ("spread", ("cuda:0", "cuda:1"), ["cuda:0", "cuda:1"]),
        ("spread", ("cuda:0",), ["auto"]),
        ("large", ("cuda:0", "cuda:1"), ["auto"]),
    ],
)
def test_auto_is_every_gpu_only_for_loaders_that_say_so(
    name: str, found: tuple[str, ...], expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    choose: Callable[[str], Devices] = lambda wanted: Devices(found, "made up")  # noqa: E731
    monkeypatch.setattr("lmm4lmm.model.devices.choose", choose)
    lmm4lmm.load_metric(name)
    assert [call["device"] for call in CALLS] == expected


def test_without_torch_the_loader_is_asked_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    lmm4lmm.load_metric("spread")
    assert [call["device"] for call in CALLS] == ["auto"]
