"""What a session has to export: its sound as it is heard, its steps, its markers and its recipe."""

from __future__ import annotations

from collections.abc import Callable

from clapsep_desktop import __version__
from clapsep_desktop.audio.chunk_metadata import Marker
from clapsep_desktop.audio.export_plan import ExportMaterial, Stem
from clapsep_desktop.audio.formats import AudioInfo
from clapsep_desktop.audio.mix import Layer, MixSource
from clapsep_desktop.audio.source import AudioSource
from clapsep_desktop.session.recipe import Recipe
from clapsep_desktop.session.session import Session
from clapsep_desktop.timebase import Span


def export_material(
    session: Session,
    info: AudioInfo,
    original: AudioSource,
    sound: Callable[[str], AudioSource],
    selection: Span | None = None,
) -> ExportMaterial:
    """What there is to export of a session.

    Args:
        session: with its stack; what is off or not rendered takes nothing away.
        info: what the recording's file says of itself.
        original: the recording.
        sound: gives the sound of a buffer by its id.
        selection: the part that is selected, if any.
    """
    audible = session.below()
    layers = [Layer(sound(one.buffer), one.span.start, one.strength) for one in audible]
    markers = [
        Marker(number, one.frame, one.name) for number, one in enumerate(session.markers, start=1)
    ]
    note = f": {Recipe.of(session).note}" if audible else ""
    return ExportMaterial(
        info=info,
        original=original,
        kept=MixSource(original, layers, role="kept"),
        removed=MixSource(original, layers, role="removed"),
        stems=[Stem(one.title, layer) for one, layer in zip(audible, layers, strict=True)],
        selection=selection,
        markers=markers,
        comment=f"CLAPSep Desktop {__version__}{note}",
    )
