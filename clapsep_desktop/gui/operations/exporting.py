"""Exporting: what there is to export, and the part that runs on the job thread."""

from __future__ import annotations

from clapsep_desktop.audio.export_plan import ExportMaterial, ExportSettings
from clapsep_desktop.audio.export_sources import ExportReport, export_sources
from clapsep_desktop.gui.document import Document
from clapsep_desktop.gui.jobs import Progress, Steps, retold
from clapsep_desktop.session.deliverable import export_material
from clapsep_desktop.timebase import Span


def material_of(document: Document, selection: Span | None) -> ExportMaterial:
    """What an open document has to export: what is heard of its session now."""
    session, material = document.session, document.material
    assert session is not None
    assert material is not None
    store = document.store
    return export_material(session, material.info, material.source, store.open, selection)


def export_steps(material: ExportMaterial, settings: ExportSettings) -> Steps[ExportReport]:
    """Write what settings ask for; see `export_sources`."""
    return retold(
        export_sources(material, settings),
        lambda progress: Progress(progress.phase, progress.done, progress.total),
    )
