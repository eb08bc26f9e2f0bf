"""The words and wordings of `stories`.

Fields of a wording: a … d are the numbers that count, z one that does not; {n} and {m} two people; {He}, {he},
{him} the first one's pronouns; {thing}, {things} and {others} two kinds of things; {box}, {boxes} what they are put
into; {red} and {blue} two colours. Every number is 2 or more, so that what is counted stands in the plural. Steps are
separated by ";"; # is the result of the step before, #2 of the one before that.
"""

from __future__ import annotations

PEOPLE = (
    *((name, "she") for name in "Anna Clara Dora Ella Grace Hannah Iris Julia Kate Lily Mia Nora Olivia Rosa".split()),
    *((name, "he") for name in "Adam Ben Carl David Eric Frank George Henry Ivan Jack Leo Max Noah Oscar".split()),
)
HIM = {"she": "her", "he": "him"}

THINGS = (
    ("apple", "apples"),
    ("bead", "beads"),
    ("book", "books"),
    ("button", "buttons"),
    ("card", "cards"),
    ("cherry", "cherries"),
    ("coin", "coins"),
    ("cookie", "cookies"),
    ("crayon", "crayons"),
    ("egg", "eggs"),
    ("flower", "flowers"),
    ("lemon", "lemons"),
    ("marble", "marbles"),
    ("muffin", "muffins"),
    ("orange", "oranges"),
    ("peach", "peaches"),
    ("pear", "pears"),
    ("pencil", "pencils"),
    ("plum", "plums"),
    ("seashell", "seashells"),
    ("stamp", "stamps"),
    ("sticker", "stickers"),
    ("toy", "toys"),
    ("walnut", "walnuts"),
)
BOXES = (
    ("bag", "bags"),
    ("basket", "baskets"),
    ("bowl", "bowls"),
    ("box", "boxes"),
    ("jar", "jars"),
    ("tray", "trays"),
)
COLOURS = ("black", "blue", "brown", "green", "pink", "purple", "red", "white", "yellow")

SEEN: dict[str, tuple[tuple[str, str], ...]] = {
    "combine": (
        ("{n} has {a} {things} and {m} has {b} {things}. How many {things} do they have together?", "a + b"),
        ("There are {a} {things} in a {box} and {b} {things} on a table. How many {things} are there in all?", "a + b"),
        ("{n} found {a} {things} on Monday and {b} on Tuesday. How many {things} did {he} find in total?", "a + b"),
        ("{n} bought {a} {things} and {b} {others}. How many things did {he} buy altogether?", "a + b"),
        ("A {box} holds {a} {red} {things} and {b} {blue} {things}. How many {things} does it hold?", "a + b"),
        ("A class has {a} girls and {b} boys. How many children are in the class?", "a + b"),
        ("{n} and {m} have {a} {things} together. {n} has {b} of them. How many {things} does {m} have?", "a - b"),
        (
            "There are {a} {things} in a {box}. {b} of them are {red} and the rest are {blue}. "
            "How many {things} are {blue}?",
            "a - b",
        ),
    ),
    "change": (
        ("{n} had {a} {things}. {He} got {b} more. How many {things} does {he} have now?", "a + b"),
        ("{n} has {a} {things}. {m} gives {n} {b} more {things}. How many {things} does {n} have now?", "a + b"),
        (
            "There were {a} {things} in a {box}. {n} put {b} more {things} into it. "
            "How many {things} are in the {box} now?",
            "a + b",
        ),
        ("{n} had {a} {things}. {He} gave {b} of them to {m}. How many {things} does {n} have left?", "a - b"),
        ("{n} had {a} {things} but lost {b} of them. How many {things} does {he} have now?", "a - b"),
        ("There were {a} birds in a tree. Then {b} birds flew away. How many birds are still in the tree?", "a - b"),
        (
            "{n} had {b} {things}. {He} bought some more and now {he} has {a} {things}. "
            "How many {things} did {he} buy?",
            "a - b",
        ),
        (
            "{n} had some {things}. {He} gave {b} of them to {m} and has {a} left. "
            "How many {things} did {he} have at first?",
            "a + b",
        ),
        ("A bus had {a} people on it. At a stop {b} people got on. How many people are on the bus now?", "a + b"),
    ),
    "compare": (
        ("{n} has {a} {things} and {m} has {b} {things}. How many more {things} does {n} have than {m}?", "a - b"),
        ("{n} has {b} {things} and {m} has {a}. How many fewer {things} does {n} have than {m}?", "a - b"),
        ("{n} has {a} {things}. {m} has {b} more {things} than {n}. How many {things} does {m} have?", "a + b"),
        ("{n} has {a} {things}. {m} has {b} fewer {things} than {n}. How many {things} does {m} have?", "a - b"),
        ("{n} is {a} years old and {m} is {b} years old. How many years older is {n} than {m}?", "a - b"),
        ("A pen costs {b} dollars and a bag costs {a} dollars. How many dollars more does the bag cost?", "a - b"),
        ("{n} has {a} {things}. {m} has {b} times as many. How many {things} does {m} have?", "b * a"),
    ),
    "equal_groups": (
        ("There are {b} {boxes}. Each {box} holds {a} {things}. How many {things} are there in all?", "b * a"),
        ("{n} has {b} {boxes} with {a} {things} in each. How many {things} does {he} have?", "b * a"),
        ("{n} bought {b} packs of {things}. Each pack has {a} {things}. How many {things} did {he} buy?", "b * a"),
        ("{n} shares {a} {things} equally among {b} friends. How many {things} does each friend get?", "a / b"),
        (
            "{n} puts {a} {things} into {b} {boxes}, the same number in each. How many {things} are in each {box}?",
            "a / b",
        ),
        ("{n} has {a} {things}. {He} puts {b} of them into each {box}. How many {boxes} does {he} need?", "a / b"),
        ("A room has {b} rows of {a} chairs. How many chairs are in the room?", "b * a"),
    ),
    "rates": (
        ("Each {thing} costs {a} cents. How many cents do {b} {things} cost?", "b * a"),
        ("{n} earns {a} dollars an hour. How many dollars does {he} earn in {b} hours?", "b * a"),
        ("{n} reads {a} pages every day. How many pages does {he} read in {b} days?", "b * a"),
        ("{n} walks {a} miles every week. How many miles does {he} walk in {b} weeks?", "b * a"),
        ("{n} paid {a} dollars for {b} tickets. How many dollars did one ticket cost?", "a / b"),
        ("{n} reads {b} pages every day. How many days does {he} need for a book of {a} pages?", "a / b"),
        ("A machine makes {a} toys in {b} minutes. How many toys does it make in one minute?", "a / b"),
    ),
    "two_step": (
        (
            "{n} had {a} {things}. {He} found {b} more and then gave {c} to {m}. How many {things} does {n} have left?",
            "a + b; # - c",
        ),
        (
            "{n} had {a} {things}. {He} lost {b} of them and then bought {c} more. "
            "How many {things} does {he} have now?",
            "a - b; # + c",
        ),
        (
            "{n} has {b} {boxes} with {a} {things} in each. {He} also has {c} {things} on a table. "
            "How many {things} does {he} have in all?",
            "b * a; # + c",
        ),
        (
            "{n} has {b} {boxes} with {a} {things} in each. {He} gives {c} {things} to {m}. "
            "How many {things} does {n} have left?",
            "b * a; # - c",
        ),
        (
            "{n} has {a} {red} {things} and {b} {blue} {things}. {He} puts them into {c} {boxes}, "
            "the same number in each. How many {things} are in each {box}?",
            "a + b; # / c",
        ),
        (
            "{n} had {a} dollars. {He} bought {c} tickets for {b} dollars each. How many dollars does {he} have left?",
            "c * b; a - #",
        ),
        (
            "{n} has {a} {things}. {m} has {b} more {things} than {n}. How many {things} do they have together?",
            "a + b; a + #",
        ),
        (
            "{n} had {a} {things} and gave {b} of them to {m}. The rest {he} shares equally among {c} friends. "
            "How many {things} does each friend get?",
            "a - b; # / c",
        ),
    ),
    "three_step": (
        (
            "{n} bought {b} packs of {a} {things} and {d} packs of {c} {others}. How many things did {he} buy in all?",
            "b * a; d * c; #2 + #",
        ),
        (
            "{n} has {b} {boxes} with {a} {things} in each. {He} gets {c} more {things} and then gives {d} to {m}. "
            "How many {things} does {n} have left?",
            "b * a; # + c; # - d",
        ),
        (
            "{n} had {a} {things}. {He} found {b} more, lost {c}, and got {d} from {m}. "
            "How many {things} does {n} have now?",
            "a + b; # - c; # + d",
        ),
        (
            "{n} has {a} {things}. {m} has {b} more {things} than {n}. They put all their {things} into {c} {boxes}, "
            "the same number in each. How many {things} are in each {box}?",
            "a + b; a + #; # / c",
        ),
        (
            "{n} earns {a} dollars an hour and works {b} hours a day. After {c} days {he} spends {d} dollars. "
            "How many dollars does {he} have left?",
            "b * a; c * #; # - d",
        ),
        (
            "{n} had {a} dollars. {He} bought {c} tickets for {b} dollars each and a drink for {d} dollars. "
            "How many dollars does {he} have left?",
            "c * b; # + d; a - #",
        ),
    ),
    "distractor": (
        (
            "{n} has {a} {things} and {z} {others}. {He} gets {b} more {things}. How many {things} does {he} have now?",
            "a + b",
        ),
        (
            "{n} is {z} years old. {He} had {a} {things} and gave {b} of them to {m}. "
            "How many {things} does {n} have left?",
            "a - b",
        ),
        (
            "There are {a} {things} and {z} {others} in a {box}. {n} takes out {b} of the {things}. "
            "How many {things} are left in the {box}?",
            "a - b",
        ),
        (
            "{n} has {b} {boxes} with {a} {things} in each. {m} has {z} {others}. How many {things} does {n} have?",
            "b * a",
        ),
        (
            "{n} has {a} {things}, {m} has {b} {things}, and a shop has {z}. "
            "How many {things} do {n} and {m} have together?",
            "a + b",
        ),
        (
            "{n} shares {a} {things} equally among {b} friends. {He} keeps {z} {others}. "
            "How many {things} does each friend get?",
            "a / b",
        ),
        (
            "{n} had {a} {things} and {z} {others}. {He} found {b} more {things} and then gave {c} {things} to {m}. "
            "How many {things} does {n} have left?",
            "a + b; # - c",
        ),
    ),
}

HELD_OUT: dict[str, tuple[tuple[str, str], ...]] = {
    "combine": (
        (
            "{n} collected {a} {things} in the morning and {b} in the afternoon. "
            "What is the number of {things} that {he} collected that day?",
            "a + b",
        ),
        ("Of the {a} {things} on a shelf, {b} are old. How many are new?", "a - b"),
    ),
    "change": (
        ("After {m} gave {him} {b} {things}, {n} has {a} {things}. How many did {he} have before?", "a - b"),
        ("A shop had {a} {things} in the morning and sold {b} during the day. How many were not sold?", "a - b"),
        ("{a} ducks swam on a pond when {b} others joined them. How many ducks were then on the pond?", "a + b"),
    ),
    "compare": (
        ("{m} collected {b} {things}, while {n} collected {a}. By how many did {n} beat {m}?", "a - b"),
        (
            "A red rope is {a} feet long, {b} feet shorter than a blue one. How many feet long is the blue rope?",
            "a + b",
        ),
    ),
    "equal_groups": (
        ("Each of {b} children brought {a} {things} to school. How many {things} did they bring?", "b * a"),
        ("If {a} {things} are split evenly between {b} plates, how many go on each plate?", "a / b"),
    ),
    "rates": (
        ("A train goes {a} miles in an hour. How far, in miles, does it go in {b} hours?", "b * a"),
        (
            "In {b} weeks {n} saved {a} dollars, the same amount every week. How many dollars did {he} save a week?",
            "a / b",
        ),
    ),
    "two_step": (
        (
            "A baker made {a} muffins before noon and {b} after it, then sold {c}. How many muffins remain?",
            "a + b; # - c",
        ),
        (
            "{n} filled {b} shelves with {a} books each and has {c} books left over. How many books does {he} own?",
            "b * a; # + c",
        ),
    ),
    "three_step": (
        (
            "A farmer fills {b} crates with {a} melons each and {d} crates with {c} melons each. "
            "How many melons does the farmer have?",
            "b * a; d * c; #2 + #",
        ),
        (
            "On Monday {n} ran {a} miles, on Tuesday {b} miles more than that, and on Wednesday {c} miles. "
            "How many miles did {he} run in the three days?",
            "a + b; a + #; # + c",
        ),
    ),
    "distractor": (
        ("In a garden with {z} trees, {n} planted {a} roses and {b} tulips. How many flowers did {he} plant?", "a + b"),
        (
            "For {z} dollars {n} bought {a} {things}, of which {he} gave away {b}. How many {things} are left?",
            "a - b",
        ),
    ),
}
