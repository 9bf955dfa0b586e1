"""The methods section of a paper, written from what is known of a study: Markdown, with every number filled in.

What the software can't know is listed at the end as open, in words that nobody can take for filled in.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from lmm4lmm.study.design import Dimension, StudyDesign
from lmm4lmm.study.facts import StudyFacts
from lmm4lmm.study.methods_raters import control, people, viewing
from lmm4lmm.study.scored import Figure, Scored
from lmm4lmm.study.wording import view
from lmm4lmm.study.writing import listed, number, percent, several

SCALES = {
    "acr5": "on five levels of absolute category rating (ITU-T P.910)",
    "slider": "on a continuous scale from 0 to 100, whose slider stands nowhere until it is moved",
    "yes_no": "answered by yes or no",
    "pairwise": "as a choice between two images of one prompt, side by side",
}
OPEN = (
    "how raters were found, what they were paid, and the terms that they agreed to beyond the consent page",
    "the approval of an ethics board, or why none was needed",
    "age, sex, eyesight and experience of the raters: none of this was asked",
    "displays, room light and viewing distance beyond what browsers report",
    "how images were generated: versions, settings, seeds, and how they were chosen for the study",
    "whether this analysis was fixed before the ratings were seen",
)
BREAKDOWN = 12
"""Generators named one by one at most."""


def methods_section(facts: StudyFacts, scored: Sequence[Scored], software: str) -> str:
    """The text.

    Args:
        facts: the study.
        scored: how each dimension was scored; a dimension without ratings is missing here, and said so.
        software: name and version.
    """
    parts = [
        f"# Methods: {facts.design.title.get('en') or facts.design.name}",
        _state(facts),
        _paragraph("Images", _images(facts)),
        _paragraph("Questions", _questions(facts)),
        _paragraph("Raters", people(facts)),
        _paragraph("Procedure", _procedure(facts)),
        _paragraph("Quality control", control(facts)),
        _paragraph("Scores", _scores(facts, scored)),
        _agreement(scored),
        _paragraph(
            "Software",
            [f"Ratings were collected and analysed with {software} (study '{facts.design.name}')."],
        ),
        "**Not known to the software; say it, or say that it is unknown:**\n\n"
        + "\n".join(f"- {one};" for one in OPEN[:-1])
        + f"\n- {OPEN[-1]}.",
        _references(scored),
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def _paragraph(title: str, sentences: Iterable[str]) -> str:
    return f"**{title}.** {' '.join(filter(None, sentences))}"


def _state(facts: StudyFacts) -> str:
    """A warning where the study is still open: the numbers will move."""
    if facts.happened("closed"):
        return ""
    return "> The study is still open. The numbers below are those of now, and will change."


def _images(facts: StudyFacts) -> list[str]:
    pairs = facts.design.pairwise
    rows = facts.ratings
    prompts = {row.prompt for row in rows if row.kind == "rated"}
    makers = Counter(one.generator for one in facts.items if one.generator)
    what = "pair of images" if pairs else "image"
    found = [f"{several(len(facts.items), what, 'pairs of images' if pairs else '')} were rated"]
    if prompts - {""}:
        found[0] += f", of {several(len(prompts - {''}), 'prompt')} (as far as they were shown)"
    if makers and not pairs:
        each = sorted(set(makers.values()))
        share = f"{each[0]} each" if len(each) == 1 else f"{each[0]} to {each[-1]} each"
        names = f": {listed(sorted(makers))}" if len(makers) <= BREAKDOWN else ""
        found[0] += f", by {several(len(makers), 'generator')} ({share}{names})"
    found[0] += "."
    found += _apart(facts.design)
    found.append(
        "Who made an image was hidden: names, file names and metadata never reached a rater's browser."
    )
    return found


def _apart(design: StudyDesign) -> list[str]:
    """Images that are in no score."""
    special = [
        (len(design.training), "to practise on"),
        (len({one.item for one in design.gold}), "with a known answer (gold items)"),
        (len({one.item for one in design.traps}), "whose text asks for a certain answer (traps)"),
    ]
    kinds = [f"{count} {what}" for count, what in special if count]
    if not kinds:
        return []
    total = sum(count for count, _ in special)
    shown = "image was" if total == 1 else "images were"
    return [f"{total} more {shown} shown and {'is' if total == 1 else 'are'} in no score: {listed(kinds)}."]


def _questions(facts: StudyFacts) -> list[str]:
    return [_question(one) for one in facts.design.dimensions]


def _question(one: Dimension) -> str:
    shown = view(one, "en")
    labels = list(shown.labels)
    words = {
        "acr5": ", ".join(f"{level} {word}" for level, word in enumerate(labels, 1)),
        "slider": f"labelled {', '.join(labels)} along it",
        "yes_no": "",
        "pairwise": "a tie was allowed" if one.ties else "without a tie",
    }[one.kind]
    asked = f'"{shown.question}"'
    if one.name == "answer":
        asked = f"the image's own question, or where it has none, {asked}"
    return f"{one.name.capitalize()}: {asked}, {SCALES[one.kind]}{f' ({words})' if words else ''}."


def _procedure(facts: StudyFacts) -> list[str]:
    design, session = facts.design, facts.design.session
    found = ["After consent raters read instructions."]
    found += viewing(facts)
    found += _practice(facts)
    shown = "pairs" if design.pairwise else "images"
    sessions = "one session" if session.count == 1 else f"up to {session.count} sessions"
    gap = f", at least {number(session.gap_minutes)} min apart" if session.count > 1 else ""
    found.append(f"They then rated in {sessions} of at most {session.items} {shown}{gap}.")
    if session.break_minutes and session.break_every < design.planned_steps:
        found.append(
            f"A break of at least {_time(session.break_minutes)} came after every {session.break_every} {shown}."
        )
    pair = ", and which image of a pair stood left was balanced" if design.pairwise else ""
    found.append(
        "Everybody got an order of their own, at random but balanced over raters, so that no image came mostly early "
        f"or late{pair}; images with the fewest ratings were given out first, generators in balance. "
        "Images lay on mid-grey and were shown without a time limit; the last answer could be taken back."
    )
    return found


def _time(minutes: float) -> str:
    return f"{number(minutes)} min" if minutes >= 1 else f"{number(60 * minutes)} s"


def _practice(facts: StudyFacts) -> list[str]:
    design = facts.design
    if not design.training:
        return ["There was no training."]
    found = [
        f"Training was on {several(len(design.training), 'image')}; after each, raters heard how their answer "
        "compares."
    ]
    if design.qualification.training_right > 0:
        failed = sum(one.stage == "excluded" and one.excluded_reason is None for one in facts.raters)
        rule = design.qualification
        found.append(
            f"Who answered fewer than {percent(rule.training_right)} of these as expected, in "
            f"{several(rule.attempts, 'try', 'tries')}, could not go on ({several(failed, 'rater')})."
        )
    return found


def _scores(facts: StudyFacts, scored: Sequence[Scored]) -> list[str]:
    rows = facts.counted()
    left = sum(row.excluded for row in facts.ratings if row.kind == "rated")
    beyond = sum(row.kind == "rated" and not row.counted and not row.excluded for row in facts.ratings)
    found = [f"{several(len(rows), 'rating')} make the scores."]
    if left:
        found.append(f"{left:,} of excluded raters are left out.")
    if beyond:
        found.append(f"{beyond:,} came beyond the number that an image wanted and are left out.")
    found += [_spread(facts.design, one) for one in scored]
    for how in dict.fromkeys(one.how for one in scored):
        same = [one.dimension for one in scored if one.how == how]
        found.append(how if len(same) == len(scored) else f"For {listed(same)}: {how}")
    for one in scored:
        if one.left_out:
            found.append(
                f"In {one.dimension} this method left out {listed([f'{r} ({why})' for r, why in one.left_out])}."
            )
        found += [f"({one.dimension}: {warning}.)" for warning in one.warnings]
    without = [d.name for d in facts.design.dimensions if d.name not in {one.dimension for one in scored}]
    if without:
        found.append(f"There are no ratings of {listed(without)}: no score can be reported.")
    return found


def _spread(design: StudyDesign, one: Scored) -> str:
    if one.least == one.most:
        each = f"{several(one.most, 'rating')} each"
    else:
        each = f"{one.least} to {one.most} ratings each, {one.mean:.1f} on average"
    lacking = f"; {one.unscored} have no score" if one.unscored else ""
    wanted = design.ratings_per_item
    short = isinstance(wanted, int) and one.least < wanted and not design.pairwise
    planned = f" (planned: {wanted})" if short else ""
    return f"{one.dimension.capitalize()}: {one.items} images with {each}{planned}{lacking}."


def _agreement(scored: Sequence[Scored]) -> str:
    rows = [(one.dimension, figure) for one in scored for figure in one.agreement]
    if not rows:
        return "**Agreement.** No figure of agreement was computed."
    lines = ["| | agreement of the raters kept | value | 95 % interval |", "| --- | --- | --- | --- |"]
    lines += [f"| {name} | {figure.name} | {_value(figure)} | {_interval(figure)} |" for name, figure in rows]
    return "**Agreement.**\n\n" + "\n".join(lines)


def _value(figure: Figure) -> str:
    return f"none: {figure.reason or 'not defined'}" if figure.value is None else f"{figure.value:.3f}"


def _interval(figure: Figure) -> str:
    if figure.value is None or figure.low is None or figure.high is None:
        return "not computed"
    return f"{figure.low:.3f} to {figure.high:.3f}"


def _references(scored: Sequence[Scored]) -> str:
    found = dict.fromkeys(source for one in scored for source in (*one.sources, *one.sources_of_agreement))
    scales = "Recommendation ITU-T P.910 (2023)."
    sources = [scales, *found] if not any("P.910" in source for source in found) else list(found)
    return "**References.**\n\n" + "\n".join(f"- {source}" for source in sources)
