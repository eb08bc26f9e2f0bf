r"""From tokens to a tree, by precedence climbing over one table of binding powers.

    answer     = statement ((`,` | `;` | `and` | `or`) statement)*
    statement  = expression (relation expression)*
    expression = value (infix expression | postfix | unit | value)*       a value beside a value multiplies

Depth and length are bounded; nothing is evaluated.
"""

from __future__ import annotations

import re
from fractions import Fraction

from verigrad.answers.lexer import END, Token, tokens
from verigrad.answers.tree import (
    DEEPEST,
    LONGEST_LITERAL,
    MOST_ITEMS,
    LimitExceeded,
    Unreadable,
)
from verigrad.answers.tables import (
    BARE_UNITS,
    DEGREE,
    DOLLAR,
    MULTIPLES,
    NO_UNIT,
    PERCENT,
    RAISED,
    UNITS,
    Unit,
)
from verigrad.answers.tree import (
    ONE,
    ZERO,
    Applied,
    Call,
    Grid,
    Group,
    Measure,
    Node,
    Number,
    Relation,
    Symbol,
    Words,
    check_size,
    mapped,
    names,
    prefixed,
)

LOWEST, SETS, RATIO, STACKED, SUM, PRODUCT, SIGN, POWER = 0, 10, 20, 25, 30, 40, 50, 60
INFIX = {
    **dict.fromkeys("∪∩∖", SETS),
    ":": RATIO,
    **dict.fromkeys(("choose", "over"), STACKED),
    **dict.fromkeys("+-±∓", SUM),
    **dict.fromkeys(("*", "/", "mod"), PRODUCT),
    "^": POWER,
}
"""Binding powers. Postfix signs bind as powers do; a missing sign between two values as `*`."""

RELATIONS = frozenset({"=", "<", ">", "<=", ">=", "≠", "≈", "∈", "≡", "≅"})
ORDER = frozenset({"<", ">", "<=", ">="})
SEPARATORS = (",", ";", "and", "or")
POSTFIX = frozenset({"!", "%", "'", "_", "°"})
BOUND = "□"
"""What a letter is called that a sum, an integral or a set of its own gives its meaning: any other would do."""
COINS = {"$": DOLLAR, "€": UNITS["euro"], "£": UNITS["GBP"], "¥": UNITS["yen"], "₹": UNITS["rupee"]}
CALLED = frozenset("fghFGHPQWST")
"""Letters that `(` applies, whatever stands in it; others apply where a constant or an `=` shows it."""

_CLOSES = {"(": (")", "]"), "[": ("]", ")"), r"\{": (r"\}", "}"), "{": ("}", r"\}"), "⟨": ("⟩", ">")}
_CLOSING = frozenset({")", "]", r"\}", "}"})
_STARTS = frozenset({"(", "[", r"\{", "{", "frac", "binom", "⌊", "⌈", "⟨", "|", "∅", *COINS})
_FIRST_KINDS = frozenset({"number", "letters", "word", "symbol", "function", "command", "begin"})
_SIGN_KINDS = frozenset({"sign", "command", "end", "row"})
_MATRICES = frozenset({"pmatrix", "bmatrix", "matrix", "array", "Bmatrix", "smallmatrix", "vmatrix"})
_PERIOD = re.compile(r"([0-9]*?)(?:([0-9])\2{2,}|([0-9]{2,10}?)\3+)")
_NAME_WORD = 1
"""Words that the name before an `=` may have."""


def parse(text: str, *, short_units: bool = False) -> Node:
    """The tree of an answer. Unreadable, or LimitExceeded where it is too large.

    `short_units`: letters such as m or kW after a number are units, as the gold answer's unit tells.
    """
    parser = _Parser(tokens(text), short_units)
    found = parser.answer()
    check_size(found)
    return found


class _Parser:
    def __init__(self, found: list[Token], short_units: bool) -> None:
        self.tokens, self.at = [*found, END], 0
        self.short_units = short_units
        self.depth = self.bars = 0

    # Tokens

    @property
    def next(self) -> Token:
        return self.tokens[self.at]

    def ahead(self, count: int) -> list[str]:
        return [token.text for token in self.tokens[self.at : self.at + count]]

    def sees(self, *texts: str) -> bool:
        token = self.tokens[self.at]
        return token.text in texts and token.kind in _SIGN_KINDS

    def takes(self, *texts: str) -> bool:
        if not self.sees(*texts):
            return False
        self.at += 1
        return True

    def take(self) -> Token:
        token = self.tokens[self.at]
        self.at += token is not END
        return token

    def expect(self, *texts: str) -> None:
        if not self.takes(*texts):
            raise Unreadable(f"{texts[0]!r} is missing before {self.next.text!r}")

    def descend(self) -> None:
        self.depth += 1
        if self.depth > DEEPEST:
            raise LimitExceeded(f"nested more than {DEEPEST} deep")

    # Lists and relations

    def answer(self) -> Node:
        found = self.items()
        self.takes(".")
        if self.next is not END or not found:
            raise Unreadable(f"{self.next.text!r} is left over")
        return found[0] if len(found) == 1 else Group("", tuple(found))

    def items(self) -> list[Node]:
        """Statements and what separates them; inequalities that `or` or `and` joins are one."""
        groups: list[list[Node]] = [[self.statement()]]
        signs: set[str] = set()
        count = 1
        while self.sees(*SEPARATORS):
            sign = self.take().text
            if sign == "," and self.sees("and", "or"):
                sign = self.take().text
                signs.add(sign)
                groups[-1].append(self.statement())
            else:
                signs.add(sign)
                if sign == ",":
                    groups[-1].append(self.statement())
                else:
                    groups.append([self.statement()])
            count += 1
            if count > MOST_ITEMS:
                raise LimitExceeded(f"more than {MOST_ITEMS} items")
        return _gathered(groups, signs)

    def statement(self) -> Node:
        self.takes("≈")
        sides, signs = [self.expression(LOWEST)], []
        while self.next.kind == "sign" and self.next.text in RELATIONS:
            signs.append(self.take().text)
            if len(signs) > MOST_ITEMS:
                raise LimitExceeded("a long chain")
            sides.append(self.expression(LOWEST))
        node: Node = Relation(tuple(signs), tuple(sides)) if signs else sides[0]
        modulus = self.modulus()
        return node if modulus is None else Call("class", (node, modulus))

    def modulus(self) -> Node | None:
        r"""`\pmod{7}`, `(mod 7)` and, after a congruence, `\mod 7`."""
        if self.takes("pmod"):
            return self.argument()
        if self.ahead(2) == ["(", "mod"]:
            self.at += 2
            node = self.expression(LOWEST)
            self.expect(")")
            return node
        return None

    # Expressions

    def expression(self, least: int) -> Node:
        """All that binds more tightly than `least`."""
        self.descend()
        left = self.first()
        while True:
            token = self.tokens[self.at]
            if token is END:
                break
            if token.text == "U" and self.is_union():
                token = self.tokens[self.at] = Token("sign", "∪")
            if token.kind == "sign" and token.text in INFIX and not self.ahead(2) == ["^", "°"]:
                power = INFIX[token.text]
                if power <= least or (token.text == ":" and self.bars):
                    break
                self.at += 1
                left = self.joined(left, token.text, power)
            elif token.kind == "sign" and token.text in ("!", "%", "'", "_", "°", "^"):
                left = self.postfix(left)
            elif token.kind == "sign" and token.text in COINS and self.is_last_coin():
                left = _measured(left, COINS[self.take().text])
            elif token.kind == "multiple":
                left = self.multiplied(left)
            elif token.kind in ("letters", "word") and (unit := self.unit(left)) is not None:
                left = _measured(left, unit)
            elif token.text == "(" and isinstance(left, Number) and self.is_unit_in_brackets():
                self.tokens[self.at : self.at + 3] = [Token("word", self.tokens[self.at + 1].text, True)]
            elif least < PRODUCT and self.starts_value():
                left = self.product(left)
            else:
                break
        self.depth -= 1
        return left

    def is_union(self) -> bool:
        """`[0, 1] U [2, 3]`: the letter between brackets."""
        around = [token.text for token in self.tokens[self.at - 1 : self.at + 2 : 2]]
        return self.next.spaced and len(around) == 2 and around[0] in _CLOSING and around[1] in _CLOSES

    def is_last_coin(self) -> bool:
        """`12€`, `12\\$`: behind its number, with no number behind it."""
        after = self.tokens[self.at + 1 : self.at + 2]
        behind = after[0] is END or after[0].text in (*SEPARATORS, *RELATIONS, *_CLOSING, ".", "/")
        return behind and self.tokens[self.at - 1].kind == "number"

    def is_unit_in_brackets(self) -> bool:
        """`5 (apples)`: one word of several letters."""
        kinds = [token.kind for token in self.tokens[self.at + 1 : self.at + 3]]
        texts = self.ahead(3)
        return kinds[:1] in (["letters"], ["word"]) and texts[2:] == [")"] and len(texts[1]) > 3

    def joined(self, left: Node, sign: str, power: int) -> Node:
        if sign == "^":
            return self.powered(left)
        right = self.expression(power)
        if sign == "-":
            return _nary("+", left, Call("neg", (right,)))
        if sign in "+*:":
            return _nary(sign, left, right)
        if sign == "over":
            return Call("/", (left, right))
        return Call("binom" if sign == "choose" else sign, (left, right))

    def powered(self, left: Node) -> Node:
        r"""After a `^`: `2^3^4` is 2^(3^4), `x^2_1` is (x_1)^2, `f^\prime` a name."""
        if self.takes("'"):
            return _marked(left)
        if isinstance(left, Measure):
            raise Unreadable("a power of a measure")
        exponent = Call("neg", (self.argument(),)) if self.takes("-") else self.argument(signed=True)
        if isinstance(exponent, Group) and len(exponent.items) == 1:  # `x^\left{3\right}`
            exponent = exponent.items[0]
        if self.sees("_") and isinstance(left, Symbol):
            self.at += 1
            left = _indexed(left, self.index())
        while self.sees("!"):
            self.at += 1
            exponent = Call("!", (exponent,))
        if self.sees("^") and self.ahead(2)[1:] not in (["°"], ["'"]):
            self.at += 1
            self.descend()
            exponent = self.powered(exponent)
            self.depth -= 1
        return Call("^", (left, exponent))

    def postfix(self, left: Node) -> Node:
        sign = self.take().text
        self.descend()  # `x''''''…` grows a tree as deep as brackets do
        self.depth -= 1
        if sign == "^":  # before °
            sign = self.take().text
        if sign == "!":
            return Call("!", (left,))
        if sign == "'":
            return _marked(left)
        if sign == "_":
            adjacent = self.at >= 3 and self.tokens[self.at - 3].kind in ("letters", "word", "symbol")
            if isinstance(left, Number) and adjacent and not self.tokens[self.at - 2].spaced:
                raise Unreadable("a numeral with letters")
            return _indexed(left, self.index())
        if sign == "°" and self.next.text in ("celsius", "fahrenheit"):
            return _measured(left, UNITS[self.take().text])
        return _measured(left, PERCENT if sign == "%" else DEGREE)

    def multiplied(self, left: Node) -> Node:
        """`5 million`, `3 quarters`: only a number is multiplied so."""
        token = self.take()
        bare = left.value if isinstance(left, Measure) and left.unit == DOLLAR else left
        if names(bare) or (isinstance(left, Measure) and bare is left):
            raise Unreadable(f"{token.text!r} after what is no number")
        product = Call("*", (bare, Number(MULTIPLES[token.text])))
        return Measure(product, DOLLAR) if bare is not left else product

    def starts_value(self) -> bool:
        token = self.next
        if token.kind in _FIRST_KINDS:
            return True
        return token.kind == "sign" and token.text in _STARTS and not (token.text == "|" and self.bars)

    def product(self, left: Node) -> Node:
        """A value beside a value. Two numbers are no product, nor is anything beside a measure or words."""
        number = self.next.kind == "number"
        if isinstance(left, Measure | Words) and not (isinstance(left, Measure) and left.unit == DEGREE):
            raise Unreadable(f"{self.next.text!r} after a measure")
        if number and (isinstance(left, Number) or self.tokens[self.at - 1].kind == "number"):
            raise Unreadable("two numbers side by side")
        if self.next.kind == "word" and len(self.next.text) > 1:
            raise Unreadable("words after a value")
        return _nary("*", left, self.expression(PRODUCT))

    # Values

    def first(self) -> Node:
        """What an expression begins with: a sign and a value, or a value."""
        token = self.take()
        if token.kind == "sign" and token.text in "+-":
            inner = self.expression(SIGN)
            return inner if token.text == "+" else Call("neg", (inner,))
        if token.kind == "sign" and token.text in "±∓":
            return Call(token.text, (ZERO, self.expression(SUM)))
        return self.value(token)

    def value(self, token: Token) -> Node:
        if token.kind == "number":
            return self.number(token)
        if token.kind == "letters":
            return self.letters(token)
        if token.kind == "symbol":
            return self.symbol(token.text)
        if token.kind == "sign":
            return self.bracketed(token.text)
        if token.kind == "function":
            return self.function(token.text)
        if token.kind == "command":
            return self.command(token.text)
        if token.kind == "word":
            return self.words(token)
        if token.kind == "multiple":  # `half`, `third`: a word where no number stands before it
            return self.words(token)
        if token.kind == "begin":
            return self.matrix(token.text)
        raise Unreadable(f"{token.text!r} is no value")

    def argument(self, *, split: bool = False, signed: bool = False) -> Node:
        """What a command, `^` or `_` applies to; with `split`, one digit of a number."""
        token = self.take()
        if split and token.kind == "number" and len(token.text) > 1 and token.text.isdigit():
            self.at -= 1
            self.tokens[self.at] = Token("number", token.text[1:])
            return Number(Fraction(int(token.text[0])), None, 1)
        if signed and token.text in ("+", "±"):
            return self.argument()
        if token.kind in ("letters", "word") and len(token.text) > 1:
            self.at -= 1
            self.tokens[self.at] = Token(token.kind, token.text[1:])
            return Symbol(token.text[0])
        if token.kind == "number":
            return _literal(token.text)
        self.descend()
        node = self.value(token)
        self.depth -= 1
        return node

    def number(self, token: Token) -> Node:
        node = _literal(token.text)
        if self.sees("...") and node.places:
            self.at += 1
            match = _PERIOD.fullmatch(token.text.partition(".")[2])
            return node if match is None else _repeating(token.text, match[1], match[2] or match[3])
        if self.sees("bar") or self.ahead(2) == [".", "bar"]:
            self.takes(".")
            self.at += 1
            period = self.argument()
            digits = self.tokens[self.at - 2].text
            if not isinstance(period, Number) or period.places is not None or not digits.isdigit():
                raise Unreadable("a period that is no digits")
            return _repeating(token.text, token.text.partition(".")[2], digits)
        return node if node.places is not None else self.mixed(node)

    def mixed(self, whole: Number) -> Node:
        r"""`1 \frac{1}{2}`, `1\frac12` and `1 1/2`: a whole literal, then a fraction of two of them."""
        if self.next.kind != "number" and self.next.text != "frac":
            return whole
        ahead = self.tokens[self.at : self.at + 7]
        kinds = "".join("9" if one.kind == "number" else one.text[:1] or " " for one in ahead)
        if any(one.kind == "number" and not one.text.isdigit() for one in ahead[:6]):
            return whole
        if kinds.startswith("9/9") and ahead[0].spaced:
            self.at += 3
            return Call("+", (whole, Call("/", (_literal(ahead[0].text), _literal(ahead[2].text)))))
        if self.sees("frac") and re.match(r"f(\{9\}|9)(\{9\}|9)|f9(?!\{9)", kinds):
            self.at += 1
            top, bottom = self.argument(split=True), self.argument(split=True)
            return Call("+", (whole, Call("/", (top, bottom))))
        return whole

    def letters(self, token: Token) -> Node:
        """A run of letters: one symbol, a product of up to four, or a word."""
        run = token.text
        if len(run) == 1:
            return self.symbol(run)
        prose = self.next.kind in ("letters", "word") and self.next.spaced and len(self.next.text) > 1
        if prose or len(run) > 4 or (len(run) == 4 and run.islower()):
            return self.words(token)
        self.tokens[self.at : self.at] = [Token("symbol", letter) for letter in run[1:]]
        return self.symbol(run[0])

    def words(self, token: Token) -> Node:
        """Words up to what is none. A single letter is a symbol."""
        if len(token.text) == 1 and token.text.isascii():
            return self.symbol(token.text)
        found = [token.text]
        while self.next.kind in ("word", "letters", "multiple"):
            found.append(self.take().text)
        return Words(" ".join(found).casefold())

    def symbol(self, name: str) -> Node:
        """A symbol, or a function applied: `f(…)`, `y(0)`, `y(t) =`, `f^{-1}(x)`."""
        if name == "Delta" and len(self.next.text) == 1 and self.next.kind in ("letters", "symbol"):
            name = f"Delta {self.take().text}"
        at = self.at
        primes = 0
        while self.sees("'"):
            self.at, primes = self.at + 1, primes + 1
        full = name + "'" * primes
        inverse = self.ahead(6) in (list("^{-1}("), [*"^{-1}("])
        if inverse and name in CALLED:
            self.at += 5
            full += "^-1"
        if self.sees("(") and not self.bars:
            applied = name in CALLED or inverse or primes or self.is_applied(name)
            if self.next.spaced:
                applied = name in "fgh" or self.is_defined(name)
            if applied:
                self.at += 1
                return Applied(full, tuple(self.group_items("(")[1]))
        if name in CALLED and self.sees("{") and self.ahead(2)[1:] == ["("]:
            inner = self.argument()
            return Applied(full, inner.items if isinstance(inner, Group) else (inner,))
        self.at = at
        return Symbol(name)

    def is_applied(self, name: str) -> bool:
        """Whether `(` after a letter holds a constant, as in `y(0)`, or the letter is defined here."""
        if name in ("pi", "e", "i", "∞"):
            return False
        inside = [token.kind for token in self.tokens[self.at + 1 : self.at + 4]]
        texts = self.ahead(4)
        constant = any(
            inside[:size] in (["number"], ["sign", "number"]) and texts[size + 1 : size + 2] == [")"] for size in (1, 2)
        )
        before = self.tokens[self.at - 2] if self.at > 1 else END
        alone = before.kind not in ("number", "letters", "symbol") and before.text not in _CLOSING
        return (constant and alone) or self.is_defined(name)

    def is_defined(self, name: str) -> bool:
        """Whether letters in brackets and an `=` follow, at the start of a statement: `y(t) = `, `F(x, y) = `."""
        before = self.tokens[self.at - 2] if self.at > 1 else END
        if name in ("pi", "e", "i") or not (before is END or before.text in (*SEPARATORS, *RELATIONS)):
            return False
        at = self.at + 1
        while self.tokens[at].kind == "symbol" or (
            self.tokens[at].kind == "letters" and len(self.tokens[at].text) == 1
        ):
            at += 1
            if self.tokens[at].text != ",":
                break
            at += 1
        texts = [token.text for token in self.tokens[at : at + 2]]
        return at > self.at + 1 and texts[:1] == [")"] and texts[1:] in (["="], ["≈"])

    def index(self) -> Node:
        r"""What stands below a name: `_1`, `_{n-1}`, `_{1,2}`, `_\max`, `_{\text{max}}`."""
        if self.next.kind in ("function", "word", "letters") and not self.sees("{"):
            token = self.take()
            if token.kind == "letters" and len(token.text) > 1:
                self.at -= 1
                self.tokens[self.at] = Token("letters", token.text[1:])
                return Symbol(token.text[0])
            return Symbol(token.text)
        if self.takes("{"):
            if self.ahead(2)[1:] == ["}"] and self.next.kind in ("function", "word", "letters"):
                name = self.take().text
                self.at += 1
                return Symbol(name)
            found = self.items()
            self.expect("}", r"\}")
            return found[0] if len(found) == 1 else Group("", tuple(found))
        return self.argument(split=False)

    def bracketed(self, sign: str) -> Node:
        if sign in _CLOSES:
            brackets, inner = self.group_items(sign)
            return _grouped(brackets, inner)
        if sign in ("frac", "binom"):
            top = self.argument(split=True)
            return Call("/" if sign == "frac" else "binom", (top, self.argument(split=True)))
        if sign == "|":
            self.bars += 1
            inner_node = self.expression(LOWEST)
            self.bars -= 1
            self.expect("|")
            return Call("abs", (inner_node,))
        if sign in ("⌊", "⌈"):
            inner_node = self.expression(LOWEST)
            self.expect({"⌊": "⌋", "⌈": "⌉"}[sign])
            return Call({"⌊": "floor", "⌈": "ceil"}[sign], (inner_node,))
        if sign in COINS:
            return _measured(self.expression(PRODUCT), COINS[sign])
        if sign == "∅":
            return Group("{}", ())
        raise Unreadable(f"{sign!r} is no value")

    def group_items(self, opening: str) -> tuple[str, list[Node]]:
        """The brackets and what is in them, up to what closes them."""
        bars, self.bars = self.bars, 0
        variable = self.skip_variable() if opening == r"\{" else None
        inner = [] if self.sees(*_CLOSES[opening]) else self.items()
        if variable is not None:
            inner = [_with_name(node, variable, BOUND) for node in inner]
        closing = self.next.text
        self.expect(*_CLOSES[opening])
        self.bars = bars
        if opening == "{":
            if not inner:
                raise Unreadable("an empty brace group")
            return "", inner
        brackets = (opening + closing).replace("\\", "").replace("⟨⟩", "()").replace("⟨>", "()")
        return brackets, inner

    def skip_variable(self) -> str | None:
        r"""The x of `x |`, `x :` and `x ∈ ℝ |` after `\{`: what follows is a condition, and stands for the set."""
        for length in (2, 7):
            texts = self.ahead(length)
            real = texts[1:-1] in ([], ["∈", "mathbb", "{", "R", "}"])
            if len(texts) == length and real and texts[-1] in ("|", ":"):
                name = self.next.text
                if self.next.kind in ("letters", "symbol"):
                    self.at += length
                    return name
                return None
        return None

    def function(self, name: str) -> Node:
        power: Node | None = None
        base: Node | None = None
        while self.sees("^", "_"):
            if self.take().text == "_":
                base = self.argument()
            elif self.takes("-"):
                power = Call("neg", (self.argument(),))
            else:
                power = self.argument()
        if name == "exp" and base is None and not self.sees("(", "{", "["):
            return Call("^", (Symbol("e"), self.function_argument()))
        argument = self.function_argument()
        is_list = isinstance(argument, Group) and argument.brackets in ("()", "{}", "")
        parts = argument.items if isinstance(argument, Group) and is_list else (argument,)
        if power == Call("neg", (Number(Fraction(1), None, 1),)):
            return Call("arc" + name, parts)
        node: Node = Call(name, parts if base is None else (*parts, base))
        return node if power is None else Call("^", (node, power))

    def function_argument(self) -> Node:
        r"""A bracket group alone, else factors up to a sign or function: `\sin 2x \cos y` = sin(2x)·cos(y)."""
        if self.sees("(", "{", "[", r"\{"):
            return self.argument()
        if self.next.kind in ("function", "begin") or self.sees("|", "⌊", "⌈"):
            return self.expression(SIGN)
        self.descend()
        node = self.expression(SIGN)
        while self.next.kind in ("letters", "symbol", "number") and self.starts_value():
            if self.next.kind == "letters" and self.unit(node) is not None:
                raise Unreadable("a unit inside a function")
            node = self.product(node) if self.next.kind == "number" else _nary("*", node, self.expression(SIGN))
        self.depth -= 1
        return node

    def command(self, name: str) -> Node:
        if name == "sqrt":
            degree: Node = Number(Fraction(2), None, 1)
            if self.takes("["):
                degree = self.expression(LOWEST)
                self.expect("]")
            return Call("root", (self.argument(), degree))
        if name in ("mathbb", "mathcal"):
            inner = self.argument()
            return Symbol(f"{name} {inner.name}") if isinstance(inner, Symbol) else inner
        if name == "underline":
            return self.argument()
        if name in ("sum", "prod", "int", "lim"):
            return self.bound(name)
        if name == "boxed":
            raise Unreadable("a box inside an answer")
        below = prefixed(self.argument())
        return Symbol(f"{name} ({below})" if " " in below else f"{name} {below}")

    def bound(self, name: str) -> Node:
        """A sum, product, integral or limit, kept as it is written: known parts, an unknown value."""
        parts: list[Node] = []
        while self.sees("_", "^"):
            sign = self.take().text
            if not self.takes("{"):
                parts.append(Applied(sign, (self.argument(),)))
                continue
            limits = self.items()
            if self.takes("→"):
                limits.append(self.expression(LOWEST))
            self.expect("}")
            parts.append(Applied(sign, tuple(limits)))
        body = self.expression(PRODUCT - 1)
        index = _index_name(parts, body)
        renamed = [*parts, body] if index is None else [_with_name(part, index, BOUND) for part in (*parts, body)]
        return Applied(name, tuple(renamed))

    def matrix(self, environment: str) -> Node:
        if environment not in _MATRICES:
            raise Unreadable(f"\\begin{{{environment}}} is not read")
        if environment == "array" and self.takes("{"):
            while not self.takes("}"):
                if self.take() is END:
                    raise Unreadable("an array without an end")
        rows: list[list[Node]] = [[]]
        while not (self.next.kind == "end" and self.next.text == environment):
            if self.next.kind == "row":
                self.at += 1
                rows.append([])
            elif not self.takes("&"):
                rows[-1].append(self.expression(LOWEST))
        self.at += 1
        filled = tuple(tuple(row) for row in rows if row)
        if not filled or len({len(row) for row in filled}) > 1:
            raise Unreadable("rows of unequal length")
        return Call("det", (Grid(filled),)) if environment == "vmatrix" else Grid(filled)

    # Units

    def unit(self, left: Node) -> Unit | None:
        """The unit that begins here after `left`, taken; None, and nothing taken, where none does."""
        start = self.at
        if isinstance(left, Words | Relation) or not self.is_unit(first=True):
            return None
        unit, sign, raised = NO_UNIT, 1, 1
        while self.is_unit(first=self.at == start) or (unit.powers and self.is_rate()):
            token = self.take()
            if token.text in ("/", "per"):
                sign = -1
                continue
            if token.text in ("square", "sq", "cubic", "cu"):
                raised = RAISED[token.text]
                self.takes(".")
                continue
            if token.text in ("squared", "cubed") and unit.powers:
                unit = unit.times(_word_unit(self.tokens[self.at - 2].text), Fraction(RAISED[token.text] - 1))
                continue
            word = _word_unit(token.text)
            if word.powers[0][0] in ("°C", "°F") and unit == DEGREE:
                unit = NO_UNIT
            exponent = self.unit_power(word)
            unit = unit.times(word, Fraction(sign * raised * exponent))
            sign, raised = 1, 1
            self.takes(".") if self.ahead(1) == ["."] and len(self.tokens) > self.at + 2 else None
        if any(name == "%" and power != 1 for name, power in unit.powers):
            raise Unreadable("a percentage of a percentage")
        if raised != 1:
            unit = unit.times(_word_unit("unit"), Fraction(raised * sign))
        return unit

    def is_unit(self, *, first: bool) -> bool:
        """Whether the next token is a unit's word where it stands."""
        token = self.next
        if token.kind not in ("word", "letters") or (first and token.text in ("squared", "cubed")):
            return False
        if token.kind == "word":
            return True
        run, before = token.text, self.tokens[self.at - 1]
        if run in ("per", *RAISED):
            return token.spaced
        if run in BARE_UNITS:
            return not first or before.kind in ("number", "sign", "word", "symbol") or token.spaced
        if self.short_units and run in UNITS and (token.spaced or not first):
            return True
        if first and run in UNITS and before.kind == "number" and token.spaced and self.is_bare_rate():
            return True
        if not first and before.text in ("/", "per") and run in UNITS:
            return True
        return token.spaced and len(run) >= 4 and run.islower()

    def is_rate(self) -> bool:
        """Whether `/` and a unit follow."""
        if not self.sees("/"):
            return False
        after = self.tokens[self.at + 1]
        return after.kind == "word" or (after.kind == "letters" and after.text in UNITS)

    def is_bare_rate(self) -> bool:
        """`12 m/s`: two known units after a number, and nothing that makes them letters."""
        texts = self.ahead(4)
        if len(texts) < 4 or texts[1] != "/" or texts[2] not in UNITS:
            return False
        return texts[3] in ("^", ".", ",", "")

    def unit_power(self, unit: Unit) -> int:
        """The exponent that follows a unit of the table, 1 without one."""
        if not self.sees("^"):
            return 1
        if unit.unknown:
            raise Unreadable("a power of what is no unit")
        self.at += 1
        minus = -1 if self.takes("-") else 1
        index = self.argument()
        if isinstance(index, Call) and index.name == "neg":
            minus, index = -minus, index.arguments[0]
        if not isinstance(index, Number) or index.value.denominator != 1 or index.value > 99:
            raise Unreadable("a power of a unit that is no integer")
        return minus * int(index.value)


def _word_unit(word: str) -> Unit:
    """The unit of a word; one outside the table is a unit of its own, its plural s apart."""
    known = UNITS.get(word) or UNITS.get(word.lower())
    if known is not None:
        return known
    base = word.lower()
    return Unit(((f"'{base[:-1] if base.endswith('s') and len(base) > 3 else base}'", Fraction(1)),))


def _measured(left: Node, unit: Unit) -> Node:
    if isinstance(left, Measure):
        if left.unit == unit == DOLLAR:
            return left
        if PERCENT in (left.unit, unit):
            raise Unreadable("a unit after a percentage")
        return Measure(left.value, left.unit.times(unit))
    return Measure(left, unit)


def _nary(name: str, left: Node, right: Node) -> Node:
    """Sums and products are flat, so that long ones are not deep."""
    if isinstance(left, Call) and left.name == name:
        return Call(name, (*left.arguments, right))
    return Call(name, (left, right))


def _marked(node: Node) -> Node:
    if not isinstance(node, Symbol):
        raise Unreadable("a prime after what is no name")
    return Symbol(node.name + "'")


def _indexed(node: Node, index: Node) -> Node:
    """`x_1` is a name, `F_{n-1}` a function of its index, `204_5` a numeral with its base."""
    if isinstance(node, Number):
        if not isinstance(index, Number) or node.places is not None or index.value.denominator != 1:
            raise Unreadable("an index of a number that is no base")
        if node.value.denominator != 1:
            raise Unreadable("a numeral that is not whole")
        return Call("base", (node, index))
    if not isinstance(node, Symbol):
        raise Unreadable("an index of what is no name")
    if isinstance(index, Symbol):
        return Symbol(f"{node.name}_{index.name}")
    if isinstance(index, Number):
        return Symbol(f"{node.name}_{index.value}")
    return Applied(f"{node.name}_", index.items if isinstance(index, Group) else (index,))


def _index_name(parts: list[Node], body: Node) -> str | None:
    """The letter that a sum, product or limit runs over, or that stands behind the d of an integral."""
    for part in parts:
        first = part.parts[0] if part.parts else part
        head = first.sides[0] if isinstance(first, Relation) else first
        if (
            isinstance(part, Applied)
            and part.name == "_"
            and isinstance(head, Symbol)
            and len(part.parts) + isinstance(first, Relation) > 1
        ):
            return head.name
    ends = [part.name for part in body.parts[-2:] if isinstance(part, Symbol)]
    return ends[1] if len(ends) == 2 and ends[0] == "d" else None


def _with_name(node: Node, old: str, new: str) -> Node:
    if isinstance(node, Symbol):
        return Symbol(new) if node.name == old else node
    return mapped(node, lambda part: _with_name(part, old, new))


def _grouped(brackets: str, inner: list[Node]) -> Node:
    """One thing in brackets is that thing; of a set only where it is a condition."""
    if len(inner) == 1 and brackets in ("()", "[]", ""):
        return inner[0]
    if len(inner) == 1 and brackets == "{}" and is_condition(inner[0]):
        return inner[0]
    return Group(brackets, tuple(inner))


def is_condition(node: Node) -> bool:
    """Whether it is an inequality or a membership, or several in one."""
    if isinstance(node, Relation):
        return set(node.signs) <= ORDER | {"≠", "∈"}
    return isinstance(node, Call) and node.name in ("∪", "∩") and all(map(is_condition, node.arguments))


def _gathered(groups: list[list[Node]], signs: set[str]) -> list[Node]:
    """The items of a list: `x < 2 or x > 3` is one, `p=5, q=2; p=7, q=2` are two records."""
    flat = [item for group in groups for item in group]
    joint = signs & {"and", "or"}
    if len(flat) > 1 and len(joint) == 1 and "," not in signs and all(map(is_condition, flat)):
        node = flat[0]
        for item in flat[1:]:
            node = Call("∪" if joint == {"or"} else "∩", (node, item))
        return [node]
    sizes = {len(group) for group in groups}
    named = all(isinstance(item, Relation) and item.signs == ("=",) for item in flat)
    if len(groups) > 1 and len(sizes) == 1 and sizes != {1} and named:
        return [Group("()", tuple(group)) for group in groups]
    return flat


def _literal(text: str) -> Number:
    mantissa, _, exponent = text.replace("E", "e").partition("e")
    if abs(int(exponent or 0)) > LONGEST_LITERAL:
        raise LimitExceeded(f"an exponent of {exponent}")
    whole, point, decimals = mantissa.partition(".")
    digits = whole + decimals
    shift = int(exponent or 0) - len(decimals)
    value = Fraction(int(digits) * 10**shift) if shift >= 0 else Fraction(int(digits), 10**-shift)
    places = len(decimals) if point and not exponent else None
    return Number(value, places, len(digits.lstrip("0")))


def _repeating(text: str, lead: str, period: str) -> Number:
    r"""`0.1\overline{6}` = (16 − 1)/90."""
    whole = text.partition(".")[0] or "0"
    shift, nines = 10 ** len(lead), 10 ** len(period) - 1
    return Number(Fraction(int(whole + lead), shift) + Fraction(int(period), nines * shift))


_ = ONE
