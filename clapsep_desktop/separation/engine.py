"""The inference engine: any recording through a model, block by finished block.

With ``x`` one channel at its own rate, ``d`` the same at the model's rate, ``y`` = ``d`` through
the model's filter and ``g`` the filter's gain near the top of the band that both rates share:

    kept = g x + up(y - g d),    removed = x - kept

Below the model's limit the second term turns ``g x`` into ``y``; above it ``g`` answers for what
the model cannot hear. A filter of ones gives ``x`` back and one of zeros gives silence, at any
rate, and all is linear in ``x``, so that the strength ``s`` is ``kept = x - s removed``.

Every block is computed from absolute positions with its real neighbours as context, so blocks can
come in any order, and nothing outlives a block but the filter of the latest window.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch

from clapsep_desktop.audio.resample import MAX_RATE, MIN_RATE, support
from clapsep_desktop.audio.source import AudioSource
from clapsep_desktop.errors import AudioFormatError, ModelError
from clapsep_desktop.model.device import is_out_of_memory
from clapsep_desktop.model.interface import SeparationModel, SpectralFilter
from clapsep_desktop.separation import spectral
from clapsep_desktop.separation.band import Band, limited
from clapsep_desktop.separation.blocks import EDGE, Block, assemble, blended, presence
from clapsep_desktop.separation.channels import ChannelMode, heard
from clapsep_desktop.separation.checked import CheckedSource
from clapsep_desktop.separation.chunks import Windows, plan
from clapsep_desktop.separation.executor import Executor
from clapsep_desktop.separation.rates import Excerpt, RateBridge
from clapsep_desktop.timebase import Span, format_time

__all__ = ["EDGE", "MAX_CHANNELS", "Block", "Separator", "assemble"]

MAX_CHANNELS = 32
"""Channels of a recording, at most."""

_CPU = torch.device("cpu")
_MOST_TAPS = 16  # frames around that a model's filters may draw on
_LONGEST_BLOCK = 30  # s; longer windows are heard whole, but filtered in parts
_BLOCK_BYTES = 256 * 2**20  # that the samples behind one block may take, if a window is that small


class Separator:
    """Separates recordings with one model.

    Args:
        model: any `SeparationModel`.
        notify: told in a sentence what the user should know, such as a move to the CPU.
    """

    def __init__(
        self, model: SeparationModel, notify: Callable[[str], None] = lambda _: None
    ) -> None:
        self.model = model
        self._executor = Executor(model, notify)

    def extract(
        self,
        source: AudioSource,
        span: Span | None = None,
        condition: np.ndarray | torch.Tensor | None = None,
        *,
        strength: float = 1.0,
        channels: ChannelMode = "linked",
        complement: bool = False,
        band: Band | None = None,
        first: int | None = None,
    ) -> Generator[Block, None, None]:
        """Starts an extraction; its generator yields finished blocks, and closing it cancels.

        Blocks follow one another without gap or overlap from the span's start to its end; with
        ``first`` they begin near that frame, go on to the end and then from the start to there.
        Nothing outside the span is ever yielded.

        Args:
            source: the recording; 1 to 768 kHz, 1 to 32 channels.
            span: the part to work on; None for all of it.
            condition: float32 (D,), what to keep and remove, for a model that takes a query.
            strength: 0 leaves the recording as it is, 1 takes away all that is to be removed.
            channels: "linked" or "independent".
            complement: keep what the model would remove.
            band: Hz, lowest and highest; None for all. Outside it nothing is removed, see
                `separation.band`.
            first: frame to begin with, such as the playhead's.

        Raises:
            AudioFormatError: the rate or the channel count is outside what is supported.
            AudioReadError: the recording holds samples that are not numbers, or absurdly large.
            DeviceError: memory ran out even on the CPU.
            ModelError: the model gave an answer that is not a number.
            SpanError: the span or the band lies outside the recording.
        """
        _check_format(source)
        if not 0.0 <= strength <= 1.0:
            raise ValueError("the strength must lie between 0 and 1")
        if channels not in ("linked", "independent"):
            raise ValueError(f"there is no channel mode {channels!r}")
        span = Span(0, source.frames) if span is None else span.clipped(0, source.frames)
        # Copied, because torch warns of arrays that are read-only, as a condition's vector is.
        vector = None if condition is None else torch.from_numpy(np.array(condition, np.float32))
        request = _Request(span, vector, strength, channels, complement)
        if band is not None:
            whole = partial(self._blocks, request=replace(request, strength=1.0))
            return limited(band, whole, source, span, strength, first)
        return self._blocks(source, span, first, request)

    def _blocks(
        self, source: AudioSource, span: Span, first: int | None, request: _Request
    ) -> Generator[Block, None, None]:
        return _Extraction(self._executor, source, replace(request, span=span)).blocks(first)


@dataclass(frozen=True)
class _Request:
    """What one extraction is to do; see `Separator.extract`."""

    span: Span
    condition: torch.Tensor | None
    strength: float
    channels: ChannelMode
    complement: bool


class _Extraction:
    """One run of `Separator.extract`."""

    def __init__(self, executor: Executor, source: AudioSource, request: _Request) -> None:
        self.executor = executor
        self.source = CheckedSource(source)
        self.request = request
        self.grid = executor.model.grid
        self.bridge = RateBridge(self.grid, source.rate)
        self.guard = self._guard()  # frames
        self.windows = self._windows()
        self.latest: tuple[int, SpectralFilter] | None = None  # a window and its filters

    def blocks(self, first: int | None) -> Generator[Block, None, None]:
        """See `Separator.extract`."""
        done, total = 0, self.request.span.length
        count = self.windows.count
        begin = 0 if first is None else self.windows.index_at(first // self.source.rate)
        for run in (range(begin, count), range(begin)):
            while run:
                size = self._batch()
                some, run = run[:size], run[size:]
                span = self._between_seams(some)
                if span is not None:
                    for part, own, kept in self._separate(some, span):
                        done += part.length
                        yield Block(part, own, kept, done, total)

    # Places: frames of the recording, samples at the model's rate, frames of the model's grid.

    def _guard(self) -> int:
        """Frames around a seam in which the earlier window must still speak alone."""
        wanted = round(self.executor.model.plan.guard * self.grid.frames_per_second)
        return max(wanted, self.bridge.reach + 1)

    def _windows(self) -> Windows:
        window_plan = self.executor.model.plan
        start, stop = self.bridge.frames(*self.bridge.samples(self.request.span))
        per_second = self.grid.frames_per_second
        seconds = -(-self.source.frames // self.source.rate)
        return plan(
            max((start - self.guard) // per_second, 0),
            min(-(-(stop + self.guard) // per_second), seconds),
            seconds,
            window_plan.length,
            window_plan.overlap,
            window_plan.lead,
        )

    def _batch(self) -> int:
        """Windows that go into one block."""
        rate = max(self.grid.rate, self.source.rate)
        each = 8 * rate * self.windows.length * self.source.channels  # bytes
        return max(1, min(self.executor.batch, _BLOCK_BYTES // each))

    def _between_seams(self, some: range) -> Span | None:
        """The part of the extraction's span that a run of windows answers for."""
        rate, span = self.source.rate, self.request.span
        start = max(self.windows.seam(some.start) * rate, span.start)
        stop = min(self.windows.seam(some.stop) * rate, span.stop)
        return Span(start, stop) if start < stop else None

    def _available(self, start: int, stop: int, per_second: int) -> tuple[int, int]:
        """The part of a range of samples or frames that lies within the windows."""
        lowest = self.windows.start(0) * per_second
        highest = self.windows.stop(self.windows.count - 1) * per_second
        return max(start, lowest), min(stop, highest)

    # From a recording to what is kept of it.

    def _separate(
        self, some: range, span: Span
    ) -> Generator[tuple[Span, np.ndarray, np.ndarray], None, None]:
        """The recording and what is kept of it, in a span that a run of windows answers for."""
        if some.start > 0 and not (self.latest and self.latest[0] == some.start - 1):
            some = range(some.start - 1, some.stop)
        recording, audible = self._hear(some)
        filters = self._listen(some, audible)
        longest = _LONGEST_BLOCK * self.source.rate
        for start in range(span.start, span.stop, longest):
            part = Span(start, min(start + longest, span.stop))
            own = recording[part.start : part.stop]
            kept = self._kept(own, part, audible, filters)
            yield part, own.copy(), self._blended(own, kept, part)

    def _hear(self, some: range) -> tuple[Excerpt, Excerpt]:
        """The recording around some windows, at its own rate and at the model's."""
        margin = (self.guard + _MOST_TAPS) * self.grid.hop + self.grid.n_fft
        start = self.windows.start(some.start) * self.grid.rate - margin
        stop = self.windows.stop(some.stop - 1) * self.grid.rate + margin
        lowest, highest = support(start, stop, self.source.rate, self.grid.rate)
        recording = Excerpt(self._read(lowest, highest), lowest)
        return recording, self.bridge.to_model(recording, start, stop)

    def _read(self, start: int, stop: int) -> np.ndarray:
        """Frames of the recording, (stop - start, channels), silent beyond its ends."""
        first, last = max(start, 0), min(stop, self.source.frames)
        samples = self.source.read(first, last)
        if (first, last) == (start, stop):
            return samples
        return np.pad(samples, ((first - start, stop - last), (0, 0)))

    @torch.inference_mode()
    def _listen(self, some: range, audible: Excerpt) -> dict[int, SpectralFilter]:
        """The filters of some windows, and of the latest one before."""
        rate = self.grid.rate
        signals = [
            heard(
                audible[self.windows.start(index) * rate : self.windows.stop(index) * rate],
                self.request.channels,
            )
            for index in some
        ]
        stacked = torch.from_numpy(np.concatenate(signals))  # (windows x signals, n)
        answer = self.executor.filters(stacked, self.request.condition)
        if not _is_finite(answer):
            raise ModelError(
                f"The model “{self.executor.model.name}” gave no usable answer between "
                f"{format_time(self.windows.start(some[0]))} and "
                f"{format_time(self.windows.stop(some[-1]))}. Choose another model or device."
            )
        each = len(signals[0])
        filters = dict([self.latest]) if self.latest else {}
        for place, index in enumerate(some):
            filters[index] = answer.rows(place * each, (place + 1) * each)
        self.latest = some[-1], filters[some[-1]]
        return filters

    @torch.inference_mode()
    def _kept(
        self, own: np.ndarray, span: Span, audible: Excerpt, filters: dict[int, SpectralFilter]
    ) -> np.ndarray:
        """What the filters keep of a span, at full strength; (n, channels)."""
        low, high = self._available(*self.bridge.samples(span), self.grid.rate)
        start, stop = self.bridge.frames(low, high)
        margin, per_second = self.bridge.smoothing, self.grid.frames_per_second
        # A window ends on a frame, which it still answers for.
        first, last = self._available(start - margin, stop + margin - 1, per_second)
        combined = self._cross_faded(filters, first, last + 1)
        filtered = self._filtered(combined, first, audible, low, high)
        top = Excerpt(self.bridge.top_gain(combined.gain), first)
        return self.bridge.from_model(filtered, audible, top, own, span)

    def _cross_faded(
        self, filters: dict[int, SpectralFilter], start: int, stop: int
    ) -> SpectralFilter:
        """One filter for the frames ``[start, stop)``."""
        pieces = []
        per_second = self.grid.frames_per_second
        for index, whole in filters.items():
            own = self.windows.start(index) * per_second
            low, high = max(start, own), min(stop, own + whole.gain.shape[1])
            if low < high:
                shares = self.windows.weights(index, low, high, per_second, self.guard)
                piece = whole.frames(low - own, high - own).to(self.executor.model.device)
                pieces.append((low - start, piece, shares))
        return spectral.weighted_sum(pieces, stop - start)

    def _filtered(
        self, combined: SpectralFilter, first: int, audible: Excerpt, low: int, high: int
    ) -> Excerpt:
        """Samples ``[low, high)`` at the model's rate, through a filter from frame ``first`` on."""
        device = combined.gain.device
        try:
            return self._filtered_there(combined, first, audible, low, high)
        except RuntimeError as error:
            if device == _CPU or not is_out_of_memory(error):
                raise
        return self._filtered_there(combined.to(_CPU), first, audible, low, high)

    def _filtered_there(
        self, combined: SpectralFilter, first: int, audible: Excerpt, low: int, high: int
    ) -> Excerpt:
        device, hop = combined.gain.device, self.grid.hop
        transform = spectral.Transform(self.grid, device)
        before, after = spectral.reach(combined)
        begin = first * hop - self.grid.n_fft // 2
        end = begin + transform.segment(combined.gain.shape[1])
        segments = audible[begin - before * hop : end + after * hop].T  # (channels, n)
        filtered = np.empty((len(segments), high - low), np.float32)
        for channel, segment in enumerate(segments):  # one by one, to need no more for 32 of them
            row = channel if len(combined.gain) > 1 else 0
            sound = transform.filtered(
                combined.rows(row, row + 1), torch.from_numpy(segment.copy())[None].to(device)
            )
            filtered[channel] = sound[0, low - begin : high - begin].cpu().numpy()
        return Excerpt(filtered.T, low)

    # Complement, strength and the selection's edges.

    def _blended(self, own: np.ndarray, kept: np.ndarray, span: Span) -> np.ndarray:
        if self.request.complement:
            kept = own - kept
        return blended(
            own, kept, self.request.strength * presence(span, self.request.span, self.source)
        )


def _check_format(source: AudioSource) -> None:
    if not MIN_RATE <= source.rate <= MAX_RATE:
        raise AudioFormatError(
            f"A sample rate of {source.rate} Hz is not supported. "
            f"Convert the recording to a rate between {MIN_RATE} and {MAX_RATE} Hz."
        )
    if not 1 <= source.channels <= MAX_CHANNELS:
        raise AudioFormatError(
            f"A recording with {source.channels} channels is not supported. "
            f"Split it into recordings of 1 to {MAX_CHANNELS} channels."
        )


def _is_finite(spectral_filter: SpectralFilter) -> bool:
    parts = [spectral_filter.gain]
    if spectral_filter.taps is not None:
        parts.append(spectral_filter.taps)
    return all(bool(torch.isfinite(part).all()) for part in parts)
