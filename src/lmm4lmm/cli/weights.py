"""What the verbs of ``models`` do with weights in folders: check, convert, and how that is told."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lmm4lmm.cli import output
from lmm4lmm.core.errors import MissingExtraError
from lmm4lmm.core.records import Dimension
from lmm4lmm.metrics import METRICS
from lmm4lmm.metrics.loading import named_in
from lmm4lmm.model.findings import OK, Finding, bad, size


def is_place(text: str) -> bool:
    """Whether a text is a folder, a list of folders or a repository, and no metric's name; that goes first."""
    if not text or text in METRICS.names():
        return False
    return "/" in text or "=" in text or Path(text).expanduser().exists()


def examine(name: str, *, device: str, run: bool) -> dict[str, Any]:
    """The document that ``models check --json`` prints.

    Raises:
        UnknownNameError: it is neither a metric with weights nor a place.
        InputError: there are no weights there, or a training result that can't be read.
        WeightsError: they have not been fetched.
        MissingExtraError: torch is not installed.
    """
    from lmm4lmm.model import pretrained

    scores = None
    if is_place(name):
        need_torch()
        from lmm4lmm.model import devices, self_test
        from lmm4lmm.model.result_file import is_trained

        where, folder = devices.choose(device).names[0], Path(name).expanduser()
        if not is_trained(folder):
            checked = self_test.check(name, device=where, run=run, say=output.note)
        elif named_in(folder) == "nano":
            checked = self_test.Checked(name, tuple(pretrained.examine_nano(folder, run=run)), None)
        else:
            checked = self_test.check_trained(folder, device=where, run=run, say=output.note)
        findings: Sequence[Finding] = checked.findings
        scores = checked.scores.scores if checked.scores is not None else None
    else:
        pretrained.known(name)
        need_torch()
        from lmm4lmm.model import devices

        where = devices.choose(device).names[0]
        findings = pretrained.examine(name, device=where, run=run, say=output.note)
    wrong = bad(findings)
    return {
        "name": name,
        "intact": not wrong,
        "altered": [finding.what for finding in wrong],
        "findings": [vars(finding) for finding in findings],
        "scores": scores,
    }


def tell(found: dict[str, Any]) -> None:
    """The findings as a table, and a last line that says how it stands."""
    findings = [Finding(**row) for row in found["findings"]]
    output.print_table(
        ("what", "state", "found"), ((f.what, f.state, f.found) for f in findings), left=("state", "found")
    )
    for finding in findings:
        if finding.state != OK and finding.advice:
            output.note(f"{finding.what}: {finding.advice}")
    wrong = bad(findings)
    if not wrong:
        output.note(f"{found['name']}: nothing is wrong")
    for finding in wrong:
        output.note(f"{found['name']}: {finding.found}")


def convert(
    sources: Sequence[str], out: Path, *, dimensions: Sequence[Dimension], merge: bool, force: bool, run: bool
) -> dict[str, Any]:
    """The document that ``models convert --json`` prints; for the errors see ``model.converting.convert``."""
    need_torch()
    from lmm4lmm.model import converting

    done = converting.convert(
        sources, out, dimensions=dimensions, merge=merge, force=force, run=run, say=output.note
    )
    manifest = done.manifest
    return {
        "path": out,
        "dimensions": [facts.readout for facts in manifest.adapters.values()],
        "bytes": manifest.bytes,
        "files": {name: facts.size for name, facts in manifest.files.items()},
        "seconds": round(done.seconds, 3),
        "source": manifest.source,
        "self_test": manifest.self_test.scores if manifest.self_test is not None else None,
    }


def tell_converted(found: dict[str, Any]) -> None:
    """What was written, as a table, and what to type next."""
    output.print_table(("file", "size"), ((name, size(count)) for name, count in found["files"].items()))
    output.note(f"wrote {found['path']}: {size(found['bytes'])} in {found['seconds']:.1f} s")
    output.note(f"next: lmm4lmm models check {found['path']}")
    output.note(f"      lmm4lmm score INPUT -o OUT.jsonl --metric lmm4lmm --weights {found['path']}")


def need_torch() -> None:
    """Raises ``MissingExtraError``, which says what to install, where weights can't be read here."""
    try:
        import safetensors  # noqa: F401
        import torch  # noqa: F401
        import transformers  # noqa: F401
    except ImportError as error:
        raise MissingExtraError(f"weights (no module '{error.name}')", "lmm") from error
