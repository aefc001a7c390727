"""The docs page in a browser."""

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
    """The docs page in a browser, and the actions of a user."""

    def __init__(self, browser: webdriver.Chrome, url: str) -> None:
        self.browser = browser
        self.requested_urls()
        self.console_messages()
        browser.get(url)
        self.wait_for(".opblock")

    def wait_for(self, selector: str) -> WebElement:
        """Return the first visible element that the selector matches, as soon as there is one."""
        visible = ec.visibility_of_element_located((By.CSS_SELECTOR, selector))
        return WebDriverWait(self.browser, SECONDS, poll_frequency=0.05).until(visible)

    def click(self, selector: str) -> None:
        self.browser.execute_script("arguments[0].click()", self.wait_for(selector))

    def call(self, operation: str, body: Any = None) -> tuple[int, str]:
        """Execute an operation (tag-id) with its example or this body; return status and text of the response."""
        block = f"#operations-{operation}"
        if not self.browser.find_elements(By.CSS_SELECTOR, f"{block}.is-open"):
            self.click(f"{block} .opblock-summary-control")
        if body is not None:
            field = self.wait_for(f"{block} .body-param__text")
            field.send_keys(Keys.CONTROL, "a")
            field.send_keys(json.dumps(body))
        self.click(f"{block} .execute")
        status = self.wait_for(f"{block} .live-responses-table tbody .response-col_status").text
        return int(re.findall(r"\d{3}", status)[0]), self.wait_for(f"{block} .live-responses-table").text

    def authorize(self, token: str) -> None:
        self.click(".btn.authorize")
        self.wait_for(".modal-ux input").send_keys(token)
        self.click(".modal-btn.authorize")
        self.click(".btn-done")

    def requested_urls(self) -> list[str]:
        """Return the URLs requested since the last call, except internal ones (chrome:) and data URLs."""
        events = [json.loads(entry["message"])["message"] for entry in self.browser.get_log("performance")]
        urls = [it["params"]["request"]["url"] for it in events if it["method"] == "Network.requestWillBeSent"]
        return [url for url in urls if not url.startswith(("chrome:", "data:"))]

    def console_messages(self) -> list[str]:
        """Return the messages of the console since the last call."""
        return [entry["message"] for entry in self.browser.get_log("browser")]


@pytest.fixture
def page(browser: webdriver.Chrome, service_url: str) -> Page:
    return Page(browser, f"{service_url}/api/docs")


def test_the_page_shows_every_operation_and_requests_only_files_of_the_service(page: Page, service_url: str) -> None:
    with urllib.request.urlopen(f"{service_url}/api/docs/openapi.json") as response:
        document = json.load(response)
    shown = page.browser.find_elements(By.CSS_SELECTOR, ".opblock")
    assert len(shown) == sum(len(item) for item in document["paths"].values())
    assert page.wait_for("h2.title").text.startswith(document["info"]["title"])
    assert page.console_messages() == []
    requested = page.requested_urls()
    assert f"{service_url}/api/docs/openapi.json" in requested
    assert [url for url in requested if not url.startswith(f"{service_url}/api/docs")] == []


def test_an_operation_can_be_executed(page: Page, service_url: str) -> None:
    status, response = page.call("ships-get_api_ships")
    assert (status, "T-65 X-Wing" in response) == (200, True)
    assert f"{service_url}/api/ships" in page.requested_urls()


def test_a_logged_in_user_can_write(page: Page) -> None:
    status, response = page.call("auth-post_auth_login", {"username": "user", "password": "password"})
    assert status == 200
    page.authorize(found(r'"access_token": "([^"]+)"', response))
    status, response = page.call("ships-post_api_ships")
    assert status == 201
    id = found(r'"id": (\d+)', response)
    assert found(r"location: (\S+)", response).endswith(f"/api/ships/{id}")
    assert page.call("ships-put_api_ships_id")[0] == 200
    assert page.console_messages() == []


def test_a_token_is_discarded_on_reload(page: Page, browser: webdriver.Chrome) -> None:
    page.authorize("a.b.c")
    browser.refresh()
    page.click(".btn.authorize")
    assert page.wait_for(".modal-ux input").get_attribute("value") == ""


def test_query_parameters_of_the_page_cannot_change_the_document(browser: webdriver.Chrome, service_url: str) -> None:
    other = "http://127.0.0.1:9/evil.json"
    page = Page(browser, f"{service_url}/api/docs?url={other}&configUrl={other}&spec={other}")
    assert page.wait_for("h2.title").text.startswith("Shipyard")
    assert other not in page.requested_urls()


def found(pattern: str, text: str) -> str:
    """Return the first group of a match."""
    match = re.search(pattern, text)
    assert match is not None, text
    return match[1]
