"""Fetching the published files from the hub where their authors put them.

Sizes and hashes are asked for first. What has arrived stays on the disk, so a connection that
breaks, a cancellation or a restart of the program costs no byte twice. Proxies are those of the
environment (HTTPS_PROXY), the hub's address that of HF_ENDPOINT. No account is needed or used.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from huggingface_hub import get_hf_file_metadata, get_session, hf_hub_url
from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled
from huggingface_hub.utils import hf_raise_for_status  # type: ignore[attr-defined]

from clapsep_desktop import __version__
from clapsep_desktop.errors import DownloadError
from clapsep_desktop.model.folder import (
    BLOCK,
    Progress,
    Report,
    disk_errors,
    require_space,
    silent,
    size_text,
)

ATTEMPTS = 5
"""How often in a row a transfer may fail without a single new byte."""

TIMEOUT_SECONDS = 20.0
PAUSE_SECONDS = 1.0  # between attempts
_PIECE = 1 << 16  # bytes between two reports

# The hub's own error stands on its HTTP client's root error, and the client's package has changed
# between versions.
_TRANSPORT_ERRORS: tuple[type[Exception], ...] = tuple(
    base
    for base in HfHubHTTPError.__mro__
    if issubclass(base, Exception) and base.__module__.partition(".")[0] != "builtins"
)


@dataclass(frozen=True)
class HubFile:
    """One file on the hub."""

    repository: str
    path: str  # inside the repository
    kind: str  # "model" or "space"
    about: int  # bytes, roughly, for when the hub cannot be asked

    @property
    def name(self) -> str:
        """What it is saved as."""
        return self.path.rpartition("/")[2]

    @property
    def url(self) -> str:
        """Where it is fetched from."""
        return hf_hub_url(
            self.repository, self.path, repo_type=self.kind, endpoint=os.environ.get("HF_ENDPOINT")
        )


BASE_FILES = (
    HubFile("lukewys/laion_clap", "music_audioset_epoch_15_esc_90.14.pt", "model", 2_350_000_000),
    HubFile("AisakaMikoto/CLAPSep", "model/best_model.ckpt", "space", 178_000_000),
    HubFile("FacebookAI/roberta-base", "vocab.json", "model", 899_000),
    HubFile("FacebookAI/roberta-base", "merges.txt", "model", 456_000),
)
"""All that "base" is made of."""


@dataclass(frozen=True)
class Offer:
    """A file as the hub offers it now."""

    file: HubFile
    size: int  # bytes
    mark: str  # SHA-256 of a large file, git's SHA-1 of a small one


def survey(files: Sequence[HubFile] = BASE_FILES) -> list[Offer]:
    """Asks the hub for sizes and hashes; transfers nothing.

    Raises:
        DownloadError: the hub cannot be reached or refuses; says what to fetch by hand.
    """
    return [_survey_one(file, files) for file in files]


def fetch(offers: Sequence[Offer], folder: Path, report: Report = silent) -> list[Path]:
    """Downloads files into a folder, going on where an earlier call was stopped.

    Args:
        offers: what `survey` gave.
        folder: made if missing.
        report: see `Report`; an exception it raises cancels, and what has arrived is kept.

    Raises:
        DownloadError: the connection failed for good, or a file arrived altered.
        ModelError: the disk is full or cannot be written.
    """
    every = [offer.file for offer in offers]
    missing = missing_bytes(offers, folder)
    with disk_errors(folder, missing):
        folder.mkdir(parents=True, exist_ok=True)
        require_space(folder, missing)
        return [_fetch_one(offer, folder, report, every) for offer in offers]


def missing_bytes(offers: Sequence[Offer], folder: Path) -> int:
    """How much `fetch` would still have to transfer."""
    return sum(offer.size - _arrived(offer, folder) for offer in offers)


def by_hand(files: Sequence[HubFile]) -> str:
    """How to install without a connection, in one sentence."""
    listed = ", ".join(f"{file.url} ({size_text(file.about)})" for file in files)
    return (
        f"On a connected machine fetch {listed}, bring the files here, and run "
        "“clapsep models import FILE...” with all of them, or choose Import Files… in the window."
    )


def _survey_one(file: HubFile, every: Sequence[HubFile]) -> Offer:
    with _hub_errors(file, every):
        found = get_hf_file_metadata(
            file.url,
            token=False,
            timeout=TIMEOUT_SECONDS,
            library_name="clapsep-desktop",
            library_version=__version__,
        )
    if found.size is None or not found.etag:
        raise DownloadError(
            f"The hub does not say how large {file.name} is. Try again later. {by_hand(every)}"
        )
    return Offer(file, found.size, found.etag)


def _fetch_one(offer: Offer, folder: Path, report: Report, every: Sequence[HubFile]) -> Path:
    whole, part = folder / offer.file.name, _part(offer, folder)
    if whole.is_file() and _hash(offer, whole, report) == offer.mark:
        return whole
    _transfer(offer, part, report, every)
    if part.stat().st_size != offer.size or _hash(offer, part, report) != offer.mark:
        part.unlink()
        raise DownloadError(
            f"{offer.file.name} arrived altered and was deleted. Try again; if it happens twice, "
            f"something between here and the hub changes files. {by_hand(every)}"
        )
    part.replace(whole)
    return whole


def _transfer(offer: Offer, part: Path, report: Report, every: Sequence[HubFile]) -> None:
    """Appends to ``part`` until it has the file's size, through broken connections."""
    most, failures = _size(part), 0
    while (size := _size(part)) < offer.size:
        report(Progress("downloading", offer.file.name, size, offer.size))
        broken = _attempt(offer, part, report, every)
        size = _size(part)
        if size >= offer.size:
            return
        failures = 0 if size > most else failures + 1
        most = max(most, size)
        if _is_lasting(broken.__cause__) or failures >= ATTEMPTS:
            raise broken
        time.sleep(PAUSE_SECONDS)


def _attempt(offer: Offer, part: Path, report: Report, every: Sequence[HubFile]) -> DownloadError:
    """One connection; what to say if it did not bring all of the file."""
    try:
        with _hub_errors(offer.file, every):
            _stream(offer, part, report)
    except DownloadError as error:
        return error
    return DownloadError(
        f"The transfer of {offer.file.name} ended too early. Try again to go on where it stopped. "
        f"{by_hand(every)}"
    )


def _is_lasting(error: BaseException | None) -> bool:
    """Whether the hub has decided, so that to ask again is no use."""
    if isinstance(error, HfHubHTTPError):
        return error.response.status_code < 500
    return isinstance(error, OfflineModeIsEnabled)


def _stream(offer: Offer, part: Path, report: Report) -> None:
    start = _size(part)
    headers = {"Accept-Encoding": "identity", "User-Agent": f"clapsep-desktop/{__version__}"}
    if start:
        headers["Range"] = f"bytes={start}-"
    stream = get_session().stream("GET", offer.file.url, headers=headers, timeout=TIMEOUT_SECONDS)
    with stream as response:
        hf_raise_for_status(response)
        # A server that does not know ranges sends the whole file again.
        resumed = response.status_code == 206
        with part.open("ab" if resumed else "wb") as file:
            _receive(response.iter_bytes(_PIECE), file, offer, report)


def _receive(pieces: Iterator[bytes], file: BinaryIO, offer: Offer, report: Report) -> None:
    done = file.tell()
    for piece in pieces:
        file.write(piece)
        done += len(piece)
        report(Progress("downloading", offer.file.name, done, offer.size))
        if done > offer.size:
            break
    file.flush()
    os.fsync(file.fileno())


def _hash(offer: Offer, path: Path, report: Report) -> str:
    """A file's hash of the kind that the hub gave for it.

    Large files have a SHA-256, small ones git's name for them: the SHA-1 of a header and the
    content. A mark of another kind, as mirrors may have, cannot be checked; the size still is,
    and every file is checked again when it is opened.
    """
    size = path.stat().st_size
    digest: Any
    if len(offer.mark) == 64:
        digest = hashlib.sha256()
    elif len(offer.mark) == 40:
        digest = hashlib.sha1(f"blob {size}\0".encode(), usedforsecurity=False)
    else:
        return offer.mark if size == offer.size else ""
    done = 0
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
            done += len(block)
            report(Progress("checking", offer.file.name, done, size))
    return str(digest.hexdigest())


def _part(offer: Offer, folder: Path) -> Path:
    # A file that has changed on the hub has another mark, and begins anew.
    kept = "".join(c for c in offer.mark if c.isalnum())[:16]
    return folder / f".{offer.file.name}.{kept}.part"


def _arrived(offer: Offer, folder: Path) -> int:
    whole = _size(folder / offer.file.name)
    return offer.size if whole == offer.size else min(_size(_part(offer, folder)), offer.size)


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


@contextmanager
def _hub_errors(file: HubFile, every: Sequence[HubFile]) -> Iterator[None]:
    """Turns the hub's refusals and the network's failures into sentences."""
    try:
        yield
    except OfflineModeIsEnabled as error:
        reason = "The hub is switched off by HF_HUB_OFFLINE"
        raise DownloadError(f"{reason}. {by_hand(every)}") from error
    except HfHubHTTPError as error:
        raise DownloadError(f"{_refusal(file, error)} {by_hand(every)}") from error
    except _TRANSPORT_ERRORS as error:
        host, reason = file.url.split("/")[2], str(error) or type(error).__name__
        raise DownloadError(
            f"The connection to {host} failed ({reason}). Try again to go on where it stopped. "
            f"{by_hand(every)}"
        ) from error


def _refusal(file: HubFile, error: HfHubHTTPError) -> str:
    status = error.response.status_code
    if status in (401, 403):
        return f"The hub refuses to hand out {file.name} ({status}); it may need an account there."
    if status in (404, 410):
        return f"The hub no longer has {file.name} at {file.url} ({status})."
    return f"The hub answered with an error of its own ({status}); try again later."
