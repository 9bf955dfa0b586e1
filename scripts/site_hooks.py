"""Hooks of mkdocs: pages from outside docs/ join the site, and links lead to them there as in the repository."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parent.parent
OUTSIDE = {
    "benchmarks/README.md": "benchmarks.md",
    "src/lmm4lmm/model/nano/trained/MODEL_CARD.md": "model-card.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "README.md": "index.md",
}
"""Where a file of the repository is in the site."""
_LINK = re.compile(r"(?P<image>!?)\[(?P<words>[^\]]*)\]\((?P<target>[^)#\s:]+)(?P<anchor>#[^)\s]*)?\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the pages from outside docs/."""
    for source, page in OUTSIDE.items():
        if files.get_file_from_path(page) is None:
            files.append(File.generated(config, page, abs_src_path=str(ROOT / source)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Links as the repository has them become links of the site; what is not in the site is left as plain words."""
    here = page.file.src_uri
    source = next(
        (source for source, name in OUTSIDE.items() if name == here and here != "index.md"), f"docs/{here}"
    )

    def moved(link: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(source), link["target"]))
        inside = OUTSIDE.get(target, target.removeprefix("docs/") if target.startswith("docs/") else None)
        if inside is None:
            return link["words"] if (ROOT / target).exists() else link[0]
        away = posixpath.relpath(inside, posixpath.dirname(here) or ".")
        return f"{link['image']}[{link['words']}]({away}{link['anchor'] or ''})"

    return _LINK.sub(moved, markdown)
