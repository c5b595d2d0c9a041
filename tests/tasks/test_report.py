"""The faces of an evaluation: text, notebook, page."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import unifml
from unifml import Classifier, Training
from unifml.tasks.report import print_table
from unifml.tasks.report.html import table

EVIL = "<script>alert('x')</script>"
IRIS = load_iris(return_X_y=True, as_frame=True)
LOGISTIC = make_pipeline(StandardScaler(), LogisticRegression())


class Page(HTMLParser):
    """What a browser would fetch, run and show."""

    FETCHES = ("src", "href", "srcset", "action")
    VOID = ("meta", "img", "br", "hr", "link", "input")

    def __init__(self, text):
        super().__init__()
        self.open, self.links, self.tags, self.shown, self.ids = [], [], [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [
            value for name, value in attrs if name in ("src", "href", "srcset", "action")
        ]
        self.ids += [value for name, value in attrs if name == "id"]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.shown.append(data)

    @property
    def text(self):
        return " ".join(self.shown)


@pytest.fixture(scope="module")
def report():
    X, y = IRIS
    labels = np.array([EVIL, "b & c", "$d$"])[y]
    clf = Classifier("mlp", backend="sklearn", training=Training(epochs=3), random_state=0)
    return unifml.evaluate(clf, X, labels, cv=3, random_state=0)


@pytest.fixture(scope="module")
def page(report):
    return report.to_html()


def test_the_page_is_well_formed_and_asks_no_network(page):
    found = Page(page)
    assert not found.open
    assert page.startswith("<!DOCTYPE html>")
    for link in found.links:
        assert link.startswith(("data:image/svg+xml;base64,", "#"))
    assert not re.search(r"https?://|url\(|@import", page)
    assert not {"script", "link", "iframe", "object"} & set(found.tags)


def test_links_of_the_page_lead_to_its_sections(page):
    found = Page(page)
    targets = [link[1:] for link in found.links if link.startswith("#")]
    assert targets
    assert targets == found.ids


def test_what_users_call_things_is_escaped(page, report):
    assert "<script" not in page
    assert "<script" not in report._repr_html_()
    assert "&lt;script&gt;" in page


def test_columns_and_values_are_escaped():
    text = table([{EVIL: EVIL, "x": 1.5, "n": 3, "none": None, "nan": float("nan")}])
    assert "<script" not in text
    assert Page(text).text.count("-") >= 2
    assert "1.5000" in text
    assert ">3<" in text


def test_the_page_holds_everything(page, report):
    found = Page(page)
    for words in ("Scores", "Folds", "Plots", "Times", "Versions", "Seed", "unifml", "low", "high"):
        assert words in found.text
    for name, value in report.scores.items():
        assert name in found.text
        assert f"{value:.4f}" in found.text
    assert len([link for link in found.links if link.startswith("data:")]) == 6


def test_the_page_is_written(report, tmp_path):
    text = report.to_html(tmp_path / "report.html")
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == text
    assert report.to_html() == text  # the same plots, byte for byte


def test_a_page_leaves_no_figures_open(report):
    import matplotlib.pyplot as plt

    before = plt.get_fignums()
    report.to_html()
    assert plt.get_fignums() == before


def test_text_is_plain_and_the_same_each_time(report):
    assert str(report) == str(report)
    assert "\x1b" not in str(report)
    first, header, *_ = str(report).splitlines()
    assert first == report.title
    assert header.split()[:2] == ["metric", "mean"]


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_rich_draws_on_terminals_only(report, monkeypatch):
    pytest.importorskip("rich")
    monkeypatch.setenv("COLUMNS", "120")
    pipe, terminal = io.StringIO(), Terminal()
    print_table(report, pipe)
    print_table(report, terminal)
    assert pipe.getvalue() == f"{report}\n"
    assert "─" in terminal.getvalue() or "\x1b" in terminal.getvalue()
    for name, value in report.scores.items():
        assert name in terminal.getvalue()
        assert f"{value:.4f}" in terminal.getvalue()


def test_rich_takes_text_as_it_is():
    rich = pytest.importorskip("rich.console")
    from unifml.tasks.report.text import rich_face

    console = rich.Console(file=io.StringIO(), width=100)
    console.print(rich_face("[bold]t[/bold]", ["[red]a", "b"], [["[x]", "[/y]"]], ["[z]"]))
    for word in ("[bold]t[/bold]", "[red]a", "[x]", "[/y]", "[z]"):
        assert word in console.file.getvalue()


def test_a_notebook_shows_the_scores_and_folds_more_away(report):
    text = report._repr_html_()
    found = Page(text)
    assert not found.open
    assert "details" in found.tags
    assert "accuracy" in found.text
    assert len(text) < 20_000


def test_a_page_without_matplotlib_says_what_to_install(report, monkeypatch):
    import unifml.tasks.report.page as module

    monkeypatch.setattr(module, "find_spec", lambda name: None)
    found = Page(report.to_html())
    assert "unifml[plot]" in found.text
    assert "img" not in found.tags


@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs a browser")
def test_a_browser_shows_table_and_plots_without_network(page, tmp_path):
    image = pytest.importorskip("PIL.Image")
    pictures = re.sub(r"<(header|nav)>.*?</\1>|<section id='(?!plots).*?</section>", "", page)
    for name, text in {
        "all": page,
        "plots": pictures,
        "none": pictures.replace("<img", "<i"),
    }.items():
        (tmp_path / f"{name}.html").write_text(text, encoding="utf-8")
    inks = {}
    for name in ("all", "plots", "none"):
        shot = tmp_path / f"{name}.png"
        flags = ["--headless", "--no-sandbox", "--disable-gpu", "--window-size=1000,1200"]
        flags += [
            "--host-resolver-rules=MAP * ~NOTFOUND",
            f"--user-data-dir={tmp_path / 'profile'}",
        ]
        source = (tmp_path / f"{name}.html").as_uri()
        subprocess.run(
            ["chromium", *flags, f"--screenshot={shot}", source], check=True, capture_output=True,
            timeout=60,
        )  # fmt: skip
        inks[name] = (np.asarray(image.open(shot).convert("L")) < 200).sum()
    assert inks["plots"] > 3 * inks["none"]
    assert inks["all"] > 1000


def test_text_needs_neither_rich_nor_matplotlib():
    code = (
        "import sys\nsys.modules['rich'] = sys.modules['matplotlib'] = None\n"
        "import unifml\nfrom sklearn.datasets import load_iris\n"
        "r = unifml.evaluate('linear', *load_iris(return_X_y=True), backend='sklearn', cv=2)\n"
        "print(r)\nr._repr_html_()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "accuracy" in done.stdout


def test_every_backend_has_a_page(backend):
    clf = Classifier("mlp", backend=backend, training=Training(epochs=2), random_state=0)
    X, y = IRIS
    text = Page(unifml.evaluate(clf, X, y, cv=2, random_state=0).to_html()).text
    assert f"{backend} on" in text


def test_frames_with_odd_names_are_evaluated_and_shown():
    X = pd.DataFrame(np.random.default_rng(0).normal(size=(60, 2)), columns=[EVIL, "$x$"])
    y = np.where(X[EVIL] > 0, EVIL, "no")
    text = unifml.evaluate(LogisticRegression(), X, y, cv=2, random_state=0).to_html()
    assert "<script" not in text
