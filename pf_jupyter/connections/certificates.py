"""What a certificate says of itself."""

from __future__ import annotations

from datetime import datetime


def holds_until(pem: str) -> datetime:
    """Return when a certificate runs out.

    Parameters
    ----------
    pem
        Its text.

    Raises
    ------
    ValueError
        It is no certificate.
    """
    from cryptography import x509

    return x509.load_pem_x509_certificate(pem.encode()).not_valid_after_utc
