"""Image files without what they tell beside their pixels: generators write prompts and names into metadata.

The pixels are not touched and nothing is compressed anew: only the parts of the container that describe are left
out. Colour profiles stay. Sources: PNG specification (W3C, 3rd edition) section 11; JPEG ITU-T T.81 annex B;
WebP container specification (RFC 9649).
"""

from __future__ import annotations

import struct

PNG = b"\x89PNG\r\n\x1a\n"
PNG_KEPT = {
    b"tRNS",
    b"cHRM",
    b"gAMA",
    b"iCCP",
    b"sBIT",
    b"sRGB",
    b"cICP",
    b"bKGD",
    b"pHYs",
    b"acTL",
    b"fcTL",
    b"fdAT",
}
"""Chunks beside the critical ones (whose first letter is a capital) that change how pixels look."""

JPEG_KEPT = {0xE0, 0xE2, 0xEE}
"""Application segments that do the same: JFIF, colour profile, Adobe's colour transform."""

WEBP_LEFT_OUT = {b"EXIF", b"XMP "}
WEBP_FLAGS = ~0b0000_1100 & 0xFF
"""The header's bits that promise EXIF and XMP are cleared."""


def without_metadata(data: bytes) -> bytes:
    """The same picture without texts, EXIF, XMP and comments.

    PNG, JPEG and WebP are cleaned; another format, or a file that ends early, is handed on as far as it goes.
    """
    if data.startswith(PNG):
        return _png(data)
    if data.startswith(b"\xff\xd8"):
        return _jpeg(data)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return _webp(data)
    return data


def _png(data: bytes) -> bytes:
    kept, at = [PNG], len(PNG)
    while at + 12 <= len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        kind = data[at + 4 : at + 8]
        if not kind[0] & 0x20 or kind in PNG_KEPT:
            kept.append(data[at : at + 12 + length])
        at += 12 + length
        if kind == b"IEND":
            break  # what follows is no part of the picture
    return b"".join(kept)


def _jpeg(data: bytes) -> bytes:
    kept, at = [data[:2]], 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:  # a fill byte
            at += 1
            continue
        if marker == 0xDA:  # the picture itself begins
            break
        (length,) = struct.unpack(">H", data[at + 2 : at + 4])
        segment = data[at : at + 2 + length]
        if marker == 0xE1 and (turned := _orientation(segment)) > 1:
            kept.append(_only_orientation(turned))
        elif not (0xE0 <= marker <= 0xEF or marker == 0xFE) or marker in JPEG_KEPT:
            kept.append(segment)
        at += 2 + length
    end = data.rfind(b"\xff\xd9")
    return b"".join(kept) + (data[at:] if end < at else data[at : end + 2])


def _orientation(segment: bytes) -> int:
    """EXIF's orientation, 1 to 8; 1 where there is none."""
    body = segment[4:]
    if not body.startswith(b"Exif\0\0") or len(body) < 16:
        return 1
    tiff = body[6:]
    order = "<" if tiff[:2] == b"II" else ">"
    (start,) = struct.unpack(f"{order}I", tiff[4:8])
    (entries,) = struct.unpack(f"{order}H", tiff[start : start + 2]) if start + 2 <= len(tiff) else (0,)
    for number in range(entries):
        entry = tiff[start + 2 + 12 * number : start + 14 + 12 * number]
        if len(entry) == 12 and struct.unpack(f"{order}H", entry[:2])[0] == 0x0112:
            value: int = struct.unpack(f"{order}H", entry[8:10])[0]
            return value if 1 <= value <= 8 else 1
    return 1


def _only_orientation(turned: int) -> bytes:
    """An EXIF segment with nothing but how the picture is turned."""
    tiff = b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 0x0112, 3, 1, turned, 0, 0)
    body = b"Exif\0\0" + tiff
    return b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body


def _webp(data: bytes) -> bytes:
    kept, at = [b"WEBP"], 12
    while at + 8 <= len(data):
        kind, (length,) = data[at : at + 4], struct.unpack("<I", data[at + 4 : at + 8])
        chunk = data[at : at + 8 + length + length % 2]
        if kind == b"VP8X":
            chunk = chunk[:8] + bytes((chunk[8] & WEBP_FLAGS,)) + chunk[9:]
        if kind not in WEBP_LEFT_OUT:
            kept.append(chunk)
        at += 8 + length + length % 2
    body = b"".join(kept)
    return b"RIFF" + struct.pack("<I", len(body)) + body
