"""Choosing a device, a dtype and an attention kernel; GPUs are made up, this machine need not have one."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="the [lmm] extra is not installed")

from lmm4lmm.core.errors import InputError, UnknownNameError  # noqa: E402
from lmm4lmm.model.devices import Devices, choose, choose_attention, choose_dtype  # noqa: E402

HALF = (torch.float16, torch.bfloat16)


@pytest.fixture
def gpus(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Makes torch say that it finds so many CUDA GPUs of a compute capability."""

    def pretend(count: int, capability: tuple[int, int] = (9, 0)) -> None:
        monkeypatch.setattr(torch.cuda, "is_available", lambda: count > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
        monkeypatch.setattr(torch.cuda, "device", lambda _: contextlib.nullcontext())
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _=None: capability)

        def bf16(including_emulation: bool = True) -> bool:
            return including_emulation or capability >= (8, 0)

        monkeypatch.setattr(torch.cuda, "is_bf16_supported", bf16)

    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    pretend(0)
    return pretend


def test_auto_is_every_cuda_gpu(gpus: Callable[..., None]) -> None:
    gpus(3)
    assert choose("auto") == Devices(("cuda:0", "cuda:1", "cuda:2"), "auto: torch finds 3 CUDA GPUs")
    gpus(1)
    assert choose("auto") == Devices(("cuda:0",), "auto: torch finds a CUDA GPU")


def test_auto_without_cuda(gpus: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    assert choose("auto") == Devices(("cpu",), "auto: torch finds no GPU")
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert choose("auto") == Devices(("mps",), "auto: torch finds Apple's GPU")


def test_a_driver_that_hides_every_gpu_is_no_gpu(
    gpus: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    gpus(1)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)  # as with CUDA_VISIBLE_DEVICES=""
    assert choose("auto").names == ("cpu",)


def test_several_are_tried_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[str] = []
    monkeypatch.setattr(torch, "empty", lambda _, *, device: tried.append(device))
    assert choose("cuda:0, cuda:1").names == ("cuda:0", "cuda:1")
    assert tried == ["cuda:0", "cuda:1"]


def test_the_same_device_twice_is_allowed() -> None:
    assert choose("cpu,cpu") == Devices(("cpu", "cpu"), "as asked")


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ("toaster", "device 'toaster' can't be used: Expected one of cpu, cuda"),
        ("cpu,toaster", "device 'toaster'"),
        ("meta", "device 'meta' can't be used: it holds no numbers"),
        ("hpu", "device 'hpu' can't be used: No module named"),
        ("cpu,", "device '' can't be used"),
        ("", "device '' can't be used"),
        ("cpu,auto", "'auto' stands alone"),
    ],
)
def test_what_can_not_be_used_is_said_in_one_line(wanted: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        choose(wanted)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_cuda_without_cuda_gives_torch_s_reason() -> None:
    with pytest.raises(InputError, match=r"device 'cuda:1' can't be used: \w+"):
        choose("cpu,cuda:1")


@pytest.mark.parametrize(
    ("device", "capability", "expected"),
    [
        ("cuda:0", (9, 0), torch.bfloat16),
        ("cuda", (8, 0), torch.bfloat16),
        ("cuda:1", (7, 5), torch.float16),
        ("cpu", (9, 0), torch.float32),
        ("mps", (9, 0), torch.float32),
    ],
)
def test_auto_dtype(
    gpus: Callable[..., None], device: str, capability: tuple[int, int], expected: torch.dtype
) -> None:
    gpus(2, capability)
    dtype, why = choose_dtype("auto", device)
    assert dtype == expected
    assert why.startswith("auto: ")


@pytest.mark.parametrize("name", ["float32", "bfloat16", "float16"])
def test_a_dtype_as_asked_for(name: str) -> None:
    assert choose_dtype(name, "cpu") == (getattr(torch, name), "as asked")


def test_dtypes_that_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UnknownNameError, match="did you mean bfloat16"):
        choose_dtype("bfloat", "cpu")
    with pytest.raises(UnknownNameError, match="known: auto, bfloat16, float16, float32"):
        choose_dtype("int8", "cpu")

    def fails(*_: object) -> None:
        raise RuntimeError("\"addmm_impl_cpu_\" not implemented for 'Half'\nmore")

    monkeypatch.setattr(torch, "mm", fails)
    with pytest.raises(InputError, match=r"cpu can't compute in float16: .* 'Half'$"):
        choose_dtype("float16", "cpu")


@pytest.fixture
def flash_attn(monkeypatch: pytest.MonkeyPatch) -> Any:
    module = ModuleType("flash_attn")
    monkeypatch.setitem(sys.modules, "flash_attn", module)
    return module


@pytest.mark.parametrize("dtype", HALF)
def test_flash_attention_where_it_can_run(
    gpus: Callable[..., None], flash_attn: Any, dtype: torch.dtype
) -> None:
    gpus(1)
    assert choose_attention("auto", "cuda:0", dtype)[0] == "flash_attention_2"
    assert choose_attention("flash_attention_2", "cuda:0", dtype) == ("flash_attention_2", "as asked")
    assert choose_attention("sdpa", "cuda:0", dtype) == ("sdpa", "as asked")


@pytest.mark.parametrize(
    ("device", "dtype", "capability", "missing"),
    [
        ("cpu", torch.bfloat16, (9, 0), ["CUDA GPU .the device is cpu"]),
        ("cuda:0", torch.float32, (9, 0), ["float16 or bfloat16 .the dtype is float32"]),
        ("cuda:0", torch.float16, (7, 5), ["compute capability 8.0 or more .this one has 7.5"]),
        ("cpu", torch.float32, (9, 0), ["CUDA GPU", "the dtype is float32"]),
    ],
)
def test_flash_attention_where_something_is_missing(
    gpus: Callable[..., None],
    flash_attn: Any,
    device: str,
    dtype: torch.dtype,
    capability: tuple[int, int],
    missing: list[str],
) -> None:
    gpus(1, capability)
    with pytest.raises(InputError, match=".*".join(missing)):
        choose_attention("flash_attention_2", device, dtype)
    name, why = choose_attention("auto", device, dtype)
    assert name == "sdpa"
    assert why.startswith("auto: flash_attention_2 needs ")


def test_flash_attention_that_is_absent_or_broken(
    gpus: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    gpus(1)
    monkeypatch.setitem(sys.modules, "flash_attn", None)
    with pytest.raises(InputError, match="flash-attn, which is not installed"):
        choose_attention("flash_attention_2", "cuda:0", torch.float16)

    def broken(_: str) -> ModuleType:
        raise ImportError("undefined symbol: _ZN3c10\nat 0x1")

    monkeypatch.setattr("lmm4lmm.model.devices.import_module", broken)
    name, why = choose_attention("auto", "cuda:0", torch.float16)
    assert (name, "undefined symbol" in why, "\n" in why) == ("sdpa", True, False)


def test_an_unknown_attention_is_helped_along() -> None:
    with pytest.raises(UnknownNameError, match="did you mean flash_attention_2"):
        choose_attention("flash_attention", "cpu", torch.float32)
