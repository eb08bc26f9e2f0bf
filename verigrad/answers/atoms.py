"""Values: what an expression is made of, from a number to a matrix."""

from __future__ import annotations

import re
from abc import abstractmethod
from fractions import Fraction

from verigrad.answers.cursor import (
    BOUND,
    CALLED,
    CLOSES,
    COINS,
    LOWEST,
    MATRICES,
    PERIOD,
    PRODUCT,
    SIGN,
    Cursor,
    is_condition,
    literal,
    measured,
    nary,
    repeating,
    with_name,
)
from verigrad.answers.lexer import END, Token
from verigrad.answers.tree import (
    Applied,
    Call,
    Grid,
    Group,
    Node,
    Number,
    Relation,
    Symbol,
    Unreadable,
    Words,
    prefixed,
)


class Atoms(Cursor):
    """Reads one value; `expression` and `items` read what stands inside it."""

    @abstractmethod
    def expression(self, least: int) -> Node:
        """All that binds more tightly than `least`."""

    @abstractmethod
    def product(self, left: Node) -> Node:
        """A value beside a value."""

    @abstractmethod
    def items(self) -> list[Node]:
        """Statements and what separates them."""

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
            return literal(token.text)
        self.descend()
        node = self.value(token)
        self.depth -= 1
        return node

    def number(self, token: Token) -> Node:
        node = literal(token.text)
        if self.sees("...") and node.places:
            self.at += 1
            match = PERIOD.fullmatch(token.text.partition(".")[2])
            return node if match is None else repeating(token.text, match[1], match[2] or match[3])
        if self.sees("bar") or self.ahead(2) == [".", "bar"]:
            self.takes(".")
            self.at += 1
            period = self.argument()
            digits = self.tokens[self.at - 2].text
            if not isinstance(period, Number) or period.places is not None or not digits.isdigit():
                raise Unreadable("a period that is no digits")
            return repeating(token.text, token.text.partition(".")[2], digits)
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
            return Call("+", (whole, Call("/", (literal(ahead[0].text), literal(ahead[2].text)))))
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
        if sign in CLOSES:
            brackets, inner = self.group_items(sign)
            return grouped(brackets, inner)
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
            return measured(self.expression(PRODUCT), COINS[sign])
        if sign == "∅":
            return Group("{}", ())
        raise Unreadable(f"{sign!r} is no value")

    def group_items(self, opening: str) -> tuple[str, list[Node]]:
        """The brackets and what is in them, up to what closes them."""
        bars, self.bars = self.bars, 0
        variable = self.skip_variable() if opening == r"\{" else None
        inner = [] if self.sees(*CLOSES[opening]) else self.items()
        if variable is not None:
            inner = [with_name(node, variable, BOUND) for node in inner]
        closing = self.next.text
        self.expect(*CLOSES[opening])
        self.bars = bars
        if opening == "{":
            if not inner:
                raise Unreadable("an empty brace group")
            return "", inner
        brackets = (opening + closing).replace("\\", "").replace("⟨⟩", "()").replace("⟨>", "()")
        return brackets, inner

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
            node = self.product(node) if self.next.kind == "number" else nary("*", node, self.expression(SIGN))
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
        index = index_name(parts, body)
        renamed = [*parts, body] if index is None else [with_name(part, index, BOUND) for part in (*parts, body)]
        return Applied(name, tuple(renamed))

    def matrix(self, environment: str) -> Node:
        if environment not in MATRICES:
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


def index_name(parts: list[Node], body: Node) -> str | None:
    """The letter that a sum, product or limit runs over, or that stands behind the d of an integral."""
    for part in parts:
        first = part.parts[0] if part.parts else part
        head = first.sides[0] if isinstance(first, Relation) else first
        limits = len(part.parts) + isinstance(first, Relation)
        if isinstance(part, Applied) and part.name == "_" and isinstance(head, Symbol) and limits > 1:
            return head.name
    ends = [part.name for part in body.parts[-2:] if isinstance(part, Symbol)]
    return ends[1] if len(ends) == 2 and ends[0] == "d" else None


def grouped(brackets: str, inner: list[Node]) -> Node:
    """One thing in brackets is that thing; of a set only where it is a condition."""
    if len(inner) == 1 and brackets in ("()", "[]", ""):
        return inner[0]
    if len(inner) == 1 and brackets == "{}" and is_condition(inner[0]):
        return inner[0]
    return Group(brackets, tuple(inner))
