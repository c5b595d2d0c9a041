"""How the documentation is built: ``nox -s docs``, offline, and without a warning."""

import sys
from pathlib import Path

import unifml

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "unifml"
author = "unifml developers"
copyright = "unifml developers"
version = release = unifml.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "myst_parser",
    "sphinx_gallery.gen_gallery",
    "generated",  # pages made from the package itself: _ext/generated.py
]
exclude_patterns = ["_build", "_ext", "_generated"]
templates_path = ["_templates"]
default_role = "autolink"
nitpicky = False
toc_object_entries_show_parents = "hide"

autodoc_typehints = "none"  # the docstrings say types, in words
autodoc_default_options = {"members": True, "member-order": "bysource"}
numpydoc_show_class_members = False

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "filename_pattern": r"\.py$",  # every example is run
    "within_subsection_order": "gallery.TeachingOrder",
    "abort_on_example_error": True,
    "capture_repr": ("_repr_html_",),  # what is worth seeing is printed or drawn
    "download_all_examples": False,
    "remove_config_comments": True,
    "show_memory": False,
    "show_signature": False,
    "write_computation_times": False,
}

html_theme = "pydata_sphinx_theme"
html_title = "unifml"
html_show_sourcelink = False
html_static_path = ["_static"]
html_css_files = ["unifml.css"]
html_sidebars = {page: [] for page in ("index", "install", "add_a_backend", "changelog")}
html_theme_options = {
    "header_links_before_dropdown": 6,
    "navigation_with_keys": False,
    "secondary_sidebar_items": ["page-toc"],
    "show_toc_level": 2,
}
