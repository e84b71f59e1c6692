"""Certificates of the library: for an instance, the file that proves its certified bound, kept beside the library."""

from __future__ import annotations

from pathlib import Path

from fgamcd_opt.certificates.certificate import Certificate
from fgamcd_opt.certificates.certificate_check import check_certificate
from fgamcd_opt.instances.instance import Instance
from fgamcd_opt.instances.library.catalog import LIBRARY_PATH, library
from fgamcd_opt.io.errors import InputError

CERTIFICATES_PATH = LIBRARY_PATH.with_name("certificates")
"""Folder of the certificates."""


def certificate_path(name: str, folder: Path = CERTIFICATES_PATH) -> Path:
    """File of the certificate of a library instance, whether it exists or not."""
    return folder / f"{name}.npz"


def stored_certificate(name: str, folder: Path = CERTIFICATES_PATH) -> Certificate | None:
    """The stored certificate of a library instance; None without one for the present digest.

    Raises
    ------
    InputError
        The file is damaged.
    """
    path = certificate_path(name, folder)
    if not path.exists():
        return None
    certificate = Certificate.load(path)
    return certificate if certificate.instance_digest == library()[name].digest else None


def record_certificate(
    instance: Instance, certificate: Certificate, folder: Path = CERTIFICATES_PATH
) -> bool:
    """Check a certificate of a library instance and keep it if it proves more than the stored one.

    Returns
    -------
    bool
        Whether it was written.

    Raises
    ------
    InputError
        The instance is not the library's, or the certificate does not hold.
    """
    entry = library().get(instance.name)
    if entry is None or entry.digest != instance.digest:
        raise InputError(
            f"{instance.name}: is not a library instance with its released digest; nothing recorded"
        )
    check = check_certificate(instance, certificate)
    if not check.valid:
        raise InputError(f"{instance.name}: {check.faults[0]}; nothing recorded")
    old = stored_certificate(instance.name, folder)
    if old is not None and old.bound_s >= certificate.bound_s:
        return False
    certificate.save(certificate_path(instance.name, folder))
    return True
