"""What code needs to know of a data set, beside the words of its card, and the card written from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from lmm4lmm.core.records import Dimension


@dataclass(frozen=True)
class Scale:
    """The scale of one dimension as the set was released; higher is better on all of ours.

    Attributes:
        low: the lowest value that can occur.
        high: the highest.
        what: what was asked or computed, as the source says it.
    """

    low: float
    high: float
    what: str


@dataclass(frozen=True)
class Model:
    """A text-to-image model whose images a set holds.

    Attributes:
        name: under which its makers published it.
        maker: company or institutes; None where not known for sure.
        open_weights: whether the weights can be downloaded; None where that depends on a version not named.
        link: paper or project page; None where not known for sure.
    """

    name: str
    maker: str | None
    open_weights: bool | None
    link: str | None


@dataclass(frozen=True)
class Facts:
    """The structured side of a card.

    Attributes:
        title: the set's published name.
        source: paper and repository.
        url: where the released files are; nothing here fetches it.
        licence: of the tables (images may have others), by its short name, or "none stated", or "not verified".
        licence_from: where that stands.
        size: what there is, in words.
        rows: rows of the table that the released files give; None where they were never read here.
        scales: what is scored, on what scale; a dimension that is absent is null in the table.
        raters: people who judged each image, where that is one number.
        ceilings: the SRCC that the noise of human scores leaves to any metric.
        known: kind of oddity -> how many of it the released files have. More of a kind, or another kind, means
            that the files at hand are not the released ones.
        read_here: whether the reader was run on the released files. False: it was written from documentation.
        models: generator in the table -> the model, where that is known.
        tasks: in the order of the source; empty where it has none, or no order.
    """

    title: str
    source: str
    url: str
    licence: str
    licence_from: str
    size: str
    rows: int | None
    scales: Mapping[Dimension, Scale]
    raters: int | None = None
    ceilings: Mapping[Dimension, float] = field(default_factory=dict)
    known: Mapping[str, int] = field(default_factory=dict)
    read_here: bool = True
    models: Mapping[str, Model] = field(default_factory=dict)
    tasks: tuple[str, ...] = ()


def write_card(facts: Facts, about: str, *, columns: str = "", oddities: str = "", beware: str = "") -> str:
    """A card in Markdown: facts and words in the order that all cards have.

    Args:
        facts: source, licence, size, scales, raters.
        about: one sentence.
        columns: beside those of every scores table.
        oddities: what is odd in the released files, and what the reader does about it.
        beware: what misleads whoever uses the set.
    """
    scales = "; ".join(
        f"`{dimension}` {scale.low:g} to {scale.high:g}, higher is better ({scale.what})"
        for dimension, scale in facts.scales.items()
    )
    points = {
        "Source": f"{facts.source}; {facts.url}",
        "Licence": f"{facts.licence} ({facts.licence_from})",
        "Size": facts.size,
        "Scale": scales,
        "Raters": f"{facts.raters} an image" if facts.raters else "",
        "Columns": f"beside those of every scores table {columns}" if columns else "",
        "Oddities": oddities,
        "Beware": beware,
        "Layout": ""
        if facts.read_here
        else "read from documentation; never tried on the released files here",
    }
    lines = [f"- **{name}**: {text}." for name, text in points.items() if text]
    return "\n".join([f"# {facts.title}", "", about, "", *lines, ""])
