"""The models of a plan, each loaded once, and the plan that suits a query and what is installed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from clapsep_desktop.errors import ModelMismatchError
from clapsep_desktop.model import registry
from clapsep_desktop.model.interface import QueryModel, SeparationModel
from clapsep_desktop.query import AudioPrompt, Query
from clapsep_desktop.resources import resource
from clapsep_desktop.separation import plan as plans
from clapsep_desktop.separation.about import PROBE, SPACE, Probe, SpeechJudge
from clapsep_desktop.separation.condition import Conditioner
from clapsep_desktop.separation.negation import in_plain_words
from clapsep_desktop.separation.plan import Plan

AUTO = "auto"


class Models:
    """Models by name, with their conditioners; also the `Space` in which prompts are judged.

    One thread at a time may use it; the models themselves serve several at once.

    Args:
        device: one of `clapsep_desktop.model.device.DEVICE_NAMES`.
        notify: told in a sentence what the user should know.
    """

    def __init__(
        self, device: str = "auto", notify: Callable[[str], None] = lambda _: None
    ) -> None:
        self.notify = notify
        self._device = device
        self._loaded: dict[str, SeparationModel] = {}
        self._conditioners: dict[str, Conditioner] = {}

    def model(self, name: str) -> SeparationModel:
        """The model of a name or in a folder; raises ModelError or DeviceError."""
        if name not in self._loaded:
            self._loaded[name] = registry.load(name, self._device, self.notify)
        return self._loaded[name]

    def conditioner(self, name: str) -> Conditioner:
        """The conditioner of a model that takes queries; raises ModelMismatchError for others."""
        model = self.model(name)
        if not isinstance(model, QueryModel):
            raise ModelMismatchError(f"The model “{name}” takes no query.")
        if name not in self._conditioners:
            self._conditioners[name] = Conditioner(model)
        return self._conditioners[name]

    def embed_text(self, texts: Sequence[str]) -> np.ndarray:
        """See `clapsep_desktop.separation.about.Space.embed_text`."""
        return self.conditioner(SPACE).model.embed_text(texts)

    def embed_example(self, prompt: AudioPrompt) -> np.ndarray:
        """See `clapsep_desktop.separation.about.Space.embed_example`."""
        return np.array(self.conditioner(SPACE).embed_example(prompt).vector, np.float32)


def make_plan(query: Query, models: Models, name: str = AUTO, *, specialists: bool = True) -> Plan:
    """The plan for a query.

    Args:
        query: what to keep and to remove; what its texts deny is read as `in_plain_words` does.
        models: judge the query, where that is needed.
        name: of the model that is to do all of it; "auto" lets the query decide.
        specialists: False lets "auto" choose among the models that take queries only.

    Raises:
        ModelError: a model is missing or damaged.
        QueryError: the speech specialist was chosen for something else than speech, an example
            is silent or too short, or a text can be read in two ways.
        AudioError: an example cannot be read.
    """
    query = in_plain_words(query)
    if name != AUTO:
        if isinstance(models.model(name), QueryModel):
            return plans.direct(query, name)
        return plans.by_specialist(query, _judge(models), name)
    found = {model.name for model in registry.installed()}
    general = "base" if "base" in found else "mini"
    if specialists and plans.SPECIALIST in found:
        return plans.automatic(query, _judge(models), general)
    return plans.direct(query, general)


def _judge(models: Models) -> SpeechJudge:
    return SpeechJudge(models, Probe.load(resource("models", plans.SPECIALIST, PROBE)))
