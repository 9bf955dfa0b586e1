"""The self-test of a large model's weights: whole, complete, sane, and saying what they said when they were written.

Nothing here trusts the files: tensors come from safetensors or from pickles that hold nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from lmm4lmm.core.errors import WeightsError
from lmm4lmm.core.records import DIMENSIONS, Dimension
from lmm4lmm.model import drawn, needs
from lmm4lmm.model.base_source import model_on
from lmm4lmm.model.checkpoint import Checkpoint
from lmm4lmm.model.findings import BAD, MIND, OK, Finding, bad, size
from lmm4lmm.model.inspection import inspect
from lmm4lmm.model.loading import LoadOptions, build
from lmm4lmm.model.quality_model import QualityModel
from lmm4lmm.model.result_file import RESULT_FILE
from lmm4lmm.model.saved_manifest import Drawn, read_manifest, verify
from lmm4lmm.model.sources import Located, locate, read
from lmm4lmm.model.trained import base_of, read_trained

SCORE_TOLERANCE, ANSWER_TOLERANCE = 0.05, 0.001
"""How far a score (0 to 100) and a probability may be from the recorded one: another machine's arithmetic."""
SCORE_DRIFT, ANSWER_DRIFT = 3.0, 0.1
"""How far bfloat16 may be from float32: more means that half precision gives other scores."""

_FOR_DRIFT = 2
"""Pictures that are scored in bfloat16 too: on a processor it can take longer than float32."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class Checked:
    """What the self-test found.

    Attributes:
        label: what was checked.
        findings: in the order in which it was looked.
        scores: of the drawn pictures in float32; None where the model was not run.
    """

    label: str
    findings: tuple[Finding, ...]
    scores: Drawn | None


def check(
    weights: str | Path | Sequence[str | Path] | None,
    *,
    dimensions: Collection[Dimension] = DIMENSIONS,
    device: str = "cpu",
    run: bool = True,
    say: Say = lambda _: None,
) -> Checked:
    """Examines weights; what is wrong with them is a finding, what is wrong with the request an error.

    Args:
        weights, dimensions, say: as ``sources.open_weights`` takes them.
        device: where the drawn pictures are scored.
        run: score the drawn pictures; without, only the files are examined.

    Raises:
        InputError: there are no weights there.
        WeightsError: they can't be fetched.
    """
    located = locate(weights, dimensions, say)
    findings: list[Finding] = []
    try:
        findings += _hashes(located, say)
        if bad(findings):
            return Checked(located.label, tuple(findings), None)
        checkpoint = read(located, dimensions, say)
    except WeightsError as error:
        return Checked(located.label, (*findings, Finding("files", BAD, str(error))), None)
    say(f"looking at {len(checkpoint.base)} tensors of the base and {len(checkpoint.adapters)} adapters")
    findings += inspect(checkpoint)
    if bad(findings) or not run:
        why = "not scored: something else is wrong" if run else "not scored, as asked"
        return Checked(located.label, (*findings, Finding("scores", MIND, why)), None)
    recorded = read_manifest(located.saved).self_test if located.saved is not None else None
    more, scores = _run(checkpoint, recorded, device, say)
    return Checked(located.label, (*findings, *more), scores)


def check_trained(
    folder: Path, *, device: str = "cpu", run: bool = True, say: Say = lambda _: None
) -> Checked:
    """Examines what a training run on a large base wrote, with its base; see ``check``."""
    findings: list[Finding] = []
    try:
        facts, weights = read_trained(folder)
        findings.append(Finding("hashes", OK, f"the adapter has the hash that {RESULT_FILE} gives"))
        base = base_of(folder, facts, say=say)
        findings.append(Finding("base", OK, f"{base.name} is the one it was trained on"))
        if not run:
            findings.append(Finding("scores", MIND, "not scored, as asked"))
            return Checked(str(folder), tuple(findings), None)
        more, scores = _compare(
            lambda dtype: model_on(base, {facts.form: weights}, LoadOptions(device, dtype)),
            facts.self_test,
            device,
            say,
        )
    except WeightsError as error:
        return Checked(str(folder), (*findings, Finding("files", BAD, str(error))), None)
    return Checked(str(folder), (*findings, *more), scores)


def record(
    checkpoint: Checkpoint, *, merge: bool = False, device: str = "cpu", say: Say = lambda _: None
) -> Drawn | None:
    """What a checkpoint says of the drawn pictures in float32; None, with the reason told, where it does not fit.

    Raises:
        WeightsError: it is damaged.
    """
    if why := _too_large(checkpoint, device, torch.float32, merge=merge):
        say(f"the self-test's scores are not recorded: {why}")
        return None
    say("scoring the self-test's pictures in float32")
    return drawn.run(build(checkpoint, LoadOptions(device, merge=merge)))


def _hashes(located: Located, say: Say) -> list[Finding]:
    if located.saved is None:
        folders = ", ".join(found.label for found in located.released)
        return [
            Finding(
                "hashes",
                MIND,
                f"{folders}: released files carry no hashes; lmm4lmm models convert makes a folder that does",
            )
        ]
    say(f"hashing {size(read_manifest(located.saved).bytes)}")
    return verify(located.saved)


def _run(
    checkpoint: Checkpoint, recorded: Drawn | None, device: str, say: Say
) -> tuple[list[Finding], Drawn | None]:
    if why := _too_large(checkpoint, device, torch.float32):
        return [Finding("scores", MIND, f"not scored: {why}", "run it on a machine with more memory")], None
    return _compare(lambda dtype: build(checkpoint, LoadOptions(device, dtype)), recorded, device, say)


def _compare(
    model: Callable[[torch.dtype], QualityModel], recorded: Drawn | None, device: str, say: Say
) -> tuple[list[Finding], Drawn | None]:
    say(f"scoring the drawn pictures in float32 on {device}")
    try:
        exact = drawn.run(model(torch.float32))
    except WeightsError as error:
        return [Finding("scores", BAD, str(error))], None
    findings = [*_sane(exact), *_as_recorded(exact, recorded)]
    say(f"scoring {_FOR_DRIFT} of them in bfloat16 on {device}")
    half = drawn.run(model(torch.bfloat16), pictures=_FOR_DRIFT)
    return [*findings, *_drift(exact, half)], exact


def _sane(found: Drawn) -> Iterator[Finding]:
    for name, values in found.scores.items():
        shown = ", ".join(f"{value:.4f}" for value in values)
        if not all(map(math.isfinite, values)):
            yield Finding(name, BAD, f"{name} of the drawn pictures is not finite: {shown}")
        elif max(values) - min(values) < 1e-6:
            yield Finding(name, BAD, f"{name} is the same for every drawn picture: {shown}")
        else:
            yield Finding(name, OK, f"{name} of the drawn pictures: {shown}")


def _as_recorded(found: Drawn, recorded: Drawn | None) -> Iterator[Finding]:
    if recorded is None or recorded.version != drawn.VERSION:
        yield Finding(
            "recorded", MIND, "no scores of these pictures are recorded with these weights to compare with"
        )
        return
    wrong = False
    far = drawn.apart(found, recorded)
    for name in found.scores:
        allowed = ANSWER_TOLERANCE if name.endswith("answer") else SCORE_TOLERANCE
        if not far[name] <= allowed:
            wrong = True
            told = ", ".join(f"{value:.4f}" for value in recorded.scores.get(name, []))
            yield Finding(
                "recorded", BAD, f"{name} differs from what was recorded ({told}) by more than {allowed}"
            )
    if not wrong:
        most = max(far.values(), default=0.0)
        yield Finding(
            "recorded", OK, f"the scores are those recorded with the weights (largest difference {most:.2g})"
        )


def _drift(exact: Drawn, half: Drawn) -> Iterator[Finding]:
    for name, most in drawn.apart(half, exact).items():
        answers = name.endswith("answer")
        allowed, unit = (ANSWER_DRIFT, "") if answers else (SCORE_DRIFT, " points")
        said = f"{name} in bfloat16 is up to {most:.3g}{unit} from float32"
        if most <= allowed:
            yield Finding("dtype", OK, said)
        else:
            yield Finding("dtype", BAD, f"{said}; more than {allowed:g}", "score with --dtype float32")


def _too_large(checkpoint: Checkpoint, device: str, dtype: torch.dtype, *, merge: bool = False) -> str | None:
    """Why a model can't run there; None where it can, or where nothing is known."""
    count = needs.parameters(checkpoint.config)
    added = sum(
        sum(low.a.numel() + low.b.numel() for low in adapter.lora.values())
        + sum(one.numel() for one in (*adapter.replaced.values(), *adapter.heads.values()))
        + (sum(low.b.shape[0] * low.a.shape[1] for low in adapter.lora.values()) if merge else 0)
        for adapter in checkpoint.adapters.values()
    )
    wanted, free = needs.bytes_needed(count + added, dtype), needs.bytes_free(device)
    if free is None or wanted <= free:
        return None
    name = str(dtype).removeprefix("torch.")
    return f"{count / 1e9:.2f} billion parameters in {name} need {size(wanted)}; {size(free)} are free on {device}"
