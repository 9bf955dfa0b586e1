"""Fetching released files from the Hugging Face hub, with advice where that fails."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lmm4lmm.core.errors import InputError, MissingExtraError
from lmm4lmm.core.files import offline


@dataclass(frozen=True)
class HubFiles:
    """A data set's files on the hub.

    Attributes:
        repo: its id there.
        names: the files' names; they may lie in folders.
        what: what the data set is called in messages.
    """

    repo: str
    names: tuple[str, ...]
    what: str

    def fetch(self) -> Path:
        """See ``fetch``."""
        return fetch(self.repo, self.names, what=self.what)

    def present(self) -> Path | None:
        """The folder in the hub's own cache, where all files are there; the network is not asked."""
        try:
            from huggingface_hub import snapshot_download

            folder = Path(snapshot_download(self.repo, repo_type="dataset", local_files_only=True))
        # Not installed, not cached, or an error of the library's own: in each case it is not here.
        except Exception:
            return None
        return folder if all(any(folder.rglob(name)) for name in self.names) else None


def fetch(repo: str, names: Sequence[str], *, what: str) -> Path:
    """Fetches a data set's files into the hub's own cache and returns the folder that holds them.

    ``HF_HOME``, ``HF_ENDPOINT`` and ``HF_HUB_OFFLINE`` are honoured: offline, only what is cached is used.

    Args:
        repo: the data set's id on the hub.
        names: the files' names; they may lie in folders.
        what: what the data set is called in messages.

    Raises:
        MissingExtraError: huggingface_hub is not installed.
        InputError: the files can't be fetched; says what to do instead.
    """
    try:
        from huggingface_hub import snapshot_download  # optional: reading from a folder never comes here
    except ImportError:
        raise MissingExtraError(f"fetching {what} from the hub", "lmm") from None
    try:
        patterns = [f"*{name}" for name in names]
        return Path(
            snapshot_download(repo, repo_type="dataset", allow_patterns=patterns, ignore_patterns=["*~$*"])
        )
    # The hub library raises its own, httpx's and the system's errors, and more with each version.
    except Exception as error:
        why = next(iter(str(error).strip().splitlines()), type(error).__name__)
        state = "HF_HUB_OFFLINE is set and it is not in the cache" if offline() else why
        raise InputError(
            f"{what} can't be fetched from the hub ({repo}): {state}. "
            "Download the released files and name their folder: --data DIR"
        ) from error
