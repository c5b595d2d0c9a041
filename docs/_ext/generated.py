"""Pages made from the package itself before Sphinx looks for pages, so that they cannot lie."""

from __future__ import annotations

from pathlib import Path

import capabilities
import models
import reference
from sphinx.application import Sphinx
from sphinx.config import Config

PAGES = {
    "_generated/capabilities.md": capabilities.page,
    "_generated/models.md": models.page,
    "api/index.rst": reference.page,
}


def write_pages(app: Sphinx, config: Config) -> None:
    for name, page in PAGES.items():
        path = Path(app.srcdir, name)
        path.parent.mkdir(exist_ok=True)
        text = page()
        # An untouched file is not read again.
        if not path.exists() or path.read_text("utf-8") != text:
            path.write_text(text, "utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("config-inited", write_pages)
    return {"parallel_read_safe": True}
