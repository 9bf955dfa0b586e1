"""Names in EvalMi-50K: folders and published models, raw tags and the 20 tasks."""

from __future__ import annotations

PUBLISHED: dict[str, str] = {
    "DALLE3": "DALL-E 3",
    "ELLA": "ELLA",
    "EMU3": "Emu3",
    "Infinity": "Infinity",
    "Janus": "Janus",
    "Kandinsky-3": "Kandinsky 3",
    "Kolors": "Kolors",
    "LLMGA": "LLMGA",
    "LWM": "LWM",
    "LaVi-Bridge": "LaVi-Bridge",
    "LlamaGen_256": "LlamaGen",
    "NOVA": "NOVA",
    "PixArt-sigma": "PixArt-Sigma",
    "Show-o": "Show-o",
    "ali_flux_schnell": "FLUX.1-schnell",
    "hart": "HART",
    "i-Code-V3": "i-Code-V3",
    "omnigen": "OmniGen",
    "playground": "Playground",
    "sd3_5_large": "Stable Diffusion 3.5 Large",
    "sd_v2-1": "Stable Diffusion 2.1",
    "sdxl_base_1": "SDXL 1.0 base",
    "seed-xi": "SEED-X",
    "vila-u": "VILA-U",
}
"""Folder in the release -> name under which its makers published the model. The release names no versions
beyond those in the folder names, so none are added here (Playground, Janus, Kolors, ...)."""

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
