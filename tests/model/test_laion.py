"""Borrowing laion_clap's layers without waking laion_clap."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

BUILD_AND_COMPARE = """
    import logging, socket, sys

    def forbidden(*args, **kwargs):
        raise AssertionError("a socket was opened")

    socket.socket.connect = socket.socket.connect_ex = forbidden
    socket.getaddrinfo = socket.create_connection = forbidden

    import torch  # what torch itself sets up is not in question
    import numpy

    def world():
        return {
            "path": list(sys.path),
            "modules": {name for name in sys.modules if name.startswith("laion_clap")},
            "handlers": list(logging.getLogger().handlers),
            "level": logging.getLogger().level,
            "disabled": logging.root.manager.disable,
            "draws": torch.random.get_rng_state().tolist(),
            "numpy draws": numpy.random.get_state()[1].tolist(),
            "threads": torch.get_num_threads(),
            "dtype": torch.get_default_dtype(),
            "grad": torch.is_grad_enabled(),
        }

    before = world()
    from clapsep_desktop.model import checkpoint
    from clapsep_desktop.model.base_net import BaseNet
    from clapsep_desktop.model.config import BaseConfig

    net = checkpoint.unfilled(lambda: BaseNet(BaseConfig()))
    after = world()
    changed = [name for name in before if before[name] != after[name]]
    assert not changed, changed
    assert not {"torchvision", "h5py", "wandb", "webdataset"} & set(sys.modules)
    print("unchanged")
"""


def run(code):
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(code)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_nothing_is_contacted_and_nothing_global_changes():
    result = run(BUILD_AND_COMPARE)
    assert result.stdout == "unchanged\n", result.stderr
    assert result.stderr == ""


def test_a_later_genuine_import_finds_the_package_untouched():
    result = run("""
        from importlib.util import find_spec
        from clapsep_desktop.model import laion
        from clapsep_desktop.model.config import BaseConfig
        import sys

        laion.patch_embedding(BaseConfig().audio)
        assert not [name for name in sys.modules if name.startswith("laion_clap")]
        spec = find_spec("laion_clap")
        assert spec.origin.endswith("__init__.py")
        ours = laion._htsat()
        assert ours.__name__ != "laion_clap.clap_module.htsat"
        assert ours.__file__.startswith(spec.submodule_search_locations[0])
        print("untouched")
    """)
    assert result.stdout == "untouched\n", result.stderr
