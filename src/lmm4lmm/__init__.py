"""lmm4lmm: how good the images of text-to-image models are, in numbers that people would agree with.

What lies here is the Python front door, loaded when it is first used::

    import lmm4lmm
    scores = lmm4lmm.score(images=["cat.png"], prompts=["a photo of a cat"])
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from lmm4lmm.api import (
        evaluate,
        leaderboard,
        load_metric,
        read_human,
        read_scores,
        score,
        write_report,
    )
    from lmm4lmm.api_agreement import compare_metrics, write_folds, write_study
    from lmm4lmm.api_generate import generate, load_generator, load_prompts, make_prompts
    from lmm4lmm.api_ranking import compare, plan, write_comparison, write_leaderboard
    from lmm4lmm.api_study import analyse_ratings, rating_document, write_scores_of_people
    from lmm4lmm.api_train import train

__all__ = [
    "__version__",
    "analyse_ratings",
    "compare",
    "compare_metrics",
    "evaluate",
    "generate",
    "leaderboard",
    "load_generator",
    "load_metric",
    "load_prompts",
    "make_prompts",
    "plan",
    "rating_document",
    "read_human",
    "read_scores",
    "score",
    "train",
    "write_comparison",
    "write_folds",
    "write_leaderboard",
    "write_report",
    "write_scores_of_people",
    "write_study",
]


def __getattr__(name: str) -> object:
    """Opens ``api`` when something of it is asked for: ``import lmm4lmm`` itself stays instant."""
    if name not in __all__:
        raise AttributeError(f"module 'lmm4lmm' has no attribute '{name}'")
    from lmm4lmm import api, api_agreement, api_generate, api_ranking, api_study, api_train

    rooms = {
        "train": api_train,
        **dict.fromkeys(api_agreement.__all__, api_agreement),
        **dict.fromkeys(api_generate.__all__, api_generate),
        **dict.fromkeys(api_ranking.__all__, api_ranking),
        **dict.fromkeys(api_study.__all__, api_study),
    }
    return getattr(rooms.get(name, api), name)


def __dir__() -> list[str]:
    return sorted(__all__)
