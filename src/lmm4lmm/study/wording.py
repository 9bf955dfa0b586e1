"""The words of the scales in each language, and what is asked, unless a design says otherwise.

The five levels are those of ITU-T P.910 and ITU-R BT.500 (Absolute Category Rating), in Chinese as in the national
versions of these recommendations.
"""

from __future__ import annotations

from collections.abc import Mapping

from lmm4lmm.study.design import RANGES, Dimension, Language, Name, Scale
from lmm4lmm.study.records import DimensionView

_FIVE: Mapping[Language, tuple[str, ...]] = {
    "en": ("Bad", "Poor", "Fair", "Good", "Excellent"),
    "zh": ("差", "较差", "一般", "良好", "优"),
}
LABELS: Mapping[Scale, Mapping[Language, tuple[str, ...]]] = {
    "acr5": _FIVE,
    "slider": _FIVE,
    "yes_no": {"en": ("No", "Yes"), "zh": ("否", "是")},
    "pairwise": {
        "en": ("Left", "Right", "No difference"),
        "zh": ("左图", "右图", "没有差别"),
    },
}

QUESTIONS: Mapping[Name, Mapping[Language, str]] = {
    "perception": {
        "en": "How good does this image look, whatever the text says?",
        "zh": "不考虑文字描述，这张图像的视觉质量如何？",
    },
    "correspondence": {
        "en": "How well does this image show what the text says?",
        "zh": "这张图像与文字描述的符合程度如何？",
    },
    "answer": {
        "en": "Does this image show what the text says?",
        "zh": "这张图像是否符合文字描述？",
    },
    "preference": {
        "en": "Which image is better for this text?",
        "zh": "对于这段文字，哪张图像更好？",
    },
}


def view(dimension: Dimension, language: str, question: str = "") -> DimensionView:
    """A dimension as a rater meets it; ``question`` is the item's own, for ``answer``."""
    spoken: Language = "zh" if language == "zh" else "en"
    low, high = RANGES[dimension.kind]
    words = dimension.labels.get(spoken) or LABELS[dimension.kind][spoken]
    own = question if dimension.name == "answer" else ""
    asked = own or dimension.question.get(spoken) or QUESTIONS[dimension.name][spoken]
    return DimensionView(dimension.name, dimension.kind, low, high, tuple(words), asked)


def feedback(right: bool, language: str, own: str = "") -> str:
    """What a rater hears after a training step: the design's words, if it has some, behind right or not."""
    if language == "zh":
        return ("很好，符合预期。" if right else "与多数人的判断不同。") + own
    verdict = "Well seen: most people judge it so." if right else "Most people judge this one differently."
    return f"{verdict} {own}".strip()
