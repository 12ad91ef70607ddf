"""What the query panel proposes while a text is typed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

from clapsep_desktop.errors import QueryError
from clapsep_desktop.query import EmbeddedPrompt, Query, TextPrompt
from clapsep_desktop.resources import resource
from clapsep_desktop.session.library import MARK

Kind = Literal["saved", "recent", "known"]

MOST = 8
"""Proposals that are shown at once."""


@dataclass(frozen=True)
class Suggestion:
    """One proposal.

    Attributes:
        text: what is asked for.
        kind: a "saved" sound of the user's own, a "recent" text, or one of the "known" sounds.
    """

    text: str
    kind: Kind


@cache
def known_sounds() -> tuple[str, ...]:
    """Common sounds, worded as one would ask for them, from ``resources/sounds.txt``."""
    lines = resource("sounds.txt").read_text(encoding="utf-8").splitlines()
    return tuple(line for line in lines if line and not line.startswith("#"))


class Suggestions:
    """Saved sounds, recent texts and known sounds."""

    def __init__(self) -> None:
        self._saved: tuple[str, ...] = ()
        self._make: Callable[[str], EmbeddedPrompt] | None = None
        self._recent: tuple[str, ...] = ()

    def set_saved(self, names: Iterable[str], make: Callable[[str], EmbeddedPrompt]) -> None:
        """Which sounds the user has saved, and what gives the prompt of one by its name."""
        self._saved = tuple(names)
        self._make = make

    def set_recent(self, queries: Sequence[Query]) -> None:
        """The texts of these queries, newest first."""
        texts = (
            prompt.text
            for query in queries
            for prompt in (*query.keep, *query.remove)
            if isinstance(prompt, TextPrompt)
        )
        self._recent = tuple(dict.fromkeys(texts))

    @property
    def saved(self) -> tuple[str, ...]:
        """Names of the saved sounds."""
        return self._saved

    def prompt(self, name: str) -> EmbeddedPrompt:
        """The saved sound of a name.

        Raises:
            KeyError: there is none.
            ClapSepError: it cannot be read.
        """
        if self._make is None or name not in self._saved:
            raise KeyError(name)
        return self._make(name)

    def named(self, text: str) -> EmbeddedPrompt | None:
        """The saved sound that ``@name`` asks for, in any case; None for another text.

        Raises:
            QueryError: there is no saved sound of the name.
            ClapSepError: it cannot be read.
        """
        if not is_name(text):
            return None
        wanted = " ".join(text.strip().removeprefix(MARK).split())
        for name in self._saved:
            if name.casefold() == wanted.casefold():
                return self.prompt(name)
        raise QueryError(
            f"There is no saved sound “{wanted}”. Choose one that is proposed, or leave out the "
            f"{MARK} to ask in words."
        )

    def matching(self, typed: str, most: int = MOST) -> list[Suggestion]:
        """Proposals for what was typed so far, the best first; none for nothing.

        Every typed word must begin a word of the proposal. Saved sounds go before recent texts
        and those before known sounds; among each, those that begin as typed go first. After an
        ``@`` there are saved sounds only.
        """
        words = _words(typed)
        if is_name(typed):
            names = [name for name in self._saved if _fits(words, name)]
            return [Suggestion(name, "saved") for name in names[:most]]
        if not words:
            return []
        found: dict[tuple[bool, str], Suggestion] = {}
        sources: tuple[tuple[Kind, Sequence[str]], ...] = (
            ("saved", self._saved),
            ("recent", self._recent),
            ("known", known_sounds()),
        )
        for kind, texts in sources:
            fitting = [text for text in texts if _fits(words, text)]
            for text in sorted(fitting, key=lambda text: not _begins(words, text)):
                found.setdefault((kind == "saved", text.casefold()), Suggestion(text, kind))
        found.pop((False, " ".join(typed.split()).casefold()), None)  # it stands there already
        return list(found.values())[:most]


def is_name(text: str) -> bool:
    """Whether a text asks for a saved sound by its name."""
    return text.lstrip().startswith(MARK)


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())


def _fits(typed: Sequence[str], text: str) -> bool:
    words = _words(text)
    return all(any(word.startswith(part) for word in words) for part in typed)


def _begins(typed: Sequence[str], text: str) -> bool:
    words = [word for word in _words(text) if word not in {"a", "an", "the"}]
    return bool(words) and words[0].startswith(typed[0])
