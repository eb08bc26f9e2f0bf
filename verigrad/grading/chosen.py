"""The verifier that a configuration chooses."""

from __future__ import annotations

from verigrad.config.schema import Verifier as Settings
from verigrad.errors import ConfigError
from verigrad.grading.custom import by_import_path
from verigrad.verifiers import Verifier, blended, find_verifier, is_strict

FUNCTION, BLEND = "function", "blend"


def verifier_for(settings: Settings, *, train: bool) -> Verifier:
    """ConfigError where names and settings do not fit, or a lenient format is to be trained on."""
    if settings.name == BLEND:
        if not settings.weights:
            raise ConfigError("verifier.name = 'blend' needs verifier.weights: names of verifiers and their weights")
        return blended([(name, weight, _single(name, settings, train)) for name, weight in settings.weights.items()])
    if settings.weights:
        raise ConfigError(
            f"verifier.weights is for verifier.name = 'blend', not {settings.name!r}; remove one of the two"
        )
    return _single(settings.name, settings, train)


def asks_workers(settings: Settings) -> bool:
    """Whether every answer in the right format goes to a worker, so that the workers had better start early."""
    names = settings.weights or (settings.name,)
    return any(name == FUNCTION or name.endswith(":reasoning_gym") for name in names)


def _single(name: str, settings: Settings, train: bool) -> Verifier:
    if name == FUNCTION:
        if not settings.function:
            raise ConfigError("verifier.function is empty: name = 'function' needs \"package.module:function\"")
        return by_import_path(settings.function)
    verify = find_verifier(name, tolerance=settings.tolerance)
    if train and not is_strict(name):
        raise ConfigError(
            f"verifier {name!r} finds answers in any shape, so that training on it would teach no format; it is for "
            "evaluation: train with r1_zero, think_answer, boxed, hash or answer_is"
        )
    return verify
