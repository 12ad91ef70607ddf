"""How loud a recording is: integrated loudness and true peak, block by block.

ITU-R BS.1770-4: Annex 1 for the loudness, Annex 2 for the true peak. Memory does not grow with the
recording but for a number each tenth of a second.
"""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from clapsep_desktop.audio.source import AudioSource
from clapsep_desktop.timebase import Span

_STEPS = 10  # gating blocks begin every tenth of a second
_BLOCK = 4  # steps in a gating block
_OFFSET = -0.691  # dB; what K-weighting adds to a tone of 997 Hz (Annex 1, equation 2)
_ABSOLUTE_GATE = -70.0  # LUFS
_RELATIVE_GATE = -10.0  # LU
_SURROUND = 1.41  # weight of a channel from beside or behind the listener
_READ = 1 << 16  # frames read at once
_TAPS = 24  # samples that a value between two of them is made of
_HIGHEST_RISE = 2.0  # of a peak between samples over the four around it, in sound at any rate
_GAPS = 1 << 14  # between samples, interpolated at once
_TURNS = 50  # each of which lets in, or leaves out, all that the gain before it did not
_MET = 1e-6  # LU


@dataclass(frozen=True)
class Loudness:
    """What a recording measures.

    Attributes:
        integrated: LUFS; minus infinity for silence. Recordings that are shorter than a gating
            block of 0.4 s are measured as one.
        true_peak: dBTP, the peak of the waveform between the samples; minus infinity for silence.
        peak: dBFS, the largest sample.
        powers: weighted mean square of each gating block, float64 (blocks,).
    """

    integrated: float
    true_peak: float
    peak: float
    powers: np.ndarray = field(default_factory=lambda: np.zeros(0), repr=False, compare=False)

    def integrated_at(self, gain: float) -> float:
        """LUFS of the recording made louder by a gain, dB.

        Not always the sum of the two: what was too faint to count may count when it is louder.
        """
        return _integrated(self.powers * 10 ** (gain / 10))

    def gain_to(self, target: float) -> float:
        """The gain, dB, that brings the recording to a loudness, LUFS; 0 where it has none."""
        gain = 0.0
        for _ in range(_TURNS):
            missing = target - self.integrated_at(gain)
            if not math.isfinite(missing):
                return 0.0
            gain += missing
            if abs(missing) < _MET:
                break
        return gain


class LoudnessMeter:
    """Measures a recording that is given block by block.

    Args:
        rate: Hz.
        channels: their number; five and six are taken for L R C Ls Rs and L R C LFE Ls Rs.
    """

    def __init__(self, rate: int, channels: int) -> None:
        self._rate = rate
        self._weights = _channel_weights(channels)
        self._filter = k_weighting(rate)
        self._state = np.zeros((len(self._filter), channels, 2))
        self._frames = 0
        self._energies: list[float] = []  # of whole steps, the channels weighted
        self._energy = 0.0  # of the step that is not whole yet
        self._peak = 0.0
        self._true_peak = _TruePeak(rate, channels)

    def add(self, block: np.ndarray) -> None:
        """Take the next frames, float (n, channels), full scale = 1.0; NaN counts as silence."""
        if not len(block):
            return
        samples = np.array(block.T, np.float64, order="C")  # (channels, n)
        if not np.isfinite(samples).all():
            np.nan_to_num(samples, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
        self._peak = max(self._peak, float(np.abs(samples).max()))
        self._true_peak.add(samples)
        from scipy.signal import sosfilt  # takes longer to import than the window to open

        weighted, self._state = sosfilt(self._filter, samples, zi=self._state)
        np.square(weighted, out=weighted)
        self._add_steps(weighted)

    def result(self) -> Loudness:
        """The measure of all that was given."""
        true_peak = max(self._true_peak.finish(), self._peak)
        powers = self._block_powers()
        peaks = _decibels(true_peak), _decibels(self._peak)
        return Loudness(_integrated(powers), *peaks, powers)

    def _add_steps(self, squares: np.ndarray) -> None:
        """Sum squares, (channels, n), up to the ends of the steps they lie in."""
        first = self._frames
        self._frames += squares.shape[1]
        done = 0
        while done < squares.shape[1]:
            end = self._end_of_step(len(self._energies)) - first
            part = squares[:, done : min(end, squares.shape[1])]
            self._energy += float(part.sum(axis=1) @ self._weights)
            done += part.shape[1]
            if done == end:
                self._energies.append(self._energy)
                self._energy = 0.0

    def _end_of_step(self, step: int) -> int:
        return (step + 1) * self._rate // _STEPS

    def _block_powers(self) -> np.ndarray:
        """Weighted mean square of each gating block, float64 (blocks,)."""
        if len(self._energies) < _BLOCK:
            if not self._frames:
                return np.zeros(0)
            return np.array([sum(self._energies, self._energy) / self._frames])
        sums = np.cumsum([0.0, *self._energies])
        powers: np.ndarray = (sums[_BLOCK:] - sums[:-_BLOCK]) / (self._rate * _BLOCK / _STEPS)
        return powers


def measure(source: AudioSource, span: Span | None = None) -> Generator[Span, None, Loudness]:
    """Measure a recording or a part of it, yielding the span of each block that is done.

    Returns:
        The measure, as the generator's value.
    """
    meter = LoudnessMeter(source.rate, source.channels)
    whole = span or Span(0, source.frames)
    for start in range(whole.start, whole.stop, _READ):
        part = Span(start, min(start + _READ, whole.stop))
        meter.add(source.read(part.start, part.stop))
        yield part
    return meter.result()


@lru_cache(maxsize=8)
def k_weighting(rate: int) -> np.ndarray:
    """The two filters of Annex 1 at a rate, second-order sections float64 (2, 6).

    The analogue prototypes behind the table for 48 kHz, by the bilinear transform; see F. Neri and
    B. De Man for the parameters.
    """
    shelf = _shelf(1681.974450955533, 3.999843853973347, 0.7071752369554196, rate)
    high_pass = _high_pass(38.13547087602444, 0.5003270373238773, rate)
    return np.stack([shelf, high_pass])


def _shelf(hertz: float, gain: float, quality: float, rate: int) -> np.ndarray:
    k = math.tan(math.pi * hertz / rate)
    high = 10 ** (gain / 20)
    band = high**0.4996667741545416
    scale = 1 + k / quality + k * k
    return np.array(
        [
            (high + band * k / quality + k * k) / scale,
            2 * (k * k - high) / scale,
            (high - band * k / quality + k * k) / scale,
            1.0,
            2 * (k * k - 1) / scale,
            (1 - k / quality + k * k) / scale,
        ]
    )


def _high_pass(hertz: float, quality: float, rate: int) -> np.ndarray:
    k = math.tan(math.pi * hertz / rate)
    scale = 1 + k / quality + k * k
    return np.array(
        [1.0, -2.0, 1.0, 1.0, 2 * (k * k - 1) / scale, (1 - k / quality + k * k) / scale]
    )


def _channel_weights(channels: int) -> np.ndarray:
    weights = np.ones(channels)
    if channels in {5, 6}:
        weights[-2:] = _SURROUND
    if channels == 6:
        weights[3] = 0.0  # low-frequency effects
    return weights


def _integrated(powers: np.ndarray) -> float:
    """LUFS of gating blocks; minus infinity where none of them counts."""
    heard = powers[powers > _power(_ABSOLUTE_GATE)]
    if not len(heard):
        return -math.inf
    gate = _power(_loudness(heard.mean()) + _RELATIVE_GATE)
    return _loudness(heard[heard > gate].mean())


def _loudness(power: float) -> float:
    return _OFFSET + 10 * math.log10(power)


def _power(loudness: float) -> float:
    return float(10 ** ((loudness - _OFFSET) / 10))


def _decibels(amplitude: float) -> float:
    return 20 * math.log10(amplitude) if amplitude > 0 else -math.inf


# -- Between the samples -----------------------------------------------------------------------


class _TruePeak:
    """The largest magnitude of the waveform, interpolated four times or up to 192 kHz."""

    def __init__(self, rate: int, channels: int) -> None:
        self._phases = interpolator(oversampling(rate))
        self._tail = np.zeros((channels, _TAPS - 1))
        self._largest = 0.0

    def add(self, samples: np.ndarray) -> None:
        """Take the next frames, float64 (channels, n)."""
        joined = np.concatenate((self._tail, samples), axis=1)
        self._tail = joined[:, 1 - _TAPS :].copy()
        self._largest = max(self._largest, float(np.abs(samples).max(initial=0.0)))
        if len(self._phases):
            for channel in joined:
                self._look_between(channel)

    def finish(self) -> float:
        """The peak, once all is given."""
        self.add(np.zeros((len(self._tail), _TAPS)))
        return self._largest

    def _look_between(self, samples: np.ndarray) -> None:
        gaps = _gaps_above(samples, self._largest)
        for start in range(0, len(gaps), _GAPS):
            between = _between(samples, gaps[start : start + _GAPS], self._phases)
            self._largest = max(self._largest, float(between.max()))


def oversampled_peaks(samples: np.ndarray, rate: int, above: float) -> np.ndarray:
    """The magnitude of the waveform at and around each frame, in the loudest channel.

    Args:
        samples: float (n, channels); beyond them there is silence, NaN counts as silence.
        rate: Hz.
        above: a magnitude; between samples the waveform is looked at only where it can reach it.

    Returns:
        float64 (n,).
    """
    clean = np.nan_to_num(samples.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    peaks: np.ndarray = np.abs(clean).max(axis=1, initial=0.0)
    phases = interpolator(oversampling(rate))
    if not len(phases) or peaks.max(initial=0.0) * _HIGHEST_RISE <= above:
        return peaks
    middle = _TAPS // 2
    for channel in clean.T:
        padded = np.pad(channel, middle)
        gaps = _gaps_above(padded, above)  # gap k lies between the frames k - 1 and k
        between = _between(padded, gaps, phases)
        np.maximum.at(peaks, np.maximum(gaps - 1, 0), between)
        np.maximum.at(peaks, np.minimum(gaps, len(peaks) - 1), between)
    return peaks


def _gaps_above(samples: np.ndarray, level: float) -> np.ndarray:
    """The windows of ``_TAPS`` samples in whose middle a peak above a level can lie."""
    middle = _TAPS // 2
    from scipy.ndimage import maximum_filter1d

    around = maximum_filter1d(np.abs(samples), 4)[middle : 1 - middle]
    return np.flatnonzero(around * _HIGHEST_RISE > level)


def _between(samples: np.ndarray, gaps: np.ndarray, phases: np.ndarray) -> np.ndarray:
    """The largest magnitude between the middle two samples of some windows."""
    between: np.ndarray = np.abs(sliding_window_view(samples, _TAPS)[gaps] @ phases.T).max(axis=1)
    return between


def oversampling(rate: int) -> int:
    """How often a waveform is interpolated to find its peak."""
    return max(1, min(4, 192_000 // rate))


@lru_cache(maxsize=4)
def interpolator(factor: int) -> np.ndarray:
    """Weights, float64 (factor - 1, _TAPS), of samples for the points between the middle two."""
    points = np.arange(1, factor) / factor
    times = np.arange(_TAPS) - (_TAPS // 2 - 1) - points[:, None]
    weights = np.sinc(times) * np.i0(7.0 * np.sqrt(1 - (times / (_TAPS // 2)) ** 2))
    scaled: np.ndarray = weights / weights.sum(axis=1, keepdims=True)
    return scaled
