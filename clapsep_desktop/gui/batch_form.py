"""The fields of the batch dialog: what is done, where the results go and how they are named."""

from __future__ import annotations

from typing import cast

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import (
    QComboBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QSpinBox,
    QWidget,
)

from clapsep_desktop.audio.formats import CONTAINERS
from clapsep_desktop.batch.names import DEFAULT, FIELDS, Template
from clapsep_desktop.batch.run import Kinds, OnError, Options
from clapsep_desktop.gui.controls import GRID, Segments, guard_wheel, muted_label, pad, push_button
from clapsep_desktop.session.recipe import Recipe

KINDS = (
    ("both", "Both", "Write what is kept and what is removed."),
    ("kept", "Kept", "Write what is kept."),
    ("removed", "Removed", "Write what is removed."),
)
ON_ERROR = (
    ("skip", "Go On", "Go on with the next recording."),
    ("stop", "Stop", "Stop at the first recording that fails."),
)
MOST_WORKERS = 64


class BatchForm(QWidget):
    """Every field.

    Signals:
        changed(): other results are asked for than before.
        recipe_wanted(): another recipe is to be chosen.

    Attributes:
        out: the folder of the results, empty for beside each recording.
        template: their names.
        kinds: a key of `KINDS`.
        format: its data are extensions, empty for each recording's own.
        workers: how many; 0 for as many as suit.
        on_error: a key of `ON_ERROR`.
        recipe_text: the recipe in words.
    """

    changed = Signal()
    recipe_wanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("batchForm")
        self.recipe_text = QLabel()
        self.recipe_text.setObjectName("batchRecipe")
        self.recipe_text.setWordWrap(True)
        self.out, self.template = QLineEdit(), QLineEdit(DEFAULT)
        self.out.setPlaceholderText("Beside each recording")
        self.kinds = Segments("batchKinds", "Write", KINDS)
        self.format = QComboBox()
        self.format.addItem("As each recording", "")
        for one in CONTAINERS:
            self.format.addItem(f"{one.title} ({one.extensions[0]})", one.extensions[0])
        self.workers = QSpinBox()
        self.workers.setRange(0, MOST_WORKERS)
        self.workers.setSpecialValueText("Automatic")
        pad(self.workers)
        self.on_error = Segments("batchOnError", "After a failure", ON_ERROR)
        guard_wheel(self.format, self.workers)
        self._describe()
        self._lay_out()
        for line in (self.out, self.template):
            line.textChanged.connect(self.changed)
        self.kinds.chosen.connect(self.changed)
        self.format.currentIndexChanged.connect(self.changed)

    def show_recipe(self, recipe: Recipe | None) -> None:
        """Say what is done."""
        self.recipe_text.setText("None chosen" if recipe is None else str(recipe))

    def options(self, *, overwrite: bool) -> Options:
        """What the fields ask for; raises DataError where they do not fit together."""
        return Options(
            out=self.out.text().strip(),
            template=Template(self.template.text().strip()),
            kinds=cast(Kinds, self.kinds.choice),
            extension=self.format.currentData(),
            overwrite=overwrite,
            on_error=cast(OnError, self.on_error.choice),
        )

    def _describe(self) -> None:
        """Give every field a name, a title for screen readers and a tool tip."""
        fields = "; ".join(f"{{{name}}}: {about}" for name, about in FIELDS.items())
        for widget, name, title, tip in (
            (self.out, "Out", "Folder for results", "Where the results go."),
            (self.template, "Template", "Names of the results", f"{fields}."),
            (self.format, "Format", "Format", "The kind of file of the results."),
            (
                self.workers,
                "Workers",
                "Workers",
                "How many recordings are done at once: one a GPU, or as many as the cores carry.",
            ),
        ):
            widget.setObjectName(f"batch{name}")
            widget.setAccessibleName(title)
            widget.setToolTip(tip)

    def _lay_out(self) -> None:
        open_recipe = push_button(
            "batch", "Open &Recipe…", self.recipe_wanted.emit, "Choose a recipe from a file."
        )
        choose_out = push_button("batch", "&Folder…", self._ask_for_folder, "Choose that folder.")
        form = QFormLayout(self)
        form.setContentsMargins(0, 0, 0, 0)
        form.setSpacing(2 * GRID)
        form.addRow("Recipe", _beside(self.recipe_text, open_recipe))
        form.addRow("Results", _beside(self.out, choose_out))
        form.addRow("Names", self.template)
        form.addRow("", muted_label("Known are " + ", ".join(f"{{{name}}}" for name in FIELDS)))
        form.addRow("Write", self.kinds)
        form.addRow("Format", self.format)
        form.addRow("Workers", self.workers)
        form.addRow("After a failure", self.on_error)

    @Slot()
    def _ask_for_folder(self) -> None:
        name = QFileDialog.getExistingDirectory(self, "Folder for Results", self.out.text())
        if name:
            self.out.setText(name)


def _beside(field: QWidget, button: QWidget) -> QHBoxLayout:
    """A field that takes what room there is, and its button."""
    row = QHBoxLayout()
    row.setSpacing(2 * GRID)
    row.addWidget(field, 1)
    row.addWidget(button)
    return row
