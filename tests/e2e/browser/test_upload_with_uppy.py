"""The page in examples/upload/ with uppy, in Chromium, against the deployed stack."""

import time

import pytest
from browser.uploading import LARGE, MAX_SIZE, SMALL, seconds_left, state

PAGE = "uppy.html"
FILE = "input.uppy-Dashboard-input"
UPLOAD = ".uppy-StatusBar-actionBtn--upload"
PAUSE = "button[aria-label=Pause]"
RESUME = "button[aria-label=Resume]"
RETRY = "button[aria-label='Retry upload']"
CANCEL = "button[aria-label=Cancel]"


@pytest.fixture
def page(tab, uploading):
    uploading.forget_unfinished()
    uploading.open(tab, PAGE)
    tab.watch_network()
    return tab


def press(tab, selector):
    tab.wait_for(f'document.querySelector("{selector}")')
    tab.click(selector)


def choose(tab, file):
    tab.wait_for(f'document.querySelector("{FILE}")')
    tab.choose_file(FILE, file)
    tab.wait_for(f'document.querySelector("{UPLOAD}")')


def start(tab, file):
    choose(tab, file)
    tab.click(UPLOAD)


def pause_at_part(tab, number, file):
    with tab.holding(f"*partNumber={number}&*"):
        start(tab, file)
        tab.held()
        press(tab, PAUSE)
        tab.wait_for(f'document.querySelector("{RESUME}")')


def ended(tab):
    """How uppy says that the upload has ended: "Complete" or "Upload failed"."""
    status = "document.querySelector('.uppy-StatusBar-statusPrimary')?.textContent"
    return tab.wait_for(f"['Complete', 'Upload failed'].find((text) => {status}?.includes(text))")


def reason(tab):
    """Why the upload failed, as uppy shows it at the file."""
    assert ended(tab) == "Upload failed"
    return tab.wait_for("document.querySelector('.uppy-Dashboard-Item-errorDetails')?.ariaLabel")


def test_a_small_file_is_one_request(page, uploading, small):
    with uploading.one_more() as made:
        start(page, small)
        assert ended(page) == "Complete"
    assert made.key.startswith("uploads/") and made.key.endswith("/Résumé-2026.pdf")
    assert uploading.stored(made.key) == (SMALL, "application/pdf")
    assert uploading.sent(page) == ["PUT"]


def test_a_form_is_one_request_too(page, uploading, small):
    with uploading.one_more() as made:
        state(page, form=True)
        start(page, small)
        assert ended(page) == "Complete"
    assert uploading.stored(made.key) == (SMALL, "application/pdf")
    assert uploading.sent(page) == ["POST"]


def test_a_large_file_is_stopped_in_the_middle_and_goes_on(page, uploading, large):
    with uploading.one_more() as made:
        pause_at_part(page, 3, large)
        assert len(uploading.unfinished()) == 1
        press(page, RESUME)
        assert ended(page) == "Complete"
    assert uploading.stored(made.key) == (LARGE, "video/mp4")
    # The third part was stopped, so it is sent again, and the first two are not.
    assert uploading.sent(page) == ["POST", "PUT 1", "PUT 2", "PUT 3", "GET", "PUT 3", "PUT 4", "POST"]
    assert uploading.unfinished() == []


def test_what_is_cancelled_leaves_no_parts(page, uploading, large):
    with uploading.none_more():
        pause_at_part(page, 2, large)
        assert len(uploading.unfinished()) == 1
        press(page, CANCEL)
        deadline = time.monotonic() + 10
        while uploading.unfinished():
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_an_upload_outlives_the_session_that_signed_a_part(page, uploading, large):
    with uploading.one_more() as made:
        pause_at_part(page, 3, large)
        with uploading.sessions_of(seconds=12) as sts:
            with page.holding("*partNumber=3&*"):
                press(page, RESUME)
                # It is signed and not sent, while the session that signed it ends.
                time.sleep(seconds_left(sts.signed(page.held())) + 1)
            assert reason(page) == "S3 returned 400 – ExpiredToken"
        press(page, RETRY)
        page.wait_for(f'!document.querySelector("{RETRY}")')
        assert ended(page) == "Complete"
    assert uploading.stored(made.key) == (LARGE, "video/mp4")
    again = ["GET", "PUT 3"]
    assert uploading.sent(page) == ["POST", "PUT 1", "PUT 2", "PUT 3", *again, *again, "PUT 4", "POST"]


@pytest.mark.parametrize(
    ("form", "method", "why"),
    [(False, "PUT", "S3 returned 403 – SignatureDoesNotMatch"), (True, "POST", "S3 returned 400 – EntityTooLarge")],
)
def test_a_small_file_of_another_size_than_was_stated_is_refused(page, uploading, small, form, method, why):
    with uploading.none_more():
        state(page, size=len(SMALL) - 1, form=form)
        start(page, small)
        assert reason(page) == why
    assert uploading.sent(page) == [method]


def test_a_large_file_of_another_size_than_was_stated_is_refused(page, uploading, large):
    with uploading.none_more():
        state(page, size=len(LARGE) - 1)
        start(page, large)
        assert reason(page) == "S3 returned 403 – SignatureDoesNotMatch"
    assert uploading.sent(page) == ["POST", "PUT 1", "PUT 2", "PUT 3", "PUT 4"]


def test_a_refusal_says_the_api_s_own_sentence(page, uploading, small):
    state(page, size=MAX_SIZE + 1)
    start(page, small)
    assert reason(page).startswith(f"The file has {MAX_SIZE + 1} bytes, and the grant allows {MAX_SIZE}.")
    assert uploading.sent(page) == []
