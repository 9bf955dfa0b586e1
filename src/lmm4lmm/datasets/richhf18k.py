"""RichHF-18K: plausibility, alignment, aesthetics and overall quality of 17,760 images of Pick-a-Pic.

Source: Liang et al., "Rich Human Feedback for Text-to-Image Generation", CVPR 2024, arXiv 2312.10240. Layout:
README of github.com/google-research-datasets/richhf-18k and ``richhf_18k/parse_tfrecord_file.py`` of google-research:
``train``, ``dev`` and ``test.tfrecord`` of ``tf.train.Example`` with ``filename``, four float scores ("all scores
are the higher the better": a high artifact score means few artifacts), two heat maps (not read here) and
``prompt_misalignment_label``. No file was seen. Read by ``tfrecord.py``, without TensorFlow.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from lmm4lmm.core.errors import InputError, ManifestError
from lmm4lmm.datasets.facts import Facts, Scale, write_card
from lmm4lmm.datasets.locating import locate
from lmm4lmm.datasets.oddities import Reading
from lmm4lmm.datasets.released import ReleasedSet
from lmm4lmm.datasets.shaping import scores_table, stem
from lmm4lmm.datasets.tfrecord import Example, read_examples

SPLITS = ("train", "dev", "test")
_SCORES = {
    "artifact_score": "perception",
    "misalignment_score": "correspondence",
    "aesthetics_score": "aesthetics",
    "overall_score": "overall",
}
_TOKENS = "prompt_misalignment_label"
FACTS = Facts(
    title="RichHF-18K",
    source="Liang et al., CVPR 2024, arXiv 2312.10240",
    url="https://github.com/google-research-datasets/richhf-18k",
    licence="not verified",
    licence_from="see the repository; images and prompts are those of Pick-a-Pic",
    size="17,760 images: 15,810 train, 995 dev, 955 test",
    rows=None,
    scales={
        "perception": Scale(0, 1, "`artifact_score`: plausibility, high means few artifacts"),
        "correspondence": Scale(0, 1, "`misalignment_score`: high means well aligned"),
    },
    read_here=False,
)
CARD = write_card(
    FACTS,
    "Four scores an image, and where its faults lie.",
    columns=(
        "`aesthetics`, `overall`, `token_labels` (1 aligned, 0 misaligned, a prompt token each), `split`, "
        "`prompt_group` (one an image, as prompts are not in the files)"
    ),
    oddities=(
        "the files have neither prompts nor generators: both lie in Pick-a-Pic v1, found by the image's name"
    ),
    beware=(
        "names mislead: a high `misalignment_score` is a good match. The scale of 0 to 1 is that of a mirror "
        "on the hub (RAraghavarora/RichHumanFeedback); people were asked on 1 to 5. Images of one prompt "
        "can't be kept together, so intervals come out too narrow"
    ),
)


def find(directory: Path) -> dict[str, Path]:
    """Those of the three files that are there; one is enough.

    Raises:
        InputError: none is.
    """
    if not directory.is_dir():
        raise InputError(f"{directory}: no such folder; {FACTS.title}'s released files are expected in it")
    found = {split: directory / f"{split}.tfrecord" for split in SPLITS}
    present = {split: path for split, path in found.items() if path.is_file()}
    return present or locate(directory, FACTS.title, {split: f"{split}.tfrecord" for split in SPLITS})


def build(files: Mapping[str, Path]) -> Reading:
    """The table, splits in the order train, dev, test.

    Raises:
        ManifestError: a file is no TFRecord file, or a record lacks a field.
    """
    wanted = ("filename", _TOKENS, *_SCORES)
    rows = [
        {"split": split, **_row(path, number, example)}
        for split, path in files.items()
        for number, example in enumerate(read_examples(path, wanted), start=1)
    ]
    frame = pl.DataFrame(rows).with_columns(stem("image").alias("prompt_group"))
    return Reading(scores_table(frame, ("aesthetics", "overall", "token_labels", "split", "prompt_group")))


def _row(path: Path, number: int, example: Example) -> dict[str, str | float | None]:
    name = example.get("filename", [b""])[0]
    if not isinstance(name, bytes) or not name:
        raise ManifestError(path, "the record names no image", row=number, column="filename")
    tokens = example.get(_TOKENS, [b""])[0]
    row: dict[str, str | float | None] = {
        "image": name.decode(),
        "token_labels": tokens.decode() if isinstance(tokens, bytes) else None,
    }
    for theirs, ours in _SCORES.items():
        value = next(iter(example.get(theirs, [])), None)
        if value is None or isinstance(value, bytes):
            raise ManifestError(path, "the record has no such score", row=number, column=theirs)
        row[ours] = float(value)
    return row


DATASET = ReleasedSet("richhf18k", FACTS, CARD, find=find, build=build)
