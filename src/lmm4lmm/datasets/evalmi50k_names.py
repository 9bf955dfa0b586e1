"""Names in EvalMi-50K: folders and published models, raw tags and the 20 tasks."""

from __future__ import annotations

from lmm4lmm.datasets.facts import Model

_ARXIV = "https://arxiv.org/abs/"
MODELS: dict[str, Model] = {
    "DALLE3": Model("DALL-E 3", "OpenAI", False, "https://openai.com/index/dall-e-3"),
    "ELLA": Model("ELLA", "Tencent", True, _ARXIV + "2403.05135"),
    "EMU3": Model("Emu3", "BAAI", True, _ARXIV + "2409.18869"),
    "Infinity": Model("Infinity", "ByteDance", True, _ARXIV + "2412.04431"),
    "Janus": Model("Janus", "DeepSeek", True, _ARXIV + "2410.13848"),
    "Kandinsky-3": Model("Kandinsky 3", "Sber AI", True, _ARXIV + "2312.03511"),
    "Kolors": Model("Kolors", "Kuaishou", True, "https://github.com/Kwai-Kolors/Kolors"),
    "LLMGA": Model("LLMGA", "The Chinese University of Hong Kong", True, _ARXIV + "2311.16500"),
    "LWM": Model("LWM", "UC Berkeley", True, _ARXIV + "2402.08268"),
    "LaVi-Bridge": Model("LaVi-Bridge", "The University of Hong Kong", True, _ARXIV + "2403.07860"),
    "LlamaGen_256": Model("LlamaGen", "The University of Hong Kong, ByteDance", True, _ARXIV + "2406.06525"),
    "NOVA": Model("NOVA", "BAAI", True, _ARXIV + "2412.14169"),
    "PixArt-sigma": Model("PixArt-Sigma", "Huawei Noah's Ark Lab", True, _ARXIV + "2403.04692"),
    "Show-o": Model("Show-o", "National University of Singapore", True, _ARXIV + "2408.12528"),
    "ali_flux_schnell": Model(
        "FLUX.1-schnell",
        "Black Forest Labs",
        True,
        "https://huggingface.co/black-forest-labs/FLUX.1-schnell",
    ),
    "hart": Model("HART", "MIT, NVIDIA", True, _ARXIV + "2410.10812"),
    "i-Code-V3": Model("i-Code-V3", "Microsoft", True, "https://github.com/microsoft/i-Code"),
    "omnigen": Model("OmniGen", "BAAI", True, _ARXIV + "2409.11340"),
    "playground": Model(
        "Playground",
        "Playground AI",
        True,
        "https://huggingface.co/playgroundai/playground-v2.5-1024px-aesthetic",
    ),
    "sd3_5_large": Model(
        "Stable Diffusion 3.5 Large",
        "Stability AI",
        True,
        "https://huggingface.co/stabilityai/stable-diffusion-3.5-large",
    ),
    "sd_v2-1": Model("Stable Diffusion 2.1", "Stability AI", True, _ARXIV + "2112.10752"),
    "sdxl_base_1": Model("SDXL 1.0 base", "Stability AI", True, _ARXIV + "2307.01952"),
    "seed-xi": Model("SEED-X", "Tencent", True, _ARXIV + "2404.14396"),
    "vila-u": Model("VILA-U", "MIT HAN Lab", True, _ARXIV + "2409.04429"),
}
"""Folder in the release -> the model. The release's README links one page a model, so that Playground is known to be
version 2.5; it names no other version beyond those in its folder names (Janus, Infinity, NOVA, ...)."""

PUBLISHED: dict[str, str] = {folder: model.name for folder, model in MODELS.items()}
"""Folder in the release -> published name."""

COMPLEX = "complex"
TASKS: tuple[str, ...] = (
    "single_class",
    "two_class",
    "counting",
    "colors",
    "position",
    "shapes",
    "texture",
    "scene",
    "style",
    "OCR",
    "HOI",
    "human",
    "emotion",
    "Linguistic Structures",
    "view",
    "World Knowledge",
    "face",
    "imagination",
    "time and light",
    COMPLEX,
)
"""The 20 tasks, as the release writes them, in the paper's order."""

_DETAILS = {"detail", "details"}
_MERGED = {"color_attr": "colors"}


def fold_tag(raw: str) -> tuple[str, bool]:
    """The task of a raw tag, and whether its prompt is a detailed one.

    ``+ detail(s)`` says that the prompt is a long version; more than one tag besides means ``complex``.
    ``color_attr`` alone goes to ``colors``: our reading, as the paper lists 20 tasks and none of that name.

    Raises:
        KeyError: the tag is none of the release's.
    """
    parts = [part.strip() for part in raw.split("+")]
    tags = [part for part in parts if part not in _DETAILS]
    task = COMPLEX if len(tags) > 1 else _MERGED.get(tags[0], tags[0]) if tags else raw
    if task not in TASKS:
        raise KeyError(raw)
    return task, len(tags) < len(parts)
