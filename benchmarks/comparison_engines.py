"""The engines of the comparison, and the process that each lives in: one JSON line a request, one a reply.

Started by ``native_vs_reference_style.py``. An engine imports what it needs itself, so that neither carries the
memory of the other.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter, process_time


@dataclass(frozen=True)
class Request:
    """One image and everything that is asked about it.

    Attributes:
        case: a letter of the cases below, for engines that load a unified adapter for ``c``.
        image: a file.
        perception: whether its quality is asked.
        prompts: each gets a correspondence.
        questions: each gets an answer.
    """

    case: str
    image: str
    perception: bool = False
    prompts: tuple[str, ...] = ()
    questions: tuple[str, ...] = ()


Scores = dict[str, list[float]]
"""By dimension, in the order of the request: scores of 0 to 100, and ``p_yes`` of 0 to 1 for ``answer``."""


@dataclass
class Engine:
    """What a process runs: a function of a request, and its seconds by phase since the start."""

    run: Callable[[Request], Scores]
    phases: dict[str, float] = field(default_factory=dict)


def reference(folders: dict[str, Path], answers: str) -> Engine:
    """Three full models, each asked from the file on for every prompt and question."""
    from reference_style import ReferenceStyle

    models = ReferenceStyle(folders, answers=answers)

    def run(request: Request) -> Scores:
        image = Path(request.image)
        scores: Scores = {"perception": [models.perception(image)]} if request.perception else {}
        if request.prompts:
            scores["correspondence"] = [models.correspondence(image, prompt) for prompt in request.prompts]
        if request.questions:
            scores["answer"] = [models.answer(image, question).p_yes for question in request.questions]
        return scores

    return Engine(run, models.phases.seconds)


def ours(folders: dict[str, Path], *, unified: bool = False) -> Engine:
    """Our engine on the same checkpoints, in float32: one base with three adapters, or with one that gives all three.

    The unified adapter is put together from tensors of the others: its scores mean nothing, its work is real.
    """
    from dataclasses import replace

    from PIL import Image

    from lmm4lmm.core.records import DIMENSIONS, Item
    from lmm4lmm.metrics.lmm import LargeMetric
    from lmm4lmm.model.checkpoint import AdapterWeights
    from lmm4lmm.model.loading import build
    from lmm4lmm.model.official.reading import read_checkpoint

    checkpoint = read_checkpoint(folders)
    if unified:
        heads = {**checkpoint.adapters["perception"].heads, **checkpoint.adapters["correspondence"].heads}
        adapter = AdapterWeights("unified", checkpoint.adapters["answer"].lora, {}, heads)
        checkpoint = replace(checkpoint, adapters={"unified": adapter})
    model = build(checkpoint)
    phases = {"decode": 0.0, "vision": 0.0, "language": 0.0}
    model.base.look = timed(model.base.look, phases, "vision")
    model.base._decoder.read = timed(model.base._decoder.read, phases, "language")

    def run(request: Request) -> Scores:
        asked = (request.perception, request.prompts, request.questions)
        wanted = [name for name, is_asked in zip(DIMENSIONS, asked, strict=True) if is_asked]
        metric = LargeMetric(model, "ours", wanted, "cpu")
        count = max(len(request.prompts), len(request.questions), 1)
        texts = zip(request.prompts or [""] * count, request.questions or [None] * count, strict=True)
        items = [Item(id="", path=Path(), image="", prompt=text, question=ask) for text, ask in texts]
        began = perf_counter()
        image = Image.open(request.image).convert("RGB")
        prepared = [metric.prepare(item, image) for item in items]
        phases["decode"] += perf_counter() - began
        found = metric.score(prepared)
        scores: Scores = {"perception": [found[0].perception.score]} if request.perception else {}
        if request.prompts:
            scores["correspondence"] = [one.correspondence.score for one in found]
        if request.questions:
            scores["answer"] = [one.answer.p_yes for one in found]
        return scores

    return Engine(run, phases)


def timed(function: Callable[..., object], phases: dict[str, float], phase: str) -> Callable[..., object]:
    """The same function, whose seconds are added to a phase."""

    def measured(*args: object) -> object:
        began = perf_counter()
        try:
            return function(*args)
        finally:
            phases[phase] += perf_counter() - began

    return measured


def answer_requests(options: argparse.Namespace) -> None:
    """Answers requests, one JSON line each, until its input ends."""
    replies = os.fdopen(os.dup(1), "w")
    sys.stdout = sys.stderr  # whatever a library prints is not a reply

    def reply(content: dict[str, object]) -> None:
        replies.write(json.dumps(content) + "\n")
        replies.flush()

    for library in ("torchao", "torch.utils._pytree"):
        logging.getLogger(library).setLevel(logging.ERROR)
    import torch
    import transformers  # noqa: F401 - counted as an import, not as the model

    torch.set_num_threads(options.threads)
    imported = memory()["VmRSS"]
    folders = {name: Path(folder) for name, folder in json.loads(options.folders).items()}
    began = perf_counter()
    if options.engine == "reference":
        engine = reference(folders, options.answers)
    elif options.engine == "one":
        engine = ours({"perception": folders["perception"]})
    else:
        engine = ours(folders, unified=options.engine == "unified")
    loaded = memory()
    reply({"seconds": perf_counter() - began, "imported": imported, "loaded": loaded["VmRSS"]})
    for line in sys.stdin:
        request = Request(**json.loads(line))
        before = dict(engine.phases)
        began, work_began = perf_counter(), process_time()
        scores = engine.run(request)
        seconds, work = perf_counter() - began, process_time() - work_began
        spent = {phase: total - before.get(phase, 0.0) for phase, total in engine.phases.items()}
        peak = memory()["VmHWM"]
        reply({"seconds": seconds, "work": work, "scores": scores, "phases": spent, "peak": peak})


def memory() -> dict[str, float]:
    """``VmRSS`` (now) and ``VmHWM`` (peak) of this process alone, in MB (Linux: getrusage counts the parent too)."""
    found = re.findall(r"(VmRSS|VmHWM):\s+(\d+) kB", Path("/proc/self/status").read_text())
    return {name: int(kilobytes) / 1024 for name, kilobytes in found}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--engine", choices=("reference", "ours", "one", "unified"), required=True)
    parser.add_argument("--folders", required=True, help="JSON: a checkpoint for each dimension")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--answers", choices=("argmax", "generate"), default="argmax")
    answer_requests(parser.parse_args())


if __name__ == "__main__":
    main()
