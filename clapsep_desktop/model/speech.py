"""The speech specialist: DeepFilterNet 3 (Schröter et al. 2023, arXiv 2305.08227).

It takes no query: it keeps the voices and removes the rest. In two steps: a gain per band on the
ear's scale for the whole spectrum; then, for the lowest bins, where a voice's harmonics lie, a
complex filter over a few frames of the recording in place of the gain.

The networks are run by onnxruntime on the CPU, piece by piece with their memory handed on, so that
a window of any length takes little room. Two habits of theirs are met here:

* They know speech at the level of a good recording only, and take a voice 20 dB below it for
  noise. So what they hear is brought to one loudness, second by second; the filters they answer
  with fit the recording as it is.
* They remember long. Networks that start in the middle of a recording agree to -60 dB with those
  that have heard all of it only after some 40 seconds, and do worse until then. So they hear the
  beginning of a window twice, and the engine gives inner windows a long `LEAD`.
"""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from scipy.ndimage import convolve1d

from clapsep_desktop.errors import ModelDamagedError, ModelMismatchError
from clapsep_desktop.model import folder as folders
from clapsep_desktop.model.erb import Features, SpeechSizes, band_widths
from clapsep_desktop.model.interface import SpectralFilter, SpectralGrid, WindowPlan

ARCHITECTURE = "deepfilternet3"
FORMAT = 1
NETWORKS = ("enc", "erb_dec", "df_dec")
STATE, AFTER = "state_", "_after"
"""Names of a network's states: ``state_0`` goes in, ``state_0_after`` comes out."""

LEAD = 30
"""s heard before an inner window's answers are used."""

REHEARSAL = 10
"""s of a window's beginning that are heard once before it."""

LOUDNESS = -18.0
"""dB re full scale, the root mean square in `HEARD` to which the networks' input is brought."""

HEARD = (100.0, 8000.0)
"""Hz between which loudness is measured: rumble and hiss are not to decide it."""

REACH = 4.0
"""s to each side over which loudness is averaged."""

QUIETEST = -180.0
"""dB re full scale, the loudness below which nothing is brought up further."""

_PIECE = 1000  # frames heard at once
_ERB_CONTEXT, _LOW_CONTEXT = 2, 4  # frames that the networks' convolutions look back


class Speech:
    """A `SeparationModel` that keeps speech.

    Args:
        networks: the three networks by name, as onnxruntime sessions.
        sizes: of the networks.
        name: what the user calls the model.
        as_published: lets the networks hear a recording as loud as it is, and only once, as
            their own runtime does.
    """

    def __init__(
        self,
        networks: dict[str, onnxruntime.InferenceSession],
        sizes: SpeechSizes,
        name: str = "speech",
        *,
        as_published: bool = False,
    ) -> None:
        self.name = name
        self.device = torch.device("cpu")
        self.sizes = sizes
        self.as_published = as_published
        self.grid = SpectralGrid(sizes.rate, sizes.n_fft, sizes.hop, "vorbis")
        self.plan = WindowPlan(length=126, overlap=36, guard=REACH, lead=LEAD)
        self._window = _window(sizes)
        self._networks = networks

    @torch.inference_mode()
    def filters(self, windows: torch.Tensor, condition: torch.Tensor | None) -> SpectralFilter:
        """See `SeparationModel.filters`; this model takes no condition."""
        del condition
        frames = windows.shape[1] // self.sizes.hop + 1
        gain = np.empty((len(windows), frames, self.sizes.bins), np.float32)
        taps = np.empty((*gain.shape[:2], self.sizes.order, self.sizes.filtered), np.complex64)
        for row, window in enumerate(windows):
            self._answer(window, gain[row], taps[row])
        return SpectralFilter(torch.from_numpy(gain), torch.from_numpy(taps), self.sizes.lookahead)

    def _answer(self, window: torch.Tensor, gain: np.ndarray, taps: np.ndarray) -> None:
        """Fills gains (K, bins) and taps (K, order, filtered) for one window (n,)."""
        spectrum = self._spectrum(window)
        if not self.as_published:
            spectrum *= _levels(spectrum, self.sizes)[:, None]
        late = self.sizes.lookahead  # frames by which the networks answer later
        with _Listener(self._networks, self.sizes) as listener:
            if not self.as_published:
                listener.hear(spectrum[: REHEARSAL * self.grid.frames_per_second])
            for start in range(0, len(spectrum), _PIECE):
                answer = listener.hear(spectrum[start : start + _PIECE])
                for target, values in zip((gain, taps), answer, strict=True):
                    fitting = values[max(late - start, 0) :]
                    place = max(start - late, 0)
                    target[place : place + len(fitting)] = fitting

    def _spectrum(self, window: torch.Tensor) -> np.ndarray:
        """Spectra of a window (n,) and of silence after it, on the scale that the networks know.

        Returns:
            complex64 (K + lookahead, bins).
        """
        half, hop = self.sizes.n_fft // 2, self.sizes.hop
        padded = torch.nn.functional.pad(window, (half, half + self.sizes.lookahead * hop))
        frames = padded.unfold(0, self.sizes.n_fft, hop)  # (K + lookahead, n_fft)
        spectrum = np.empty((len(frames), self.sizes.bins), np.complex64)
        for start in range(0, len(frames), _PIECE):
            piece = slice(start, start + _PIECE)
            spectrum[piece] = torch.fft.rfft(frames[piece] * self._window).numpy()
        return spectrum


class _Listener:
    """The networks with their memory of one signal, which comes piece by piece."""

    def __init__(
        self, networks: dict[str, onnxruntime.InferenceSession], sizes: SpeechSizes
    ) -> None:
        self._sizes = sizes
        self._features = Features(sizes)
        self._widths = band_widths(sizes)
        self._networks = {name: _Network(session) for name, session in networks.items()}
        self._bands = np.zeros((_ERB_CONTEXT, sizes.bands), np.float32)
        self._low = np.zeros((2, _ERB_CONTEXT, sizes.filtered), np.float32)
        self._deep: np.ndarray | None = None
        self._second = ThreadPoolExecutor(1)  # runs one decoder beside the other

    def __enter__(self) -> _Listener:
        return self

    def __exit__(self, *_: object) -> None:
        self._second.shutdown()

    def hear(self, spectrum: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What the networks answer to the next frames.

        Args:
            spectrum: complex64 (K, bins).

        Returns:
            Gains, float32 (K, bins), and taps, complex64 (K, order, filtered), of the frames
            that lie ``lookahead`` before those given.
        """
        bands, low = self._features(spectrum)
        self._bands = np.concatenate([self._bands[-_ERB_CONTEXT:], bands])
        self._low = np.concatenate([self._low[:, -_ERB_CONTEXT:], low], axis=1)
        heard = self._networks["enc"](feat_erb=self._bands[None, None], feat_spec=self._low[None])
        deep = heard.pop("c0")  # (1, C, K, filtered)
        if self._deep is None:
            self._deep = np.zeros_like(deep, shape=(*deep.shape[:2], _LOW_CONTEXT, deep.shape[3]))
        self._deep = np.concatenate([self._deep[:, :, -_LOW_CONTEXT:], deep], axis=2)
        coming = self._second.submit(self._networks["df_dec"], emb=heard["emb"], c0=self._deep)
        gains = self._networks["erb_dec"](**heard)["m"][0, 0]  # (K, bands)
        coefficients = coming.result()["coefs"][0]  # (K, filtered, 2 * order)
        return np.repeat(gains, self._widths, axis=1), self._taps(coefficients)

    def _taps(self, coefficients: np.ndarray) -> np.ndarray:
        """Filters as `SpectralFilter` has them: the networks' own begin with the oldest frame."""
        pairs = coefficients.reshape(len(coefficients), self._sizes.filtered, -1, 2)
        taps = pairs[..., ::-1, 0] + 1j * pairs[..., ::-1, 1]  # (K, filtered, order)
        return taps.transpose(0, 2, 1)


class _Network:
    """One network and what it remembers."""

    def __init__(self, session: onnxruntime.InferenceSession) -> None:
        self._session = session
        self._outputs = [output.name for output in session.get_outputs()]
        self._state = {
            value.name: np.zeros(value.shape, np.float32)
            for value in session.get_inputs()
            if value.name.startswith(STATE)
        }

    def __call__(self, **inputs: np.ndarray) -> dict[str, np.ndarray]:
        """The outputs by name; what is to be remembered is taken out."""
        answers = self._session.run(self._outputs, inputs | self._state)
        outputs = dict(zip(self._outputs, answers, strict=True))
        self._state = {name: outputs.pop(name + AFTER) for name in self._state}
        return outputs


def _window(sizes: SpeechSizes) -> torch.Tensor:
    """The Vorbis window, on the scale at which the networks know a spectrum; (n_fft,)."""
    centres = (torch.arange(sizes.n_fft, dtype=torch.float64) + 0.5) / sizes.n_fft
    window = torch.sin(0.5 * math.pi * torch.sin(math.pi * centres) ** 2)
    return (window * 2 * sizes.hop / sizes.n_fft**2).float()


def _levels(spectrum: np.ndarray, sizes: SpeechSizes) -> np.ndarray:
    """What to multiply each frame (K, bins) with, so that all are about as loud; float32 (K,)."""
    low, high = (round(edge * sizes.n_fft / sizes.rate) for edge in HEARD)
    # Parseval; the squares of a Vorbis window sum to half its length.
    power = 4.0 * np.square(np.abs(spectrum[:, low : high + 1])).sum(axis=1, dtype=np.float64)
    reach = round(REACH * sizes.rate / sizes.hop)
    weights = np.hanning(2 * reach + 3)[1:-1]
    near = convolve1d(power, weights, mode="constant")
    near /= convolve1d(np.ones_like(power), weights, mode="constant")
    loudness = np.maximum(near, 10.0 ** (QUIETEST / 10.0))
    return np.asarray(np.sqrt(10.0 ** (LOUDNESS / 10.0) / loudness), dtype=np.float32)


def load(folder: Path, device: torch.device) -> Speech:
    """The model in a folder; it runs on the CPU, whatever the device.

    Raises:
        ModelMissingError: there is no description.
        ModelDamagedError: a network is absent, or not the one that config.json describes.
        ModelMismatchError: the networks belong to another kind of model.
    """
    del device
    folder = Path(folder)
    description = folders.read_config(folder)
    if description.get("architecture") != ARCHITECTURE or description.get("format") != FORMAT:
        raise ModelMismatchError(f"{folder} does not hold a speech model of this version.")
    folders.check_files(folder)
    try:
        sizes = SpeechSizes(**description["sizes"])
        networks = {name: _session(folder / f"{name}.onnx") for name in NETWORKS}
    except (KeyError, TypeError) as error:
        raise ModelMismatchError(f"{folder} does not hold a speech model: {error}.") from error
    return Speech(networks, sizes, folder.name)


def _session(path: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # more only wait for each other, so small are the layers
    options.inter_op_num_threads = 1
    try:
        return onnxruntime.InferenceSession(
            path.read_bytes(), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # the library raises nothing narrower
        raise ModelDamagedError(f"{path} cannot be read: {error}. Install it again.") from error
