"""The Python front door to making images: prompts, a source of images and a folder in, a manifest out."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from lmm4lmm.core.errors import InputError, UnknownNameError
from lmm4lmm.core.quiet import quiet_libraries
from lmm4lmm.generation.planning import Job, plan_draws

if TYPE_CHECKING:
    from lmm4lmm.core.protocols import Generator
    from lmm4lmm.core.records import Prompt
    from lmm4lmm.running.progress import Progress

__all__ = ["generate", "load_generator", "load_prompts", "make_prompts"]

EVALMI = "evalmi50k"
JOURNAL = "images.journal"


@dataclass
class Generated:
    """What became of a run.

    Attributes:
        manifest: the images that are there, as ``score`` takes them.
        results: one row a draw, with what became of it.
        images, refused, failed: draws by what became of them.
        cached: of the first two, known from an earlier run.
        spent: on this folder's account, all runs together; None where no price is given.
        errors: the first few reasons of failure, with their draw.
        refusals: the first few reasons of refusal, with their draw.
        remarked: images with a remark, say that the end of their prompt was not read.
        remarks: the first few of them, with their draw.
    """

    manifest: Path
    results: Path
    images: int = 0
    refused: int = 0
    failed: int = 0
    cached: int = 0
    spent: float | None = None
    errors: list[str] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    remarked: int = 0
    remarks: list[str] = field(default_factory=list)

    @property
    def total(self) -> int:
        """All draws."""
        return self.images + self.refused + self.failed

    def to_json(self) -> dict[str, Any]:
        """The document that ``generate --json`` prints."""
        return {
            name: value for name, value in vars(self).items() if name not in ("errors", "refusals", "remarks")
        }


def load_prompts(
    source: str | Path,
    *,
    data: Path | str | None = None,
    tasks: Collection[str] = (),
    limit: int | None = None,
) -> tuple[Prompt, ...]:
    """A set of prompts.

    Args:
        source: ``evalmi50k`` (its 2,100 prompts, from the released files), or a file; see
            ``core.prompt_files.read_prompts``.
        data: the folder with EvalMi-50K's released files; without it they are fetched.
        tasks: only prompts of these tasks; all when empty.
        limit: the first so many of those.

    Raises:
        InputError: no such file, no prompt of a task, a limit below 1, or ``data`` with a file.
    """
    return _chosen_prompts(source, _read_prompts(source, data), tasks, limit)


def _chosen_prompts(
    source: str | Path, prompts: Sequence[Prompt], tasks: Collection[str], limit: int | None
) -> tuple[Prompt, ...]:
    if limit is not None and limit < 1:
        raise InputError(f"a limit of {limit} leaves nothing to draw; give 1 or more")
    known = sorted({prompt.task for prompt in prompts if prompt.task})
    for task in tasks:
        if task not in known:
            raise UnknownNameError(f"task in {source}", task, known)
    chosen = [prompt for prompt in prompts if not tasks or prompt.task in tasks]
    return tuple(chosen[:limit])


def _read_prompts(source: str | Path, data: Path | str | None) -> tuple[Prompt, ...]:
    from lmm4lmm.core.prompt_files import read_prompts

    path = Path(source)
    if str(source) == EVALMI and not path.is_file():
        from lmm4lmm.core.records import Prompt
        from lmm4lmm.datasets.evalmi50k import DATASET
        from lmm4lmm.datasets.evalmi50k_prompts import read_prompts_table

        table = read_prompts_table(DATASET.locate(None if data is None else Path(data)))
        columns = ("prompt_number", "prompt", "task", "question", "sub_questions")
        return tuple(
            Prompt(id=f"{number:03}", text=text, task=task, question=question, sub_questions=tuple(parts))
            for number, text, task, question, parts in table.select(columns).iter_rows()
        )
    if not path.is_file() and not path.suffix:
        raise UnknownNameError("file or set of prompts", str(source), [EVALMI])
    if data is not None and str(source) != EVALMI:
        raise InputError(f"{source} is a file; data goes with {EVALMI}")
    return read_prompts(path)


def make_prompts(
    out: Path | str, *, per_task: int = 20, tasks: Sequence[str] = (), seed: int = 0
) -> tuple[Prompt, ...]:
    """Writes a new set of prompts with their questions, from templates and word lists; see ``questions.making``.

    Args:
        out: a file ``.jsonl``.
        per_task: prompts a task.
        tasks: of the 20, all when empty.
        seed: decides everything.

    Raises:
        InputError: another suffix, or more prompts than a task can give.
        UnknownNameError: no such task.
    """
    import msgspec

    from lmm4lmm.core.files import write_atomically
    from lmm4lmm.questions.making import make

    path = Path(out)
    if path.suffix.lower() != ".jsonl":
        raise InputError(f"{path}: prompts are written as .jsonl")
    prompts = make(seed, per_task=per_task, tasks=tasks)
    lines = [msgspec.json.encode(prompt_row(prompt)) + b"\n" for prompt in prompts]
    write_atomically(path, b"".join(lines))
    return prompts


def prompt_row(prompt: Prompt) -> dict[str, Any]:
    """A prompt as a row of a prompts file."""
    row: dict[str, Any] = {
        "id": prompt.id,
        "prompt": prompt.text,
        "task": prompt.task,
        "question": prompt.question,
    }
    return row | ({"sub_questions": list(prompt.sub_questions)} if prompt.sub_questions else {})


def load_generator(spec: str, *, run: Path | str, options: Mapping[str, Any] | None = None) -> Generator:
    """A source of images; see ``generation.loading.open_generator``."""
    quiet_libraries()
    from lmm4lmm.generation.loading import open_generator

    return open_generator(spec, options=options or {}, run=Path(run))


def generate(
    generator: str | Generator,
    prompts: str | Path | Sequence[Prompt] | None,
    out: Path | str,
    *,
    options: Mapping[str, Any] | None = None,
    data: Path | str | None = None,
    tasks: Collection[str] = (),
    limit: int | None = None,
    name: str | None = None,
    per_prompt: int = 1,
    seed: int = 0,
    batch_size: int | Literal["auto"] = "auto",
    progress: bool = False,
) -> Generated:
    """Makes images of prompts; called again after a stop, it goes on where it was.

    Args:
        generator: ``diffusers:DIR_OR_ID``, ``openai:MODEL``, ``folder:DIR``, a published model's name, or one that
            ``load_generator`` gave.
        prompts: ``evalmi50k``, a file, or the prompts; None for a folder that has its own.
        out: the folder for images, ``manifest.jsonl`` and ``results.jsonl``. Several generators may share it.
        options: what this kind of generator takes.
        data, tasks, limit: see ``load_prompts``.
        name, per_prompt, seed: see ``plan_draws``.
        batch_size: images a batch, or ``auto``.
        progress: whether to show a progress bar on stderr.

    Raises:
        Lmm4lmmError: the arguments don't fit together, or the source can't go on.
    """
    from lmm4lmm.running.progress import progress_for

    source = load_generator(generator, run=out, options=options) if isinstance(generator, str) else generator
    whole, only = select(prompts, data=data, tasks=tasks, limit=limit)
    job = plan_draws(source, whole, out, name=name, per_prompt=per_prompt, seed=seed, only=only)
    return run(job, batch_size=batch_size, progress=progress_for("Drawing", quiet=not progress))


def select(
    prompts: str | Path | Sequence[Prompt] | None,
    *,
    data: Path | str | None = None,
    tasks: Collection[str] = (),
    limit: int | None = None,
) -> tuple[Sequence[Prompt] | None, Sequence[Prompt] | None]:
    """(the whole set, those of it that are wanted); both None where none is given.

    Raises:
        InputError: see ``load_prompts``; or something is to be chosen from no prompts.
    """
    if prompts is None:
        if tasks or limit is not None or data is not None:
            raise InputError("--task, --limit and --data choose from a set of prompts: give --prompts")
        return None, None
    if not isinstance(prompts, str | Path):
        if tasks:
            prompts = [prompt for prompt in prompts if prompt.task in tasks]
        return prompts, prompts[:limit]
    whole = _read_prompts(prompts, data)
    return whole, _chosen_prompts(prompts, whole, tasks, limit)


def run(
    job: Job,
    *,
    batch_size: int | Literal["auto"] = "auto",
    progress: Progress | None = None,
    first: int | None = None,
) -> Generated:
    """Draws what was planned, and writes manifest and results, also when it is stopped half way.

    Args:
        job: from ``plan_draws``.
        batch_size: images a batch, or ``auto``.
        progress: what to report to.
        first: only so many of the draws, in order; the files then keep what they had.

    Raises:
        JournalError: another run works in this folder.
        InputError: the folder holds images of this name that were made otherwise.
        GenerationError: the source can't go on.
    """
    from lmm4lmm.running.generating import generate_draws
    from lmm4lmm.running.image_files import Files

    draws = job.draws[:first]
    done = Generated(job.folder / "manifest.jsonl", job.folder / "results.jsonl")
    with _journal(job.folder) as journal:
        files = Files(job.folder, job.generator, job.seed, job.names)
        try:
            outcomes = generate_draws(
                job.generator,
                draws,
                job.folder,
                journal=journal,
                batch_size=batch_size,
                progress=progress,
                total=len(draws),
            )
            for outcome in outcomes:
                files.add(outcome)
                _count(done, outcome.work.id, outcome.result, outcome.error, outcome.cached)
            files.complete = first is None
        finally:
            files.write()
            spending = getattr(job.generator, "spending", None)
            if spending is not None and spending.price is not None:
                done.spent = spending.spent
    return done


@contextmanager
def _journal(folder: Path) -> Iterator[Any]:
    from lmm4lmm.running.generating import PURPOSE
    from lmm4lmm.running.journal import Journal

    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file; name a folder for the images")
    with Journal.open(folder / JOURNAL, purpose=PURPOSE) as journal:
        yield journal


_SHOWN = 3


def _count(done: Generated, draw: str, made: Any, error: str | None, cached: bool) -> None:
    done.cached += cached
    if error is not None:
        done.failed += 1
        done.errors += [f"{draw}: {error}"] if len(done.errors) < _SHOWN else []
    elif made.refused is not None:
        done.refused += 1
        done.refusals += [f"{draw}: {made.refused}"] if len(done.refusals) < _SHOWN else []
    else:
        done.images += 1
        if made.remark is not None:
            done.remarked += 1
            done.remarks += [f"{draw}: {made.remark}"] if len(done.remarks) < _SHOWN else []
