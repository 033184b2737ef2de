"""A browser for tests of pages: headless chromium, driven by Playwright, without a network."""

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
def opened(
    browser: Browser, path: Path, width: int = 1200, scheme: str = "light", height: int = 900
) -> Iterator[Page]:
    """A page from a file; an error on its console, a request to a network or a dialog fails the test."""
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
    page = context.new_page()
    with nothing_wrong(page, ("file:", "data:", "blob:")):
        page.goto(path.resolve().as_uri())
        yield page
    context.close()


def followed(link: Locator) -> None:
    """Click a link, and return when its page is loaded."""
    with link.page.expect_navigation():
        link.click()


@contextmanager
def visited(
    browser: Browser, url: str, path: str = "/", width: int = 1200, scheme: str = "light",
    script: bool = True, expected: Collection[str] = (),
) -> Iterator[Page]:  # fmt: skip
    """A page of a service in a new browser profile; what fails a test is as in `opened`.

    `expected` are parts of console messages that belong to the test: browsers report every 404.
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
    """No message, error or dialog, and no request to an address that begins with none of `own`."""
    wrong: list[str] = []
    page.on("console", lambda message: message.type not in ("error", "warning") or wrong.append(message.text))
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
        drawn = "element => !element.dataset.kind || element.querySelector('canvas[aria-label], svg')"
        page.wait_for_function(drawn, arg=figure.element_handle())
    return figures


def coloured_share(figure: Locator) -> float:
    """Share of the pixels of a figure that are neither grey nor background; axes and text have none."""
    from matplotlib.image import imread

    pixels = imread(io.BytesIO(figure.screenshot()))[..., :3]
    return float((np.ptp(pixels, axis=-1) > 0.15).mean())
