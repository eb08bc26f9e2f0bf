r"""From tokens to a tree, by precedence climbing over one table of binding powers.

    answer     = statement ((`,` | `;` | `and` | `or`) statement)*
    statement  = expression (relation expression)*
    expression = value (infix expression | postfix | unit | value)*       a value beside a value multiplies

Depth and length are bounded; nothing is evaluated.
"""

from __future__ import annotations

from verigrad.answers.atoms import Atoms
from verigrad.answers.cursor import (
    COINS,
    INFIX,
    LOWEST,
    PRODUCT,
    RELATIONS,
    SEPARATORS,
    SIGN,
    SUM,
    indexed,
    is_condition,
    marked,
    measured,
    nary,
)
from verigrad.answers.lexer import END, Token, tokens
from verigrad.answers.tables import DEGREE, DOLLAR, MULTIPLES, PERCENT, UNITS
from verigrad.answers.tree import (
    MOST_ITEMS,
    ZERO,
    Call,
    Group,
    LimitExceeded,
    Measure,
    Node,
    Number,
    Relation,
    Symbol,
    Unreadable,
    Words,
    check_size,
    names,
)


def parse(text: str, *, short_units: bool = False) -> Node:
    """The tree of an answer. Unreadable, or LimitExceeded where it is too large.

    `short_units`: letters such as m or kW after a number are units, as the gold answer's unit tells.
    """
    parser = _Parser(tokens(text), short_units)
    found = parser.answer()
    check_size(found)
    return found


class _Parser(Atoms):
    """Lists, relations and expressions."""

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
        return gathered(groups, signs)

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
            if token.kind == "sign" and token.text in INFIX and self.ahead(2) != ["^", "°"]:
                power = INFIX[token.text]
                if power <= least or (token.text == ":" and self.bars):
                    break
                self.at += 1
                left = self.joined(left, token.text, power)
            elif token.kind == "sign" and token.text in ("!", "%", "'", "_", "°", "^"):
                left = self.postfix(left)
            elif token.kind == "sign" and token.text in COINS and self.is_last_coin():
                left = measured(left, COINS[self.take().text])
            elif token.kind == "multiple":
                left = self.multiplied(left)
            elif token.kind in ("letters", "word") and (unit := self.unit(left)) is not None:
                left = measured(left, unit)
            elif token.text == "(" and isinstance(left, Number) and self.is_unit_in_brackets():
                self.tokens[self.at : self.at + 3] = [Token("word", self.tokens[self.at + 1].text, True)]
            elif least < PRODUCT and self.starts_value():
                left = self.product(left)
            else:
                break
        self.depth -= 1
        return left

    def joined(self, left: Node, sign: str, power: int) -> Node:
        if sign == "^":
            return self.powered(left)
        right = self.expression(power)
        if sign == "-":
            return nary("+", left, Call("neg", (right,)))
        if sign in "+*:":
            return nary(sign, left, right)
        if sign == "over":
            return Call("/", (left, right))
        return Call("binom" if sign == "choose" else sign, (left, right))

    def powered(self, left: Node) -> Node:
        r"""After a `^`: `2^3^4` is 2^(3^4), `x^2_1` is (x_1)^2, `f^\prime` a name."""
        if self.takes("'"):
            return marked(left)
        if isinstance(left, Measure):
            raise Unreadable("a power of a measure")
        exponent = Call("neg", (self.argument(),)) if self.takes("-") else self.argument(signed=True)
        if isinstance(exponent, Group) and len(exponent.items) == 1:  # `x^\left{3\right}`
            exponent = exponent.items[0]
        if self.sees("_") and isinstance(left, Symbol):
            self.at += 1
            left = indexed(left, self.index())
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
            return marked(left)
        if sign == "_":
            adjacent = self.at >= 3 and self.tokens[self.at - 3].kind in ("letters", "word", "symbol")
            if isinstance(left, Number) and adjacent and not self.tokens[self.at - 2].spaced:
                raise Unreadable("a numeral with letters")
            return indexed(left, self.index())
        if sign == "°" and self.next.text in ("celsius", "fahrenheit"):
            return measured(left, UNITS[self.take().text])
        return measured(left, PERCENT if sign == "%" else DEGREE)

    def multiplied(self, left: Node) -> Node:
        """`5 million`, `3 quarters`: only a number is multiplied so."""
        token = self.take()
        bare = left.value if isinstance(left, Measure) and left.unit == DOLLAR else left
        if names(bare) or (isinstance(left, Measure) and bare is left):
            raise Unreadable(f"{token.text!r} after what is no number")
        product = Call("*", (bare, Number(MULTIPLES[token.text])))
        return Measure(product, DOLLAR) if bare is not left else product

    def product(self, left: Node) -> Node:
        """A value beside a value. Two numbers are no product, nor is anything beside a measure or words."""
        number = self.next.kind == "number"
        if isinstance(left, Measure | Words) and not (isinstance(left, Measure) and left.unit == DEGREE):
            raise Unreadable(f"{self.next.text!r} after a measure")
        if number and (isinstance(left, Number) or self.tokens[self.at - 1].kind == "number"):
            raise Unreadable("two numbers side by side")
        if self.next.kind == "word" and len(self.next.text) > 1:
            raise Unreadable("words after a value")
        return nary("*", left, self.expression(PRODUCT))

    def first(self) -> Node:
        """What an expression begins with: a sign and a value, or a value."""
        token = self.take()
        if token.kind == "sign" and token.text in "+-":
            inner = self.expression(SIGN)
            return inner if token.text == "+" else Call("neg", (inner,))
        if token.kind == "sign" and token.text in "±∓":
            return Call(token.text, (ZERO, self.expression(SUM)))
        return self.value(token)


def gathered(groups: list[list[Node]], signs: set[str]) -> list[Node]:
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
