"""Exporting: what there is to export, and the part that runs on the job thread."""

from __future__ import annotations

from clapsep_desktop import __version__
from clapsep_desktop.audio.chunk_metadata import Marker
from clapsep_desktop.audio.export_plan import ExportMaterial, ExportSettings, Stem
from clapsep_desktop.audio.export_sources import ExportReport, export_sources
from clapsep_desktop.audio.mix import Layer
from clapsep_desktop.gui.document import Document
from clapsep_desktop.gui.jobs import Progress, Steps
from clapsep_desktop.session.recipe import Recipe
from clapsep_desktop.timebase import Span


def material_of(document: Document, selection: Span | None) -> ExportMaterial:
    """What an open document has to export: exactly what is heard of it now."""
    session, material = document.session, document.material
    assert session is not None
    assert material is not None
    sources, audible = document.sources(), session.below()
    stems = [
        Stem(one.title, Layer(document.store.open(one.buffer), one.span.start, one.strength))
        for one in audible
    ]
    markers = [
        Marker(number, marker.frame, marker.name)
        for number, marker in enumerate(session.markers, 1)
    ]
    note = f": {Recipe.of(session).note}" if audible else ""
    return ExportMaterial(
        info=material.info,
        original=sources["original"],
        kept=sources["kept"],
        removed=sources["removed"],
        stems=stems,
        selection=selection,
        markers=markers,
        comment=f"CLAPSep Desktop {__version__}{note}",
    )


def export_steps(material: ExportMaterial, settings: ExportSettings) -> Steps[ExportReport]:
    """Write what settings ask for; see `export_sources`."""
    steps = export_sources(material, settings)
    try:
        while True:
            progress = next(steps)
            yield Progress(progress.phase, progress.done, progress.total)
    except StopIteration as end:
        report: ExportReport = end.value
        return report
    finally:
        steps.close()
