"""Texts that deny a sound: “no wind”, “music without singing”, “everything but speech”.

No model understands them: it hears which sound is named, not that it is denied, and would do the
opposite of what is asked. So what is denied goes to the query's other side, in plain words.
"""

from __future__ import annotations

import re
from dataclasses import replace

from clapsep_desktop.errors import QueryError
from clapsep_desktop.query import Prompt, Query, TextPrompt

_ARTICLE = r"(?: (?:any|a|an|the))?"
_BUT = r"(?:but|except(?: for)?|apart from|other than|without)"
_ALL_BUT = re.compile(
    rf"(?:everything|anything|all)(?: else)? {_BUT}{_ARTICLE} (.+)", re.IGNORECASE
)
_BOTH = re.compile(
    rf"(.+?)(?:,? without|,? (?:and |but |with )no|,? (?:and|but) not|, no|, not){_ARTICLE} (.+)",
    re.IGNORECASE,
)
_NOBODY = re.compile(r"(?:no[ -]?one|nobody) (.+)", re.IGNORECASE)
_NONE = re.compile(
    rf"(?:(?:no(?! one)|not|without|except(?: for)?){_ARTICLE} |non[- ])(.+)", re.IGNORECASE
)
_OR = re.compile(r",? (?:and no|or no|or|nor)(?: any)? |, (?:no )?", re.IGNORECASE)


def in_plain_words(query: Query) -> Query:
    """The same query without denials.

    Raises:
        QueryError: a text that only denies stands among what is to be removed, where it can be
            read in two ways; or what was denied is asked for as well.

    >>> print(in_plain_words(Query.of(["music without singing", "no wind or rain"])))
    keep “music”; remove “singing”, “wind” and “rain”
    >>> print(in_plain_words(Query.of(remove=["everything but the voice"])))
    keep “voice”
    """
    kept, not_kept = _parted(query.keep)
    removed, not_removed = _parted(query.remove, removing=True)
    if not not_kept and not not_removed:
        return query
    return replace(query, keep=(*kept, *not_removed), remove=(*removed, *not_kept))


def _parted(
    prompts: tuple[Prompt, ...], *, removing: bool = False
) -> tuple[list[Prompt], list[Prompt]]:
    """What a list of prompts names, and what it denies."""
    named: list[Prompt] = []
    denied: list[Prompt] = []
    for prompt in prompts:
        if not isinstance(prompt, TextPrompt):
            named.append(prompt)
            continue
        sound, denial = _read(prompt.text)
        if removing and sound is None and not _ALL_BUT.fullmatch(prompt.text):
            raise QueryError(
                f"To remove “{prompt.text}” can be read in two ways. Name the sound itself, among "
                "what to keep or what to remove."
            )
        if sound is not None:
            named.append(replace(prompt, text=sound))
        if denial is not None:
            denied += [replace(prompt, text=each) for each in _OR.split(denial)]
    return named, denied


def _read(text: str) -> tuple[str | None, str | None]:
    """What a text names and what it denies; None for neither."""
    for pattern in (_ALL_BUT, _NONE):
        if found := pattern.fullmatch(text):
            return None, found[1]
    if found := _NOBODY.fullmatch(text):
        return None, f"somebody {found[1]}"
    if found := _BOTH.fullmatch(text):
        return found[1], found[2]
    return text, None
