"""A real browser for the tests of pages: Debian's chromium, headless, driven by Playwright, no network."""

from __future__ import annotations

import io
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--no-sandbox", "--no-first-run", "--disable-quic", "--disable-sync", "--disable-background-networking",
    "--disable-component-update", "--enable-unsafe-swiftshader",
)  # fmt: skip  # no sandbox: tests run as root in containers; WebGL is drawn by the processor


@contextmanager
def started() -> Iterator[Browser]:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = next((found for name in NAMES if (found := shutil.which(name))), None)
    if path is None:
        pytest.skip("no chromium here; `make test` installs Debian's where it may")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=list(FLAGS))
        yield browser
        browser.close()


@contextmanager
def opened(browser: Browser, path: Path, width: int = 1200, scheme: str = "light") -> Iterator[Page]:
    """A page from a file; whatever it complained of, asked of a network or popped up is an error."""
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    with nothing_wrong(page, ("file:", "data:", "blob:")):
        page.goto(path.resolve().as_uri())
        yield page
    context.close()


def followed(link: Locator) -> None:
    """Click what leads to another page, and go on when that is there."""
    with link.page.expect_navigation():
        link.click()


@contextmanager
def visited(
    browser: Browser, url: str, path: str = "/", width: int = 1200, scheme: str = "light",
    script: bool = True, expected: Collection[str] = (),
) -> Iterator[Page]:  # fmt: skip
    """A page of a service, in a browser that has not been there; the same is an error, other hosts included.

    `expected` are parts of complaints that belong to what is tested: browsers tell of every 404.
    """
    context = browser.new_context(
        base_url=url, viewport={"width": width, "height": 900}, color_scheme=scheme,
        java_script_enabled=script,
    )  # fmt: skip
    page = context.new_page()
    with nothing_wrong(page, (f"{url}/", "data:", "blob:"), expected):
        page.goto(path)
        yield page
    context.close()


@contextmanager
def nothing_wrong(page: Page, own: tuple[str, ...], expected: Collection[str] = ()) -> Iterator[None]:
    """No complaint, no error, no dialog, and no request that does not begin as `own` does."""
    wrong: list[str] = []
    page.on("console", lambda said: said.type not in ("error", "warning") or wrong.append(said.text))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("dialog", lambda dialog: (wrong.append(dialog.message), dialog.dismiss()))
    page.on("request", lambda one: one.url.startswith(own) or wrong.append(one.url))
    yield
    wrong = [one for one in wrong if not any(part in one for part in expected)]
    assert wrong == [], wrong


def draw_all(page: Page) -> list[Locator]:
    """Scroll to every figure, as a reader would, and wait until it is drawn."""
    figures = page.locator(".figure:visible").all()
    for figure in figures:
        figure.scroll_into_view_if_needed()
        figure.locator(".main-svg").first.wait_for()
        page.wait_for_function("element => element.data && element.layout", arg=figure.element_handle())
        page.wait_for_timeout(300)
    return figures


def coloured_share(figure: Locator) -> float:
    """Share of a figure's pixels that are neither grey nor background; axes and letters alone have none."""
    from matplotlib.image import imread

    pixels = imread(io.BytesIO(figure.screenshot()))[..., :3]
    return float((np.ptp(pixels, axis=-1) > 0.15).mean())
