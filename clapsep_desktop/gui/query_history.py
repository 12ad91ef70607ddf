"""Going back and forth in earlier queries, as a shell does with its commands."""

from __future__ import annotations

from collections.abc import Sequence

from clapsep_desktop.query import Query


class QueryHistory:
    """Earlier queries, newest first, and a place among them.

    The place starts before the newest one, at the draft: what stood in the panel when the user
    began to look back.
    """

    def __init__(self) -> None:
        self._queries: tuple[Query, ...] = ()
        self._place = -1
        self._draft: Query | None = None

    @property
    def is_browsing(self) -> bool:
        """Whether an earlier query is shown."""
        return self._place >= 0

    def set_queries(self, queries: Sequence[Query]) -> None:
        """Takes other queries, newest first, and starts at the draft again."""
        self._queries = tuple(queries)
        self.leave()

    def leave(self) -> None:
        """Back to the draft, as the user types on."""
        self._place, self._draft = -1, None

    def older(self, shown: Query | None) -> Query | None:
        """The nearest earlier query that differs from what is shown; None where there is none.

        Args:
            shown: what stands in the panel; None for nothing that asks for something.
        """
        if not self.is_browsing:
            self._draft = shown
        for place in range(self._place + 1, len(self._queries)):
            if self._queries[place] != shown:
                self._place = place
                return self._queries[place]
        return None

    def newer(self) -> tuple[bool, Query | None]:
        """Whether there is anything newer than what is shown, and what: a query or the draft."""
        if self._place == -1:
            return False, None
        self._place -= 1
        return True, self._queries[self._place] if self.is_browsing else self._draft
