r"""The one table of spellings: signs, commands, functions, words of numbers, units.

A spelling stands for a kind of token and its text; the lexer looks nothing up elsewhere.

    sign       `+`, `≤`, `∪`, `frac`, …     function   `sin`, `max`, …
    symbol     `pi`, `∞`, a letter          number     digits, also of `twelve`
    multiple   `million`: its value         command    what the parser reads on: `sqrt`, `sum`, …
    denial     `not`, `\neq`'s kin that state nothing: never readable
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

# Units: dimension and factor


MOST_UNIT_POWER = 99


@dataclass(frozen=True, slots=True)
class Unit:
    """Powers of base units in the order of their names, and how many of these it is: km is 1000 m.

    A word that is no unit of the table is a base unit of its own, written in quotes.
    """

    powers: tuple[tuple[str, Fraction], ...]
    factor: Fraction = Fraction(1)

    def times(self, other: Unit, exponent: Fraction = Fraction(1)) -> Unit:
        """The product with a power of another unit; OverflowError above a power of 99."""
        powers = dict(self.powers)
        for name, power in other.powers:
            powers[name] = powers.get(name, Fraction(0)) + power * exponent
        if any(abs(power) > MOST_UNIT_POWER for power in (exponent, *powers.values())):
            raise OverflowError("a large power of a unit")
        kept = tuple(sorted((name, power) for name, power in powers.items() if power))
        scale = other.factor**exponent if other.factor != 1 else Fraction(1)
        return Unit(kept, self.factor * Fraction(scale))

    @property
    def unknown(self) -> int:
        """How many of its words are in no table."""
        return sum(name.startswith("'") for name, _ in self.powers)


NO_UNIT = Unit(())


def _base(name: str, factor: Fraction | int = 1) -> Unit:
    return Unit(((name, Fraction(1)),), Fraction(factor))


PERCENT, DEGREE, DOLLAR = _base("%"), _base("°"), _base("$")

_CM_INCH = Fraction("0.0254")
_NAMED = {
    ("percent pct percentage percents", PERCENT),
    ("deg degree degrees", DEGREE),
    ("rad radian radians", _base("rad")),
    ("meter meters metre metres", _base("m")),
    ("mi mile miles", _base("m", Fraction("1609.344"))),
    ("ft foot feet", _base("m", 12 * _CM_INCH)),
    ("yd yard yards", _base("m", 36 * _CM_INCH)),
    ("inch inches", _base("m", _CM_INCH)),
    ("second seconds sec secs", _base("s")),
    ("minute minutes mins", _base("s", 60)),
    ("hour hours hr hrs", _base("s", 3600)),
    ("day days", _base("s", 86400)),
    ("week weeks wk wks", _base("s", 7 * 86400)),
    ("month months", _base("month")),
    ("year years yr yrs", _base("month", 12)),
    ("decade decades", _base("month", 120)),
    ("century centuries", _base("month", 1200)),
    ("gram grams", _base("g")),
    ("ton tons tonne tonnes", _base("g", 10**6)),
    ("lb lbs pound pounds", _base("g", Fraction("453.59237"))),
    ("oz ounce ounces", _base("g", Fraction("453.59237") / 16)),
    ("liter liters litre litres", Unit((("m", Fraction(3)),), Fraction(1, 1000))),
    ("gallon gallons gal", Unit((("m", Fraction(3)),), Fraction("0.003785411784"))),
    ("quart quarts qt", Unit((("m", Fraction(3)),), Fraction("0.003785411784") / 4)),
    ("pint pints pt", Unit((("m", Fraction(3)),), Fraction("0.003785411784") / 8)),
    ("cup cups", Unit((("m", Fraction(3)),), Fraction("0.003785411784") / 16)),
    ("acre acres", Unit((("m", Fraction(2)),), Fraction("4046.8564224"))),
    ("hectare hectares", Unit((("m", Fraction(2)),), Fraction(10**4))),
    ("mph", Unit((("m", Fraction(1)), ("s", Fraction(-1))), Fraction("0.44704"))),
    ("kph kmh kmph", Unit((("m", Fraction(1)), ("s", Fraction(-1))), Fraction(5, 18))),
    ("dollar dollars usd USD", DOLLAR),
    ("cent cents", _base("$", Fraction(1, 100))),
    ("euro euros eur EUR", _base("€")),
    ("GBP", _base("£")),
    ("rupee rupees INR", _base("₹")),
    ("yen JPY", _base("¥")),
    ("yuan CNY RMB", _base("yuan")),
    ("celsius Celsius", _base("°C")),
    ("fahrenheit Fahrenheit", _base("°F")),
    ("kelvin kelvins", _base("K")),
    ("mole moles", _base("mol")),
    ("unit units", _base("unit")),
    ("bit bits", _base("bit")),
    ("byte bytes", _base("bit", 8)),
    ("newton newtons", Unit((("g", Fraction(1)), ("m", Fraction(1)), ("s", Fraction(-2))), Fraction(1000))),
    ("joule joules", Unit((("g", Fraction(1)), ("m", Fraction(2)), ("s", Fraction(-2))), Fraction(1000))),
    ("watt watts", Unit((("g", Fraction(1)), ("m", Fraction(2)), ("s", Fraction(-3))), Fraction(1000))),
    ("ohm ohms", _base("Ω")),
    ("volt volts", _base("V")),
    ("amp amps ampere amperes", _base("A")),
    ("hertz", Unit((("s", Fraction(-1)),))),
    ("am a.m AM", _base("am")),
    ("pm p.m PM", _base("pm")),
}
_SYMBOLS = {"m": "meter", "s": "second", "g": "gram", "L": "liter", "l": "liter", "N": "newton"}
_SYMBOLS |= {"J": "joule", "W": "watt", "V": "volt", "A": "amp", "Hz": "hertz", "B": "byte", "Ω": "ohm"}
_SYMBOLS |= {"mol": "mole", "K": "kelvin"}
_OWN_BASES = ("eV", "Pa", "F", "C", "T", "Wb", "lm", "lx", "cd", "Bq", "cal", "bar", "b", "atm", "M")
_PREFIXES: dict[str, Fraction | int] = {
    "k": 1000,
    "c": Fraction(1, 100),
    "d": Fraction(1, 10),
    "m": Fraction(1, 1000),
    "M": 10**6,
}
_PREFIXES |= {"G": 10**9, "T": 10**12, "n": Fraction(1, 10**9), "p": Fraction(1, 10**12)}
_PREFIXES |= {"u": Fraction(1, 10**6), "μ": Fraction(1, 10**6)}
_PREFIX_WORDS = {"kilo": "k", "centi": "c", "deci": "d", "milli": "m", "mega": "M", "giga": "G"}
_PREFIX_WORDS |= {"nano": "n", "micro": "u", "tera": "T"}

UNITS: dict[str, Unit] = {word: unit for words, unit in _NAMED for word in words.split()}
"""Names of units, and symbols; `min`, `in` and single letters are units only after a number."""

for _symbol, _word in _SYMBOLS.items():
    UNITS[_symbol] = UNITS[_word]
for _own in _OWN_BASES:
    UNITS[_own] = _base(_own)
for _symbol in ("m", "s", "g", "L", "l", "N", "J", "W", "V", "A", "Hz", "B", "Ω", "mol", "K", *_OWN_BASES):
    for _prefix, _factor in _PREFIXES.items():
        UNITS.setdefault(_prefix + _symbol, Unit(UNITS[_symbol].powers, UNITS[_symbol].factor * _factor))
for _word in "meter metre gram liter litre watt joule byte bit second newton volt amp hertz".split():
    for _prefix, _letter in _PREFIX_WORDS.items():
        for _end in ("", "s"):
            _known = UNITS[_word]
            _scaled = Unit(_known.powers, _known.factor * _PREFIXES[_letter])
            UNITS[_prefix + _word + _end] = _scaled
UNITS |= {"h": UNITS["hour"], "min": UNITS["minute"], "in": UNITS["inch"], "t": UNITS["ton"]}

BARE_UNITS = frozenset(
    "cm mm km kg mg ml mL ft yd lb lbs oz hr hrs min in deg rad mph kmh kph day days sec secs pct am pm usd USD "
    "inch inches foot feet mile miles cent cents mins yr yrs cup cups unit units".split()
) | frozenset(word for word in UNITS if len(word) > 4)
"""Units of two letters or more that count as such right after a number, without `\\text{…}`."""

RAISED = {"square": 2, "sq": 2, "cubic": 3, "cu": 3, "squared": 2, "cubed": 3}

# Words

_SMALL = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
_SMALL += "sixteen seventeen eighteen nineteen"
CARDINALS = {word: value for value, word in enumerate(_SMALL.split())}
TENS = {word: 10 * at for at, word in enumerate("twenty thirty forty fifty sixty seventy eighty ninety".split(), 2)}
MULTIPLES = {"hundred": Fraction(100), "thousand": Fraction(1000), "dozen": Fraction(12)}
MULTIPLES |= {"million": Fraction(10**6), "billion": Fraction(10**9), "trillion": Fraction(10**12)}
MULTIPLES |= {"pair": Fraction(2), "couple": Fraction(2), "score": Fraction(20), "gross": Fraction(144)}
MULTIPLES |= {"lakh": Fraction(10**5), "crore": Fraction(10**7)}
_PARTS = {"half": 2, "third": 3, "quarter": 4, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7, "eighth": 8}
_PARTS |= {"ninth": 9, "tenth": 10, "twelfth": 12, "sixteenth": 16, "hundredth": 100, "thousandth": 1000}
MULTIPLES |= {word: Fraction(1, part) for word, part in _PARTS.items()}
MULTIPLES |= {f"{word}s": value for word, value in MULTIPLES.items()} | {"halves": Fraction(1, 2)}

FUNCTIONS = frozenset(
    "sin cos tan cot sec csc sinh cosh tanh coth ln log lg exp gcd lcm max min abs ceil floor det sgn Re Im arg "
    "arcsin arccos arctan arccot Gamma".split()
)
_FUNCTION_NAMES = {"asin": "arcsin", "acos": "arccos", "atan": "arctan", "sign": "sgn", "Abs": "abs"}
_FUNCTION_NAMES |= {"ceiling": "ceil", "acot": "arccot", "GCD": "gcd", "LCM": "lcm"}

_GREEK = "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho varsigma "
_GREEK += "sigma tau upsilon phi chi psi omega"

Spelling = tuple[str, str]
"""Kind and text of a token."""


def _all(kind: str, spellings: dict[str, str]) -> dict[str, Spelling]:
    """`{"≤": "le leq"}` as a table of the right-hand spellings."""
    return {word: (kind, text) for text, words in spellings.items() for word in words.split()}


COMMANDS: dict[str, Spelling] = {
    **_all(
        "sign",
        {
            "frac": "frac dfrac tfrac cfrac nicefrac sfrac",
            "binom": "binom dbinom tbinom",
            "choose": "choose",
            "over": "over",
            "<=": "le leq leqslant leqq",
            ">=": "ge geq geqslant geqq",
            "<": "lt",
            ">": "gt",
            "≠": "ne neq",
            "≈": "approx simeq doteq",
            "≡": "equiv",
            "≅": "cong",
            "∼": "sim",
            "∈": "in",
            "*": "times cdot ast cdotp",
            "/": "div",
            "±": "pm",
            "∓": "mp",
            "∪": "cup",
            "∩": "cap",
            "∖": "setminus backslash smallsetminus",
            "∅": "emptyset varnothing",
            "|": "lvert rvert vert mid",
            "⟨": "langle",
            "⟩": "rangle",
            "⌊": "lfloor",
            "⌋": "rfloor",
            "⌈": "lceil",
            "⌉": "rceil",
            r"\{": "lbrace",
            r"\}": "rbrace",
            "[": "lbrack",
            "]": "rbrack",
            ":": "colon",
            "...": "ldots dots cdots",
            "mod": "bmod mod",
            "pmod": "pmod",
            "°": "degree circ",
            "'": "prime",
            "→": "to rightarrow",
            "%": "percent",
        },
    ),
    **_all("command", {name: name for name in "sqrt sum prod int lim mathbb mathcal underline boxed".split()}),
    **_all(
        "command",
        {"bar": "bar overline", "hat": "hat widehat", "tilde": "tilde", "dot": "dot", "ddot": "ddot"},
    ),
    **_all("command", {"vec": "vec overrightarrow"}),
    **_all("symbol", {"∞": "infty infin", "varpi": "varpi"}),
    **_all("function", {name: name for name in FUNCTIONS}),
    **{name: ("function", text) for name, text in _FUNCTION_NAMES.items()},
    **_all(
        "denial",
        {
            "not": "not neg lnot notin ni nmid nexists nsubseteq nsupseteq nless ngtr nleq ngeq ncong nsim",
        },
    ),
}
"""LaTeX commands; another one is a symbol of its name."""

WORDS: dict[str, Spelling] = {
    **_all("function", {name: name for name in FUNCTIONS}),
    **{name: ("function", text) for name, text in _FUNCTION_NAMES.items()},
    "sqrt": ("command", "sqrt"),
    **_all("symbol", {name: name for name in ("pi", "theta", "phi", "alpha", "beta")}),
    **_all("symbol", {"∞": "inf infty infinity oo"}),
    **_all("sign", {"and": "and", "or": "or", "mod": "mod modulo", "choose": "choose"}),
    **_all("sign", {"*": "times", "+": "plus", "-": "minus negative", "/": "over", "!": "factorial"}),
    **{word: ("number", str(value)) for word, value in (CARDINALS | TENS).items()},
    **{word: ("multiple", word) for word in MULTIPLES},
    **_all("denial", {"not": "not no never wrong false incorrect neither nor less"}),
}
"""Runs of letters with a meaning of their own, wherever they stand."""

UPRIGHT = frozenset(
    "text textbf textit textrm textnormal textsf textsc mbox hbox mathrm mathbf mathit mathsf operatorname "
    "boldsymbol bm emph mathop".split()
)
"""Commands that set what is in their braces upright, bold or as a word."""

EVERYTHING = frozenset({"all real numbers", "all reals", "real numbers", "all real values"})
"""Spellings of ℝ in words."""

# Unicode

INVISIBLE = "\u200b\u200c\u200d\u2060\ufeff\u00ad"
SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁽⁾ⁿⁱ", "0123456789+-()ni")
SUBSCRIPTS = str.maketrans("₀₁₂₃₄₅₆₇₈₉₊₋ₐₑₓₙᵢⱼₖₘ", "0123456789+-aexnijkm")
_VULGAR = {"½": "12", "⅓": "13", "⅔": "23", "¼": "14", "¾": "34", "⅕": "15", "⅖": "25", "⅗": "35"}
_VULGAR |= {"⅘": "45", "⅙": "16", "⅚": "56", "⅛": "18", "⅜": "38", "⅝": "58", "⅞": "78"}

UNICODE = str.maketrans(
    {
        **dict.fromkeys(INVISIBLE, ""),
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
        **dict(
            zip("；：（）％＝＋＜＞＄⁄…", [";", ":", "(", ")", "%", "=", "+", "<", ">", "$", "/", "..."], strict=True)
        ),
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
        "∘": r"^\circ ",
        "±": r" \pm ",
        "∓": r" \mp ",
        "≡": r" \equiv ",
        "⟨": r" \langle ",
        "⟩": r" \rangle ",
        "⌊": r" \lfloor ",
        "⌋": r" \rfloor ",
        "⌈": r" \lceil ",
        "⌉": r" \rceil ",
        "ϕ": r" \phi ",
        "→": r" \to ",
        **{letter: rf" \mathbb{{{plain}}} " for letter, plain in zip("ℝℤℚℕℂ", "RZQNC", strict=True)},
        "Σ": r" \sum ",
        "∑": r" \sum ",
        "∏": r" \prod ",
        "∫": r" \int ",
        **{chr(0x3B1 + at): rf" \{name} " for at, name in enumerate(_GREEK.split())},
        **{letter: rf" \frac{{{over[0]}}}{{{over[1]}}} " for letter, over in _VULGAR.items()},
    }
)
"""Characters and what they are in ASCII and LaTeX."""
