r"""Recursive descent over tokens: expressions. `answers` builds lists, relations and measures on top of it.

    sum      = product (("+" | "−" | "±" | "∓") product)*
    product  = factor (("·" | "/" | nothing) factor)*           a whole number before a fraction is a mixed number
    factor   = "−"* power
    power    = postfix ("^" argument)*
    postfix  = atom ("!" | "%" | "°" | "'" | "_" argument)*

Depth and the number of steps are bounded; nothing is evaluated.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from verigrad.verifiers.cursor import Cursor, indexed, is_condition, literal, marked, matrix, skip_variable
from verigrad.verifiers.expression import (
    Call,
    Collection,
    LimitExceeded,
    Measure,
    Node,
    Number,
    Symbol,
    Unreadable,
    prefixed,
)
from verigrad.verifiers.lexer import Token

DEEPEST = 30
"""Brackets, braces, fractions, roots and signs inside one another."""

MOST_CHOICES = 4
"""Of ± in one answer: each doubles its values."""

MOST_MARKS = 8
"""Of `!`, `^`, `%`, `'` and `_` after one value."""

CALLED = frozenset("fghFGHPQWST")
"""Letters that `(` applies, rather than multiplies; all others are factors."""

ONE = Number(Fraction(1))

_RAISED_MARKS = (["°"], ["'"])

_CLOSES = {"(": ")]", "[": "])", r"\{": (r"\}", "}"), "{": ("}", r"\}"), "⟨": "⟩>"}
_ACCENTS = {name: name for name in ("bar", "hat", "tilde", "vec", "dot", "ddot")}
_ACCENTS |= {"overline": "bar", "widehat": "hat", "overrightarrow": "vec"}
_STARTS = frozenset({"(", "[", r"\{", "{", "frac", "binom", "⌊", "⌈", "⟨", "$", "€", "£", "¥", "₹"})


class Parser(Cursor):
    """Reads expressions. `items` reads what stands inside brackets; `answers` gives it."""

    def __init__(self, tokens: list[Token], items: Callable[[Parser], list[Node]]) -> None:
        super().__init__(tokens)
        self.items = items
        self._depth = 0
        self._bars = 0
        self._choices = 0

    def sum(self) -> Node:
        terms: list[Node] = [_ZERO if self.sees("±", "∓") else self.product()]
        while self.sees("+", "-", "±", "∓"):
            sign = self.take().text
            term = self.product()
            if sign in "±∓":
                self._choices += 1
                if self._choices > MOST_CHOICES:
                    raise LimitExceeded(f"more than {MOST_CHOICES} of ±")
                terms = [Call(sign, (_joined("+", terms), term))]
            else:
                terms.append(term if sign == "+" else Call("neg", (term,)))
        return _joined("+", terms)

    def product(self) -> Node:
        sign = self._sign()
        factors = [self._power()]
        while True:
            if self.takes("*"):
                factors.append(self._signed_power())
            elif self.takes("/"):
                factors.append(Call("/", (ONE, self._signed_power())))
            elif self.takes("mod"):
                factors = [Call("mod", (_joined("*", factors), self._signed_power()))]
            elif self._is_mixed(factors[-1]):
                factors[-1] = self._raised(Call("+", (factors[-1], self._atom())))
            elif self._starts_factor(factors[-1]):
                factors.append(self._power())
            else:
                break
        node = _joined("*", factors)
        return Call("neg", (node,)) if sign else node

    def _sign(self) -> bool:
        """Takes signs; whether they make a minus."""
        minus, count = False, 0
        while self.sees("-", "+"):
            minus ^= self.take().text == "-"
            count += 1
            if count > DEEPEST:
                raise LimitExceeded(f"more than {DEEPEST} signs in a row")
        return minus

    def _signed_power(self) -> Node:
        return Call("neg", (self._power(),)) if self._sign() else self._power()

    def _is_mixed(self, node: Node) -> bool:
        r"""`1 \frac{1}{2}` and `1 1/2`: a whole literal, then a fraction of two whole literals."""
        if not isinstance(node, Number) or node.places is not None or self.tokens[self.at - 1].kind != "number":
            return False
        if self.next.kind != "number" and self.next.text != "frac":
            return False
        ahead = self.tokens[self.at : self.at + 7]
        kinds = "".join({"number": "9"}.get(one.kind, one.text[0] if one.text else " ") for one in ahead)
        if kinds.startswith("9/9") and ahead[0].spaced:
            self.tokens[self.at : self.at + 3] = [
                Token("sign", "frac"), Token("sign", "{"), ahead[0], Token("sign", "}"),
                Token("sign", "{"), ahead[2], Token("sign", "}"),
            ]  # fmt: skip
            return True
        whole = all("." not in one.text for one in ahead if one.kind == "number")
        return (
            ahead[:1] == [Token("sign", "frac", self.next.spaced)]
            and whole
            and (
                kinds.startswith(("f{9}{9}", "f99", "f9{9}", "f{9}9"))
                or (kinds.startswith("f9") and len(ahead[1].text) > 1)
            )
        )

    def _starts_factor(self, left: Node) -> bool:
        """Whether the next token begins a factor without a sign between. Two numbers side by side are no product."""
        token = self.next
        if token.kind == "number":
            return not (isinstance(left, Number) or self.tokens[self.at - 1].kind == "number")
        if token.kind in ("symbol", "function", "begin"):
            return True
        if token.text == "|" and token.kind == "sign":
            return self._bars == 0
        return (token.text in _STARTS and token.kind == "sign") or (
            token.kind == "command" and token.text not in ("over", "pmod", "boxed")
        )

    def _power(self) -> Node:
        return self._raised(self._atom())

    def _raised(self, node: Node) -> Node:
        node = self._postfixed(node)
        marks = 0
        while self.takes("^"):
            marks += 1
            if marks > MOST_MARKS:
                raise LimitExceeded(f"more than {MOST_MARKS} exponents of one value")
            if self.takes("°"):
                node = self._postfixed(Measure(node, "°"))
            elif self.takes("'"):
                node = marked(node)
            else:
                node = self._postfixed(Call("^", (node, self._exponent())))
        return node

    def _exponent(self) -> Node:
        """`2^3^4` is 2^(3^4)."""
        minus = self._sign()
        node = self.argument()
        if self.sees("^") and [one.text for one in self.tokens[self.at + 1 : self.at + 2]] not in _RAISED_MARKS:
            self.at += 1
            self._depth += 1  # which the next argument checks
            node = Call("^", (node, self._exponent()))
            self._depth -= 1
        return Call("neg", (node,)) if minus else node

    def _postfixed(self, node: Node) -> Node:
        for _ in range(MOST_MARKS):
            if self.takes("!"):
                node = Call("!", (node,))
            elif self.sees("%", "°"):
                node = Measure(node, self.take().text)
            elif self.takes("'"):
                node = marked(node)
            elif self.takes("_"):
                node = indexed(node, self.argument())
            else:
                return node
        raise LimitExceeded(f"more than {MOST_MARKS} marks after one value")

    def argument(self, split: bool = False) -> Node:
        """What a command or `^`, `_` applies to: a brace group, or one token; with `split`, one digit of a number."""
        if split and self.next.kind == "number" and len(self.next.text) > 1 and self.next.text.isdigit():
            digits = self.next.text
            self.tokens[self.at] = Token("number", digits[1:])
            return Number(Fraction(int(digits[0])), None, 1)
        return self._atom()

    def _atom(self) -> Node:
        self._depth += 1
        if self._depth > DEEPEST:
            raise LimitExceeded(f"nested more than {DEEPEST} deep")
        node = self._read_atom(self.take())
        self._depth -= 1
        return node

    def _read_atom(self, token: Token) -> Node:
        if token.kind == "number":
            return literal(self, token.text)
        if token.kind == "symbol":
            return self._symbol(token.text)
        if token.kind == "function":
            return self._function(token.text)
        if token.kind == "begin":
            return matrix(self, token.text, self.sum)
        if token.kind == "command":
            return self._command(token.text)
        if token.kind == "sign":
            return self._sign_atom(token.text)
        raise Unreadable(f"{token.text!r} is no value")

    def _sign_atom(self, sign: str) -> Node:
        if sign in _CLOSES:
            return self._group(sign)
        if sign == "frac":
            top, bottom = self.argument(split=True), self.argument(split=True)
            return Call("/", (top, bottom))
        if sign == "binom":
            return Call("binom", (self.argument(split=True), self.argument(split=True)))
        if sign == "|":
            return self._between_bars()
        if sign in ("⌊", "⌈"):
            inner = self.sum()
            self.expect({"⌊": "⌋", "⌈": "⌉"}[sign])
            return Call({"⌊": "floor", "⌈": "ceil"}[sign], (inner,))
        if sign in "$€£¥₹":
            return Measure(self._signed_power(), sign)
        if sign == "∅":
            return Collection("{}", ())
        raise Unreadable(f"{sign!r} is no value")

    def _between_bars(self) -> Node:
        self._bars += 1
        inner = self.sum()
        self._bars -= 1
        self.expect("|")
        return Call("abs", (inner,))

    def _group(self, opening: str) -> Node:
        bars, self._bars = self._bars, 0
        if opening == r"\{":
            skip_variable(self)
        inner = [] if self.sees(*_CLOSES[opening]) else self.items(self)
        closing = self.next.text
        self.expect(*_CLOSES[opening])
        self._bars = bars
        brackets = (opening + closing).replace("\\", "").replace("⟨⟩", "()")
        if brackets == "{}" and opening == "{" and not inner:
            raise Unreadable("an empty brace group")
        if len(inner) == 1 and brackets in ("()", "[]", "{}") and (opening != r"\{" or is_condition(inner[0])):
            return inner[0]
        return Collection("" if opening == "{" else brackets, tuple(inner))  # LaTeX does not show bare braces

    def _symbol(self, name: str) -> Node:
        if name in CALLED and [one.text for one in self.tokens[self.at : self.at + 6]] == list("^{-1}("):
            self.at += 5
            return Call(f"apply {name}^-1", (self._atom(),))
        if name in CALLED and self.sees("{") and [one.text for one in self.tokens[self.at + 1 : self.at + 2]] == ["("]:
            return Call(f"apply {name}", (self.argument(),))
        if name in CALLED and self.sees("(") and self._bars == 0 and not self.next.spaced:
            self.at += 1
            group = self._group("(")
            return Call(f"apply {name}", group.items if isinstance(group, Collection) else (group,))
        return Symbol(name)

    def _function(self, name: str) -> Node:
        if name == "sqrt":
            return self._root()
        power: Node | None = None
        base: Node | None = None
        while self.sees("^", "_"):
            if self.take().text == "^":
                power = self._exponent()
            else:
                base = self.argument()
        argument = self._function_argument()
        parts = argument.items if isinstance(argument, Collection) and argument.brackets == "()" else (argument,)
        if power == Call("neg", (Number(Fraction(1), None, 1),)):
            return Call("arc" + name, parts)
        node: Node = Call(name, (*parts, base)) if base is not None else Call(name, parts)
        return node if power is None else Call("^", (node, power))

    def _function_argument(self) -> Node:
        r"""A bracket group alone, else all factors up to a sign or function: `\sin 2x \cos y` = sin(2x)·cos(y)."""
        if self.sees("(", "{", "["):
            return self._atom()
        if self.next.kind == "function":
            return self._power()
        factors = [self._power()]
        while self._starts_factor(factors[-1]) and self.next.kind in ("symbol", "number"):
            factors.append(self._power())
        return _joined("*", factors)

    def _root(self) -> Node:
        degree: Node = Number(Fraction(2), None, 1)
        if self.takes("["):
            degree = self.sum()
            self.expect("]")
        return Call("root", (self.argument(), degree))

    def _command(self, name: str) -> Node:
        if name == "sqrt":
            return self._root()
        if name in _ACCENTS:
            below = prefixed(self.argument())
            return Symbol(f"{_ACCENTS[name]} ({below})" if " " in below else f"{_ACCENTS[name]} {below}")
        if name in ("mathbb", "mathcal"):
            inner = self.argument()
            return Symbol(f"{name} {inner.name}") if isinstance(inner, Symbol) else inner
        if name == "underline":
            return self.argument()
        if name in ("sum", "prod", "int", "lim"):
            return self._bound(name)
        raise Unreadable(f"\\{name} is not read")

    def _bound(self, name: str) -> Node:
        """A sum, product, integral or limit, kept as it is written: known parts, an unknown value."""
        parts: list[Node] = []
        while self.sees("_", "^"):
            sign = self.take().text
            parts.append(Collection(sign, tuple(self._limits())))
        return Call(f"apply {name}", (*parts, self.product()))

    def _limits(self) -> list[Node]:
        if not self.takes("{"):
            return [self._atom()]
        inner = self.items(self)
        self.expect("}")
        return inner


_ZERO = Number(Fraction(0))


def _joined(name: str, nodes: list[Node]) -> Node:
    return nodes[0] if len(nodes) == 1 else Call(name, tuple(nodes))
