"""The faces of an evaluation: text, notebook, one page, plots."""

from unifml.tasks.report.html import html_face
from unifml.tasks.report.page import evaluation_page
from unifml.tasks.report.plots import PLOTS, draw, possible
from unifml.tasks.report.text import print_table, text_face

__all__ = [
    "PLOTS",
    "draw",
    "evaluation_page",
    "html_face",
    "possible",
    "print_table",
    "text_face",
]
