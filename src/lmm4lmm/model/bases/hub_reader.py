"""The tokenizer of a folder in the hub's layout, by its ``tokenizer.json``: no Python of the folder takes part."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lmm4lmm.core.errors import ItemError, MissingExtraError, WeightsError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

FILE = "tokenizer.json"


class HubReader:
    """Text to token ids and back. Holds no state between calls: safe in any number of threads.

    Two tokenizers of the same vocabulary: one knows the added tokens and reads our text; the other has none of
    them and reads a user's. Every added token counts as special, those too that the file calls ordinary
    (``<tool_call>``): none is a word.

    Args:
        text: content of a ``tokenizer.json``.
        source: what error messages call it.

    Raises:
        WeightsError: it is no tokenizer.
    """

    def __init__(self, text: str, *, source: str) -> None:
        try:
            from tokenizers import Tokenizer
        except ImportError as error:
            raise MissingExtraError("the base's tokenizer", "lmm") from error
        self._source = source
        try:
            values = json.loads(text)
            self._added = {token["content"]: int(token["id"]) for token in values["added_tokens"]}
            # A file may ask to cut or fill up every text that it reads.
            ours = {**values, "truncation": None, "padding": None}
            self._ours: Tokenizer = Tokenizer.from_str(json.dumps(ours))
            self._plain: Tokenizer = Tokenizer.from_str(json.dumps({**ours, "added_tokens": []}))
        except Exception as error:  # tokenizers raises bare Exception
            raise WeightsError(f"{source} is damaged: {error}") from error
        self._special = frozenset(self._added.values())

    @classmethod
    def read(cls, folder: Path) -> HubReader:
        """The tokenizer of a folder.

        Raises:
            WeightsError: the file is missing or damaged.
        """
        path = folder / FILE
        try:
            return cls(path.read_text(encoding="utf-8"), source=str(path))
        except (OSError, UnicodeDecodeError) as error:
            raise WeightsError(f"{path} can't be read ({error}); the tokenizer needs it") from error

    @property
    def vocabulary_size(self) -> int:
        """The rows that an embedding must have at least."""
        return 1 + max(self._ours.get_vocab().values(), default=-1)

    def pieces(self, text: str) -> list[int]:
        """Token ids of text of ours; names of added tokens are read as those. Nothing is put in front."""
        return self._ids(self._ours, text)

    def plain(self, text: str) -> list[int]:
        """Token ids of a user's text; never a special token, whatever it holds.

        Raises:
            ItemError: the text is not valid Unicode.
        """
        ids = self._ids(self._plain, text)
        if self._special.isdisjoint(ids):
            return ids
        # Some vocabularies list their special tokens among the words, which merges may then reach.
        return [
            part
            for number in ids
            for part in (self._spelled(number) if number in self._special else [number])
        ]

    def token_ids(self, words: Sequence[str]) -> list[int]:
        """The ids of those words that are a single token at the beginning of a line, each once."""
        before = self.plain("\n")
        found: dict[int, None] = {}
        for word in words:
            ids = self.plain("\n" + word)
            if ids[:-1] == before:
                found[ids[-1]] = None
        return list(found)

    def id_of(self, token: str) -> int:
        """The id of an added token.

        Raises:
            WeightsError: there is none of that name.
        """
        if token not in self._added:
            raise WeightsError(f"{self._source}: the tokenizer has no token '{token}'")
        return self._added[token]

    def decode(self, ids: Sequence[int]) -> str:
        """The text again, added tokens by their names."""
        return self._ours.decode(list(ids), skip_special_tokens=False)

    def _ids(self, tokenizer: Tokenizer, text: str) -> list[int]:
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise ItemError(
                f"the text is not valid Unicode: character {error.start + 1} is {text[error.start]!r}"
            ) from error
        return tokenizer.encode(text, add_special_tokens=False).ids

    def _spelled(self, number: int) -> list[int]:
        """A special token's name letter by letter; a letter that is one itself is left out."""
        letters = (self._ids(self._plain, letter) for letter in self._ours.id_to_token(number) or "")
        return [part for ids in letters for part in ids if part not in self._special]
