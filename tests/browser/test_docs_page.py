"""The docs page as a person meets it, in a real browser."""

from __future__ import annotations

import json
import re
import urllib.request
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support import expected_conditions as ec
from selenium.webdriver.support.wait import WebDriverWait

SECONDS = 60


class Page:
    """The docs page in a browser, and what a person can do with it."""

    def __init__(self, browser: webdriver.Chrome, url: str) -> None:
        self.browser = browser
        self.requested()
        self.complaints()
        browser.get(url)
        self.wait_for(".opblock")

    def wait_for(self, selector: str) -> WebElement:
        """The first element that the selector finds, as soon as one can be seen."""
        shown = ec.visibility_of_element_located((By.CSS_SELECTOR, selector))
        return WebDriverWait(self.browser, SECONDS, poll_frequency=0.05).until(shown)

    def press(self, selector: str) -> None:
        self.browser.execute_script("arguments[0].click()", self.wait_for(selector))

    def call(self, operation: str, body: Any = None) -> tuple[int, str]:
        """Execute an operation (tag-id) as the form stands, but with this body; the status and body answered."""
        block = f"#operations-{operation}"
        if not self.browser.find_elements(By.CSS_SELECTOR, f"{block}.is-open"):
            self.press(f"{block} .opblock-summary-control")
        if body is not None:
            field = self.wait_for(f"{block} .body-param__text")
            field.send_keys(Keys.CONTROL, "a")
            field.send_keys(json.dumps(body))
        self.press(f"{block} .execute")
        status = self.wait_for(f"{block} .live-responses-table tbody .response-col_status").text
        return int(re.findall(r"\d{3}", status)[0]), self.wait_for(f"{block} .live-responses-table").text

    def authorize(self, token: str) -> None:
        self.press(".btn.authorize")
        self.wait_for(".modal-ux input").send_keys(token)
        self.press(".modal-btn.authorize")
        self.press(".btn-done")

    def requested(self) -> list[str]:
        """The URLs asked for since the last time; without the browser's own pages (chrome:) and what is no request."""
        events = [json.loads(entry["message"])["message"] for entry in self.browser.get_log("performance")]
        urls = [it["params"]["request"]["url"] for it in events if it["method"] == "Network.requestWillBeSent"]
        return [url for url in urls if not url.startswith(("chrome:", "data:"))]

    def complaints(self) -> list[str]:
        """What the console said since the last time."""
        return [entry["message"] for entry in self.browser.get_log("browser")]


@pytest.fixture
def page(browser: webdriver.Chrome, yard: str) -> Page:
    return Page(browser, f"{yard}/api/docs")


def test_it_shows_every_operation_without_a_complaint_and_asks_nobody_else(page: Page, yard: str) -> None:
    with urllib.request.urlopen(f"{yard}/api/docs/openapi.json") as answer:
        document = json.load(answer)
    shown = page.browser.find_elements(By.CSS_SELECTOR, ".opblock")
    assert len(shown) == sum(len(item) for item in document["paths"].values())
    assert page.wait_for("h2.title").text.startswith(document["info"]["title"])
    assert page.complaints() == []
    requested = page.requested()
    assert f"{yard}/api/docs/openapi.json" in requested
    assert [url for url in requested if not url.startswith(f"{yard}/api/docs")] == []


def test_a_call_tried_from_it_is_answered(page: Page, yard: str) -> None:
    status, answer = page.call("ships-get_api_ships")
    assert (status, "T-65 X-Wing" in answer) == (200, True)
    assert f"{yard}/api/ships" in page.requested()


def test_who_logs_in_and_authorizes_can_change_things(page: Page) -> None:
    status, answer = page.call("auth-post_auth_login", {"username": "user", "password": "password"})
    assert status == 200
    page.authorize(found(r'"access_token": "([^"]+)"', answer))
    status, answer = page.call("ships-post_api_ships")
    assert status == 201
    number = found(r'"id": (\d+)', answer)
    assert found(r"location: (\S+)", answer).endswith(f"/api/ships/{number}")
    assert page.call("ships-put_api_ships_id")[0] == 200
    assert page.complaints() == []


def test_what_was_authorized_is_forgotten_with_the_page(page: Page, browser: webdriver.Chrome) -> None:
    page.authorize("a.b.c")
    browser.refresh()
    page.press(".btn.authorize")
    assert page.wait_for(".modal-ux input").get_attribute("value") == ""


def test_no_address_of_the_page_makes_it_show_another_document(browser: webdriver.Chrome, yard: str) -> None:
    other = "http://127.0.0.1:9/evil.json"
    page = Page(browser, f"{yard}/api/docs?url={other}&configUrl={other}&spec={other}")
    assert page.wait_for("h2.title").text.startswith("Shipyard")
    assert other not in page.requested()


def found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    assert match is not None, text
    return match[1]
