"""The page of a share, in Chromium, against the deployed stack: what a recipient sees, presses and gets."""

import re
from urllib.parse import urlsplit

import pytest

CONTENT = bytes(range(256)) * 1000

# Names as their owner wrote them, and as Chromium saves them. It replaces characters that some file system has a meaning
# for, and nothing else.
NAMES = {
    "Résumé 2026 — 日本語 ☃.pdf": None,
    "100%, 50%25 & %E2%82%AC.txt": None,
    "a+b=c; filename=x, d'e.txt": None,
    'He said "yes".txt': "He said _yes_.txt",
    "back\\slash.txt": "back_slash.txt",
    f"{'long name ' * 20}end.txt": None,
    f"{'ü' * 120}.txt": None,
}


def text(tab):
    """What the page says."""
    return tab.evaluate("document.body.innerText")


def test_a_recipient_sees_what_it_is_and_one_press_gets_the_file(tab, sharing):
    share = sharing.make(CONTENT, "Quarter.pdf", max_downloads=5)
    assert tab.open(share.url) == "shown"
    shown = text(tab)
    assert re.search(
        r"Example & Sons shares a file with you\s+Quarter\.pdf\s+256\.0 kB\s+Download\s+The download begins when you press the button, and this page stays as it is\."
        r" 4 of 5 downloads are left then\.\s+This link works until \w+day \d+ \w+ 20\d\d,"
        r" \d\d:\d\d UTC \(6 days 23 hours from now\)\. 5 of 5 downloads are left\.",
        shown,
    ), shown
    tab.click("button")
    assert tab.downloaded() == ("Quarter.pdf", CONTENT)
    assert share.downloads() == 1
    # Where the page is, stays.
    assert tab.evaluate("location.href") == share.url


@pytest.mark.parametrize("name", NAMES)
def test_a_file_is_saved_under_its_own_name(tab, sharing, name):
    share = sharing.make(CONTENT, name)
    tab.open(share.url)
    tab.click("button")
    assert tab.downloaded() == (NAMES[name] or name, CONTENT)


def test_the_button_works_where_no_script_runs(tab, sharing):
    tab.forbid_script()
    tab.open(sharing.make(CONTENT, "plain.txt").url)
    tab.press_key("Tab")
    tab.press_key("Enter")
    assert tab.downloaded() == ("plain.txt", CONTENT)


def test_a_wrong_passcode_is_said_and_the_right_one_downloads(tab, sharing):
    share = sharing.make(CONTENT, "secret plan.txt", passcode="correct horse")
    tab.open(share.url)
    shown = text(tab)
    assert "No passcode? Ask Example & Sons for it." in shown
    assert "A file with a passcode" in shown and "plan" not in shown and "kB" not in shown
    for tries_left in (9, 8):
        tab.click("#passcode")
        tab.type("wrong horse")
        tab.click("button")
        tab.wait_until_shown()
        shown = text(tab)
        assert f"That is not the passcode. {tries_left} tries are left." in shown
        assert "plan" not in shown and "kB" not in shown
        assert tab.evaluate("document.querySelector('#passcode').value") == ""
    tab.click("#passcode")
    tab.type("correct horse")
    tab.click("button")
    assert tab.downloaded() == ("secret plan.txt", CONTENT)
    assert share.downloads() == 1


def test_an_empty_passcode_is_not_sent(tab, sharing):
    share = sharing.make(passcode="correct horse")
    tab.open(share.url)
    tab.click("button")
    assert tab.evaluate("document.querySelector('#passcode').validity.valueMissing") is True
    assert tab.evaluate("document.activeElement.id") == "passcode"
    assert "attempts" not in share.item()


def test_a_passcode_that_was_made_downloads(tab, sharing):
    share = sharing.make(CONTENT, passcode=True)
    tab.open(share.url)
    tab.click("#passcode")
    tab.type(share.passcode)
    tab.press_key("Enter")
    assert tab.downloaded() == ("report.pdf", CONTENT)


def test_after_ten_wrong_passcodes_the_page_takes_none_until_the_owner_unlocks_it(tab, sharing):
    share = sharing.make(CONTENT, passcode="correct horse")
    tab.open(share.url)
    share.lock()
    tab.click("#passcode")
    tab.type("correct horse")
    tab.press_key("Enter")
    tab.wait_until_shown()
    locked = r"The passcode was wrong too often\. Try again in (59 minutes|1 hour), or ask the owner to unlock the file\."
    assert re.search(locked, text(tab)), text(tab)
    # Whoever opens it now is not asked for a passcode that nobody would look at.
    tab.open(share.url)
    assert re.search(locked, text(tab)), text(tab)
    assert tab.evaluate("document.querySelector('input, button')") is None
    assert not tab.has_downloads()
    share.change(unlock=True)
    tab.open(share.url)
    tab.click("#passcode")
    tab.type("correct horse")
    tab.press_key("Enter")
    assert tab.downloaded() == ("report.pdf", CONTENT)


@pytest.mark.parametrize(
    ("end", "heading"),
    [
        (lambda share: share.end(), "This link has ended"),
        (lambda share: share.press(), "This link is used up"),
        (lambda share: share.revoke(), "This link was withdrawn"),
    ],
    ids=["ended", "used up", "revoked"],
)
def test_what_is_over_says_what_it_is(tab, sharing, end, heading):
    """Both to whoever opens it then, and to whoever had opened it before and presses the button then."""
    share = sharing.make(CONTENT, "over.txt", max_downloads=1)
    tab.open(share.url)
    end(share)
    downloads = share.downloads()
    tab.click("button")
    tab.wait_until_shown()
    for _ in range(2):
        shown = text(tab)
        assert shown.startswith(heading) and "over.txt" not in shown, shown
        assert tab.evaluate("performance.getEntriesByType('navigation')[0].responseStatus") == 410
        assert tab.evaluate("document.querySelector('button')") is None
        tab.open(share.url)
    assert not tab.has_downloads()
    assert share.downloads() == downloads


def test_an_address_that_never_was_has_nothing(tab, sharing, domain):
    share = sharing.make(CONTENT)
    token = urlsplit(share.url).path.rpartition("/")[2]
    other = token[:-8] + ("A" * 8 if token[-8:] != "A" * 8 else "B" * 8)
    tab.open(f"{domain.url}/s/{other}")
    assert text(tab).startswith("There is nothing here")
    assert tab.evaluate("performance.getEntriesByType('navigation')[0].responseStatus") == 404


def test_what_can_not_be_given_now_is_not_counted_and_can_be_tried_again(tab, sharing):
    share = sharing.make(CONTENT, "later.txt")
    tab.open(share.url)
    with sharing.denied("dynamodb:UpdateItem"):
        tab.click("button")
        tab.wait_until_shown()
        assert "Try again in a minute, in this browser: no download is counted twice." in text(tab)
        assert share.downloads() == 0
    tab.click("button")
    assert tab.downloaded() == ("later.txt", CONTENT)
    assert share.downloads() == 1


def test_the_same_browser_presses_again_uncounted_and_another_one_counts(chromium, sharing):
    share = sharing.make(CONTENT, max_downloads=2)
    with chromium.tab() as tab:
        tab.open(share.url)
        for _ in range(3):
            tab.click("button")
            assert tab.downloaded()[1] == CONTENT
            assert share.downloads() == 1
        # Whoever closed the page has the cookie all the same.
        tab.open(share.url)
        tab.click("button")
        assert tab.downloaded()[1] == CONTENT
        assert share.downloads() == 1
        with chromium.tab() as other:
            other.open(share.url)
            assert "1 of 2 downloads is left." in text(other)
            other.click("button")
            assert other.downloaded()[1] == CONTENT
            assert share.downloads() == 2
        # The last download was counted for somebody else, and this browser's is still not lost.
        tab.open(share.url)
        assert "No downloads are left, but this browser may repeat its own for ten minutes." in text(tab)
        tab.click("button")
        assert tab.downloaded()[1] == CONTENT
        assert share.downloads() == 2
    with chromium.tab() as late:
        late.open(share.url)
        assert text(late).startswith("This link is used up")


@pytest.mark.parametrize("pasted", [".", ")", "%20", "/"])
def test_a_made_passcode_is_typed_in_capitals_and_an_address_is_pasted_with_more(tab, sharing, pasted):
    share = sharing.make(CONTENT, passcode=True, max_downloads=1)
    tab.open(f"{share.url}{pasted}")
    # The form goes to the clean address, for which the cookie is, so the second press is not counted.
    tab.click("#passcode")
    tab.type(f" {share.passcode.upper().replace('-', '')}")
    for _ in range(2):
        tab.click("button")
        assert tab.downloaded() == ("report.pdf", CONTENT)
        assert share.downloads() == 1


def test_no_file_name_runs_as_script(tab, sharing):
    share = sharing.make(CONTENT, "<img src=x onerror=document.title='ran'><script>document.title='ran'<!script>.txt")
    tab.open(share.url)
    assert "<img src=x onerror=" in text(tab)
    assert tab.evaluate("document.title") != "ran"
    assert tab.evaluate("document.querySelectorAll('img, script').length") == 0
