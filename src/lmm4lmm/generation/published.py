"""The 24 generators of EvalMi-50K and how each could be run, from what their makers published.

Names and makers stand in ``datasets.evalmi50k_names``. Hub ids are from public knowledge and were not fetched here:
no hub could be reached where this was written. The release does not say which versions or settings drew its images,
so what runs under an id need not equal what people judged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_OWN_CODE = "its code is its own repository's; there is no diffusers pipeline for it that we know of"


@dataclass(frozen=True)
class Recipe:
    """How to run one.

    Attributes:
        run: what ``--generator`` takes; None where lmm4lmm can't run it.
        options: settings that its makers recommend; what the user says wins.
        hub: the repository of its weights on the Hugging Face hub, where we are sure of it.
        note: why it can't be run, or what to know before.
    """

    run: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    hub: str | None = None
    note: str = ""


def _diffusers(hub: str, note: str = "", **options: Any) -> Recipe:
    return Recipe(f"diffusers:{hub}", options, hub, note)


PUBLISHED: dict[str, Recipe] = {
    "DALLE3": Recipe("openai:dall-e-3", {"size": "1024x1024"}, note="an API: needs a key and costs money"),
    "ELLA": Recipe(hub="QQGYLab/ELLA", note=f"an adapter for Stable Diffusion 1.5; {_OWN_CODE}"),
    "EMU3": Recipe(hub="BAAI/Emu3-Gen", note=f"a language model over image tokens; {_OWN_CODE}"),
    "Infinity": Recipe(hub="FoundationVision/Infinity", note=_OWN_CODE),
    "Janus": Recipe(hub="deepseek-ai/Janus-1.3B", note=f"the release does not say which Janus; {_OWN_CODE}"),
    "Kandinsky-3": _diffusers("kandinsky-community/kandinsky-3", steps=25),
    "Kolors": _diffusers("Kwai-Kolors/Kolors-diffusers", steps=50, guidance=5.0),
    "LLMGA": Recipe(note=_OWN_CODE),
    "LWM": Recipe(hub="LargeWorldModel/LWM-Chat-1M-Jax", note=f"runs on JAX; {_OWN_CODE}"),
    "LaVi-Bridge": Recipe(note=f"adapters between several language and vision models; {_OWN_CODE}"),
    "LlamaGen_256": Recipe(hub="FoundationVision/LlamaGen", note=_OWN_CODE),
    "NOVA": Recipe(hub="BAAI/nova-d48w1024-sdxl1024", note=_OWN_CODE),
    "PixArt-sigma": _diffusers("PixArt-alpha/PixArt-Sigma-XL-2-1024-MS", steps=20, guidance=4.5),
    "Show-o": Recipe(hub="showlab/show-o", note=_OWN_CODE),
    "ali_flux_schnell": _diffusers(
        "black-forest-labs/FLUX.1-schnell",
        "the folder's name says Alibaba Cloud served it; these are the makers' open weights",
        steps=4,
        guidance=0.0,
    ),
    "hart": Recipe(hub="mit-han-lab/hart-0.7b-1024px", note=_OWN_CODE),
    "i-Code-V3": Recipe(hub="microsoft/i-Code-V3", note=f"also called CoDi; {_OWN_CODE}"),
    "omnigen": _diffusers("Shitao/OmniGen-v1-diffusers", steps=50, guidance=2.5),
    "playground": _diffusers(
        "playgroundai/playground-v2.5-1024px-aesthetic",
        "the release does not say which Playground; this is the newest with open weights",
        steps=50,
        guidance=3.0,
    ),
    "sd3_5_large": _diffusers(
        "stabilityai/stable-diffusion-3.5-large",
        "gated: accept its licence on the hub first",
        steps=28,
        guidance=3.5,
    ),
    "sd_v2-1": _diffusers(
        "stabilityai/stable-diffusion-2-1",
        "may be gone from the hub; any copy in diffusers' layout will do: diffusers:DIR",
        steps=50,
        guidance=7.5,
    ),
    "sdxl_base_1": _diffusers("stabilityai/stable-diffusion-xl-base-1.0", steps=50, guidance=5.0),
    "seed-xi": Recipe(hub="AILab-CVPR/SEED-X-17B", note=_OWN_CODE),
    "vila-u": Recipe(hub="mit-han-lab/vila-u-7b-256", note=_OWN_CODE),
}
"""Folder in the release -> how to run it."""
