"""What Verigrad raises. Each message gives the value, the rule it breaks and the remedy, in one line.

VerigradError
├── UsageError           bad usage or configuration             exit code 2
│   ├── ConfigError      a setting, or a combination of settings
│   └── DataError        a file or a record
└── RunStopped           a run stopped itself, and says why      exit code 3
    ├── NonFiniteError   a loss, gradient or logit that is not a number
    ├── SamplerDrift     sampler and trainer disagree on log-probs
    └── GraderFailures   too many verdicts were timeouts or errors
"""


class VerigradError(Exception):
    """Base of everything raised on purpose."""


class UsageError(VerigradError):
    """The user asked for something that cannot be done; nothing has run."""


class ConfigError(UsageError):
    """A setting, or a combination of settings, that is not valid."""


class DataError(UsageError):
    """A file or record that is missing, empty or malformed."""


class RunStopped(VerigradError):
    """A run stopped itself; the message names cause, step and remedy."""


class NonFiniteError(RunStopped):
    """A loss or a gradient is NaN or infinite, raised before the update; or the logits that are to be sampled from."""


class SamplerDrift(RunStopped):
    """The sampler's log-probs and the trainer's differ by more than the tolerance."""


class GraderFailures(RunStopped):
    """The share of timeouts and errors among the verdicts is above the limit."""
