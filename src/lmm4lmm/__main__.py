"""``python -m lmm4lmm``: the command line, of this very Python."""

from lmm4lmm.cli.main import run

if __name__ == "__main__":
    run()
