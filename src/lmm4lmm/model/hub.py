"""Model weights from the Hugging Face hub: a pinned snapshot of the files that we read, and no others.

Nothing that could run code is fetched: no Python, and of pickles only ``lora_weights.pth``, which is read as bare
tensors. Finished files are never fetched twice; the hub's library resumes a file whose connection breaks, but begins
a file anew when the program itself was stopped in the middle of it.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from lmm4lmm.core.errors import InputError, MissingExtraError, WeightsError
from lmm4lmm.core.files import offline

FILES = ("*.json", "*.safetensors", "*.model", "*.txt", "lora_weights.pth", "*/lora_weights.pth")
"""What is fetched: configurations, tensors, tokenizers, and the released checkpoints' adapters."""

_REPO = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*(@[\w./-]+)?", re.ASCII)


@dataclass(frozen=True)
class Fetched:
    """A snapshot on this machine.

    Attributes:
        folder: where its files lie, in the hub's own cache.
        repo: owner and name.
        commit: the revision's hash: it names the content, so a fingerprint can be made of it.
    """

    folder: Path
    repo: str
    commit: str


def looks_like_repo(text: str) -> bool:
    """Whether a text reads as ``OWNER/NAME`` or ``OWNER/NAME@REVISION``; it may be a path as well."""
    return _REPO.fullmatch(text) is not None


def locate(weights: str | Path, *, say: Callable[[str], None]) -> Path | Fetched:
    """The folder that is meant, or a snapshot of the repository that is meant; a folder that exists goes first.

    Raises:
        WeightsError: it is neither, or the repository can't be fetched.
    """
    folder = Path(weights).expanduser()
    if folder.is_dir():
        return folder
    if folder.exists():
        raise WeightsError(f"{weights} is a file; weights are a folder, or OWNER/NAME on the hub")
    if not isinstance(weights, str) or not looks_like_repo(weights):
        raise WeightsError(f"{weights}: no such folder, and not of the form OWNER/NAME[@REVISION] on the hub")
    return fetch(weights, revision=None, say=say)


def fetch(repo_id: str, *, revision: str | None, say: Callable[[str], None]) -> Fetched:
    """Fetches what is not here yet of one revision of a model's repository.

    ``HF_ENDPOINT``, ``HF_HOME``, ``HF_HUB_CACHE`` and ``HF_HUB_OFFLINE`` are honoured as they are now; the
    library itself reads them once, when it is imported. Offline, a revision that is cached whole is used.

    Args:
        repo_id: ``OWNER/NAME``, or ``OWNER/NAME@REVISION``.
        revision: a branch, tag or commit; None is the one in ``repo_id``, else ``main``. Only a full commit
            hash means the same files for ever.
        say: told what is going on, a line at a time.

    Raises:
        InputError: not of that form, or two revisions.
        MissingExtraError: huggingface_hub is not installed.
        WeightsError: it can't be fetched, or holds nothing that we read; says why and what to do.
    """
    if not looks_like_repo(repo_id):
        raise InputError(f"'{repo_id}' is not of the form OWNER/NAME or OWNER/NAME@REVISION")
    repo, _, pinned = repo_id.partition("@")
    if pinned and revision not in (None, pinned):
        raise InputError(f"'{repo_id}' names one revision, and '{revision}' is another")
    wanted = pinned or revision or "main"
    where = "the cache alone (HF_HUB_OFFLINE is set)" if offline() else _endpoint() or "the hub"
    say(f"{repo}@{wanted}: looking in {where}")
    folder = _download(repo, wanted)
    if not any(folder.rglob("*.safetensors")) and not any(folder.rglob("lora_weights.pth")):
        raise WeightsError(
            f"{repo}@{wanted} holds no safetensors, and other kinds of weights are not fetched"
        )
    say(f"{repo}: commit {folder.name}, in {folder}")
    return Fetched(folder, repo, folder.name)


def _download(repo: str, revision: str) -> Path:
    try:
        from huggingface_hub import snapshot_download
    except ImportError:
        raise MissingExtraError("fetching weights from the hub", "lmm") from None
    try:
        found = snapshot_download(
            repo,
            revision=revision,
            allow_patterns=list(FILES),
            cache_dir=_cache(),
            endpoint=_endpoint(),
            local_files_only=offline(),
        )
    # The library raises its own errors, those of its HTTP client and of the system, and more with each version.
    except Exception as error:
        raise WeightsError(f"{repo}@{revision} can't be fetched: {_explain(error)}") from error
    return Path(found)


def _endpoint() -> str | None:
    """Another hub than the public one, where the environment names one."""
    return os.environ.get("HF_ENDPOINT", "").rstrip("/") or None


def _cache() -> Path | None:
    """The hub's cache as the environment names it now; None leaves it to the library."""
    chosen, home = os.environ.get("HF_HUB_CACHE"), os.environ.get("HF_HOME")
    if not chosen and not home:
        return None
    return Path(os.path.expandvars(chosen or str(Path(str(home)) / "hub"))).expanduser()


def _explain(error: BaseException) -> str:
    """Why, and what to do about it. By class names: which classes there are depends on the library's version."""
    chain = list(_chain(error))
    kinds = {kind.__name__ for one in chain for kind in type(one).__mro__}
    hub = _endpoint() or "the hub"
    if any(isinstance(one, OSError) and one.errno in (errno.ENOSPC, errno.EDQUOT) for one in chain):
        return "the disk is full; free some space, or set HF_HOME to a folder on another disk, and run again"
    if "GatedRepoError" in kinds:
        return "it is gated: ask for access on its page, then log in (hf auth login, or HF_TOKEN)"
    if "RevisionNotFoundError" in kinds:
        return "the repository has no such revision"
    if "RepositoryNotFoundError" in kinds or _status(chain) in (401, 403):
        return (
            f"{hub} knows no such repository, or it is private (then log in: hf auth login, or HF_TOKEN); "
            "nor is there a folder of that name here"
        )
    if offline():
        return "HF_HUB_OFFLINE is set and it is not in the cache, or not whole; unset it, or name a folder"
    why = next(iter(str(chain[-1]).strip().splitlines()), "") or type(chain[-1]).__name__
    return f"{why} ({hub}); files that are whole are kept: run again, or name a folder that has them"


def _status(chain: list[BaseException]) -> int | None:
    codes = (getattr(getattr(one, "response", None), "status_code", None) for one in chain)
    return next((code for code in codes if isinstance(code, int)), None)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """The error and what caused it, outermost first."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__
