"""The certificates that are shipped: every one holds, every paper-size instance has one, none beats a known delay."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from library_instances import library_instance

from fgamcd_opt.certificates.certificate_check import check_certificate
from fgamcd_opt.instances.library.best_known import read_best_known
from fgamcd_opt.instances.library.catalog import library
from fgamcd_opt.io.errors import InputError
from fgamcd_opt.studies.library.library_certificates import (
    CERTIFICATES_PATH,
    certificate_path,
    record_certificate,
    stored_certificate,
)

STORED = sorted(path.stem for path in CERTIFICATES_PATH.glob("*.npz"))
NAME = "tiny-s6-0050MB"


@pytest.mark.parametrize("name", STORED)
def test_shipped_certificate_holds(name: str) -> None:
    certificate = stored_certificate(name)
    assert certificate is not None
    check = check_certificate(library_instance(name), certificate)
    assert check.faults == ()
    known = read_best_known()[name]
    assert known.digest == certificate.instance_digest
    assert known.delay_s is not None
    assert 0.85 * known.delay_s <= certificate.bound_s <= known.delay_s
    assert certificate_path(name).stat().st_size <= 300_000


def test_every_paper_instance_has_a_certificate() -> None:
    paper = {name for name in library() if name.startswith("paper")}
    assert len(paper) >= 15
    assert paper <= set(STORED) <= set(library())


def test_only_better_certificates_that_hold_are_recorded(tmp_path: Path) -> None:
    instance, certificate = library_instance(NAME), stored_certificate(NAME)
    assert certificate is not None
    assert stored_certificate(NAME, tmp_path) is None
    assert record_certificate(instance, certificate, tmp_path)
    assert not record_certificate(instance, certificate, tmp_path)
    kept = stored_certificate(NAME, tmp_path)
    assert kept is not None
    assert kept.digest == certificate.digest
    false = dataclasses.replace(certificate, bound_s=2 * certificate.bound_s)
    with pytest.raises(InputError, match=f"{NAME}: bound_s: .*; nothing recorded"):
        record_certificate(instance, false, tmp_path)
    with pytest.raises(InputError, match="not a library instance with its released digest"):
        record_certificate(instance.replace(noise_w=1.0), certificate, tmp_path)
    dataclasses.replace(certificate, instance_digest="0" * 64).save(certificate_path(NAME, tmp_path))
    assert stored_certificate(NAME, tmp_path) is None  # of an older release of the instance
