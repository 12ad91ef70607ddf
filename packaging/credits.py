"""Writes the credits of a model trained on a manifest: python packaging/credits.py MANIFEST FILE.

The manifest needs the columns source_repo, author, license and url beside those of training.
"""

from __future__ import annotations

import csv
import sys
from collections import defaultdict
from pathlib import Path

HEADER = """\
# Credits of the sounds that mini learned from

The weights of mini are released under CC BY-SA 4.0. They were trained on the recordings below,
each under the licence named with it; the recordings themselves are not part of this program.
Thanks to everyone who made and shared them.
"""


def credits_of(rows: list[dict[str, str]]) -> str:
    """Markdown: one section per source, one line per author, licence and address."""
    sources: dict[str, dict[tuple[str, str, str], int]] = defaultdict(lambda: defaultdict(int))
    for row in rows:
        sources[row["source_repo"]][row["author"], row["license"], row["url"]] += 1
    parts = [HEADER]
    for source in sorted(sources):
        parts.append(f"\n## {source}\n\n")
        for (author, licence, url), count in sorted(sources[source].items()):
            files = "1 file" if count == 1 else f"{count} files"
            parts.append(f"- {author or 'author not named'}; {licence}; {files}; {url}\n")
    return "".join(parts)


def main(manifest: Path, target: Path) -> None:
    """Writes the file."""
    with manifest.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    target.write_text(credits_of(rows), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
