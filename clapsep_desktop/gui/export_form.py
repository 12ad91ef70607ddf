"""The fields of the export dialog: which there are, and where they stand."""

from __future__ import annotations

from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QWidget,
)

from clapsep_desktop.gui.controls import GRID, Segments, guard_wheel, muted_label, pad
from clapsep_desktop.gui.level_field import LevelField

WHAT = (
    ("kept", "Kept", "What is kept of the recording."),
    ("removed", "Removed", "What is removed from it."),
    ("both", "Both", "Two files that add up to the recording exactly."),
    ("stems", "Stems", "What is kept, and a file for what each step removes."),
)
RANGES = (
    ("all", "Whole Recording", "From start to end."),
    ("selection", "Selection", "The selected time only."),
    ("regions", "Regions", "A file for each region between markers."),
)
CLIPPING = (
    ("leave", "Leave", "Cut peaks off that are too loud for the format, and count them."),
    ("lower", "Lower", "Make everything quieter, so that all peaks fit."),
    ("soft", "Soften", "Turn peaks down smoothly for some 10 ms; the rest stays as it is."),
)
TIPS = {
    "Name": "The files' name, without an extension.",
    "Folder": "The folder that the files go to.",
    "Browse": "Choose another folder.",
    "Format": "The kind of file.",
    "Rate": "Samples per second and channel.",
    "Depth": "How exactly samples are stored.",
    "Dither": (
        "Adds a faint noise, so that rounding does not distort what is quiet. Two files that add "
        "up to the recording are never dithered."
    ),
    "Loudness": "Make everything louder or quieter, so that it has this loudness.",
    "Ceiling": (
        "How high peaks may reach between the samples, where a loudness is met or peaks are "
        "softened."
    ),
    "Metadata": (
        "Keeps what the recording says of itself (bext, iXML, cue points, tags), as far as the "
        "format can hold it. A note on what was done is added in any case."
    ),
}


class ExportForm(QWidget):
    """Every field, not filled yet; the dialog knows what they mean.

    Attributes:
        what: a key of `WHAT`.
        range: a key of `RANGES`.
        name: of the files, without an extension.
        folder: where they go.
        browse: asks for another folder.
        format: its data are `formats.Container`.
        sample_rate: its data are Hz, or None for the recording's own.
        sample_depth: its data are keys of `formats.DEPTHS`, or None for the recording's own.
        dither: whether.
        clipping: a key of `CLIPPING`.
        loudness: its data are LUFS, or None for what it is.
        ceiling: dBTP.
        measured: the loudness in words.
        metadata: whether it is carried over.
    """

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("exportForm")
        self.what = Segments("exportWhat", "What to export", WHAT)
        self.range = Segments("exportRange", "Which part", RANGES)
        self.name, self.folder = QLineEdit(), QLineEdit()
        self.browse = QPushButton("Choose…")
        self.browse.setAutoDefault(False)
        self.format, self.sample_rate, self.sample_depth, self.loudness = (
            QComboBox() for _ in range(4)
        )
        self.dither = QCheckBox("Dither where a depth is reduced")
        self.clipping = Segments("exportClipping", "Peaks that are too loud", CLIPPING)
        self.ceiling = LevelField()
        self.ceiling.setRange(-20.0, 0.0)
        self.ceiling.setSingleStep(0.5)
        self.ceiling.setDecimals(1)
        self.ceiling.setSuffix(" dBTP")
        pad(self.ceiling)
        self.metadata = QCheckBox("Carry tags and markers over")
        self.measured = muted_label("", "exportMeasured")
        self._describe()
        guard_wheel(self.format, self.sample_rate, self.sample_depth, self.loudness, self.ceiling)
        self._lay_out()

    def _describe(self) -> None:
        """Give every field a name, a title for screen readers and a tool tip."""
        for name, widget, title in (
            ("Name", self.name, "File name"),
            ("Folder", self.folder, "Folder"),
            ("Browse", self.browse, "Choose the folder"),
            ("Format", self.format, "Format"),
            ("Rate", self.sample_rate, "Sample rate"),
            ("Depth", self.sample_depth, "Sample depth"),
            ("Dither", self.dither, self.dither.text()),
            ("Loudness", self.loudness, "Loudness"),
            ("Ceiling", self.ceiling, "True-peak ceiling"),
            ("Metadata", self.metadata, self.metadata.text()),
        ):
            widget.setObjectName(f"export{name}")
            widget.setAccessibleName(title)
            widget.setToolTip(TIPS[name])

    def _lay_out(self) -> None:
        form = QFormLayout(self)
        form.setContentsMargins(0, 0, 0, 0)
        form.setHorizontalSpacing(3 * GRID)
        form.setVerticalSpacing(2 * GRID)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        rows: tuple[tuple[str, tuple[QWidget, ...]], ...] = (
            ("What:", (self.what,)),
            ("Part:", (self.range,)),
            ("&Name:", (self.name,)),
            ("Fol&der:", (self.folder, self.browse)),
            ("&Format:", (self.format,)),
            ("&Rate:", (self.sample_rate,)),
            ("D&epth:", (self.sample_depth,)),
            ("", (self.dither,)),
            ("Peaks:", (self.clipping,)),
            ("&Loudness:", (self.loudness, self.ceiling)),
            ("", (self.measured,)),
            ("", (self.metadata,)),
        )
        for title, fields in rows:
            row = QHBoxLayout()
            row.setSpacing(2 * GRID)
            for field in fields:
                row.addWidget(field, 1 if field is fields[0] else 0)
            label = QLabel(title)
            label.setBuddy(fields[0])
            label.setMinimumHeight(fields[0].sizeHint().height())  # stands beside its field
            form.addRow(label, row)
