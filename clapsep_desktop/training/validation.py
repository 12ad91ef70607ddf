"""Validation during training: pairs of sounds never heard, at 0 dB, in every query mode."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional as F

from clapsep_desktop.evaluation.manifest import Sound
from clapsep_desktop.evaluation.metrics import si_sdr
from clapsep_desktop.evaluation.mixtures import Scene, scenes, window
from clapsep_desktop.model.mini_net import MiniNet
from clapsep_desktop.training.captions import CaptionTable
from clapsep_desktop.training.data import RATE, SoundBank

SEED = 20_402
SECONDS = 5
EXAMPLE_SECONDS = 4


class Validation:
    """A fixed set of pairs; `measure` gives the mean SI-SDRi of each query mode."""

    def __init__(self, bank: SoundBank, captions: CaptionTable, count: int) -> None:
        self.bank, self.captions = bank, captions
        self.index = {sound.path: i for i, sound in enumerate(bank.sounds)}
        self.pairs = scenes(bank.sounds, count, SEED, captions.confusable)

    def measure(self, net: MiniNet, batch: int = 8) -> dict[str, float]:
        """Mean SI-SDRi in dB by text (both, positive only, negative only) and by example."""
        net.eval()
        gains: dict[str, list[np.ndarray]] = {}
        with torch.inference_mode():
            for start in range(0, len(self.pairs), batch):
                for mode, gain in self._gains(net, self.pairs[start : start + batch]).items():
                    gains.setdefault(mode, []).append(gain)
        result = {mode: float(np.mean(np.concatenate(g))) for mode, g in gains.items()}
        return {**result, "improved": float(np.mean(np.concatenate(gains["both"]) > 0.0))}

    def _decode(self, sound: Sound) -> np.ndarray:
        return self.bank.samples(self.index[sound.path])

    def _gains(self, net: MiniNet, chosen: list[Scene]) -> dict[str, np.ndarray]:
        sources = np.stack([pair.sources(self._decode, SECONDS * RATE) for pair in chosen])
        mixture = sources.sum(axis=1)
        level = np.sqrt(np.mean(mixture**2, axis=1, keepdims=True)) + 1e-9
        spectrum = net.spectrum(torch.from_numpy(mixture / level))
        heard = net.hear(spectrum.abs())
        text = torch.from_numpy(
            np.stack([[self.captions.plain(c) for c in pair.captions] for pair in chosen])
        )
        example = self._examples(net, chosen)
        asked = torch.stack([text, text.flip(1)], dim=2)  # (B, 2 targets, keep and remove, D)
        shown = torch.stack([example, example.flip(1)], dim=2)
        keep, remove = torch.tensor([1.0, 0.0])[:, None], torch.tensor([0.0, 1.0])[:, None]
        modes = {
            "both": asked,
            "positive": asked * keep,
            "negative": asked * remove,
            "example": shown,
            "example_positive": shown * keep,
        }
        length = mixture.shape[1]
        results = {}
        for mode, pair_of in modes.items():
            condition = F.normalize(pair_of.flatten(2), dim=-1).flatten(0, 1)
            mask = torch.sigmoid(net.mask_logits(heard, condition)[:, :, : spectrum.shape[2]])
            kept = torch.istft(
                mask * spectrum.repeat_interleave(2, dim=0),
                net.config.n_fft,
                net.config.hop,
                window=net.hann,
                length=length,
            ).numpy() * level.repeat(2, axis=0)
            target = sources.reshape(-1, length)
            results[mode] = si_sdr(kept, target) - si_sdr(mixture.repeat(2, axis=0), target)
        return results

    def _examples(self, net: MiniNet, chosen: list[Scene]) -> torch.Tensor:
        random = np.random.default_rng(SEED)
        clips = np.stack(
            [
                window(self._decode(sound), EXAMPLE_SECONDS * RATE, random)
                for pair in chosen
                for sound in pair.examples
            ]
        )
        clips /= np.sqrt(np.mean(clips**2, axis=1, keepdims=True)) + 1e-9
        features, _ = net.hear(net.spectrum(torch.from_numpy(clips)).abs())
        return net.embed(features).unflatten(0, (-1, 2))


class JointValidation:
    """How often the nearest caption is the right one, among all concepts of the manifest."""

    COUNT = 200
    SECONDS = 3

    def __init__(self, bank: SoundBank, captions: CaptionTable) -> None:
        self.bank, self.captions = bank, captions
        rows = [
            np.mean([captions.plain(c) for c in captions.of_concept[concept]], axis=0)
            for concept in captions.concepts
        ]
        self.text = F.normalize(torch.from_numpy(np.stack(rows)), dim=1)

    def measure(self, net: MiniNet, batch: int = 20) -> dict[str, float]:
        """Share of sounds whose first (of five: any) nearest concept could be meant."""
        random = np.random.default_rng(SEED)
        chosen = random.permutation(len(self.bank))[: self.COUNT]
        net.eval()
        hits: list[np.ndarray] = []
        with torch.inference_mode():
            for start in range(0, len(chosen), batch):
                hits.extend(self._hits(net, chosen[start : start + batch], random))
        found = np.stack(hits)  # (COUNT, 5), or fewer where there are fewer concepts
        return {"top1": float(found[:, 0].mean()), "top5": float(found.any(axis=1).mean())}

    def _hits(
        self, net: MiniNet, indices: np.ndarray, random: np.random.Generator
    ) -> list[np.ndarray]:
        length = self.SECONDS * RATE
        clips = np.stack([window(self.bank.samples(int(i)), length, random) for i in indices])
        clips /= np.sqrt(np.mean(clips**2, axis=1, keepdims=True)) + 1e-9
        features, _ = net.hear(net.spectrum(torch.from_numpy(clips)).abs())
        most = min(5, len(self.text))
        nearest = (net.embed(features) @ self.text.T).topk(most, dim=1).indices.numpy()
        concepts = self.captions.concepts
        return [
            np.array(
                [
                    self.captions.confusable(self.bank.sounds[int(i)].concept, concepts[n])
                    for n in row
                ]
            )
            for i, row in zip(indices, nearest, strict=True)
        ]
