"""The journal: nothing lost, nothing half, nobody else's file touched."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmm4lmm.core.errors import JournalError
from lmm4lmm.running.journal import Journal

posix = pytest.mark.skipif(os.name == "nt", reason="signals and limits of POSIX")

WRITER = """
import sys
from pathlib import Path
from lmm4lmm.running.journal import Journal
with Journal.open(Path(sys.argv[1]), purpose="test") as journal:
    batch = len(journal) // 10
    while True:
        journal.put({f"{batch}/{k}": bytes(2000) for k in range(10)})
        print(batch, flush=True)
        batch += 1
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "scores.journal"


def start_writer(path: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_what_was_put_is_there_again(path: Path) -> None:
    with Journal.open(path, purpose="test") as journal:
        assert len(journal) == 0
        journal.put({"a": b"1", "狗": b"\0\xff"})
        journal.put({"a": b"2"})
        journal.put({})
    with Journal.open(path, purpose="test") as journal:
        assert len(journal) == 2
        assert journal.get(["a", "狗", "absent"]) == {"a": b"2", "狗": b"\0\xff"}
        assert journal.get([]) == {}
    assert [entry.name for entry in path.parent.iterdir()] == ["scores.journal"]


def test_thousands_of_keys_at_once(path: Path) -> None:
    everything = {str(number): str(number).encode() for number in range(3210)}
    with Journal.open(path, purpose="test") as journal:
        journal.put(everything)
        assert journal.get([*everything, "absent"]) == everything


@settings(max_examples=20)
@given(st.lists(st.dictionaries(st.text(max_size=3), st.binary(max_size=9), max_size=5), max_size=6))
def test_it_is_a_dictionary_that_stays(
    tmp_path_factory: pytest.TempPathFactory, batches: list[dict[str, bytes]]
) -> None:
    path, model = tmp_path_factory.mktemp("journal") / "j", dict[str, bytes]()
    for batch in batches:
        with Journal.open(path, purpose="test") as journal:
            journal.put(batch)
            model.update(batch)
            assert journal.get(list(model)) == model
            assert len(journal) == len(model)


def test_threads_may_share_it(path: Path) -> None:
    with Journal.open(path, purpose="test") as journal, ThreadPoolExecutor(8) as pool:

        def work(number: int) -> bytes:
            journal.put({str(number): b"x" * number})
            return journal.get([str(number)])[str(number)]

        assert [len(data) for data in pool.map(work, range(200))] == list(range(200))
        assert len(journal) == 200


# --- one at a time ------------------------------------------------------------------------------------------


def test_a_second_holder_is_refused_at_once_and_told_who_the_first_is(path: Path) -> None:
    with Journal.open(path, purpose="test") as journal:
        with pytest.raises(
            JournalError, match=rf"scores\.journal: in use by process {os.getpid()} on .+ since 2"
        ):
            Journal.open(path, purpose="test")
        journal.put({"a": b"1"})  # the first is none the worse
    Journal.open(path, purpose="test").close()


@posix
def test_a_second_process_is_refused_and_kill_9_lets_go(path: Path) -> None:
    writer = start_writer(path)
    try:
        assert writer.stdout is not None
        writer.stdout.readline()
        with pytest.raises(JournalError, match=f"in use by process {writer.pid} "):
            Journal.open(path, purpose="test")
    finally:
        writer.kill()
        writer.wait()
    with Journal.open(path, purpose="test") as journal:
        assert len(journal) >= 10


def test_of_many_that_start_at_once_one_gets_it(path: Path) -> None:
    def start(_: int) -> Journal | str:
        try:
            return Journal.open(path, purpose="test")
        except JournalError as error:
            return str(error)

    for _ in range(5):
        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(start, range(8)))
        winners = [journal for journal in found if isinstance(journal, Journal)]
        assert len(winners) == 1
        assert sum("in use by" in text for text in found if isinstance(text, str)) == 7
        assert winners[0]  # an empty journal is no reason to go without one
        winners[0].close()


# --- kill -9 ------------------------------------------------------------------------------------------------


@posix
def test_kill_9_at_any_moment_loses_nothing_acknowledged_and_leaves_no_half_batch(path: Path) -> None:
    moment = random.Random(303)
    acknowledged = 0
    for _ in range(8):
        writer = start_writer(path)
        assert writer.stdout is not None
        assert writer.stderr is not None
        begun = "".join(writer.stdout.readline() for _ in range(2))  # however busy the machine is
        time.sleep(moment.random() * 0.25)
        writer.send_signal(signal.SIGKILL)
        output, errors = begun + writer.stdout.read(), writer.stderr.read()
        writer.wait()
        writer.stdout.close()
        writer.stderr.close()
        assert not errors
        acknowledged = max([acknowledged, *(int(line) + 1 for line in output.splitlines() if line.strip())])
        with Journal.open(path, purpose="test") as journal:
            count = len(journal)
            assert count % 10 == 0
            assert acknowledged <= count // 10 <= acknowledged + 1
        with sqlite3.connect(path) as database:
            assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        database.close()
        acknowledged = count // 10
    assert acknowledged > 10


# --- not our file -------------------------------------------------------------------------------------------


def stranger(path: Path) -> None:
    path.write_text("a diary, not a database" * 20)


def foreign_database(path: Path) -> None:
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("CREATE TABLE accounts (id)")
    database.close()


def later_version(path: Path) -> None:
    Journal.open(path, purpose="test").close()
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA journal_mode = DELETE")
        database.execute("PRAGMA user_version = 99")
    database.close()


def other_purpose(path: Path) -> None:
    Journal.open(path, purpose="images").close()


@pytest.mark.parametrize(
    ("make", "cause"),
    [
        (stranger, "not a journal"),
        (foreign_database, "not a journal"),
        (later_version, "a journal of version 99, and this lmm4lmm reads version 1"),
        (other_purpose, "a journal of images, not of test"),
    ],
)
def test_other_files_are_refused_and_left_as_they_are(make: object, cause: str, path: Path) -> None:
    make(path)  # type: ignore[operator]
    before = path.read_bytes()
    with pytest.raises(JournalError, match=cause):
        Journal.open(path, purpose="test")
    assert path.read_bytes() == before
    assert [entry.name for entry in path.parent.iterdir()] == ["scores.journal"]


def test_a_damaged_journal_says_so(path: Path) -> None:
    with Journal.open(path, purpose="test") as journal:
        journal.put({str(number): bytes(500) for number in range(100)})
    damaged = bytearray(path.read_bytes())
    damaged[4096:20_000] = os.urandom(20_000 - 4096)
    path.write_bytes(damaged)
    with pytest.raises(JournalError, match=r"scores\.journal: the file is damaged; move it away"):  # noqa: SIM117
        with Journal.open(path, purpose="test") as journal:
            journal.get([str(number) for number in range(100)])
    path.write_bytes(damaged[:5000])
    with pytest.raises(JournalError, match="damaged"):
        Journal.open(path, purpose="test")


def test_an_empty_file_becomes_a_journal_and_a_deleted_ones_log_is_not_replayed(path: Path) -> None:
    with Journal.open(path, purpose="test") as journal:
        journal.put({"old": b"1"})
        log = path.with_name(path.name + "-wal").read_bytes()
    path.write_bytes(b"")
    path.with_name(path.name + "-wal").write_bytes(log)
    with Journal.open(path, purpose="test") as journal:
        assert len(journal) == 0
        journal.put({"new": b"2"})


@pytest.mark.parametrize("where", ["", "file/below"])
def test_impossible_places_are_named(where: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(JournalError, match="can't be"):
        Journal.open(tmp_path / where, purpose="test")


@posix
@pytest.mark.skipif(os.name != "nt" and os.geteuid() == 0, reason="the superuser may write everywhere")
def test_a_read_only_directory_is_named(path: Path) -> None:
    path.parent.chmod(0o500)
    try:
        with pytest.raises(JournalError, match="Permission denied"):
            Journal.open(path, purpose="test")
    finally:
        path.parent.chmod(0o700)


def test_a_closed_journal_says_so(path: Path) -> None:
    journal = Journal.open(path, purpose="test")
    journal.close()
    journal.close()
    with pytest.raises(JournalError, match="closed"):
        journal.get(["a"])
    with pytest.raises(JournalError, match="closed"):
        journal.put({"a": b"1"})


# --- no room ------------------------------------------------------------------------------------------------


def test_a_full_disk_says_so_and_keeps_what_was_done(path: Path) -> None:
    with Journal.open(path, purpose="test") as journal:
        journal.put({"before": b"1"})
        journal._database.execute("PRAGMA max_page_count = 10")  # SQLite's own way to be full
        with pytest.raises(
            JournalError, match=r"scores\.journal: the disk is full.*recorded before are safe"
        ):
            journal.put({str(number): bytes(1000) for number in range(100)})
        assert journal.get(["before", "1"]) == {"before": b"1"}
        journal.put({"small": b"2"})
    with Journal.open(path, purpose="test") as journal:
        assert len(journal) == 2


LIMITED = """
import resource, sys
from pathlib import Path
from lmm4lmm.core.errors import JournalError
from lmm4lmm.running.journal import Journal
journal = Journal.open(Path(sys.argv[1]), purpose="test")
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))
for batch in range(1000):
    try:
        journal.put({f"{batch}/{k}": bytes(1000) for k in range(10)})
    except JournalError as error:
        print(batch)
        print(error)
        break
journal.close()
"""


@posix
def test_a_limit_met_by_the_real_file_system(path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(path)], capture_output=True, text=True, check=True
    )
    batches, message = done.stdout.splitlines()
    assert "over a limit" in message
    assert "Results recorded before are safe" in message
    with Journal.open(path, purpose="test") as journal:
        assert len(journal) == 10 * int(batches) > 0
