"""Every sentence that a rater may see, in English and Chinese, in one table.

A study brings its own title, questions and instructions; those come from the design. What is in braces is filled in.
"""

from __future__ import annotations

from collections.abc import Iterable

LANGUAGES = ("en", "zh")
NAMES = {"en": "English", "zh": "中文"}

TEXTS: dict[str, tuple[str, str]] = {
    # every page
    "skip": ("Skip to the content", "跳到正文"),
    "language": ("Language", "语言"),
    "go_on": ("Continue", "继续"),
    "steps": ("Steps of the study", "研究的步骤"),
    "step_consent": ("Consent", "同意"),
    "step_instructions": ("Instructions", "说明"),
    "step_viewing": ("Viewing check", "显示检查"),
    "step_training": ("Training", "练习"),
    "step_rating": ("Rating", "评分"),
    # without an invitation
    "welcome": ("Welcome", "欢迎"),
    "needs_link": (
        "To take part, please open the invitation link that you were sent.",
        "请打开您收到的邀请链接参加研究。",
    ),
    "link_invalid": ("This link does not work", "此链接无效"),
    "link_invalid_why": (
        "The link may be incomplete, or it has expired. Please ask the person who invited you for a new one.",
        "链接可能不完整或已过期。请向邀请您的人索取新的链接。",
    ),
    # consent
    "consent": ("Taking part", "参加研究"),
    "consent_agree": (
        "I am an adult, I have read this, and I want to take part.",
        "我已成年，已阅读以上内容，并愿意参加。",
    ),
    "consent_button": ("Agree and continue", "同意并继续"),
    "consent_needed": (
        "Please tick the box if you want to take part. If not, simply close this page.",
        "如果您愿意参加，请勾选方框；如果不愿意，直接关闭本页即可。",
    ),
    # instructions
    "instructions": ("What to do", "任务说明"),
    "examples": ("Examples", "示例"),
    "example": ("Example {number}", "示例 {number}"),
    "the_scale": ("The scale", "评分等级"),
    "from_to": ("From 0 to 100: {low} to {high}", "从 0 到 100：{low} 到 {high}"),
    "keys": ("Keys", "快捷键"),
    "keys_acr5": ("Give a grade", "打分"),
    "keys_yes_no": ("Yes or no", "是或否"),
    "keys_pairwise": ("Left, right, or no difference", "左、右或无差别"),
    "keys_slider": ("Move the slider", "移动滑块"),
    "keys_enter": ("Next image", "下一张"),
    "keys_undo": ("Take the last answer back", "撤销上一个回答"),
    "keys_touch": ("On a phone or tablet, simply tap.", "在手机或平板上，直接点按即可。"),
    "start_check": ("Understood", "明白了"),
    # viewing check
    "viewing": ("Your screen", "您的屏幕"),
    "viewing_why": (
        "Please sit as you will while rating, with normal room light. Set the screen to its usual brightness and "
        "turn off night or reading modes.",
        "请按评分时的坐姿坐好，保持正常室内光线。请将屏幕调到平常的亮度，并关闭夜间或护眼模式。",
    ),
    "viewing_size": ("Window", "窗口"),
    "viewing_zoom": ("Browser zoom", "浏览器缩放"),
    "viewing_measured": ("{width} × {height} pixels", "{width} × {height} 像素"),
    "viewing_ok": ("good", "合适"),
    "viewing_small": (
        "The window is small. Make it larger if you can.",
        "窗口较小，请尽量放大窗口。",
    ),
    "viewing_zoomed": (
        "Please set the zoom to 100 % (Ctrl and 0) if you can read well that way.",
        "如果不影响阅读，请把缩放设为 100%（Ctrl 和 0）。",
    ),
    "plates": ("Which digit do you see?", "您看到哪个数字？"),
    "plates_why": (
        "Type the digit that you see in each circle. If you see none, leave the field empty.",
        "请输入您在每个圆中看到的数字；如果看不到，请留空。",
    ),
    "plates_again": (
        "Too few digits were read as they are drawn. Please check the screen and try these.",
        "读对的数字太少。请检查屏幕，再试一试下面的图。",
    ),
    "plate": ("Plate {number}", "图 {number}"),
    "plate_digit": ("Digit in plate {number}", "图 {number} 中的数字"),
    "viewing_button": ("My screen is ready", "屏幕已准备好"),
    # rating
    "progress": ("{done} of {total}", "第 {done} / {total} 张"),
    "progress_left": ("{left} images to go", "还剩 {left} 张"),
    "training": ("Training", "练习"),
    "training_note": (
        "These first images are for practice. You are told how your answer compares.",
        "前几张图片用于练习，作答后会得到反馈。",
    ),
    "training_from": ("Training starts", "练习开始"),
    "prompt": ("Text that the image was made from", "生成图片所用的文字"),
    "question": ("Question", "问题"),
    "image": ("Image to be rated", "待评分的图片"),
    "image_first": ("Left image", "左图"),
    "image_second": ("Right image", "右图"),
    "image_failed": (
        "The image did not load. Check your connection, then try again.",
        "图片未能加载。请检查网络后重试。",
    ),
    "try_again": ("Try again", "重试"),
    "next": ("Next", "下一张"),
    "undo": ("Undo", "撤销"),
    "pause": ("Pause", "暂停"),
    "auto_next": ("Go on after the last answer", "答完自动继续"),
    "all_answers": ("Please answer every question before you go on.", "请先回答所有问题，再继续。"),
    "slider_unset": ("Move the slider", "请移动滑块"),
    "slider_of": ("{value} of 100", "{value} / 100"),
    "saved": ("Saved", "已保存"),
    "undone": (
        "The last answer is taken back. Please rate this image again.",
        "已撤销上一个回答，请重新评分。",
    ),
    "not_undone": ("There is nothing to take back.", "没有可以撤销的回答。"),
    "repeated": ("This answer had been saved already.", "此回答此前已经保存。"),
    "not_yours": (
        "That image was waiting for too long and went to someone else. Here is the next one.",
        "那张图片等待过久，已分给其他人。请评下一张。",
    ),
    "invalid": ("That answer could not be read. Please try again.", "无法识别该回答，请重试。"),
    "invalid_form": (
        "The server could not do that. Please go back and try again.",
        "服务器无法完成该操作，请返回重试。",
    ),
    "feedback": ("About your answer", "关于您的回答"),
    "offline": (
        "No connection. Your answer is kept here and will be sent again on its own.",
        "网络中断。您的回答已暂存，将自动重新发送。",
    ),
    "online": ("Connected again.", "网络已恢复。"),
    "signed_out": (
        "You are no longer signed in. Please open your invitation link again.",
        "登录已失效，请重新打开您的邀请链接。",
    ),
    # break, pause, waiting
    "break": ("Time for a break", "休息一下"),
    "break_why": (
        "Look at something far away, stand up, have some water. The next images will get a fresh look.",
        "看看远处，起来走动一下，喝点水，再以新的眼光看接下来的图片。",
    ),
    "break_left": ("The break ends in", "休息剩余时间"),
    "break_over": ("The break is over. Go on whenever you like.", "休息结束，您可以随时继续。"),
    "minutes": ("{minutes} min {seconds} s", "{minutes} 分 {seconds} 秒"),
    "paused": ("Paused", "已暂停"),
    "paused_why": (
        "All your answers are saved. Go on here, or open your invitation link on any device, also on another day.",
        "您的所有回答均已保存。您可以在此继续，也可以改天在任何设备上打开邀请链接继续。",
    ),
    "paused_done": ("{done} of {total} images are done.", "已完成 {total} 张中的 {done} 张。"),
    "waiting": ("No image is free just now", "暂时没有可评的图片"),
    "waiting_why": (
        "Other raters hold the last images. This page looks again every half minute; you may also come back later.",
        "其他评分者正在评最后的图片。本页每半分钟检查一次，您也可以稍后再来。",
    ),
    # the end
    "finished": ("Thank you", "谢谢您"),
    "finished_why": (
        "All your answers are saved. Your work helps to tell good images from bad ones.",
        "您的所有回答均已保存。您的参与有助于区分图片的好坏。",
    ),
    "code": ("Your completion code", "您的完成码"),
    "code_why": (
        "Give this code to the person who invited you, if you were asked to.",
        "如有要求，请将此完成码交给邀请您的人。",
    ),
    "copy": ("Copy", "复制"),
    "copied": ("Copied", "已复制"),
    "excluded": ("The study has ended for you", "您的参与已结束"),
    "excluded_why": (
        "There are no more images for you. Thank you for your time. If you have a question, please ask the person "
        "who invited you.",
        "没有更多图片需要您评分，感谢您的时间。如有疑问，请联系邀请您的人。",
    ),
    "closed": ("The study is closed", "研究已结束"),
    "closed_why": (
        "All the ratings that were needed are there. Thank you for your interest.",
        "所需评分已经收集完毕，感谢您的关注。",
    ),
    "nothing_left": ("There is nothing left to rate", "没有需要评分的图片了"),
    # what goes wrong
    "problem": ("That did not work", "操作未成功"),
    "too_fast": ("Too many requests. Please wait {seconds} s.", "请求过多，请等待 {seconds} 秒。"),
    "form_old": (
        "This page was open for too long. Please go back, load it again, and send it once more.",
        "此页面打开时间过长。请返回并刷新后重新提交。",
    ),
    "not_found": ("There is no such page.", "没有这个页面。"),
    "our_fault": (
        "Something went wrong on our side. Nothing that was saved is lost. Please try again.",
        "服务器出现问题。已保存的内容不会丢失，请重试。",
    ),
}


def say(language: str, key: str, **values: object) -> str:
    """One sentence.

    Args:
        language: ``en`` or ``zh``; another one means ``en``.
        key: a key of ``TEXTS``.
        values: what goes into its braces.

    Raises:
        KeyError: no such sentence, or a value is missing.
    """
    text = TEXTS[key][LANGUAGES.index(language) if language in LANGUAGES else 0]
    return text.format(**values) if values else text


def choose(wanted: str, offered: Iterable[str]) -> str:
    """The language that a browser asks for (``Accept-Language``) among those that the study offers.

    The first one offered where none fits. Weights (``q=``) are ignored: browsers send the best first.
    """
    ours = [language for language in offered if language in LANGUAGES] or [LANGUAGES[0]]
    for part in wanted.split(","):
        short = part.split(";")[0].strip().lower()[:2]
        if short in ours:
            return short
    return ours[0]
