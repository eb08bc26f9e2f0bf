r"""Unicode and LaTeX spellings of the same thing, made one before the text is cut into tokens. Linear in its length."""

from __future__ import annotations

import re

_GREEK = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho varsigma sigma tau "
    "upsilon phi chi psi omega"
)
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁽⁾ⁿⁱ", "0123456789+-()ni")
_SUBSCRIPTS = str.maketrans("₀₁₂₃₄₅₆₇₈₉₊₋ₐₑₓₙᵢⱼₖₘ", "0123456789+-aexnijkm")
_VULGAR = {"½": "12", "⅓": "13", "⅔": "23", "¼": "14", "¾": "34", "⅕": "15", "⅖": "25", "⅗": "35", "⅘": "45"}
_VULGAR |= {"⅙": "16", "⅚": "56", "⅛": "18", "⅜": "38", "⅝": "58", "⅞": "78"}

_SPELLINGS: dict[str, str] = {
    **dict.fromkeys("−–—‐‑‒﹣－", "-"),
    **dict.fromkeys("×✕⨯", r" \times "),
    **dict.fromkeys("·∙⋅•", r" \cdot "),
    **dict.fromkeys("≤⩽≦", r" \le "),
    **dict.fromkeys("≥⩾≧", r" \ge "),
    **dict.fromkeys("≈≃≅≐", r" \approx "),
    **dict.fromkeys("∅⌀Ø", r" \emptyset "),
    **dict.fromkeys("∣｜", "|"),
    **dict.fromkeys("，、", ","),
    **dict.fromkeys("′’‘", "'"),
    **dict.fromkeys("\u00a0\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u3000", " "),
    **{chr(0xFF10 + digit): str(digit) for digit in range(10)},
    "÷": r" \div ",
    "∞": r" \infty ",
    "≠": r" \ne ",
    "∪": r" \cup ",
    "∩": r" \cap ",
    "∈": r" \in ",
    "∖": r" \setminus ",
    "√": r" \sqrt ",
    "∛": r" \sqrt[3] ",
    "°": r"^\circ ",
    "±": r" \pm ",
    "∓": r" \mp ",
    "；": ";",
    "：": ":",
    "（": "(",
    "）": ")",
    "％": "%",
    "＝": "=",
    "＋": "+",
    "＜": "<",
    "＞": ">",
    "＄": "$",
    "⟨": r" \langle ",
    "⟩": r" \rangle ",
    "⌊": r" \lfloor ",
    "⌋": r" \rfloor ",
    "⌈": r" \lceil ",
    "⌉": r" \rceil ",
    "ℝ": r" \mathbb{R} ",
    "ℤ": r" \mathbb{Z} ",
    "ℚ": r" \mathbb{Q} ",
    "ℕ": r" \mathbb{N} ",
    "ℂ": r" \mathbb{C} ",
    "Σ": r" \sum ",
    "∑": r" \sum ",
    "∏": r" \prod ",
    "∫": r" \int ",
    "ϕ": r" \phi ",
    "∘": r"^\circ ",
    "⁄": "/",
    **{chr(0x3B1 + at): rf" \{name} " for at, name in enumerate(_GREEK.split())},
    **{letter: rf" \frac{{{digits[0]}}}{{{digits[1]}}} " for letter, digits in _VULGAR.items()},
}
_TABLE = str.maketrans(_SPELLINGS)
_WRAPPERS = tuple(
    (opening, closing)
    for opening, closing in map(str.split, "*** ***|** **|__ __|``` ```|` `|* *|\" \"|“ ”|„ “|« »|' '|‘ ’".split("|"))
)
_LEAD = re.compile(
    r"(?:\*\*|__|\*|#{1,4} ?)?\s?(?:the\s)?(?:(?:final|correct)\s)?answer\s{0,3}(?:\*\*|__|\*)?\s{0,3}"
    r"(?:is\s{0,3})?[:：]\s*(?:\*\*|__|\*)?\s*(?=\S)(?!.*\\boxed)",
    re.IGNORECASE,
)
_ABOVE = (
    r"(?:km|cm|mm|ft|mi|kg|mg|m[lL]|L|gal|rad|rev|miles?|met(?:er|re)s?|feet|foot|grams?|gallons?|lit(?:er|re)s?|dollars?|"
    r"cents?)"
)
_BELOW = r"(?:s|sec|second|min|minute|h|hr|hour|day|week|month|year|kg|lb|gallon|lit(?:er|re)|person)"
_RATE_AFTER = re.compile(
    r"(?<=[0-9])(?:[ ~]|\\[,;:! ])\s?"
    rf"(m/(?:s|sec|min|hr)|g/(?:L|mL|ml|cm|mol)|{_ABOVE}/{_BELOW})(?![A-Za-z0-9/(])"
)
_SCALE = re.compile(
    r"(?:°|\^\s*(?:\\circ|\{\s*\\circ\s*\}))\s*"
    r"(?:\\(?:text|mathrm|textrm)\s*\{\s*([CF])\s*\}|([CF])(?![A-Za-z0-9_']))"
)
_SCALES = {"C": "celsius", "F": "fahrenheit"}
_COIN_AFTER = re.compile(r"(?<=[0-9])\s?(€|£|¥|₹|\\\$)(?!\s*[0-9.\\])")
_COINS = {"€": "euros", "£": "GBP", "¥": "yen", "₹": "rupees", r"\$": "dollars"}
_MOST_WRAPPERS = 3
_RAISED = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁽⁾ⁿⁱ]+")
_LOWERED = re.compile("[₀₁₂₃₄₅₆₇₈₉₊₋ₐₑₓₙᵢⱼₖₘ]+")
_COMMA = re.compile(r" ?\{\s*,\s*\}(?:\\!)? ?|,\\!\s*")
GLUED = re.compile(r"(?<=[0-9)}])(and|or)(?=[A-Z(])")
_THIN_SPACE = re.compile(r"(?<=[0-9])(?:\\[,;:! ]|~)\s*(?=[0-9]{3}(?![0-9]))")
_PRICE = re.compile(r"\s*[+-]?\s*\$\s*[0-9.]")
_NOON = re.compile(r"(?<=[0-9 ])([ap])\.\s?m\.?", re.IGNORECASE)
_NOT_EQUAL = re.compile(r"\\not\s*(?==)")
_DEGREE = re.compile(r"\^\s*\{\s*\\circ\s*\}")
_ESCAPED_TWICE = re.compile(r"\\\\(?=[a-zA-Z])")
_SIZES = re.compile(r"\\(?:[bB]igg?[lrm]?|left|right|middle)(?![a-zA-Z])\s*([{}.])?")
_IGNORED = re.compile(
    r"\\(?:displaystyle|textstyle|scriptstyle|limits|nolimits|nonumber|hline|quad|qquad|bf|rm|it|mathstrut)(?![a-zA-Z])"
    r"|\\(?:hspace|vspace|phantom|hphantom|label|tag|color)\s*\{[^{}]*\}"
    r"|(?<!\\)(?:\\[,;:!>() \[\]]|\$)|~"
)


def unwrapped(text: str) -> str:
    """The answer without what only shows it: `**Answer:** 12`, `*12*`, `"12"`. At most three of them around another."""
    for _ in range(_MOST_WRAPPERS):
        text = text.strip()
        lead = _LEAD.match(text)
        inner = text[lead.end() :] if lead and text.count("**", 0, lead.end()) % 2 == 0 else _inside_marks(text)
        if inner == text:
            break
        text = inner
    return text.strip()


def _inside_marks(text: str) -> str:
    for opening, closing in _WRAPPERS:
        inner = text[len(opening) : -len(closing)].strip()
        if len(text) > len(opening + closing) and text.startswith(opening) and text.endswith(closing):
            return text if opening in inner or closing in inner or not inner else inner
    return text


def spelled(text: str) -> str:
    r"""The text with ASCII digits, LaTeX commands for Unicode signs, and without what only sets sizes and spaces.

    `x²` → `x^{2}`, `½` → `\frac{1}{2}`, `1{,}234` → `1,234`, `\left(` → `(`, `\left\{` stays a set, `\\frac` → `\frac`
    unless the text holds a matrix, where `\\` ends a row.
    """
    text = _with_units(text)
    if not text.isascii():
        text = _RAISED.sub(lambda run: f"^{{{run[0].translate(_SUPERSCRIPTS)}}}", text)
        text = _LOWERED.sub(lambda run: f"_{{{run[0].translate(_SUBSCRIPTS)}}}", text)
        text = text.translate(_TABLE)
    text = text.rstrip().removesuffix("\\") if text.rstrip().endswith("\\") else text
    text = GLUED.sub(r" \1 ", _NOON.sub(r"\1m", text))
    if "\\" not in text:
        sign = r"\$" if text.count("$") == 1 and _PRICE.match(text) else " "  # money, or a delimiter of formulas
        return _COMMA.sub(",", text).replace("$", sign)
    if r"\\begin" in text or r"\begin" not in text:
        text = _ESCAPED_TWICE.sub(r"\\", text).replace(r"\\\\", r"\\")
    text = _NOT_EQUAL.sub(r"!", text)
    text = _DEGREE.sub(r"^\\circ ", _THIN_SPACE.sub("", _COMMA.sub(",", text)))
    text = _SIZES.sub(_delimiter, text)
    return _IGNORED.sub(" ", text)


def _with_units(text: str) -> str:
    r"""Units after a number as words: `12 m/s` → `12\text{ m/s}`, `12°C`, `12€`, `12\$`."""
    if "/" in text:
        text = _RATE_AFTER.sub(r"\\text{ \1}", text)
    if "°" in text or "circ" in text:
        text = _SCALE.sub(lambda sign: rf"\text{{ {_SCALES[sign[1] or sign[2]]}}}", text)
    return _COIN_AFTER.sub(lambda sign: rf"\text{{ {_COINS[sign[1]]}}}", text)


def _delimiter(sized: re.Match[str]) -> str:
    r"""`\left{` is meant as a set brace; `\right.` is nothing."""
    return {"{": r"\{", "}": r"\}"}.get(sized[1] or "", " ")
