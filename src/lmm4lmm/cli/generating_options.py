"""Options that ``generate`` and ``bench`` share, and what they become."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from lmm4lmm.cli.options import parse_options
from lmm4lmm.core.errors import InputError

Source = Annotated[
    str,
    typer.Option(
        "--generator",
        metavar="SPEC",
        help="diffusers:DIR_OR_HUB_ID, openai:MODEL, folder:DIR, or a name of `lmm4lmm generators list`.",
    ),
]
Prompts = Annotated[
    str | None,
    typer.Option(
        "--prompts",
        metavar="SET",
        help="evalmi50k, or a file: one prompt a line, or JSONL or CSV with questions.",
    ),
]
Tasks = Annotated[str, typer.Option("--task", "--tasks", metavar="LIST", help="Only prompts of these tasks.")]
PerPrompt = Annotated[int, typer.Option(min=1, max=10_000, help="Images of each prompt.")]
Seed = Annotated[int, typer.Option(min=0, help="Every image gets a seed of its own from it.")]
Limit = Annotated[int | None, typer.Option(min=1, help="Only the first N prompts.")]
Data = Annotated[
    Path | None, typer.Option("--data", metavar="DIR", help="Folder with EvalMi-50K's released files.")
]
Name = Annotated[
    str | None,
    typer.Option("--name", metavar="NAME", help="What rows call the generator; default: its own name."),
]
Device = Annotated[str | None, typer.Option(metavar="NAME", help="diffusers: auto, cpu, cuda, mps.")]
Dtype = Annotated[
    str | None, typer.Option(metavar="NAME", help="diffusers: auto, float32, bfloat16, float16.")
]
Steps = Annotated[int | None, typer.Option(min=1, help="diffusers: steps of denoising.")]
Guidance = Annotated[float | None, typer.Option(help="diffusers: guidance scale.")]
Size = Annotated[str | None, typer.Option(metavar="WxH", help="Pixels, in the form that the source takes.")]
Offload = Annotated[
    str | None, typer.Option(metavar="HOW", help="diffusers, on a small GPU: model or sequential.")
]
BaseUrl = Annotated[
    str | None,
    typer.Option("--base-url", metavar="URL", help="openai: another service; the key is in OPENAI_API_KEY."),
]
Concurrency = Annotated[int | None, typer.Option(min=1, max=256, help="openai: requests at the same time.")]
Price = Annotated[
    float | None, typer.Option("--price-per-image", min=0, help="openai: to count and estimate costs.")
]
MaxCost = Annotated[
    float | None,
    typer.Option("--max-cost", min=0, help="openai: never spend more, all runs into this folder together."),
]
Option = Annotated[
    list[str] | None,
    typer.Option("--option", metavar="KEY=VALUE", help="More for this source, say quality=hd; repeatable."),
]
BatchSize = Annotated[
    str,
    typer.Option(
        "--batch-size", metavar="N", help="diffusers: images a batch, or auto; halved where memory ends."
    ),
]


def joined(named: Mapping[str, Any], more: Sequence[str] | None) -> dict[str, Any]:
    """Options with a name of their own, where given, and those of ``--option``.

    Raises:
        InputError: the same one twice.
    """
    given = {name: value for name, value in named.items() if value is not None}
    extra: dict[str, Any] = dict(raw_options(more or ()))
    if twice := sorted(set(given) & set(extra)):
        raise InputError(f"--option {twice[0]}=...: that is --{twice[0].replace('_', '-')}")
    return given | extra


def raw_options(pairs: Sequence[str]) -> Mapping[str, Any]:
    """``KEY=VALUE`` pairs; a value that is a JSON object stays text, for the source to read."""
    texts = [pair for pair in pairs if "={" in pair.replace(" ", "")]
    objects = {
        key.strip().replace("-", "_"): value.strip()
        for key, _, value in (one.partition("=") for one in texts)
    }
    plain = [pair for pair in pairs if pair not in texts]
    return parse_options(plain, elsewhere={"name": "name"}) | objects
