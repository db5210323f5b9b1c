"""Prompts that users might type: any Unicode, any length, markup, formulas. Nothing may ever execute them."""

from __future__ import annotations

from random import Random

_SUBJECTS = ("red cat", "lighthouse", "old fisherman", "cyberpunk alley", "bowl of ramen", "snow fox", "paper dragon")
_MANNERS = (
    "wearing a purple hat",
    "at dawn, oil on canvas",
    "isometric, soft light",
    "35mm photo, bokeh",
    "as a woodcut",
)
_STRANGE = (
    "<script>alert('prompt')</script>",
    "<img src=x onerror=alert(1)> & <b>bold</b>",
    '=HYPERLINK("http://127.0.0.1/","click")',
    "+1+1|cmd",
    "@SUM(A1:A9)",
    "-2+3",
    "'; DROP TABLE outputs; --",
    "{{ 7 * 7 }} ${jndi:x} %s %(name)s",
    "赤い猫と紫の帽子",
    "قطة حمراء ترتدي قبعة أرجوانية",
    "👩‍👩‍👧‍👦 family portrait 🏳️‍🌈",
    "e\u0301 versus \u00e9, \u202eright to left\u202c, zero\u200bwidth, \ufeffbom",
    "line one\nline two\r\n\ttabbed\u2028separator",
    '"quoted", back\\slash, \x01 control \x7f',
    "",
    " ",
)
_NEGATIVE = ("blurry, low quality", "watermark, text", "extra fingers")


def prompt(random: Random) -> str:
    """Return a prompt: mostly plain, one in ten strange, one in a hundred very long."""
    chance = random.random()
    if chance < 0.01:
        return "intricate détail, 細部, " * random.randint(500, 3000)
    if chance < 0.11:
        return random.choice(_STRANGE)
    return f"{random.choice(_SUBJECTS)} {random.choice(_MANNERS)}"


def negative_prompt(random: Random) -> str | None:
    return random.choice(_NEGATIVE) if random.random() < 0.25 else None
