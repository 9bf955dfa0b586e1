"""A world as files: images, a manifest and what the panel said, as any other data set has them."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import msgspec

from lmm4lmm.core.errors import InputError
from lmm4lmm.core.files import write_atomically
from lmm4lmm.training.synthetic.again import Asked, asked_again
from lmm4lmm.training.synthetic.world import EDITION, Record, World

_STAMP = "world.json"


def write(world: World, folder: Path, *, check: bool = False, again: int = 0) -> int:
    """Writes a world, or what is missing of it; a killed run is taken up by the next.

    ``manifest.jsonl`` (id, image, prompt, generator, task, question, prompt_group), ``human.jsonl`` (id, prompt,
    generator, task; perception and correspondence, each with standard deviation and number of raters; answer),
    ``truth.jsonl`` (the same without noise and raters) and the images. ``world.json`` says which
    world it is, so that images that are there need not be drawn again.

    Args:
        world: what to write.
        folder: made if absent.
        again: how many other prompts each picture is asked about, in rows of their own (see ``asked_again``);
            perception is judged once.
        check: draw every image again, and replace the files that are not what they should be; else a file that is
            there is trusted, since files are written whole or not at all.

    Returns:
        How many images were written; those that were kept are not counted.

    Raises:
        InputError: the folder holds another world.
    """
    _claim(world, folder)
    manifest, human, truth, written = [], [], [], 0
    for record in world:
        manifest.append(_item(record))
        human.append(_said(world, record))
        truth.append(_known(record))
        for other in asked_again(world, record, again):
            manifest.append(_item(record, other))
            human.append(_said(world, record, other))
            truth.append(_known(record, other))
        path = folder / record.image
        if check or not path.exists():
            written += _write_if_other(path, record.picture.encode())
    for name, rows in (("truth", truth), ("human", human), ("manifest", manifest)):
        _write_if_other(folder / f"{name}.jsonl", b"".join(msgspec.json.encode(row) + b"\n" for row in rows))
    return written


def fingerprint(world: World) -> str:
    """Equal for worlds that have the same records: 16 hex digits."""
    raters = repr(
        [getattr(world.raters, name).tolist() for name in _RATERS] + [world.raters.low, world.raters.high]
    )
    text = f"{EDITION} {world.seed} {world.n_prompts} {world.generators!r} {world.size} {raters}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]


_RATERS = ("bias", "stretch", "inconsistency", "mistaken", "careless")


def _claim(world: World, folder: Path) -> None:
    stamp = {"fingerprint": fingerprint(world), "seed": world.seed, "images": len(world), "edition": EDITION}
    path = folder / _STAMP
    if path.exists():
        try:
            there = msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
        except msgspec.DecodeError as error:
            raise InputError(f"{path}: not what a synthetic world leaves here: {error}") from error
        if there.get("fingerprint") != stamp["fingerprint"]:
            raise InputError(
                f"{folder} holds another world (seed {there.get('seed')}, {there.get('images')} images); "
                "choose another folder"
            )
        return
    if folder.exists() and any(folder.iterdir()):
        raise InputError(
            f"{folder} holds files, but no {_STAMP}; a world is written into a folder of its own"
        )
    write_atomically(path, msgspec.json.format(msgspec.json.encode(stamp)) + b"\n")


def _item(record: Record, other: Asked | None = None) -> dict[str, str]:
    about = other or record
    return {
        "id": about.id,
        "image": record.image,
        "prompt": about.prompt.text,
        "generator": record.generator,
        "task": about.prompt.task,
        "question": about.prompt.question,
        "prompt_group": about.prompt.group,
    }


def _said(world: World, record: Record, other: Asked | None = None) -> dict[str, Any]:
    said, raters = (other or record).opinion, len(world.raters.bias)
    perception = {
        "perception": said.perception,
        "perception_std": said.perception_std,
        "perception_n": raters,
    }
    return {
        **_named(record, other),
        **(perception if other is None else dict.fromkeys(perception)),
        "correspondence": said.correspondence,
        "correspondence_std": said.correspondence_std,
        "correspondence_n": raters,
        "answer": float(said.answer),
    }


def _known(record: Record, other: Asked | None = None) -> dict[str, Any]:
    truth = (other or record).truth
    return {
        **_named(record, other),
        "perception": truth.perception if other is None else None,
        "correspondence": truth.correspondence,
        "answer": float(truth.answer),
    }


def _named(record: Record, other: Asked | None) -> dict[str, str]:
    """What a table of scores needs to be ranked by itself."""
    item = _item(record, other)
    return {name: item[name] for name in ("id", "prompt", "generator", "task")}


def _write_if_other(path: Path, content: bytes) -> bool:
    """Whether it had to be written."""
    if path.exists() and path.read_bytes() == content:
        return False
    write_atomically(path, content)
    return True
