"""Downloading through connections that break, hubs that refuse and bytes that change."""

from __future__ import annotations

import hashlib

import huggingface_hub
import numpy as np
import pytest

from clapsep_desktop.errors import DownloadError, ModelError
from clapsep_desktop.model import download, folder
from clapsep_desktop.model.download import HubFile
from tests.support import hub as hubs

LARGE = np.random.default_rng(1).bytes(1_000_000)
SMALL = b'{"<s>": 0}\n'
FILES = (
    HubFile("owner/model", "deep/large.bin", "space", 1_000_000),
    HubFile("owner/tokenizer", "vocab.json", "model", 11),
)


@pytest.fixture
def hub(monkeypatch):
    with hubs.reachable(monkeypatch) as hub:
        hub.put("owner/model", "deep/large.bin", LARGE, "space")
        hub.put("owner/tokenizer", "vocab.json", SMALL)
        yield hub


def test_sizes_are_known_before_anything_is_transferred(hub):
    offers = download.survey(FILES)
    assert [offer.size for offer in offers] == [len(LARGE), len(SMALL)]
    assert [offer.mark for offer in offers] == [
        hashlib.sha256(LARGE).hexdigest(),
        hubs.git_hash(SMALL),
    ]
    assert hub.gets == []


def test_files_arrive_whole_with_progress(hub, tmp_path):
    seen = []
    paths = download.fetch(download.survey(FILES), tmp_path / "in", seen.append)
    assert [path.read_bytes() for path in paths] == [LARGE, SMALL]
    assert [path.name for path in paths] == ["large.bin", "vocab.json"]
    steps = [p for p in seen if (p.phase, p.item) == ("downloading", "large.bin")]
    assert [p.done for p in steps] == sorted({p.done for p in steps})
    assert steps[-1].done == steps[-1].total == len(LARGE)
    assert sorted(path.name for path in (tmp_path / "in").iterdir()) == ["large.bin", "vocab.json"]


def test_a_second_call_transfers_nothing(hub, tmp_path):
    offers = download.survey(FILES)
    download.fetch(offers, tmp_path)
    hub.gets.clear()
    assert download.missing_bytes(offers, tmp_path) == 0
    download.fetch(offers, tmp_path)
    assert hub.gets == []


def test_a_connection_that_breaks_is_taken_up_where_it_broke(hub, tmp_path):
    hub.cuts = [300_000, 0, 250_000]
    paths = download.fetch(download.survey(FILES), tmp_path)
    assert paths[0].read_bytes() == LARGE
    assert len(hub.gets) == 5
    assert hub.gets[0][1] is None
    assert all(start is not None for _, start in hub.gets[1:4])
    assert hub.sent < len(LARGE) + 3 * 65_536 + len(SMALL), "bytes were transferred twice"


def test_a_hub_without_ranges_starts_the_file_again(hub, tmp_path):
    hub.knows_ranges, hub.cuts = False, [400_000]
    assert download.fetch(download.survey(FILES), tmp_path)[0].read_bytes() == LARGE


def test_a_connection_that_never_holds_is_given_up_and_kept(hub, tmp_path):
    offers = download.survey(FILES)
    hub.cuts = [500_000] + [0] * 20
    with pytest.raises(DownloadError, match=r"failed .* Try again to go on .* fetch .*large\.bin"):
        download.fetch(offers, tmp_path)
    assert len(hub.gets) == download.ATTEMPTS + 1
    assert 400_000 < len(LARGE) + len(SMALL) - download.missing_bytes(offers, tmp_path) <= 500_000
    hub.cuts = []
    assert download.fetch(offers, tmp_path)[0].read_bytes() == LARGE
    assert hub.sent < len(LARGE) + 2 * 65_536


def test_transfers_that_end_early_without_an_error_are_given_up(hub, tmp_path):
    hub.tells_lengths, hub.cuts = False, [300_000] + [0] * 20
    with pytest.raises(DownloadError, match=r"large\.bin ended too early\. Try again"):
        download.fetch(download.survey(FILES), tmp_path)
    assert len(hub.gets) == download.ATTEMPTS + 1


def test_a_hub_without_ranges_that_never_sends_more_is_given_up(hub, tmp_path):
    hub.knows_ranges, hub.cuts = False, [400_000, 300_000] * 20
    with pytest.raises(DownloadError, match="failed"):
        download.fetch(download.survey(FILES), tmp_path)
    assert len(hub.gets) == download.ATTEMPTS + 1


def test_cancelling_keeps_what_has_arrived(hub, tmp_path):
    def stop(progress):
        if progress.done > 300_000:
            raise KeyboardInterrupt

    offers = download.survey(FILES)
    with pytest.raises(KeyboardInterrupt):
        download.fetch(offers, tmp_path, stop)
    kept = offers[0].size - download.missing_bytes(offers[:1], tmp_path)
    assert kept > 300_000
    hub.gets.clear()
    download.fetch(offers, tmp_path)
    assert hub.gets[0][1] == f"bytes={kept}-"


@pytest.mark.parametrize("name", ["large.bin", "vocab.json"])
def test_altered_bytes_are_refused_and_deleted(hub, tmp_path, name):
    hub.corrupt = True
    files = [file for file in FILES if file.name == name]
    with pytest.raises(DownloadError, match=f"{name} arrived altered and was deleted"):
        download.fetch(download.survey(files), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_kept_part_that_was_altered_is_found_out(hub, tmp_path):
    offers = download.survey(FILES)
    hub.cuts = [500_000] + [0] * 20
    with pytest.raises(DownloadError):
        download.fetch(offers, tmp_path)
    hub.cuts = []
    (part,) = tmp_path.glob(".large.bin.*.part")
    part.write_bytes(b"x" + part.read_bytes()[1:])
    with pytest.raises(DownloadError, match="altered"):
        download.fetch(offers, tmp_path)
    assert download.fetch(offers, tmp_path)[0].read_bytes() == LARGE


def test_a_file_that_is_there_but_damaged_is_fetched_again(hub, tmp_path):
    (tmp_path / "large.bin").write_bytes(b"\0" * len(LARGE))
    assert download.fetch(download.survey(FILES), tmp_path)[0].read_bytes() == LARGE


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        (401, r"refuses to hand out large\.bin \(401\)"),
        (403, r"refuses to hand out large\.bin \(403\).*account"),
        (404, r"no longer has large\.bin at http"),
        (500, r"an error of its own \(500\)"),
    ],
)
def test_refusals_say_what_to_fetch_by_hand(hub, tmp_path, status, sentence):
    hub.status = status
    with pytest.raises(DownloadError, match=sentence) as caught:
        download.survey(FILES)
    assert "clapsep models import" in str(caught.value)
    assert f"{hub.address}/spaces/owner/model/resolve/main/deep/large.bin" in str(caught.value)


@pytest.mark.parametrize(("status", "attempts"), [(403, 1), (503, download.ATTEMPTS)])
def test_only_a_hub_in_trouble_is_asked_again(hub, tmp_path, status, attempts):
    offers = download.survey(FILES)
    hub.get_status = status
    with pytest.raises(DownloadError, match=str(status)):
        download.fetch(offers, tmp_path)
    assert len(hub.gets) == attempts


def test_without_a_connection_the_files_are_named(hub, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")  # the discard port, closed
    with pytest.raises(DownloadError, match=r"connection to 127\.0\.0\.1:9 failed.*vocab\.json"):
        download.survey(FILES)


def test_an_offline_hub_library_is_said_so(hub, monkeypatch):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(DownloadError, match="switched off by HF_HUB_OFFLINE"):
        download.survey(FILES)


def test_a_proxy_is_honoured(hub, tmp_path, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", hub.address)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setenv("HF_ENDPOINT", "http://hub.invalid")
    huggingface_hub.close_session()
    paths = download.fetch(download.survey(FILES), tmp_path)
    assert paths[0].read_bytes() == LARGE
    assert all(address.startswith("http://hub.invalid/") for address, _ in hub.gets)


def test_a_full_disk_is_noticed_before_the_transfer(hub, tmp_path, monkeypatch):
    offers = download.survey(FILES)
    usage = folder.shutil.disk_usage(tmp_path)
    monkeypatch.setattr(folder.shutil, "disk_usage", lambda path: usage._replace(free=900_000))
    with pytest.raises(ModelError, match=r"is full: 1 MB are needed, 0\.9 MB are free"):
        download.fetch(offers, tmp_path)
    assert hub.gets == []


def test_the_published_files_are_where_their_authors_put_them(monkeypatch):
    monkeypatch.delenv("HF_ENDPOINT", raising=False)
    assert [file.url.removeprefix("https://huggingface.co/") for file in download.BASE_FILES] == [
        "lukewys/laion_clap/resolve/main/music_audioset_epoch_15_esc_90.14.pt",
        "spaces/AisakaMikoto/CLAPSep/resolve/main/model/best_model.ckpt",
        "FacebookAI/roberta-base/resolve/main/vocab.json",
        "FacebookAI/roberta-base/resolve/main/merges.txt",
    ]
