"""The page in examples/upload/ without a framework, in Chromium, against the deployed stack."""

import json
import time

import pytest
from browser.uploading import LARGE, MAX_SIZE, SMALL, seconds_left, state

PAGE = "index.html"
NOT_FINISHED = "film.mp4 is not finished."


@pytest.fixture
def page(tab, uploading):
    uploading.forget_unfinished()
    uploading.open(tab, PAGE)
    tab.watch_network()
    return tab


def start(tab, file):
    tab.choose_file("#file", file)
    tab.click("#go")


def stop_at_part(tab, number, file):
    with tab.holding(f"*partNumber={number}&*"):
        start(tab, file)
        tab.held()
        tab.click("#stop")
        assert said(tab).startswith("Stopped.")


def said(tab):
    """What the page says when nothing is going on any more."""
    return tab.wait_for("document.getElementById('stop').hidden && document.getElementById('status').textContent")


def key_said(tab):
    """The key under which the page says that S3 has the file."""
    text = said(tab)
    assert text.startswith("S3 has the file as "), text
    return text.removeprefix("S3 has the file as ").removesuffix(".")


def test_a_small_file_is_one_request(page, uploading, small):
    start(page, small)
    key = key_said(page)
    assert key.startswith("uploads/") and key.endswith("/Résumé-2026.pdf")
    assert uploading.stored(key) == (SMALL, "application/pdf")
    assert uploading.sent(page) == ["PUT"]


def test_an_empty_file_is_one_request(page, uploading, tmp_path):
    file = tmp_path / "empty"
    file.touch()
    start(page, file)
    assert uploading.stored(key_said(page)) == (b"", "application/octet-stream")


def test_a_large_file_is_stopped_in_the_middle_and_goes_on(page, uploading, large):
    with uploading.none_more():
        stop_at_part(page, 3, large)
    assert len(uploading.unfinished()) == 1
    assert page.evaluate("document.getElementById('go').textContent") == "Go on"
    page.click("#go")
    assert uploading.stored(key_said(page)) == (LARGE, "video/mp4")
    # The third part was stopped, so it is sent again, and the first two are not.
    begin, go_on = ["POST", "GET", "PUT 1", "PUT 2", "PUT 3"], ["GET", "PUT 3", "PUT 4", "POST"]
    assert uploading.sent(page) == begin + go_on
    assert uploading.unfinished() == []


def test_it_goes_on_after_a_reload(page, uploading, large):
    stop_at_part(page, 2, large)
    uploading.open(page, PAGE)
    assert said(page).startswith(f"{NOT_FINISHED} Choose it again to go on.")
    start(page, large)
    assert uploading.stored(key_said(page)) == (LARGE, "video/mp4")
    assert uploading.sent(page)[-5:] == ["GET", "PUT 2", "PUT 3", "PUT 4", "POST"]


def test_the_page_says_how_long_the_parts_are_kept(page, uploading, large):
    with uploading.unfinished_end_after(days=7):
        stop_at_part(page, 2, large)
    before, until = said(page).removesuffix(".").split(" S3 keeps what was sent until ")
    assert before == "Stopped."
    days = page.evaluate(f"(new Date({json.dumps(until)}) - Date.now()) / 86400000")
    assert 7 <= days <= 8
    uploading.open(page, PAGE)
    assert said(page).endswith(f"S3 keeps what was sent until {until}.")


def test_the_keyboard_is_enough(page, uploading, large):
    page.choose_file("#file", large)
    focus = "document.activeElement.id"
    page.evaluate("document.getElementById('go').focus()")
    with page.holding("*partNumber=2&*"):
        page.press_key("Enter")
        page.held()
        assert page.evaluate(focus) == "stop"
        page.press_key("Enter")
        said(page)
    assert page.evaluate(focus) == "go"
    page.press_key("Tab")
    assert page.evaluate(focus) == "discard"
    page.press_key("Enter")
    page.wait_for("document.getElementById('status').textContent === 'Discarded.'")
    assert page.evaluate(focus) == "go"


def test_another_file_is_not_taken_for_the_unfinished_one(page, uploading, large, small):
    stop_at_part(page, 2, large)
    start(page, small)
    assert said(page) == f"{NOT_FINISHED} Choose it to go on, or discard it."
    page.click("#discard")
    page.wait_for("document.getElementById('status').textContent === 'Discarded.'")
    assert uploading.unfinished() == []
    start(page, small)
    assert uploading.stored(key_said(page)) == (SMALL, "application/pdf")


def test_an_upload_outlives_the_session_that_signed_a_part(page, uploading, large):
    stop_at_part(page, 3, large)
    with uploading.sessions_of(seconds=12) as sts:
        with page.holding("*partNumber=3&*"):
            page.click("#go")
            # It is signed and not sent, while the session that signed it ends.
            time.sleep(seconds_left(sts.signed(page.held())) + 1)
        assert uploading.stored(key_said(page)) == (LARGE, "video/mp4")
    # S3 refused the third part, which was then signed anew.
    assert uploading.sent(page)[-5:] == ["GET", "PUT 3", "PUT 3", "PUT 4", "POST"]


@pytest.mark.parametrize("size", [len(SMALL) - 1, len(SMALL) + 1])
def test_a_small_file_of_another_size_than_was_stated_is_refused(page, uploading, small, size):
    with uploading.none_more():
        state(page, size=size)
        start(page, small)
        assert said(page).startswith("S3 answered 403 SignatureDoesNotMatch")


def test_a_large_file_of_another_size_than_was_stated_is_refused(page, uploading, large):
    with uploading.none_more():
        state(page, size=len(LARGE) - 1)
        start(page, large)
        # The last part has another length than was signed.
        assert said(page).startswith("S3 answered 403 SignatureDoesNotMatch")


def test_a_file_that_is_too_large_is_refused_by_the_api(page, uploading, small):
    with uploading.none_more():
        state(page, size=MAX_SIZE + 1)
        start(page, small)
        assert said(page).startswith(f"The file has {MAX_SIZE + 1} bytes, and the grant allows {MAX_SIZE}.")
    assert uploading.sent(page) == []


@pytest.mark.parametrize(
    ("changed", "answer"),
    [({}, 412), ({"if-none-match": None}, 403), ({"content-type": "text/html"}, 403)],
)
def test_a_signed_request_makes_one_object_of_one_type(page, uploading, small, changed, answer):
    start(page, small)
    key = key_said(page)
    [put] = [request for request in page.requests()[0] if request["method"] == "PUT"]
    headers = {name: value for name, value in {**signed_headers(put), **changed}.items() if value}
    options = json.dumps({"method": "PUT", "headers": headers, "body": "x" * len(SMALL)})
    assert page.evaluate(f"fetch({json.dumps(put['url'])}, {options}).then((response) => response.status)") == answer
    assert uploading.stored(key) == (SMALL, "application/pdf")


def signed_headers(request):
    return {name.lower(): value for name, value in request["headers"].items() if name.lower() in ("content-type", "if-none-match")}


def test_what_the_page_remembers_is_no_secret(page, uploading, large):
    stop_at_part(page, 2, large)
    remembered = page.evaluate("JSON.stringify({ ...localStorage, ...sessionStorage })")
    assert "uploadId" in remembered
    assert not any(secret in remembered for secret in (uploading.token, "Signature", "://"))
