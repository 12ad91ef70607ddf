"""What the program is, of which parts it is made, and whose work that is."""

from __future__ import annotations

import platform
import re
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path

from PySide6.QtCore import QSize, Qt, qVersion
from PySide6.QtGui import QGuiApplication, QTextDocument
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QLabel,
    QTabWidget,
    QTextBrowser,
    QVBoxLayout,
    QWidget,
)

from clapsep_desktop import __version__
from clapsep_desktop.gui import theme
from clapsep_desktop.gui.controls import GRID, muted_label, push_button
from clapsep_desktop.model import registry
from clapsep_desktop.model.folder import size_text
from clapsep_desktop.resources import resource, resources_folder

WHAT = "Keep and remove sounds in a recording by words or by example, on your own machine."
PAPER = (
    "The way it hears queries is that of CLAPSep: H. Ma, Z. Peng, X. Li, M. Shao, X. Wu, J. Liu: "
    "CLAPSep: Leveraging Contrastive Pre-trained Model for Multi-Modal Query-Conditioned Target "
    "Sound Extraction. IEEE/ACM TASLP 2024, arXiv 2402.17455."
)
LICENCE = "CLAPSep Desktop is free software under the Apache License 2.0."

_PACKAGES = (
    "numpy", "scipy", "soundfile", "soxr", "sounddevice", "mutagen", "torch", "onnxruntime",
    "transformers", "tokenizers", "safetensors", "laion-clap", "peft", "pyqtgraph",
)  # fmt: skip


def versions() -> list[tuple[str, str]]:
    """Name and version of the program and of what it stands on; imports none of it."""
    found = [
        ("CLAPSep Desktop", __version__),
        ("Python", platform.python_version()),
        ("System", platform.platform()),
        ("Qt", qVersion()),
        ("PySide6", _version("PySide6-Essentials") or _version("PySide6")),
    ]
    found += [(name, _version(name)) for name in _PACKAGES]
    return [(name, version or "not installed") for name, version in found]


def models() -> Iterator[tuple[str, str]]:
    """Name of each installed model, and what it is, how large and where."""
    for model in registry.installed():
        about = registry.KNOWN.get(model.name, "a model of your own")
        origin = "part of the program" if model.shipped else str(model.folder)
        yield model.name, f"{about}; {size_text(model.size)}; {origin}"


def credit_files() -> list[Path]:
    """Every text in the resources that says whose work something is, or under which licence."""
    folder = resources_folder()
    names = ("CREDITS*", "NOTICE*", "LICENSE*")
    return sorted({path for name in names for path in folder.rglob(name) if path.is_file()})


def diagnostics() -> str:
    """Versions and models as plain text, for a report of a problem."""
    lines = [f"{name}: {version}" for name, version in versions()]
    lines += [f"model {name}: {about}" for name, about in models()]
    return "\n".join(lines)


class AboutDialog(QDialog):
    """Shows versions, models, credits and licences.

    Args:
        parent: the window it belongs to.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("aboutDialog")
        self.setWindowTitle("About CLAPSep Desktop")
        self._tabs = QTabWidget()
        self._tabs.setObjectName("aboutTabs")
        self._tabs.setAccessibleName("Parts")
        self._tabs.setDocumentMode(True)
        self._fillers: list[Callable[[QTextBrowser], None]] = []
        self._add("Program", _fill_program)
        self._add("Versions", _fill_versions)
        self._add("Models", _fill_models)
        self._add("Credits", _fill_credits)
        self._add("Licences", _fill_licences)
        self._tabs.currentChanged.connect(self._fill)
        self._fill(0)
        mark = QLabel()
        mark.setPixmap(theme.app_icon().pixmap(QSize(48, 48)))
        name = QLabel("CLAPSep Desktop")
        name.setProperty("kind", "heading")
        font = name.font()
        font.setPointSizeF(font.pointSizeF() * 1.5)
        name.setFont(font)
        words = QVBoxLayout()
        words.setSpacing(GRID)
        words.addWidget(name)
        words.addWidget(muted_label(f"Version {__version__}", "aboutVersion"))
        head = QHBoxLayout()
        head.setContentsMargins(5 * GRID, 5 * GRID, 5 * GRID, 3 * GRID)
        head.setSpacing(4 * GRID)
        head.addWidget(mark)
        head.addLayout(words, 1)
        copy = push_button(
            "about",
            "Copy Diagnostics",
            self._copy,
            "Copy versions and models, for a report of a problem.",
        )
        self._copied = muted_label("", "aboutCopied")
        close = push_button("about", "Close", self.accept, "Close (Esc).")
        close.setDefault(True)
        foot = QHBoxLayout()
        foot.setContentsMargins(4 * GRID, 3 * GRID, 4 * GRID, 3 * GRID)
        foot.setSpacing(2 * GRID)
        foot.addWidget(copy)
        foot.addWidget(self._copied)
        foot.addStretch(1)
        foot.addWidget(close)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        whole.addLayout(head)
        whole.addWidget(self._tabs, 1)
        whole.addLayout(foot)
        self.resize(620, 520)

    def _add(self, title: str, fill: Callable[[QTextBrowser], None]) -> None:
        page = QTextBrowser()
        page.setObjectName(f"about{title}")
        page.setAccessibleName(title)
        page.setOpenExternalLinks(True)
        page.setProperty("kind", "page")
        page.document().setDocumentMargin(4 * GRID)
        page.setTextInteractionFlags(Qt.TextInteractionFlag.TextBrowserInteraction)
        self._tabs.addTab(page, title)
        self._fillers.append(fill)

    def _fill(self, number: int) -> None:
        """Writes a page when it is first looked at: the credits are long."""
        page = self._tabs.widget(number)
        assert isinstance(page, QTextBrowser)
        if page.document().isEmpty():
            self._fillers[number](page)

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(diagnostics())
        self._copied.setText("Copied.")


def _fill_program(page: QTextBrowser) -> None:
    page.setMarkdown(f"{WHAT}\n\nIt works offline: no recording leaves the machine.\n\n{PAPER}")


def _fill_versions(page: QTextBrowser) -> None:
    page.setPlainText("\n".join(f"{name}: {version}" for name, version in versions()))


def _fill_models(page: QTextBrowser) -> None:
    page.setMarkdown("\n\n".join(f"**{name}** – {about}." for name, about in models()))


def _fill_credits(page: QTextBrowser) -> None:
    texts = [path.read_text(encoding="utf-8") for path in credit_files() if path.suffix == ".md"]
    # A heading of a file is one among many here, so it stands two levels lower. Names of authors
    # may hold what looks like HTML.
    page.document().setMarkdown(
        re.sub(r"^(?=#)", "##", "\n\n".join(texts), flags=re.MULTILINE),
        QTextDocument.MarkdownFeature.MarkdownNoHTML,
    )


def _fill_licences(page: QTextBrowser) -> None:
    own = [LICENCE, _own_licence()]
    for path in credit_files():
        if path.suffix != ".md":
            place = path.relative_to(resource()).as_posix()
            own += [place, path.read_text(encoding="utf-8")]
    page.setPlainText("\n\n".join(text for text in own if text))


def _own_licence() -> str:
    try:
        return metadata.distribution("clapsep-desktop").read_text("licenses/LICENSE") or ""
    except metadata.PackageNotFoundError:
        return ""


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""
