"""Real processes for loads and tests of human studies: ``lmm4lmm study serve``, and a PostgreSQL for a while."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

PASSWORD = "correct horse battery"
COMMAND = [sys.executable, "-c", "from lmm4lmm.cli.main import run; run()"]
PATIENCE = 180
"""Seconds in which a server has to answer, on a machine with other work."""


class Unavailable(Exception):
    """PostgreSQL can't be started here, and why."""


class Served:
    """``lmm4lmm study serve`` on a database, in a process of its own.

    Args:
        name: the study.
        database: a file or a URL.
        port: 0 takes a free one; after a kill, the one that it had.

    Attributes:
        url: where it answers.
        said: all it wrote, once it is stopped.
    """

    def __init__(self, name: str, database: str | Path, port: int = 0) -> None:
        options = ["study", "serve", name, "--database", str(database), "--port", str(port)]
        # A file, not a pipe: nobody reads while the load runs, and a full pipe would stop the server.
        self._stream = tempfile.TemporaryFile()  # noqa: SIM115  # closed by stop
        self.process = subprocess.Popen(
            [*COMMAND, *options],
            stderr=self._stream,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "LMM4LMM_STUDY_PASSWORD": PASSWORD},
        )
        until = time.monotonic() + PATIENCE
        while "\n" not in self._read():
            if self.process.poll() is not None or time.monotonic() > until:
                self.process.kill()
                raise RuntimeError(f"the server did not start: {self._read()}")
            time.sleep(0.02)
        self.said = self._read()
        self.url = next(word for word in self.said.split() if word.startswith("http://")).removesuffix(
            "/i/...,"
        )
        self.port = int(self.url.rpartition(":")[2])

    def processor(self) -> float:
        """Seconds of processor time until now, of all its threads; Linux only."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Its exit code."""
        self.process.send_signal(how)
        code = self.process.wait(PATIENCE)
        self.said = self._read()
        self._stream.close()
        return code

    def _read(self) -> str:
        return os.pread(self._stream.fileno(), 1_000_000, 0).decode(errors="replace")


@contextmanager
def cluster(*, durable: bool) -> Iterator[str]:
    """The socket folder of a running cluster, started as a user who is not root (PostgreSQL insists).

    Args:
        durable: whether a commit waits for the disk; tests that never lose power need not wait.

    Raises:
        Unavailable: the programs are missing.
    """
    binaries = _binaries()
    folder = Path(tempfile.mkdtemp(prefix="pg", dir="/tmp"))  # a socket's path must be short
    prefix: list[str] = []
    if os.geteuid() == 0:
        subprocess.run(["chown", "nobody", folder], check=True)
        prefix = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]

    def run(tool: str, *options: str) -> None:
        command = [*prefix, f"{binaries}/{tool}", "-D", f"{folder}/data", *options]
        subprocess.run(command, check=True, cwd=folder, stdout=subprocess.DEVNULL, timeout=PATIENCE)

    settings = f"-c listen_addresses= -c fsync={'on' if durable else 'off'} -k {folder}"
    run("initdb", "-A", "trust", "-U", "tester", "-N")
    run("pg_ctl", "-w", "-l", f"{folder}/log", "-o", settings, "start")
    try:
        yield str(folder)
    finally:
        run("pg_ctl", "-m", "immediate", "-w", "stop")
        shutil.rmtree(folder, ignore_errors=True)


def _binaries() -> Path:
    found = shutil.which("initdb")
    places = [Path(found).resolve().parent] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    binaries = next((place for place in reversed(places) if (place / "pg_ctl").exists()), None)
    if binaries is None:
        raise Unavailable("no PostgreSQL here (initdb is not found)")
    if os.geteuid() == 0 and (shutil.which("setpriv") is None or shutil.which("chown") is None):
        raise Unavailable("root can't start PostgreSQL without setpriv")
    return binaries


def new_database(folder: str) -> str:
    """The URL of a new, empty database in a running cluster."""
    import psycopg

    name = f"s{uuid4().hex}"
    with psycopg.connect(host=folder, user="tester", dbname="postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    return f"postgresql://tester@/{name}?host={folder}"
