"""Rate conversion of blocks of a longer recording, by absolute position.

Everything here speaks of frames counted from the recording's own start, so that a block
converted alone equals the same stretch of the whole recording converted at once. With ``g`` the
greatest common divisor of two rates, frame ``k * rate_out / g`` of the output is frame
``k * rate_in / g`` of the input, for every pair of whole rates and however long the recording.

The low pass is a Kaiser-windowed sinc of finite length, applied to the spectrum of the block:
the spectra of the same stretch of time at two rates have their bins in common, so that changing
the rate is a matter of how many bins go into the inverse transform. Against soxr's HQ, as fast
for the usual rates: soxr's clock slips by up to 5e-6 frames a second for ratios of large numbers
(blocks then meet at -85 dB), and its pass band sags by 0.007 dB between 44.1 and 32 kHz, which
would leave -56 dB of what the engine subtracts; here both are below -120 dB.
"""

from __future__ import annotations

from functools import lru_cache
from math import gcd

import numpy as np
import scipy.fft
from numpy.lib.stride_tricks import sliding_window_view

from clapsep_desktop.audio.source import AudioSource

MIN_RATE = 1_000
"""Hz; the lowest rate that is converted."""

MAX_RATE = 768_000
"""Hz; the highest rate that is converted."""

CONTEXT = 128
"""Frames on either side, at the lower of the two rates, that a converted frame depends on."""

PASS_BAND = 0.93
"""Part of the lower Nyquist frequency up to which a conversion is flat."""

_CUTOFF = (1 + PASS_BAND) / 2  # of the lower Nyquist frequency: the middle of the transition
_SEGMENT = 8_192  # frames at the lower rate, transformed at once: the fastest of 2**10 to 2**18
_KAISER_BETA = 13.4  # 130 dB: 0.1102 (A - 8.7); with CONTEXT, a transition of 0.067 (Kaiser 1974)


def support(start: int, stop: int, rate_in: int, rate_out: int) -> tuple[int, int]:
    """Range of input frames on which the output frames ``[start, stop)`` depend.

    It may reach below 0 or past the recording's end, where a recording is silent.

    >>> support(0, 48_000, 32_000, 48_000)
    (-129, 32129)
    """
    if rate_in == rate_out:
        return start, stop
    reach = -(-CONTEXT * rate_in // min(rate_in, rate_out)) + 1
    return start * rate_in // rate_out - reach, -(-stop * rate_in // rate_out) + reach


def resample(
    block: np.ndarray, first: int, rate_in: int, rate_out: int, start: int, stop: int
) -> np.ndarray:
    """Frames ``[start, stop)`` of a recording at another rate, from a block of it.

    Args:
        block: float32 or float64 (n, channels); beyond it the recording is taken as silent, so
            it should cover `support` wherever the recording goes on.
        first: frame of the recording, at ``rate_in``, with which the block starts; may be
            negative.
        rate_in: Hz, `MIN_RATE` to `MAX_RATE`.
        rate_out: Hz, `MIN_RATE` to `MAX_RATE`.
        start: first frame wanted, at ``rate_out``; may be negative.
        stop: one past the last frame wanted.

    Returns:
        (stop - start, channels), the block's dtype; a view of the block where the rates agree.
    """
    for rate in (rate_in, rate_out):
        if not MIN_RATE <= rate <= MAX_RATE:
            raise ValueError(f"a rate of {rate} Hz cannot be converted")
    if rate_in == rate_out:
        return _cut(block, start - first, stop - first)
    divisor = gcd(rate_in, rate_out)
    steps = rate_in // divisor, rate_out // divisor  # frames between moments that both rates have
    begin = start // steps[1]  # such moments around what is wanted
    end = max(-(-stop // steps[1]), begin + 1)
    converted = _convert(block, first, begin, end, *steps)
    return converted[start - begin * steps[1] : stop - begin * steps[1]]


class ResampledSource:
    """A recording as it would be at another rate; an `AudioSource` itself.

    Reads depend on nothing but their own range, so they may come in any order and size.
    """

    def __init__(self, source: AudioSource, rate: int) -> None:
        self.source = source
        self.rate = rate
        self.channels = source.channels
        self.frames = -(-source.frames * rate // source.rate)

    def read(self, start: int, stop: int) -> np.ndarray:
        """See `AudioSource.read`."""
        if not 0 <= start <= stop <= self.frames:
            raise ValueError(f"frames {start} to {stop} lie outside 0 to {self.frames}")
        lowest, highest = support(start, stop, self.source.rate, self.rate)
        lowest, highest = max(lowest, 0), min(highest, self.source.frames)
        block = self.source.read(lowest, highest)
        return resample(block, lowest, self.source.rate, self.rate, start, stop)


def _cut(block: np.ndarray, start: int, stop: int) -> np.ndarray:
    """Rows ``[start, stop)`` of a block that is surrounded by silence."""
    inside = block[min(max(start, 0), len(block)) : min(max(stop, 0), len(block))]
    if len(inside) == stop - start:
        return inside
    padded = np.zeros((stop - start, block.shape[1]), block.dtype)
    offset = max(-start, 0)
    padded[offset : offset + len(inside)] = inside
    return padded


def _convert(
    block: np.ndarray, first: int, begin: int, end: int, step_in: int, step_out: int
) -> np.ndarray:
    """The frames from moment ``begin`` to ``end`` or beyond, moments lying a step apart.

    The block is cut into segments that overlap by what the filter reaches (overlap-save), short
    enough for the processor's cache and transformed together.
    """
    lower, higher = min(step_in, step_out), max(step_in, step_out)
    reach = -(-CONTEXT // lower)  # moments
    units = min(max(_SEGMENT // lower, 8 * reach), end - begin + 2 * reach)
    units = scipy.fft.next_fast_len(units, real=True)
    hop = units - 2 * reach  # moments that are valid in each segment
    count = -(-(end - begin) // hop)
    low, high = begin - reach, begin + count * hop + reach
    needed = _cut(block, low * step_in - first, high * step_in - first)
    segments = sliding_window_view(needed, units * step_in, axis=0)[:: hop * step_in]
    response = _response(units * lower, units * higher).astype(block.dtype)
    spectra = scipy.fft.rfft(segments.swapaxes(0, 1), workers=-1)  # (channels, segments, bins)
    spectra = spectra[..., : len(response)] * (response * block.dtype.type(step_out / step_in))
    converted = scipy.fft.irfft(spectra, units * step_out, workers=-1, overwrite_x=True)
    valid = converted[..., reach * step_out : (reach + hop) * step_out]
    joined: np.ndarray = valid.reshape(block.shape[1], -1)
    return joined.T


@lru_cache(maxsize=8)
def _response(lower: int, higher: int) -> np.ndarray:
    """Frequency response of the zero-phase low pass, for a segment's length at the two rates.

    float32 is exact to -145 dB.
    """
    reach = CONTEXT * higher // lower  # frames at the higher rate
    times = np.arange(-reach, reach + 1)
    cutoff = _CUTOFF * lower / higher
    kernel = np.sinc(cutoff * times) * np.kaiser(len(times), _KAISER_BETA)
    circular = np.zeros(higher)
    circular[times] = kernel / kernel.sum()  # times before zero go to the end
    response: np.ndarray = scipy.fft.rfft(circular).real[: lower // 2 + 1]
    return response.astype(np.float32)
