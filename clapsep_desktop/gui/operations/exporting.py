"""Exporting: what there is to export of a document, and the part that runs on the job thread."""

from __future__ import annotations

from contextlib import closing

from clapsep_desktop import __version__
from clapsep_desktop.audio.chunk_metadata import Marker
from clapsep_desktop.audio.export_plan import ExportMaterial, ExportSettings, Stem
from clapsep_desktop.audio.export_sources import ExportReport, export_sources
from clapsep_desktop.audio.mix import Layer, MixSource
from clapsep_desktop.gui.document import Document
from clapsep_desktop.gui.jobs import Progress, Steps
from clapsep_desktop.session.recipe import Recipe
from clapsep_desktop.session.session import Session
from clapsep_desktop.timebase import Span


def export_material(document: Document, selection: Span | None = None) -> ExportMaterial:
    """What there is to export of an open document, as its session is now.

    Its buffers must be held until the export is done, see `Document.hold`.
    """
    session, material = document.session, document.material
    assert session is not None
    assert material is not None
    audible = session.below()
    layers = [
        Layer(document.store.open(one.buffer), one.span.start, one.strength) for one in audible
    ]
    return ExportMaterial(
        info=material.info,
        original=material.source,
        kept=MixSource(material.source, layers, role="kept"),
        removed=MixSource(material.source, layers, role="removed"),
        stems=[Stem(one.title, layer) for one, layer in zip(audible, layers, strict=True)],
        selection=selection,
        markers=[
            Marker(number, marker.frame, marker.name)
            for number, marker in enumerate(session.markers, start=1)
        ],
        comment=_comment(session),
    )


def export_steps(material: ExportMaterial, settings: ExportSettings) -> Steps[ExportReport]:
    """Export; stopping it leaves every folder as it was.

    Raises:
        ClapSepError: anything a user can meet; nothing was written then.
    """
    with closing(export_sources(material, settings)) as steps:
        while True:
            try:
                progress = next(steps)
            except StopIteration as done:
                report: ExportReport = done.value
                return report
            yield Progress(progress.phase, progress.done, progress.total)


def _comment(session: Session) -> str:
    """A note on the processing, with the recipe; empty where nothing was done."""
    if not session.below():
        return ""
    return f"CLAPSep Desktop {__version__}: {Recipe.of(session).note}"
