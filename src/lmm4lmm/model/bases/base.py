"""What a large multimodal model must offer to be the base of a metric."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor, nn

from lmm4lmm.core.files import content_key
from lmm4lmm.model.bases.whole_decoder import WholeDecoder
from lmm4lmm.model.decoder import Branch, PlainDecoder


class Reader(Protocol):
    """A base's tokenizer."""

    def pieces(self, text: str) -> list[int]:
        """Token ids of text of ours; special tokens written in it are read as such. Nothing is put in front."""
        ...

    def plain(self, text: str) -> list[int]:
        """Token ids of a user's text; never a special token, whatever it holds."""
        ...

    def token_ids(self, words: Sequence[str]) -> list[int]:
        """The ids of those words that are a single token."""
        ...

    def decode(self, ids: Sequence[int]) -> str:
        """The text again."""
        ...


@dataclass(frozen=True)
class Picture:
    """One image as its base wants it: plain host data, safe to make in any thread.

    Attributes:
        pixels: the arrays that the vision part reads, by their names there; tensors will do.
        stem: token ids of the chat's opening and the image's placeholders, up to where texts begin.
        key: equal for equal pixels.
    """

    pixels: Mapping[str, npt.NDArray[Any] | Tensor]
    stem: tuple[int, ...]
    key: str = field(default="")

    @staticmethod
    def of(pixels: Mapping[str, npt.NDArray[Any]], stem: Sequence[int]) -> Picture:
        """A picture with its key."""
        key = content_key(
            *(np.ascontiguousarray(array).data.cast("B").tobytes() for array in pixels.values())
        )
        return Picture(pixels, tuple(stem), key)


@dataclass(frozen=True)
class Reading:
    """One text about one picture, and where to read the model's states.

    Attributes:
        picture: index of the picture in the batch.
        text: token ids that follow its stem.
        at: indices into ``text``, rising; a state sees its own token and all before it.
    """

    picture: int
    text: tuple[int, ...]
    at: tuple[int, ...]


@dataclass(frozen=True)
class Dialogue:
    """How a base is spoken to: what stands around the image, the user's words and the answer.

    Attributes:
        opening: everything before the image, its opening mark too.
        image_end: the mark behind the image's placeholders.
        before_text: between image and words; read together with them, since a tokenizer may join the two.
        after_text: from the end of the words to where the answer begins; starts with a special token.
        after_answer: what ends the model's turn.
        before_answer: what the model says before its first word, where that is a token's part: a blank.
    """

    opening: str
    image_end: str
    before_text: str
    after_text: str
    after_answer: str
    before_answer: str = ""

    def stem(self, reader: Reader, image: Sequence[int]) -> list[int]:
        """Token ids up to the end of an image with these placeholders."""
        return [*reader.pieces(self.opening), *image, *reader.pieces(self.image_end)]

    def text(self, reader: Reader, user: str, answer: str | None) -> list[int]:
        """Token ids after the image; see ``Base.text``."""
        asked = reader.plain(self.before_text + user)
        reply = "" if answer is None else self.before_answer + answer + self.after_answer
        return asked + reader.pieces(self.after_text + reply)


@dataclass(frozen=True)
class Places:
    """Where the parts of a network are: names of its submodules.

    Attributes:
        language: the decoder.
        vision: the image encoder.
        projector: what turns the encoder's features into tokens; may lie within ``vision``.
    """

    language: str
    vision: str
    projector: tuple[str, ...]


class Base(nn.Module):
    """A large multimodal model of transformers without its vocabulary head, and how one speaks to it.

    Attributes:
        network: transformers' model: vision, projector, language.
        reader: its tokenizer.
        dialogue: the form of its chats.
        image_token: id of the placeholder that an image's features stand in for.
        vocabulary: [V, H], the output matrix.
        places: where the network's parts are.
    """

    places: ClassVar[Places]
    network: nn.Module
    reader: Reader
    dialogue: Dialogue
    image_token: int
    vocabulary: Tensor

    def prepare(self, image: Image.Image) -> Picture:
        """An RGB image, ready for ``read``."""
        raise NotImplementedError

    def text(self, user: str, answer: str | None = None) -> list[int]:
        """Token ids of the user's words after an image and of the answer's beginning.

        With an answer, the sequence ends with it as the model would have ended its turn; without one it ends
        where the model's answer would begin.
        """
        return self.dialogue.text(self.reader, user, answer)

    def read(self, pictures: Sequence[Picture], readings: Sequence[Reading]) -> list[Tensor]:
        """Normed last hidden states, [len(at), H] a reading."""
        raise NotImplementedError

    def for_training(self) -> None:
        """From now on ``read`` keeps gradients: whatever works in place or shares stems is no longer used."""

    @property
    def device(self) -> torch.device:
        """Where it is."""
        return next(self.network.parameters()).device

    @property
    def dtype(self) -> torch.dtype:
        """What it computes in."""
        return next(self.network.parameters()).dtype


class PlainBase(Base):
    """A base whose image features simply stand in a plain decoder's sequence of embeddings.

    Args:
        network: with ``get_input_embeddings``.
        language: its decoder.
        compiled: see ``PlainDecoder``; a decoder that it doesn't know runs as transformers has it.
    """

    def __init__(self, network: nn.Module, language: nn.Module, *, compiled: bool = False) -> None:
        super().__init__()
        self.network = network
        self._language: tuple[nn.Module] = (language,)  # in a tuple: it is a part of the network already
        self._decoder: PlainDecoder | WholeDecoder = (
            PlainDecoder(language, compiled=compiled)
            if PlainDecoder.fits(language)
            else WholeDecoder(language)
        )

    def for_training(self) -> None:
        """Whole sequences through transformers' own forward."""
        self._decoder = WholeDecoder(self._language[0])

    def look(self, pictures: Sequence[Picture]) -> list[Tensor]:
        """Image features [placeholders, H] of each picture."""
        raise NotImplementedError

    def read(self, pictures: Sequence[Picture], readings: Sequence[Reading]) -> list[Tensor]:
        """Normed last hidden states, [len(at), H] a reading; what readings of a picture share is computed once."""
        return self.read_features([picture.stem for picture in pictures], self.look(pictures), readings)

    def read_features(
        self, stems: Sequence[Sequence[int]], features: Sequence[Tensor], readings: Sequence[Reading]
    ) -> list[Tensor]:
        """As ``read``, from image features [placeholders, H] and the token ids that hold their places."""
        return self._decoder.read(
            [self.stem(ids, found) for ids, found in zip(stems, features, strict=True)],
            [Branch(one.picture, self._embed(one.text), one.at) for one in readings],
        )

    def hidden(self, ids: Tensor, mask: Tensor, features: Sequence[Tensor]) -> Tensor:
        """Normed last hidden states of every token, for checks: ``read`` computes only what is asked for.

        Args:
            ids: [B, N] token ids, padded anywhere; the image's placeholders stand together, something follows them.
            mask: [B, N], 0 at padding.
            features: one picture's a row.

        Returns:
            [B, N, H], zero at padding.
        """
        stems, branches = [], []
        for row, found in enumerate(features):
            real = ids[row][mask[row].bool()]
            end = int((real == self.image_token).nonzero()[-1]) + 1
            stems.append(self.stem(real[:end].tolist(), found))
            branches.append(Branch(row, self._embed(real[end:].tolist()), (len(real) - end - 1,)))
        starts, ends = self._decoder.all_states(stems, branches)
        out = starts[0].new_zeros(*ids.shape, starts[0].shape[-1])
        for row, (start, rest) in enumerate(zip(starts, ends, strict=True)):
            out[row, mask[row].bool()] = torch.cat([start, rest])
        return out

    def stem(self, ids: Sequence[int], features: Tensor) -> Tensor:
        """Embeddings [len(ids), H] with the features in the places of the image token."""
        embeddings = self._embed(ids)
        places = torch.tensor([token == self.image_token for token in ids], device=embeddings.device)
        if int(places.sum()) != len(features):
            raise ValueError(f"{int(places.sum())} placeholders for {len(features)} image features")
        if embeddings.requires_grad:  # a leaf, where somebody wants gradients of embeddings
            embeddings = embeddings.clone()
        embeddings[places] = features.to(embeddings.dtype)
        return embeddings

    def _embed(self, ids: Sequence[int]) -> Tensor:
        embedding: Any = self.network.get_input_embeddings()  # type: ignore[operator]
        found: Tensor = embedding(torch.tensor(ids, device=embedding.weight.device))
        return found.to(self.dtype)
