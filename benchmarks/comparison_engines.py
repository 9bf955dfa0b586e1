"""The two engines of the comparison, and the process that each lives in: one JSON line a request, one a reply.

Started by ``native_vs_reference_style.py``. An engine imports what it needs itself, so that neither carries the
memory of the other.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter


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


def ours(folders: dict[str, Path]) -> Engine:
    """Our engine on the same checkpoints: one base, three adapters; for case ``c`` one adapter for all three.

    To be filled in: load once here, in float32; return ``Engine(run, phases)`` where ``run(request)`` reads the file,
    scores everything that is asked about it and gives ``Scores``. ``phases`` may be added to while running, under
    the names of ``reference_style.Phases``. Case ``c`` has no scores to compare with.
    """
    raise SystemExit(
        f"our engine is not connected to this benchmark yet ({len(folders)} checkpoints lie ready)"
    )


def answer_requests(options: argparse.Namespace) -> None:
    """Answers requests, one JSON line each, until its input ends."""
    replies = os.fdopen(os.dup(1), "w")
    sys.stdout = sys.stderr  # whatever a library prints is not a reply

    def reply(content: dict[str, object]) -> None:
        replies.write(json.dumps(content) + "\n")
        replies.flush()

    import torch
    import transformers  # noqa: F401 - counted as an import, not as the model

    torch.set_num_threads(options.threads)
    imported = memory()["VmRSS"]
    folders = {name: Path(folder) for name, folder in json.loads(options.folders).items()}
    began = perf_counter()
    engine = reference(folders, options.answers) if options.engine == "reference" else ours(folders)
    loaded = memory()
    reply({"seconds": perf_counter() - began, "imported": imported, "loaded": loaded["VmRSS"]})
    for line in sys.stdin:
        request = Request(**json.loads(line))
        before = dict(engine.phases)
        began = perf_counter()
        scores = engine.run(request)
        seconds = perf_counter() - began
        spent = {phase: total - before.get(phase, 0.0) for phase, total in engine.phases.items()}
        reply({"seconds": seconds, "scores": scores, "phases": spent, "peak": memory()["VmHWM"]})


def memory() -> dict[str, float]:
    """``VmRSS`` (now) and ``VmHWM`` (peak) of this process alone, in MB (Linux: getrusage counts the parent too)."""
    found = re.findall(r"(VmRSS|VmHWM):\s+(\d+) kB", Path("/proc/self/status").read_text())
    return {name: int(kilobytes) / 1024 for name, kilobytes in found}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--engine", choices=("reference", "ours"), required=True)
    parser.add_argument("--folders", required=True, help="JSON: a checkpoint for each dimension")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--answers", choices=("argmax", "generate"), default="argmax")
    answer_requests(parser.parse_args())


if __name__ == "__main__":
    main()
