"""What holds for every test: tensor shapes are checked at every call, and generated examples are repeatable in CI."""

from __future__ import annotations

import os

# One thread for this process and its children: two tests at work share the cores, and waiting threads would spin.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from hypothesis import settings
from jaxtyping import install_import_hook

import tests.typechecks  # noqa: F401 - the hook finds it by name

# Before anything of these is imported. Not all of verigrad: elsewhere tests pass wrong types on purpose, and beartype
# draws from the global random state, which tests of purity watch. Worker processes are not hooked.
SHAPED = ["verigrad.kernels", "verigrad.objective", "verigrad.policy"]
install_import_hook(SHAPED, "tests.typechecks.check")

settings.register_profile("local", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")
