"""Whom connections trust: one set of certificates for all that goes out."""

from __future__ import annotations

import os
import ssl
from functools import cache


@cache
def certificates() -> ssl.SSLContext:
    """The authorities that the system trusts and, where certifi is installed, those of Mozilla.

    A company's own authority is in the system's store alone, and a bare container or a Python for macOS may have
    nothing but certifi. Where ``SSL_CERT_FILE`` or ``SSL_CERT_DIR`` say what the system trusts, that alone counts.
    Read once: that takes longer than all else in making a client.
    """
    context = ssl.create_default_context()
    if not (os.environ.get("SSL_CERT_FILE") or os.environ.get("SSL_CERT_DIR")):
        try:
            import certifi
        except ImportError:
            return context
        context.load_verify_locations(certifi.where())
    return context
