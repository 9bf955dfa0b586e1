from __future__ import annotations

import json

import pytest
from tiny_bases import FAMILIES, SPECIAL, tokenizer
from tokenizers import AddedToken, Tokenizer, decoders, models

from lmm4lmm.core.errors import ItemError, WeightsError
from lmm4lmm.model.bases.hub_reader import HubReader

TEXTS = (
    "",
    "a",
    "Is there a tree?",
    " two  blanks ",
    "line\nline\n\n",
    "Grüße 图像 🦊 \u0301",
    "<|im_start",
    "\x00",
)


@pytest.fixture(params=FAMILIES)
def reader(request):
    return HubReader(tokenizer(request.param).to_str(), source="x")


@pytest.mark.parametrize("text", TEXTS)
def test_plain_reads_what_the_tokenizer_reads_where_nothing_is_special(reader, text):
    assert reader.plain(text) == reader.pieces(text)
    assert reader.decode(reader.plain(text)) == text


def test_pieces_know_every_added_token_and_plain_none():
    reader = HubReader(tokenizer("smolvlm").to_str(), source="x")
    for token in (*SPECIAL["smolvlm"], "<tool_call>"):
        assert reader.pieces(f"a{token} b") == [*reader.plain("a"), reader.id_of(token), *reader.plain(" b")]
        assert reader.id_of(token) not in reader.plain(f"a{token} b")
        assert reader.decode(reader.plain(f"a{token} b")) == f"a{token} b"


def test_a_special_tokens_name_is_read_as_the_words_that_it_is_made_of():
    reader = HubReader(tokenizer("smolvlm").to_str(), source="x")
    parts = [reader.plain(part) for part in ("<", "image", ">")]
    assert len(parts[1]) < len("image")
    assert reader.plain("<image>") == [*parts[0], *parts[1], *parts[2]]


def test_a_special_token_among_the_words_of_the_vocabulary_is_spelled():
    words = {letter: number for number, letter in enumerate("<img>abc ")} | {"<img>": 20}
    made = Tokenizer(models.BPE(vocab=words, merges=[], ignore_merges=True))
    made.decoder = decoders.Fuse()
    made.add_special_tokens([AddedToken("<img>", special=True)])
    reader = HubReader(made.to_str(), source="x")
    assert reader.pieces("<img>") == [20]
    assert reader.plain("<img>") == [words[letter] for letter in "<img>"]


def test_token_ids_are_words_that_are_one_token_each_once(reader):
    found = reader.token_ids(["Yes", " Yes", "Yes", "Yes indeed", ""])
    assert [reader.decode([number]) for number in found] == ["Yes", " Yes"]


def test_cutting_and_filling_up_are_switched_off():
    made = Tokenizer.from_str(tokenizer("internvl").to_str())
    made.enable_truncation(4)
    made.enable_padding(length=50)
    reader = HubReader(made.to_str(), source="x")
    assert reader.decode(reader.pieces("How good is this image?")) == "How good is this image?"
    assert len(reader.plain("a")) == 1


def test_vocabulary_size_counts_added_tokens():
    made = tokenizer("internvl")
    assert HubReader(made.to_str(), source="x").vocabulary_size == made.get_vocab_size()


def test_text_that_is_no_unicode_fails_its_item(reader):
    with pytest.raises(ItemError, match="character 2"):
        reader.plain("a\ud800")


def test_unknown_token(reader):
    with pytest.raises(WeightsError, match=r"x: the tokenizer has no token '<nothing>'"):
        reader.id_of("<nothing>")


@pytest.mark.parametrize(
    "content", ["", "{}", "[]", json.dumps({"added_tokens": [], "model": {"type": "?"}})]
)
def test_damaged_files_are_named(tmp_path, content):
    (tmp_path / "tokenizer.json").write_text(content)
    with pytest.raises(WeightsError, match=r"tokenizer\.json is damaged"):
        HubReader.read(tmp_path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(WeightsError, match=r"tokenizer\.json can't be read"):
        HubReader.read(tmp_path)
