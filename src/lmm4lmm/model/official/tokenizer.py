"""The released checkpoints' tokenizer: sentencepiece between special tokens, as InternLM2's slow tokenizer reads.

A text is cut at every added or special token, the longest first, and blanks around them stay. Each stretch in
between is encoded by itself, so a cut is exact at a special token and nowhere else: within a stretch, pieces
reach over any place at which it might have been cut.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lmm4lmm.core.errors import InputError, ItemError, MissingExtraError, WeightsError

MODEL_FILE = "tokenizer.model"
_CONFIG_FILE = "tokenizer_config.json"
_MAP_FILE = "special_tokens_map.json"
_ADDED_FILE = "added_tokens.json"
_ROLES = ("bos_token", "eos_token", "unk_token", "pad_token", "sep_token", "cls_token", "mask_token")


class OfficialTokenizer:
    """Text to token ids and back. Holds no state between calls: safe in any number of threads.

    Args:
        processor: a loaded ``sentencepiece.SentencePieceProcessor``.
        added: token to id, of every token that a text is cut at.
        start: the token that opens every sequence; one of ``added``.
        source: what error messages call the tokenizer.
    """

    def __init__(self, processor: Any, added: Mapping[str, int], *, start: str, source: str) -> None:
        self._processor = processor
        self._added = dict(added)
        self._tokens = {number: token for token, number in added.items()}
        self._source = source
        self._cuts = re.compile(f"({'|'.join(map(re.escape, sorted(added, key=len, reverse=True)))})")
        self._unknown: int = processor.unk_id()
        pieces = range(processor.get_piece_size())
        control = {number for number in pieces if processor.is_control(number)}
        self._special = frozenset({*control, *self._tokens} - {self._unknown})
        self._start = self.id_of(start)
        self._size = max(len(pieces), *(number + 1 for number in self._tokens))

    @property
    def start(self) -> int:
        """The id that opens every sequence."""
        return self._start

    @property
    def vocabulary_size(self) -> int:
        """One more than the largest id: the rows that an embedding must have at least."""
        return self._size

    @classmethod
    def read(cls, folder: Path) -> OfficialTokenizer:
        """The tokenizer of a checkpoint folder; ``tokenizer.model`` must be there, the JSON files may be.

        Raises:
            WeightsError: a file is missing or damaged, or files contradict each other; names the file.
            MissingExtraError: sentencepiece is not installed.
        """
        processor = _processor(folder / MODEL_FILE)
        start, added = _special_tokens(folder, processor)
        return cls(processor, added, start=start, source=str(folder))

    def encode(self, text: str) -> list[int]:
        """What the reference gives the model for a text: ``<s>``, then ``pieces(text)``."""
        return [self.start, *self.pieces(text)]

    def pieces(self, text: str) -> list[int]:
        """Ids without ``<s>``. Names of special tokens are read as those tokens: only for text of our own.

        Raises:
            ItemError: the text is not valid Unicode.
        """
        ids: list[int] = []
        for at, part in enumerate(self._cuts.split(text)):
            if at % 2:
                ids.append(self._added[part])
            elif part:
                ids += self._encode(part)
        return ids

    def plain(self, text: str) -> list[int]:
        """Ids of a stretch that holds words of a user: never a special token, whatever it says.

        Give it the whole stretch between two special tokens, our words and the user's together. It equals
        ``pieces`` unless the text spells a special token. The reference then reads that token, so that a prompt
        could end its own turn, or shift the image; here it is read letter by letter. The same goes for the name
        that a special token has in the sentencepiece file (``[UNUSED_TOKEN_146]`` is ``<|im_start|>``).

        Raises:
            ItemError: the text is not valid Unicode.
        """
        ids = self._encode(text)
        if self._special.isdisjoint(ids):
            return ids
        return [
            part
            for number in ids
            for part in (self._spelled(number) if number in self._special else [number])
        ]

    def token_ids(self, words: Sequence[str], *, after: str = "\n") -> list[int]:
        """The ids of those words that are a single token where they go on from ``after``, each id once.

        A word stands as it is: "Yes" follows directly, " Yes" after a blank. Words that take several tokens, or
        that the vocabulary doesn't know, are left out.
        """
        before = self.plain(after)
        found: dict[int, None] = {}
        for word in words:
            ids = self.plain(after + word)
            if len(ids) == len(before) + 1 and ids[:-1] == before and ids[-1] != self._unknown:
                found[ids[-1]] = None
        return list(found)

    def id_of(self, token: str) -> int:
        """The id of a special token or of a piece.

        Raises:
            WeightsError: the vocabulary has no such token.
        """
        if token in self._added:
            return self._added[token]
        number: int = self._processor.piece_to_id(token)
        if number == self._unknown and token != self._processor.id_to_piece(self._unknown):
            raise WeightsError(f"{self._source}: the tokenizer has no token '{token}'")
        return number

    def decode(self, ids: Iterable[int]) -> str:
        """The text of ids, special tokens by their names, nothing put between them.

        Raises:
            InputError: an id is not in the vocabulary.
        """
        parts: list[str] = []
        stretch: list[int] = []
        for number in map(int, ids):
            if number in self._tokens:
                parts += [self._decode(stretch), self._tokens[number]]
                stretch = []
            elif 0 <= number < self._processor.get_piece_size():
                stretch.append(number)
            else:
                raise InputError(f"{self._source}: no token has the id {number}")
        return "".join([*parts, self._decode(stretch)])

    def _encode(self, stretch: str) -> list[int]:
        try:
            ids: list[int] = self._processor.encode(stretch.encode())
        except UnicodeEncodeError as error:
            raise ItemError(
                f"the text is not valid Unicode: character {error.start + 1} is {stretch[error.start]!r}"
            ) from error
        return ids

    def _decode(self, stretch: list[int]) -> str:
        text: str = self._processor.decode(stretch) if stretch else ""
        return text

    def _spelled(self, number: int) -> list[int]:
        """A piece as the bytes of its name, or as one unknown where the vocabulary has no bytes."""
        name = self._processor.id_to_piece(number).encode()
        ids = [self._processor.piece_to_id(f"<0x{byte:02X}>") for byte in name]
        return [self._unknown] if self._unknown in ids else ids


def _processor(path: Path) -> Any:
    try:
        from sentencepiece import SentencePieceProcessor
    except ImportError as error:
        raise MissingExtraError("the released checkpoints' tokenizer", "lmm") from error
    try:
        content = path.read_bytes()
    except OSError as error:
        raise WeightsError(f"{path} can't be read ({error.strerror}); the tokenizer needs it") from error
    if not content:  # sentencepiece takes this for "load nothing" and then answers with zeros
        raise WeightsError(f"{path} is damaged: the file is empty")
    try:
        return SentencePieceProcessor(model_proto=content)
    except (RuntimeError, ValueError, OSError) as error:
        raise WeightsError(f"{path} is damaged: it is no sentencepiece model") from error


def _special_tokens(folder: Path, processor: Any) -> tuple[str, dict[str, int]]:
    """The token that opens a sequence, and token to id of all that texts are cut at.

    ``added_tokens_decoder`` of the configuration says most; ``added_tokens.json`` is its older form. Tokens that
    only have a role (``bos_token``, ...) have their id from the sentencepiece file.
    """
    config, roles = _object(folder / _CONFIG_FILE), _object(folder / _MAP_FILE)
    if config.get("add_bos_token", True) is not True or config.get("add_eos_token", False) is not False:
        raise WeightsError(
            f"{folder / _CONFIG_FILE}: add_bos_token must be true and add_eos_token false, as in the released files"
        )
    added = _decoder(folder / _CONFIG_FILE, config)
    for token, number in _object(folder / _ADDED_FILE).items():
        if type(number) is not int or added.setdefault(token, number) != number:
            raise WeightsError(
                f"{folder / _ADDED_FILE}: '{token}' is {number!r}; {_CONFIG_FILE} says {added.get(token)}"
            )
    named = {role: _name(config.get(role) or roles.get(role)) for role in _ROLES}
    start = named["bos_token"] or "<s>"
    for token in [start, *filter(None, named.values()), *_additional(config), *_additional(roles)]:
        if token not in added:
            added[token] = _piece_id(processor, token, folder)
    if len(set(added.values())) < len(added):
        twice = sorted(token for token, number in added.items() if list(added.values()).count(number) > 1)
        raise WeightsError(
            f"{folder}: the tokenizer's files give one id to several tokens: {', '.join(twice)}"
        )
    return start, added


def _decoder(path: Path, config: Mapping[str, Any]) -> dict[str, int]:
    added: dict[str, int] = {}
    try:
        for number, token in config.get("added_tokens_decoder", {}).items():
            if any(token.get(flag) for flag in ("lstrip", "rstrip", "single_word")):
                raise WeightsError(
                    f"{path}: lstrip, rstrip and single_word of '{token['content']}' must be false"
                )
            added[str(token["content"])] = int(number)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise WeightsError(f"{path} is damaged: added_tokens_decoder is no table of id to token") from error
    return added


def _piece_id(processor: Any, token: str, folder: Path) -> int:
    number: int = processor.piece_to_id(token)
    if processor.id_to_piece(number) != token:
        raise WeightsError(f"{folder}: the tokenizer's files name the token '{token}' and give it no id")
    return number


def _additional(config: Mapping[str, Any]) -> list[str]:
    listed = config.get("additional_special_tokens")
    return [name for entry in listed if (name := _name(entry))] if isinstance(listed, list) else []


def _name(entry: object) -> str | None:
    """A token as the files have it: bare, or an object with its ``content``."""
    content = entry.get("content") if isinstance(entry, dict) else entry
    return content if isinstance(content, str) and content else None


def _object(path: Path) -> dict[str, Any]:
    """A JSON object; empty where there is no such file."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise WeightsError(f"{path} is damaged: {error}") from error
    if not isinstance(content, dict):
        raise WeightsError(f"{path} is damaged: expected a JSON object, found a {type(content).__name__}")
    return content
