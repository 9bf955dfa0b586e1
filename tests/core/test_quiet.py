import logging

from lmm4lmm.core.quiet import quiet_libraries


def test_warnings_of_talkative_libraries_are_muted_and_errors_are_not() -> None:
    quiet_libraries()
    logger = logging.getLogger("torchao")
    assert not logger.isEnabledFor(logging.WARNING)
    assert logger.isEnabledFor(logging.ERROR)
