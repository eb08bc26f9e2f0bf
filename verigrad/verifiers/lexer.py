r"""From text to tokens. One pattern, tried at each place once, so the time is linear; every cap comes before the work.

Letters: a run of one to four is a product of symbols (`xy`, `ABCD`), unless it is a function or a unit; a longer one
is a word. What stands in `\text{…}` is a word, a unit or a connective.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from verigrad.verifiers.expression import LimitExceeded, Unreadable
from verigrad.verifiers.spelling import spelled
from verigrad.verifiers.words import is_word_after_number

LONGEST_TEXT = 4000
"""Characters of an answer that is read."""

MOST_TOKENS = 1200
"""Tokens of an answer that is read."""

LONGEST_LITERAL = 400
"""Digits of a number that is read."""

FUNCTIONS = frozenset(
    "sin cos tan cot sec csc arcsin arccos arctan arccot sinh cosh tanh coth ln log lg exp gcd lcm max min abs "
    "ceil floor det sgn sign Re Im arg asin acos atan Gamma".split()
)
UNITS = {
    unit: name
    for name, units in {
        "": "unit units",
        "%": "percent pct percentage percents",
        "°": "deg degree degrees",
        "m": "meter meters metre metres",
        "cm": "cm centimeter centimeters centimetre centimetres",
        "mm": "mm millimeter millimeters millimetre millimetres",
        "km": "km kilometer kilometers kilometre kilometres",
        "in": "inch inches",
        "ft": "ft foot feet",
        "yd": "yd yard yards",
        "mi": "mile miles",
        "s": "sec secs second seconds",
        "min": "mins minute minutes",
        "h": "hr hrs hour hours",
        "day": "day days",
        "week": "week weeks",
        "month": "month months",
        "year": "year years yr yrs",
        "g": "gram grams",
        "kg": "kg kilogram kilograms",
        "lb": "lb lbs pound pounds",
        "oz": "oz ounce ounces",
        "L": "liter liters litre litres",
        "mL": "ml mL milliliter milliliters",
        "$": "dollar dollars usd USD",
        "¢": "cent cents",
        "€": "euro euros eur EUR",
        "£": "GBP",
        "₹": "rupee rupees INR",
        "¥": "yen yuan JPY CNY",
        "rad": "rad radian radians",
        "mph": "mph",
        "°C": "celsius Celsius",
        "°F": "fahrenheit Fahrenheit",
        "am": "a.m.",
        "pm": "p.m.",
    }.items()
    for unit in units.split()
}
AFTER_NUMBERS = {"in": "in", "min": "min", "am": "am", "pm": "pm", "AM": "am", "PM": "pm"}
"""Units that stand for something else where no number is before them."""

UNIT_WORDS = frozenset("square sq cubic cu per".split())
MULTIPLIERS = {"dozen": 12, "hundred": 100, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
MULTIPLIERS |= {f"{word}s": value for word, value in MULTIPLIERS.items() if word != "dozen"}
FRACTION_WORDS = frozenset(
    f"{word}{end}"
    for word in "third quarter fourth fifth sixth seventh eighth ninth tenth hundredth thousandth millionth".split()
    for end in ("", "s")
) | {"half", "halves", "twelfth", "twelfths", "sixteenth", "sixteenths"}
OPERATOR_WORDS = frozenset(
    "negative minus plus divided multiplied over mod modulo squared cubed factorial wrong incorrect false not or "
    "choose raised".split()
)
"""Words after a number that make it another one, or deny it."""
SCALES = frozenset(
    "pi root base point below less k pair pairs couple couples crore crores lakh lakhs gross score scores double "
    "triple mil mill mio bil mega kilo giga hundredfold tenfold fold".split()
)
"""Words that scale or change a value where they stand for its unit; in a sentence some of them count things."""
CONNECTIVES = {"and": "and", "or": "or", "und": "and", "oder": "or", "et": "and", "ou": "or"}
COUNTED = frozenset("men women boys girls cats dogs eggs cups pens cars books apples people students times".split())

COINS = frozenset("$€£¥₹")
MEASURES = frozenset(UNITS.values()) - {""} | COINS
"""Units that are known: each differs from all others."""

_COMMANDS = {
    **dict.fromkeys(("dfrac", "tfrac", "cfrac", "nicefrac", "sfrac", "frac"), "frac"),
    **dict.fromkeys(("le", "leq", "leqslant", "leqq"), "<="),
    **dict.fromkeys(("ge", "geq", "geqslant", "geqq"), ">="),
    **dict.fromkeys(("approx", "simeq", "doteq"), "≈"),
    **dict.fromkeys(("times", "cdot", "ast"), "*"),
    **dict.fromkeys(("emptyset", "varnothing"), "∅"),
    **dict.fromkeys(("lvert", "rvert", "vert", "mid"), "|"),
    **dict.fromkeys(("dbinom", "tbinom", "binom"), "binom"),
    **dict.fromkeys(("setminus", "backslash", "smallsetminus"), "∖"),
    **dict.fromkeys(("ldots", "dots", "cdots"), "..."),
    "lt": "<",
    "gt": ">",
    "ne": "≠",
    "neq": "≠",
    "div": "/",
    "pm": "±",
    "mp": "∓",
    "cup": "∪",
    "cap": "∩",
    "in": "∈",
    "langle": "⟨",
    "rangle": "⟩",
    "lfloor": "⌊",
    "rfloor": "⌋",
    "lceil": "⌈",
    "rceil": "⌉",
    "lbrace": r"\{",
    "rbrace": r"\}",
    "lbrack": "[",
    "rbrack": "]",
    "colon": ":",
    "equiv": "≡",
    "bmod": "mod",
    "degree": "°",
    "prime": "'",
    "circ": "°",
    "cdotp": "*",
    "cong": "≅",
    "sim": "∼",
    "to": "→",
    "rightarrow": "→",
}
NEGATIONS = frozenset("not neg lnot notin ni nmid nexists nsubseteq nsupseteq nless ngtr nleq ngeq ncong nsim".split())
_ACCENTS = frozenset("bar overline hat widehat tilde vec overrightarrow dot ddot underline mathbb mathcal".split())
_PLAIN = frozenset("text textbf textit textrm textnormal textsf textsc mbox hbox mathrm mathbf mathit mathsf".split())
_PLAIN |= {"operatorname", "boldsymbol", "bm", "emph", "mathop"}

_NUMBER = (
    r"(?:[1-9][0-9]{0,2}(?:,[0-9]{3})+(?![0-9])|[1-9][0-9]{0,2}(?: [0-9]{3})+(?![0-9])|[0-9]+)(?:\.[0-9]+)?"
    r"|\.[0-9]+"
)
_TOKEN = re.compile(
    rf"(?P<number>(?:{_NUMBER})(?:[eE][+-]?[0-9]{{1,5}}(?![0-9A-Za-z.]))?)"
    r"|\\(?P<plain>[a-zA-Z]+)\*?\s*\{(?P<inner>[^{}\\$]*)\}"
    r"|(?P<row>\\\\)(?:\s*\[[^\]]{0,20}\])?"
    r"|\\(?P<command>[a-zA-Z]+)\*?"
    r"|\\(?P<escaped>.)"
    r"|(?P<letters>[A-Za-z]+)"
    r"|(?P<sign><=|>=|!=|==|\*\*|\.\.\.|[-+*/^_=<>(){}\[\]|,;:!'%&.€£¥₹?#…])"
    r"|(?P<space>\s+)"
    r"|(?P<other>.)",
    re.DOTALL,
)
_RATE = re.compile(r"[A-Za-z]+(?:\s*/\s*[A-Za-z]+)*")
SHORT_UNITS = frozenset("g m s h L l t".split())
"""Letters that are units after a number, where nothing else is meant."""

_SAME = {"!=": "≠", "==": "=", "**": "^", "…": "..."}


@dataclass(frozen=True, slots=True)
class Token:
    """`kind`: number, symbol, function, words, command, sign, begin, end, row. `spaced`: white space stands before."""

    kind: str
    text: str
    spaced: bool = False


def tokens(text: str) -> list[Token]:
    """The tokens of an answer. LimitExceeded above the caps, Unreadable where a character has no meaning here."""
    if len(text) > LONGEST_TEXT:
        raise LimitExceeded(f"answer of {len(text)} characters")
    found: list[Token] = []
    text = spelled(text)
    position, spaced, depth = 0, False, 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        assert match is not None, "the last alternative takes anything"
        kind, position = match.lastgroup, match.end()
        if kind == "number" and depth and "," in match[0]:  # inside brackets a comma separates
            head = re.match(r"[0-9]+", match[0])
            assert head is not None
            position = match.start() + head.end()
            found.append(Token("number", head[0], spaced))
        elif kind != "space":
            found.extend(_read(match, spaced, found[-1].kind if found else ""))
            if found and found[-1].text in _OPENING:
                depth += 1
            elif found and found[-1].text in _CLOSING:
                depth -= 1
        spaced = kind == "space"
        if len(found) > MOST_TOKENS:
            raise LimitExceeded(f"more than {MOST_TOKENS} tokens")
    return found


def unit_name(word: str) -> str:
    """The name of a unit: `km` of kilometres; another word in lower case."""
    if word in MEASURES or word == "l":
        return "L" if word == "l" else word
    return UNITS.get(word, UNITS.get(word.lower(), word.lower()))


_OPENING, _CLOSING = frozenset({"(", "[", r"\{", "{", "⟨"}), frozenset({")", "]", r"\}", "}", "⟩"})


def _read(match: re.Match[str], spaced: bool, before: str) -> list[Token]:
    """The tokens of a match; `before` is the kind of the token before it."""
    kind, text, counted = match.lastgroup, match[0], before == "number"
    if kind == "number":
        if len(text) > LONGEST_LITERAL:
            raise LimitExceeded(f"a number of {len(text)} characters")
        return [Token("number", text.replace(",", "").replace(" ", ""), spaced)]
    if kind == "inner":
        counted = counted or (before == "words" and match["plain"] == "mathrm")
        return _braced(match["plain"], match["inner"], spaced, counted)
    if kind == "row":
        return [Token("row", text, spaced)]
    if kind == "command":
        return _command(match["command"], spaced)
    if kind == "escaped":
        return _escaped(match["escaped"], spaced)
    if kind == "letters":
        if counted and text in AFTER_NUMBERS:
            return [Token("words", AFTER_NUMBERS[text], spaced)]
        return _letters(text, spaced, spaced and before in ("number", "words"))
    if kind == "sign":
        return [Token("sign", _SAME.get(text, text), spaced)]
    raise Unreadable(f"no meaning for {text!r}")


def _braced(command: str, inner: str, spaced: bool, counted: bool) -> list[Token]:
    r"""`\text{…}` and its like; for any other command the brace that follows is cut into tokens of its own."""
    if command in ("begin", "end"):
        return [Token(command, inner.strip("*"), spaced)]
    if command not in _PLAIN:
        return [*_command(command, spaced), Token("sign", "{"), *tokens(inner), Token("sign", "}")]
    words = inner.strip()
    if not words:
        return []
    if counted and words in AFTER_NUMBERS:
        return [Token("words", AFTER_NUMBERS[words])]
    if words in FUNCTIONS or words == "sqrt":
        return [Token("function", words, spaced)]
    upright = command.startswith(("text", "mbox")) or (
        command == "mathrm" and all(part in UNITS or part in SHORT_UNITS for part in re.split(r"\s*/\s*", words))
    )
    if counted and upright and words not in CONNECTIVES and _RATE.fullmatch(words):
        return [
            Token("sign", "/") if part == "/" else Token("words", part) for part in re.findall("[A-Za-z]+|/", words)
        ]
    if len(words) == 1 and words.isalpha() and command != "mbox":
        return [Token("symbol", words, spaced)]
    if words.isalpha() and words.isascii():
        return _word(words) if command.startswith(("text", "mbox", "mathrm")) else _letters(words, spaced)
    if re.fullmatch(r"[A-Za-z]+", words.replace(" ", "")):
        return [one for word in words.split() for one in _word(word)]
    return tokens(inner)


def _word(word: str) -> list[Token]:
    if word in CONNECTIVES:
        return [Token("sign", CONNECTIVES[word])]
    return [Token("words", word)]


def _command(name: str, spaced: bool) -> list[Token]:
    if name in _COMMANDS:
        return [Token("sign", _COMMANDS[name], spaced)]
    if name in FUNCTIONS:
        return [Token("function", name, spaced)]
    if name in _ACCENTS or name in ("sqrt", "sum", "prod", "int", "lim", "boxed", "pmod", "over"):
        return [Token("command", name, spaced)]
    if name in _PLAIN:
        return []
    if name in NEGATIONS:
        raise Unreadable(f"\\{name} is not read")
    if name == "infin" or name == "infty":
        return [Token("symbol", "∞", spaced)]
    return [Token("symbol", name if name == "varpi" else name.removeprefix("var"), spaced)]


def _escaped(character: str, spaced: bool) -> list[Token]:
    if character in "{}":
        return [Token("sign", f"\\{character}", spaced)]
    if character in "%$|&":
        return [Token("sign", {"|": "‖"}.get(character, character), spaced)]
    return []  # a stray backslash at the end, or a kind of space


def _letters(run: str, spaced: bool, counting: bool = False) -> list[Token]:
    """A function, a constant, a connective, a word, or a product; `counting` says that a number and a space precede."""
    if run in FUNCTIONS or run == "sqrt":
        return [Token("function", run, spaced)]
    if run in ("pi", "theta", "phi", "alpha", "beta"):
        return [Token("symbol", run, spaced)]
    if run in ("inf", "infty", "infinity", "oo"):
        return [Token("symbol", "∞", spaced)]
    if run in CONNECTIVES:
        return [Token("sign", CONNECTIVES[run], spaced)]
    if run in ("cup", "U") and spaced:
        return [Token("sign", "∪", spaced)]
    if len(run) > 4 or run in UNITS or (run in COUNTED and spaced):
        return [Token("words", run, spaced)]
    if counting and (run in UNIT_WORDS or is_word_after_number(run)):
        return [Token("words", run, spaced)]
    return [Token("symbol", letter, spaced and at == 0) for at, letter in enumerate(run)]
