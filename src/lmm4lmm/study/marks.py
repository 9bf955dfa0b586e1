"""What is odd about how a rater works: marks that ask you to look, each with the figures behind it."""

from __future__ import annotations

from lmm4lmm.study.records import RaterProgress
from lmm4lmm.study.writing import percent

FAST_MS = 1500
GOLD_SHARE = 0.7
GOLD_SEEN = 3
REPEAT_DIFFERENCE = 0.25
REPEATS_SEEN = 3
STRAIGHT = 0.9
STRAIGHT_SEEN = 20

MARKS = {
    "gold": f"fewer than {percent(GOLD_SHARE)} of at least {GOLD_SEEN} gold and trap items as expected",
    "speed": f"half of the answers in less than {FAST_MS / 1000:g} s",
    "repeats": f"the second answer to the same image differs by more than {percent(REPEAT_DIFFERENCE)} of the scale, "
    f"over at least {REPEATS_SEEN} repeats",
    "straight": f"the same answer in {percent(STRAIGHT)} or more of at least {STRAIGHT_SEEN}",
}
"""When a figure is marked. A mark asks you to look; it excludes nobody."""


def marks(rater: RaterProgress) -> dict[str, str]:
    """Keys of ``MARKS`` and the figures behind each; nothing where there is too little to judge by."""
    found = {}
    if rater.gold_seen >= GOLD_SEEN and rater.gold_right / rater.gold_seen < GOLD_SHARE:
        found["gold"] = f"{rater.gold_right} of {rater.gold_seen} gold and trap items as expected"
    if rater.median_ms is not None and rater.median_ms < FAST_MS:
        found["speed"] = f"half of the answers in less than {rater.median_ms / 1000:.2f} s"
    apart = rater.repeat_difference
    if apart is not None and rater.repeats >= REPEATS_SEEN and apart > REPEAT_DIFFERENCE:
        found["repeats"] = (
            f"second answers differ by {percent(apart)} of the scale over {rater.repeats} repeats"
        )
    same = rater.straight_lining
    if same is not None and same >= STRAIGHT and rater.done >= STRAIGHT_SEEN:
        found["straight"] = f"the same answer in {percent(same)} of the images"
    return found
