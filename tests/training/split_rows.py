"""Rows for the tests of splits and leaks: small worlds where much is shared."""

from __future__ import annotations

from pathlib import Path

from hypothesis import strategies as st

from lmm4lmm.core.records import Item
from lmm4lmm.training.examples import Example


def row(identity: str, prompt: str = "", generator: str | None = None, *together: str) -> Example:
    """An example without targets, which no split looks at."""
    item = Item(id=identity, path=Path(f"{identity}.png"), image="", prompt=prompt, generator=generator)
    return Example(item, together=together)


PROMPTS = st.sampled_from(
    ["", "a cat", "A  cat.", "a dog", "a dog ", "cow", "COW", "hen", "pig", "fox", "owl"]
)


@st.composite
def worlds(draw: st.DrawFn, most: int = 30) -> tuple[list[Example], list[str]]:
    """Rows that share prompts, generators and sources, with the hashes of images that some share, too."""
    number = draw(st.integers(1, most))
    few, many = st.integers(0, 3), st.integers(0, 200)
    rows = []
    for n in range(number):
        together = draw(st.lists(many.map("source: {}".format), max_size=2))
        prompt = draw(PROMPTS | many.map("thing {}".format))
        rows.append(row(f"r{n:03}", prompt, f"g{draw(few)}", *together))
    return rows, [draw(many.map("hash{}".format) | st.just("")) for _ in rows]
