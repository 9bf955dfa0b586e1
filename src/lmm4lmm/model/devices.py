"""What a model runs on: device, dtype and attention kernel, chosen or checked, each with the reason in words.

Torch is imported by the functions, so that who only needs the names need not wait for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from lmm4lmm.core.errors import InputError, UnknownNameError

if TYPE_CHECKING:
    import torch

DTYPES = ("auto", "float32", "bfloat16", "float16")
ATTENTIONS = ("auto", "sdpa", "flash_attention_2", "eager")

_FLASH_FROM = (8, 0)
"""The compute capability (Ampere) that flash attention 2 starts at."""


@dataclass(frozen=True)
class Devices:
    """What was chosen.

    Attributes:
        names: as torch calls them, at least one; a name twice means two models there.
        why: the reason, to be shown to people.
    """

    names: tuple[str, ...]
    why: str


def choose(wanted: str) -> Devices:
    """The devices that were asked for, each tried.

    Args:
        wanted: ``auto`` (every CUDA GPU that torch sees, else Apple's GPU, else the processor), one of torch's
            names, or several separated by commas.

    Raises:
        InputError: one of them can't be used, with torch's reason.
    """
    if wanted.strip() == "auto":
        return _found()
    names = tuple(name.strip() for name in wanted.split(","))
    for name in names:
        _try(name)
    return Devices(names, "as asked")


def choose_one(wanted: str, what: str) -> tuple[str, str]:
    """The device for one model, and why; of several that ``auto`` finds the first.

    Args:
        wanted: as for ``choose``.
        what: what shall run there, for the message.

    Raises:
        InputError: several are named, or it can't be used.
    """
    chosen = choose(wanted)
    if len(chosen.names) > 1 and wanted != "auto":
        raise InputError(f"one {what} runs on one device, not on '{wanted}'; load_metric() makes several")
    return chosen.names[0], chosen.why


def _found() -> Devices:
    import torch

    if torch.cuda.is_available() and (count := torch.cuda.device_count()):
        found = "a CUDA GPU" if count == 1 else f"{count} CUDA GPUs"
        return Devices(tuple(f"cuda:{index}" for index in range(count)), f"auto: torch finds {found}")
    if torch.backends.mps.is_available():
        return Devices(("mps",), "auto: torch finds Apple's GPU")
    return Devices(("cpu",), "auto: torch finds no GPU")


def _try(name: str) -> None:
    import torch

    if name == "auto":
        raise InputError("device 'auto' stands alone: it means every GPU there is")
    try:
        if torch.device(name).type == "meta":
            raise RuntimeError("it holds no numbers")
        torch.empty(0, device=name)
    # Torch raises nearly anything for a back end that it was built without.
    except (RuntimeError, AssertionError, ImportError, ValueError) as error:
        raise InputError(f"device '{name}' can't be used: {_first_line(error)}") from error


def choose_dtype(wanted: str, device: str) -> tuple[torch.dtype, str]:
    """The dtype that a large model runs in, and why.

    Args:
        wanted: one of ``DTYPES``; ``auto`` is bfloat16 on a CUDA GPU that computes in it, float16 on another
            CUDA GPU, and float32 elsewhere.
        device: one of torch's names.

    Raises:
        InputError: no such dtype, or the device can't compute in it.
    """
    import torch

    if wanted not in DTYPES:
        raise UnknownNameError("dtype", wanted, DTYPES)
    kind = torch.device(device).type
    if wanted != "auto":
        dtype: torch.dtype = getattr(torch, wanted)
        _try_dtype(dtype, wanted, device)
        return dtype, "as asked"
    if kind == "cuda" and _computes_bfloat16(device):
        return torch.bfloat16, "auto: this GPU computes in bfloat16"
    if kind == "cuda":
        return torch.float16, "auto: this GPU does not compute in bfloat16"
    return torch.float32, f"auto: on {kind} it is the safe one"


def _computes_bfloat16(device: str) -> bool:
    import torch

    with torch.cuda.device(device):
        native: bool = torch.cuda.is_bf16_supported(including_emulation=False)
    return native


def _try_dtype(dtype: torch.dtype, wanted: str, device: str) -> None:
    """Lets the device multiply two small matrices, the work that a model consists of."""
    import torch

    try:
        ones = torch.ones(2, 2, dtype=dtype, device=device)
        torch.mm(ones, ones)
    except (RuntimeError, TypeError) as error:
        raise InputError(f"{device} can't compute in {wanted}: {_first_line(error)}") from error


def choose_attention(wanted: str, device: str, dtype: torch.dtype) -> tuple[str, str]:
    """The attention kernel, as transformers calls it, and why.

    Args:
        wanted: one of ``ATTENTIONS``; ``auto`` is flash_attention_2 where it can run, else sdpa.
        device: one of torch's names.
        dtype: of the model.

    Raises:
        InputError: no such kernel, or flash_attention_2 can't run; says what is missing.
    """
    if wanted not in ATTENTIONS:
        raise UnknownNameError("attention", wanted, ATTENTIONS)
    if wanted in ("sdpa", "eager"):
        return wanted, "as asked"
    missing = _missing_for_flash(device, dtype)
    if not missing:
        return "flash_attention_2", "as asked" if wanted != "auto" else "auto: flash_attn is installed"
    if wanted == "auto":
        return "sdpa", f"auto: flash_attention_2 needs {missing[0]}"
    raise InputError(
        f"attention 'flash_attention_2' can't be used: it needs {' and '.join(missing)}; or sdpa"
    )


def _missing_for_flash(device: str, dtype: torch.dtype) -> list[str]:
    """What flash attention 2 lacks here; the package is only imported where all else is right."""
    import torch

    missing = []
    if torch.device(device).type != "cuda":
        missing.append(f"a CUDA GPU (the device is {device})")
    elif (found := torch.cuda.get_device_capability(device)) < _FLASH_FROM:
        missing.append(f"a GPU of compute capability 8.0 or more (this one has {found[0]}.{found[1]})")
    if dtype not in (torch.float16, torch.bfloat16):
        missing.append(f"float16 or bfloat16 (the dtype is {str(dtype).removeprefix('torch.')})")
    if not missing and (why := _flash_attn_fails()):
        missing.append(why)
    return missing


def _flash_attn_fails() -> str:
    """Why the package can't be imported; empty where it can. Built for another torch it is there and fails."""
    try:
        import_module("flash_attn")
    except ModuleNotFoundError:
        return "the package flash-attn, which is not installed"
    except (ImportError, OSError) as error:
        return f"a flash-attn that fits this torch ({_first_line(error)})"
    return ""


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
