"""llama.cpp's own server, from the package xllamacpp: ``python llama_server.py TEXT EYES KEY``."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NAME = "tiny-llava"
"""The model's, as the server tells it."""
ALIAS = f"{NAME}:latest"
"""Its second one."""


@contextmanager
def serving(text: Path, eyes: Path | None, *, key: str = "") -> Iterator[str]:
    """The server's address without ``/v1``, for as long as the block runs.

    Args:
        text: the language model, a GGUF file.
        eyes: the projector of images, another; None for a model that takes none.
        key: that the server wants.
    """
    words = [sys.executable, __file__, str(text), str(eyes or ""), key]
    with (text.parent / "server.log").open("w+") as log:
        server = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True)
        try:
            address = server.stdout.readline().strip()
            log.seek(0)
            assert address, f"the server ended: {log.read()[-2000:]}"
            yield address
        finally:
            server.communicate(timeout=30)


def serve(text: str, eyes: str, key: str) -> None:
    """Serves on a free port, whose address it prints, until its input ends.

    In single precision: by llama.cpp's flash attention, in half, a score depends on what else is in the batch.
    """
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path, params.mmproj.path, params.model_alias = text, eyes, {NAME, ALIAS}
    params.api_keys = [key] if key else []
    params.port = 0
    params.n_parallel = 2
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    params.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
    params.cache_type_k = params.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_F32
    params.endpoint_metrics = True
    server = xllamacpp.Server(params)
    print(server.listening_address, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    serve(*sys.argv[1:])
