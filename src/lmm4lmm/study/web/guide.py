"""What raters read before they begin, where a design brings no words of its own."""

from __future__ import annotations

from lmm4lmm.study.design import StudyDesign
from lmm4lmm.study.web.pages import in_language

CONSENT = {
    "en": (
        "You are invited to look at images made by computers and to say how good they are. {amount} "
        "You may take a break at any time, and stop at any time without giving a reason.\n\n"
        "We record your answers, when you gave them, how long they took, the size of your browser window and your "
        "language. We do not ask for your name, your e-mail address or anything else about you, and we do not keep "
        "your internet address. A cookie keeps you signed in; it serves nothing else.\n\n"
        "The answers are used for research and may be published without any link to you."
    ),
    "zh": (
        "我们邀请您观看由计算机生成的图片，并评价它们的好坏。{amount}"
        "您可以随时休息，也可以随时退出，无需说明理由。\n\n"
        "我们会记录您的回答、作答时间和用时、浏览器窗口大小以及语言。我们不会询问您的姓名、电子邮箱或其他个人信息，"
        "也不会保存您的网络地址。Cookie 仅用于保持登录。\n\n"
        "这些回答将用于研究，可能会公开发表，但不会与您本人有任何关联。"
    ),
}
AMOUNT = {
    "en": "There are up to {steps} images; most people need about {minutes} minutes.",
    "zh": "最多有 {steps} 张图片，大多数人需要约 {minutes} 分钟。",
}
INSTRUCTIONS = {
    "en": (
        "Each screen shows an image and, where there is one, the text that it was made from. Look at the whole image "
        "for a moment, then answer. Your first impression counts, and there is no need to compare with images that "
        "you saw before."
    ),
    "zh": (
        "每个页面会显示一张图片以及生成它所用的文字（如果有）。请先完整地看一看图片，然后作答。请凭第一印象判断，"
        "不必与之前看过的图片比较。"
    ),
}
OF_PAIRS = {
    "en": (
        "Each screen shows two images and, where there is one, the text that both were made from. Look at both for a "
        "moment, then choose. Your first impression counts, and there is no need to compare with images that you saw "
        "before."
    ),
    "zh": (
        "每个页面会显示两张图片以及生成它们所用的文字（如果有）。请先看一看两张图片，然后选择。请凭第一印象判断，"
        "不必与之前看过的图片比较。"
    ),
}
OPINIONS = {
    "en": "There are no right or wrong opinions.",
    "zh": "看法没有对错之分。",
}
WHOLE_SCALE = {"en": "Use the whole scale.", "zh": "请充分使用整个评分范围。"}
SAME_SCREEN = {
    "en": "Please use the same screen and stay at the same distance from it all the time.",
    "zh": "请始终使用同一块屏幕，并保持相同的观看距离。",
}
DIMENSIONS = {
    "perception": {
        "en": "How the image looks, whatever the text says: sharpness, colour, light, faults, broken shapes, "
        "hands and faces that went wrong.",
        "zh": "不考虑文字，只看图片本身：清晰度、色彩、光线、瑕疵、扭曲的形状，以及画错的手和脸。",
    },
    "correspondence": {
        "en": "Whether the image shows what the text says: the right things, the right number, colours, places and "
        "actions. It may match well and still look bad.",
        "zh": "图片是否表现了文字的内容：事物、数量、颜色、位置和动作是否正确。图片可以很符合文字，但画得不好。",
    },
    "answer": {
        "en": "A question about the image that has an answer: yes or no.",
        "zh": "关于图片内容的问题，请回答“是”或“否”。",
    },
    "preference": {
        "en": "Two images were made from one text. Choose the one that you find better.",
        "zh": "两张图片由同一段文字生成，请选出您认为更好的一张。",
    },
}
NAMES = {
    "perception": {"en": "Quality", "zh": "画质"},
    "correspondence": {"en": "Match with the text", "zh": "与文字相符程度"},
    "answer": {"en": "Yes or no", "zh": "是或否"},
    "preference": {"en": "Preference", "zh": "偏好"},
}

SECONDS_A_STEP = 6.0
"""What one image with two questions takes beginners, for the estimate only."""


def consent_text(design: StudyDesign, language: str) -> str:
    """The design's own words, else ours, with how much there is to do."""
    if own := in_language(design.consent, language):
        return own
    minutes = max(1, round(design.planned_steps * SECONDS_A_STEP / 60 + design.session.break_minutes))
    amount = AMOUNT[language].format(steps=design.planned_steps, minutes=minutes)
    return CONSENT[language].format(amount=amount)


def instruction_text(design: StudyDesign, language: str) -> str:
    """The design's own words, else ours, as far as they fit what is asked."""
    if own := in_language(design.instructions, language):
        return own
    kinds = {dimension.kind for dimension in design.dimensions}
    said = [(OF_PAIRS if design.pairwise else INSTRUCTIONS)[language]]
    if kinds != {"yes_no"}:
        said.append(OPINIONS[language])
    if kinds & {"acr5", "slider"}:
        said.append(WHOLE_SCALE[language])
    blank = "" if language == "zh" else " "
    return f"{blank.join(said)}\n\n{SAME_SCREEN[language]}"
