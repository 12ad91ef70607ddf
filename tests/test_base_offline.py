"""The published model's whole way without a connection: its authors' files in, two sounds out."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

from tests.support import published as made_up

ROOT = Path(__file__).resolve().parents[1]

WHOLE_WAY = """
    import json, socket, sys

    def listen(event, args):
        inet = event == "socket.__new__" and args[1] in (socket.AF_INET, socket.AF_INET6)
        if inet or event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname"):
            raise RuntimeError(f"{event} {args}")

    sys.addaudithook(listen)

    from pathlib import Path
    from clapsep_desktop.cli.main import main
    from clapsep_desktop.model import registry
    from clapsep_desktop.model.config import BaseConfig

    folder, demo = map(Path, sys.argv[1:])
    sizes = BaseConfig.from_json(json.loads((folder / "sizes.json").read_text()))
    names = ("music_audioset_epoch_15_esc_90.14.pt", "best_model.ckpt", "vocab.json", "merges.txt")
    registry.import_files([folder / name for name in names], "base", sizes=sizes)
    registry.verify("base")
    query = ["--keep", "dog bark", "--keep-audio", f"{demo}#1-3", "--remove", "rain"]
    span = ["--start", "2", "--end", "9.5", "--model", "base", "--device", "cpu"]
    for run in ("first", "second"):
        kept, removed = folder / f"{run}.kept.flac", folder / f"{run}.removed.flac"
        try:
            main(["extract", str(demo), *query, *span, "-o", str(kept), "--removed", str(removed)])
        except SystemExit as end:
            assert not end.code, end.code
"""


def test_import_verify_and_extract_twice_the_same_with_every_socket_forbidden(tmp_path):
    config = made_up.tiny_config(made_up.tokenizer(tmp_path))
    made_up.write_files(tmp_path, config)
    (tmp_path / "sizes.json").write_text(json.dumps(config.to_json()))
    demo = ROOT / "resources" / "demo" / "demo.flac"
    result = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(WHOLE_WAY), tmp_path, demo],
        cwd=ROOT,
        env={**willing_to_connect(), "CLAPSEP_MODELS": str(tmp_path / "models")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    hashes = [
        hashlib.sha256((tmp_path / f"{run}.{part}.flac").read_bytes()).hexdigest()
        for part in ("kept", "removed")
        for run in ("first", "second")
    ]
    assert hashes[0] == hashes[1]
    assert hashes[2] == hashes[3]
    assert hashes[0] != hashes[2]


def willing_to_connect():
    """This process's environment, but for what keeps libraries from even trying."""
    return {name: value for name, value in os.environ.items() if "OFFLINE" not in name}
