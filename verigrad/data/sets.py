"""The named data sets: where the hub has each, at which revision, and how its rows are read.

`task.name` is a name of this table or of `LAYOUTS`. A set with a `train` or `validation` source needs no file;
`task.path` and `task.validation_path` take the place of either. Revisions are commits as other projects have pinned
them; where none could be established the source has none and the hub's `main` is read (docs/datasets.md says which).
"""

from __future__ import annotations

from dataclasses import dataclass

MATH_SUBSETS = "algebra,counting_and_probability,geometry,intermediate_algebra,number_theory,prealgebra,precalculus"


@dataclass(frozen=True, slots=True)
class NamedSet:
    """Sources of the two splits ("" where the set has none), and the layout of its rows.

    `shuffled`: the rows are sorted by subject, so that their beginning is no sample; they are put into an order by the
    hash of their ids instead.
    """

    layout: str
    train: str = ""
    validation: str = ""
    shuffled: bool = False


def _hub(repo: str, split: str, revision: str = "", subset: str = "") -> str:
    given = {"subset": subset, "split": split, "revision": revision}
    return f"hub:{repo}?" + "&".join(f"{key}={value}" for key, value in given.items() if value)


def _math(split: str) -> str:
    return _hub("EleutherAI/hendrycks_math", split, "21a5633873b6a120296cce3e2df9d5550074f4a3", MATH_SUBSETS)


def _gsm8k(split: str) -> str:
    return _hub("openai/gsm8k", split, "e53f048856ff4f594e959d75785d2c2d37b678ee", "main")


def _svamp(split: str) -> str:
    return _hub("ChilleD/SVAMP", split, "5e0bf1e5e7c0e9c4bc39180d224f41f3f801b7ef")


def _mawps(split: str) -> str:
    return _hub("MU-NLPC/Calc-mawps", split, "38c10053efeafd20ab6ff4e08c3ec17de26c19b7")


SETS: dict[str, NamedSet] = {
    "gsm8k": NamedSet("gsm8k", _gsm8k("train"), _gsm8k("test")),
    "math": NamedSet("math", _math("train"), _math("test"), shuffled=True),
    "math500": NamedSet(
        "math", validation=_hub("HuggingFaceH4/MATH-500", "test", "6e4ed1a2a79af7d8630a6b768ec859cb5af4d3be")
    ),
    "aime24": NamedSet(
        "problems", validation=_hub("HuggingFaceH4/aime_2024", "train", "2fe88a2f1091d5048c0f36abc874fb997b3dd99a")
    ),
    "aime25": NamedSet(
        "problems", validation=_hub("math-ai/aime25", "test", "563bb8404243c5f09de6ec262f2db674fe5bce9b")
    ),
    "amc": NamedSet(
        "problems", validation=_hub("AI-MO/aimo-validation-amc", "train", "69d78a4a2c840e82d69af6bc742bda09005f6316")
    ),
    "minerva": NamedSet("problems", validation=_hub("math-ai/minervamath", "test")),
    "olympiadbench": NamedSet(
        "olympiadbench", validation=_hub("Hothan/OlympiadBench", "train", subset="OE_TO_maths_en_COMP")
    ),
    "svamp": NamedSet("svamp", _svamp("train"), _svamp("test")),
    "mawps": NamedSet("mawps", _mawps("train"), _mawps("test")),
    "deepscaler": NamedSet(
        "math",
        train=_hub("agentica-org/DeepScaleR-Preview-Dataset", "train", "b6ae8c60f5c1f2b594e2140b91c49c9ad0949e29"),
        validation="set:math500",
    ),
    "bigmath": NamedSet("problems", train=_hub("SynthLabsAI/Big-Math-RL-Verified", "train"), validation="set:math500"),
}
