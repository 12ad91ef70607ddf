"""Training "base": the decoder learns, and LoRA beside the audio encoder; CLAP is frozen.

As the paper has it (arXiv 2402.17455, section IV-B): two sounds at 0 dB, a text and an example of
each blended, the query positive, negative or both, and a loss on the waveform. The published
weights may be gone on with, or left for a decoder that begins anew.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from clapsep_desktop.errors import ModelMismatchError
from clapsep_desktop.evaluation.manifest import Sound
from clapsep_desktop.evaluation.metrics import si_sdr
from clapsep_desktop.evaluation.mixtures import scenes
from clapsep_desktop.model import checkpoint, device, install, lora, precision
from clapsep_desktop.model import folder as folders
from clapsep_desktop.model.base_net import BaseNet
from clapsep_desktop.model.clapsep import ClapSep
from clapsep_desktop.model.config import BaseConfig
from clapsep_desktop.model.decoder import Decoder
from clapsep_desktop.model.interface import SpectralFilter
from clapsep_desktop.model.towers import AudioEmbedder
from clapsep_desktop.training.captions import CaptionTable
from clapsep_desktop.training.config import TrainingConfig
from clapsep_desktop.training.data import SoundBank
from clapsep_desktop.training.losses import energy, separation_loss
from clapsep_desktop.training.separation import NO_EXAMPLE, MixtureStage, SeparationBatch

PEAK = 0.9
"""Full scales; the loudest sample of a mixture, as in the paper's lists."""


class BaseLearner(nn.Module):
    """The separator with its adapter, and CLAP's audio side, which embeds examples.

    Args:
        folder: an installed "base".
        scratch: begins with a new decoder and an adapter that changes nothing yet.
    """

    def __init__(self, folder: Path, *, scratch: bool = False) -> None:
        super().__init__()
        self.config = checkpoint.read_sizes(folders.read_config(folder), folder)
        self.separator = checkpoint.load_separator(folder, self.config, merge=False)
        self.embedder: AudioEmbedder = checkpoint.load_audio_embedder(folder, self.config)
        if scratch:
            self.separator.decoder = Decoder(self.config)
            for name, matrix in lora.weights(self.separator.audio).items():
                if name.endswith("lora_B"):
                    matrix.zero_()
        for weight in self.learning():  # those that were loaded lie in a file's memory
            weight.data = weight.data.clone()

    def learning(self) -> Iterator[nn.Parameter]:
        """The weights that change."""
        for name, weight in self.named_parameters():
            if is_learned(name):
                yield weight

    def train(self, mode: bool = True) -> BaseLearner:
        """Only the decoder has a behaviour of its own while learning."""
        super().train(mode)
        self.separator.audio.eval()
        self.embedder.eval()
        return self

    def embed(self, clips: Tensor) -> Tensor:
        """L2-normalised embeddings of clips (E, n) at the separator's rate."""
        with torch.no_grad():
            embedded: Tensor = self.embedder(self.separator.resampler(clips))
        return embedded


def is_learned(name: str) -> bool:
    """Whether training changes the weight of that name in a `BaseLearner`."""
    return name.startswith("separator.decoder.") or ".lora_" in name


class BaseStage(MixtureStage):
    """What `clapsep_desktop.training.loop.Trainer` needs to train "base".

    Mixtures and queries are those of mini's second stage, at the paper's settings.
    """

    def weights(self, net: BaseLearner) -> Iterator[nn.Parameter]:
        """The decoder's and the adapter's."""
        return net.learning()

    def optimizers(
        self, net: BaseLearner, config: TrainingConfig
    ) -> Sequence[torch.optim.Optimizer]:
        """AdamW."""
        return (torch.optim.AdamW(net.learning(), config.rate, weight_decay=config.weight_decay),)

    def stored(self, name: str) -> bool:
        """What was learned; all else lies in the installed model."""
        return is_learned(name)

    def loss(self, net: BaseLearner, batch: SeparationBatch) -> tuple[Tensor, dict[str, Tensor]]:
        """-(w SNR + (1 - w) SI-SNR) of the waveforms, in dB."""
        mixture = batch.sources.sum(dim=1)
        repeated = mixture.repeat_interleave(batch.weights.shape[1], dim=0)
        target = torch.einsum("bqs,bsn->bqn", batch.weights, batch.sources).flatten(0, 1)
        estimate = net.separator.separate(repeated, self.conditions(net, batch)).float()
        loss = separation_loss(estimate, target, energy(repeated), self.config.snr_weight).mean()
        return loss, {"separation": loss.detach()}

    @staticmethod
    def conditions(net: BaseLearner, batch: SeparationBatch) -> Tensor:
        """Conditions (B * Q, 2 D): texts and examples blended, the pair of unit length."""
        embedded = net.embed(batch.examples)
        sides = []
        for text, example in zip(batch.text, batch.example, strict=True):
            blend = (batch.blend * (example != NO_EXAMPLE))[..., None]
            sides.append(blend * embedded[example.clamp_min(0)] + (1.0 - blend) * text)
        return F.normalize(torch.cat(sides, dim=-1), dim=-1).flatten(0, 1)

    def _gain(self, sound: np.ndarray, random: np.random.Generator) -> np.float32:
        del random
        return np.float32(PEAK / max(float(np.abs(sound).max()), 1e-6))

    def _blend(self, count: int, random: np.random.Generator) -> np.ndarray:
        return np.full(count, random.random(), np.float32)


class BaseValidation:
    """A fixed set of pairs; `measure` gives the mean SI-SDRi by text."""

    SEED = 20_402

    def __init__(
        self, bank: SoundBank, captions: CaptionTable, count: int, config: BaseConfig
    ) -> None:
        self.bank, self.captions, self.config = bank, captions, config
        self.index = {sound.path: i for i, sound in enumerate(bank.sounds)}
        self.pairs = scenes(bank.sounds, count, self.SEED, captions.confusable)

    @torch.inference_mode()
    def measure(self, net: BaseLearner) -> dict[str, float]:
        """Mean SI-SDRi in dB (both, positive only, negative only) and the share improved."""
        net.eval()
        device = net.separator.window.device
        gains: dict[str, list[np.ndarray]] = {"both": [], "positive": [], "negative": []}
        for pair in self.pairs:
            sources = pair.sources(self._decode, self.config.samples)
            mixture = torch.from_numpy(sources.sum(axis=0)).to(device).expand(2, -1)
            before = si_sdr(mixture.cpu().numpy(), sources)
            text = torch.from_numpy(np.stack([self.captions.plain(c) for c in pair.captions]))
            asked = torch.stack([text, text.flip(0)], dim=1)  # (2 targets, keep and remove, D)
            for mode, sides in (("both", (1, 1)), ("positive", (1, 0)), ("negative", (0, 1))):
                chosen = asked * torch.tensor(sides)[:, None]
                condition = F.normalize(chosen.flatten(1), dim=-1).to(device)
                kept = net.separator.separate(mixture, condition).float().cpu().numpy()
                gains[mode].append(si_sdr(kept, sources) - before)
        result = {mode: float(np.mean(each)) for mode, each in gains.items()}
        return {**result, "improved": float(np.mean(np.array(gains["both"]) > 0.0))}

    def _decode(self, sound: Sound) -> np.ndarray:
        return self.bank.samples(self.index[sound.path])


def release(state: dict[str, Tensor], source: Path, target: Path) -> float:
    """Writes learned weights as a model folder like the one they were learned beside.

    Args:
        state: a checkpoint's averaged weights.
        source: the installed "base" that the run began with.
        target: the folder to write.

    Returns:
        By how many dB the folder's mask for a known window differs from that of the weights.

    Raises:
        ModelMismatchError: the weights do not belong to that model.
        ModelError: it is damaged, or the disk is full.
    """
    learner = BaseLearner(source)
    unfit = learner.load_state_dict(state, strict=False)
    if unfit.unexpected_keys or any(map(is_learned, unfit.missing_keys)):
        raise ModelMismatchError(f"The run's weights do not belong to the model in {source}.")
    description = folders.read_config(source)
    stored_as = str(description.get("stored_as", "fp32"))
    separator = {**_own(source), **_separator(learner.separator)}
    needed = sum(path.stat().st_size for path in source.iterdir())
    with folders.built(target, needed) as part:
        for name in description["files"]:
            if name != checkpoint.SEPARATOR_FILE:
                shutil.copyfile(source / name, part / name)
        checkpoint.write_weights(part / checkpoint.SEPARATOR_FILE, separator, stored_as)
        described = {path.name: folders.describe(path) for path in sorted(part.iterdir())}
        checkpoint.write_config(part, learner.config, stored_as, described)
        precision.write_changes(part, install.measure_changes(part, learner.config))
    stored = ClapSep(target, learner.config, device.CPU, torch.float32)
    windows, condition = device.probe_window(stored)
    assert condition is not None
    with torch.inference_mode():
        learned = SpectralFilter(learner.eval().separator(windows, condition[None]))
    return device.difference_db(stored.filters(windows, condition), learned)


def _own(source: Path) -> checkpoint.Weights:
    """What an installed separator has for its own."""
    return checkpoint.read_weights(source / checkpoint.SEPARATOR_FILE)


def _separator(net: BaseNet) -> checkpoint.Weights:
    """Decoder and adapter by the names that a folder has for them."""
    decoder = checkpoint.stored(net.decoder)
    return {
        **{f"decoder.{name}": weight for name, weight in decoder.items()},
        **{f"audio.{name}": weight for name, weight in lora.weights(net.audio).items()},
    }
