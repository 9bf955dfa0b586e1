"""Our forms against chat templates in the families' released form, written here anew."""

from __future__ import annotations

import json

import pytest
from tiny_bases import IMAGE, tokenizer
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from lmm4lmm.core.errors import WeightsError
from lmm4lmm.model.bases import dialogues
from lmm4lmm.model.bases.hub_reader import HubReader

_PART = (
    "{%% for part in message['content'] %%}{%% if part['type'] == 'image' %%}%s"
    "{%% elif 'text' in part %%}{{ part['text'] }}{%% endif %%}{%% endfor %%}"
)
_QWEN_PART = _PART % "<|vision_start|><|image_pad|><|vision_end|>"
_END = "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
_SMOL = (
    "<|im_start|>{% for message in messages %}{{ message['role'] | capitalize }}"
    "{% if message['content'][0]['type'] == 'image' %}{{ ':' }}{% else %}{{ ': ' }}{% endif %}"
    + _PART % "{{ '<image>' }}"
    + "<end_of_utterance>\n{% endfor %}{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}"
)
TEMPLATES = {
    "internvl": (
        "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' }}"
        + _PART % "{{ '<IMG_CONTEXT>\\n' }}"
        + "{{ '<|im_end|>\\n' }}{% endfor %}"
        + _END
    ),
    "qwen2_5_vl": (
        "{% for message in messages %}{% if loop.first and message['role'] != 'system' %}"
        "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n{% endif %}"
        "<|im_start|>{{ message['role'] }}\n" + _QWEN_PART + "<|im_end|>\n{% endfor %}" + _END
    ),
    "qwen3_vl": (
        '{%- for message in messages %}\n    {%- if message.role == "user" %}\n'
        "        {{- '<|im_start|>' + message.role + '\\n' }}\n"
        "        {%- for content in message.content %}\n"
        "            {%- if content.type == 'image' or 'image' in content %}\n"
        "                {%- if add_vision_id %}Picture 1: {% endif -%}\n"
        "                <|vision_start|><|image_pad|><|vision_end|>\n"
        "            {%- elif 'text' in content %}\n                {{- content.text }}\n            {%- endif %}\n"
        "        {%- endfor %}\n        {{- '<|im_end|>\\n' }}\n    {%- endif %}\n{%- endfor %}\n"
        "{%- if add_generation_prompt %}\n    {{- '<|im_start|>assistant\\n' }}\n{%- endif %}\n"
    ),
    "smolvlm": _SMOL,
}
FORMS = {
    "internvl": dialogues.INTERNVL,
    "qwen2_5_vl": dialogues.QWEN2_5_VL,
    "qwen3_vl": dialogues.QWEN3_VL,
    "smolvlm": dialogues.SMOLVLM,
}


@pytest.mark.parametrize("family", FORMS)
def test_our_form_is_what_the_released_template_renders(family, tmp_path):
    (tmp_path / "chat_template.jinja").write_text(TEMPLATES[family])
    assert dialogues.spoken(FORMS[family], tmp_path) == FORMS[family].dialogue


@pytest.mark.parametrize("name", ["chat_template.json", "processor_config.json", "tokenizer_config.json"])
def test_a_folders_own_template_decides_wherever_it_stands(name, tmp_path):
    polite = TEMPLATES["qwen3_vl"].replace("assistant\\n", "assistant\\n<think>\\n")
    (tmp_path / name).write_text(json.dumps({"chat_template": polite}))
    found = dialogues.spoken(dialogues.QWEN3_VL, tmp_path)
    assert found.after_text == "<|im_end|>\n<|im_start|>assistant\n<think>\n"
    assert found.opening == dialogues.QWEN3_VL.dialogue.opening


def test_a_folder_without_template_is_spoken_to_as_its_family(tmp_path):
    (tmp_path / "tokenizer_config.json").write_text("{}")
    assert dialogues.spoken(dialogues.SMOLVLM, tmp_path) == dialogues.SMOLVLM.dialogue


@pytest.mark.parametrize(
    ("template", "problem"),
    [
        ("no image here", "no image here"),
        ("{{ messages[0]['content'][1]['text'] }}<image>", "does not write an image"),
        ("{% for %}", "can't be used"),
        ("{{ ''.__class__.__mro__[1].__subclasses__() }}", "can't be used"),  # the sandbox holds
    ],
)
def test_templates_that_do_not_serve_are_refused(template, problem, tmp_path):
    (tmp_path / "chat_template.jinja").write_text(template)
    with pytest.raises(WeightsError, match=problem):
        dialogues.spoken(dialogues.SMOLVLM, tmp_path)


def test_damaged_file(tmp_path):
    (tmp_path / "chat_template.json").write_text("{")
    with pytest.raises(WeightsError, match=r"chat_template\.json is damaged"):
        dialogues.spoken(dialogues.SMOLVLM, tmp_path)


def test_an_answer_is_written_as_the_template_writes_it():
    reader = HubReader(tokenizer("smolvlm").to_str(), source="x")
    text = reader.decode(dialogues.SMOLVLM.dialogue.text(reader, "Good?", "Yes"))
    assert text == "Good?<end_of_utterance>\nAssistant: Yes<end_of_utterance>"


@pytest.mark.parametrize("family", FORMS)
def test_parts_are_read_as_the_whole(family):
    reader = HubReader(tokenizer(family).to_str(), source="x")
    dialogues.check_cuts(FORMS[family].dialogue, reader, IMAGE[family], source="x")


def test_a_tokenizer_that_puts_a_blank_before_some_words_is_refused():
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
    made.train_from_iterator(["user assistant Is it good? Yes"], trainers.BpeTrainer(vocab_size=60))
    made.add_special_tokens(["<|im_start|>", "<|im_end|>", "<img>", "</img>", "<IMG_CONTEXT>"])
    reader = HubReader(made.to_str(), source="x")
    with pytest.raises(WeightsError, match="x reads a chat otherwise than its parts"):
        dialogues.check_cuts(dialogues.INTERNVL.dialogue, reader, "<IMG_CONTEXT>", source="x")
