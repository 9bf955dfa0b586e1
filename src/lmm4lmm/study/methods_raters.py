"""The methods section about people: who took part, who was left out, their screens, how carefully they rated."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from statistics import fmean, median

from lmm4lmm.study.facts import StudyFacts
from lmm4lmm.study.records import RaterProgress
from lmm4lmm.study.writing import listed, number, percent, several

LANGUAGES = {"en": "English", "zh": "Chinese"}
_SCREEN = re.compile(r"(\d+)x(\d+), zoom ([\d.]+)")


def people(facts: StudyFacts) -> list[str]:
    """Invited, began, finished, left out and why."""
    raters = facts.raters
    agreed = {row.rater for row in facts.happened("consented")}
    finished = [one for one in raters if one.done and one.done >= one.total]
    some = [one for one in raters if 0 < one.done < one.total]
    excluded = [one for one in raters if one.excluded_reason is not None]
    found = [
        f"{several(len(raters), 'person was', 'people were')} invited by personal links; {len(agreed):,} gave "
        f"consent, {several(len(finished), 'rater')} rated all that they were given"
        + (f" and {len(some):,} a part of it." if some else ".")
    ]
    spoken = Counter(one.language for one in raters if one.name in agreed)
    if len(facts.design.languages) > 1 and spoken:
        found.append(f"The pages were in {listed([f'{LANGUAGES[k]} for {n}' for k, n in spoken.items()])}.")
    if not excluded:
        found.append("Nobody was excluded.")
    else:
        reasons = [f"{one.name} ({one.excluded_reason})" for one in excluded]
        found.append(
            f"{several(len(excluded), 'rater was', 'raters were')} excluded, with everything that they rated: "
            f"{listed(reasons)}."
        )
    if restored := facts.happened("restored"):
        found.append(f"Exclusions taken back: {listed([f'{r.rater} ({r.detail})' for r in restored])}.")
    speeds = [one.median_ms for one in _kept(facts) if one.median_ms is not None]
    shown = "a pair" if facts.design.pairwise else "an image"
    if speeds:
        found.append(
            f"The raters kept took {median(speeds) / 1000:.1f} s {shown} (median of their medians, by the server's "
            "clock)."
        )
    if dates := sorted(row.rated_at for row in facts.ratings):
        first, last = f"{dates[0]:%Y-%m-%d}", f"{dates[-1]:%Y-%m-%d}"
        found.append(f"They rated on {first}." if first == last else f"They rated from {first} to {last}.")
    return found


def viewing(facts: StudyFacts) -> list[str]:
    """The check of the screen, and what browsers reported."""
    wanted = facts.design.viewing_check
    if wanted is None:
        return ["Screens were not checked."]
    rules = [
        f"a window of at least {wanted.min_width} by {wanted.min_height} pixels",
        f"a zoom of at most {number(100 * wanted.max_zoom)} %",
    ]
    if wanted.plates_right:
        rules.append(f"{wanted.plates_right} of 4 colour plates read right")
    found = [f"A check of the screen wanted {listed(rules)}."]
    if not wanted.plates_right:
        found.append("Four colour plates were shown, and not reading them kept nobody out.")
    last: dict[str | None, tuple[float, ...]] = {}
    failed = set()
    for row in facts.happened("viewing checked"):
        if "lacks" in row.detail:
            failed.add(row.rater)
        if seen := _SCREEN.match(row.detail):
            last[row.rater] = tuple(float(part) for part in seen.groups())
    if last:
        widths, heights, zooms = zip(*last.values(), strict=True)
        found.append(
            f"Of {several(len(last), 'rater')} checked, windows were {number_range(widths)} by "
            f"{number_range(heights)} pixels, zooms {number_range([100 * zoom for zoom in zooms])} %; "
            f"{len(failed)} fell short at least once."
        )
    return found


def control(facts: StudyFacts) -> list[str]:
    """Gold and trap items, hidden repeats, and how the raters kept did on them."""
    design, kept = facts.design, _kept(facts)
    gold, traps = len({one.item for one in design.gold}), len({one.item for one in design.traps})
    found = []
    if gold + traps:
        words = [several(gold, "gold item"), several(traps, "trap")]
        shown = [one for one in kept if one.gold_seen]
        line = f"Each rater met {listed([w for w, n in zip(words, (gold, traps), strict=True) if n])}"
        if design.session.count > 1:
            line += " at most, spread over the sessions"
        if shown:
            share = fmean(one.gold_right / one.gold_seen for one in shown)
            line += f"; the raters kept answered {percent(share)} of them as expected"
        found.append(f"{line}.")
    else:
        found.append("There were no gold or trap items.")
    if design.repeats_a_session:
        apart = [one.repeat_difference for one in kept if one.repeat_difference is not None]
        line = f"{several(design.repeats_a_session, 'image')} of a full session came again, hidden"
        if apart:
            away = percent(fmean(apart), 1)
            line += f"; second answers of the raters kept were {away} of the scale away on average"
        found.append(f"{line}. Repeated answers are in no score.")
    else:
        found.append("No image was shown twice.")
    if stop := design.stop_when:
        found.append(
            f"Images whose 95 % interval was wider than {number(stop.half_width)} to either side got more ratings, "
            f"{stop.max_ratings} at most."
        )
    return found


def number_range(values: Sequence[float]) -> str:
    """``800``, or ``800 to 900``."""
    low, high = f"{min(values):.0f}", f"{max(values):.0f}"
    return low if low == high else f"{low} to {high}"


def _kept(facts: StudyFacts) -> list[RaterProgress]:
    return [one for one in facts.raters if one.done and one.excluded_reason is None]
