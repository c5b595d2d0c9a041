"""Pages made from the package itself before Sphinx looks for pages, so that they cannot lie."""

from __future__ import annotations

from pathlib import Path

import capabilities
import layers
import models
import onnx_coverage
import parity
import performance
import reference
import significance
from sphinx.application import Sphinx
from sphinx.config import Config

PAGES = {
    "_generated/capabilities.md": capabilities.page,
    "_generated/models.md": models.page,
    "_generated/onnx_coverage.md": onnx_coverage.page,
    "_generated/parity.md": parity.page,
    "_generated/performance.md": performance.page,
    "_generated/significance.md": significance.page,
    "api/index.rst": reference.page,
}


def write_pages(app: Sphinx, config: Config) -> None:
    texts = {name: page() for name, page in PAGES.items()} | layers.pages()
    for name, text in texts.items():
        path = Path(app.srcdir, name)
        path.parent.mkdir(exist_ok=True)
        # An untouched file is not read again.
        if not path.exists() or path.read_text("utf-8") != text:
            path.write_text(text, "utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("config-inited", write_pages)
    return {"parallel_read_safe": True}
