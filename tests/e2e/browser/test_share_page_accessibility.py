"""The page of a share for everybody: checked with axe-core, by the keyboard, as a screen reader is told of it, on a phone.

Each state is also written to target/share-pages/ as pictures, to be looked at.
"""

import pytest
from browser.screens import DESKTOP, PHONE, assert_readable
from local_aws import paths

CONTENT = bytes(range(256)) * 5000
PICTURES = paths.TARGET / "share-pages"

PASSCODE = "correct horse"
NAME = "Quarterly report – third quarter 2026.pdf"
MESSAGE = "As we said on the phone: page 3 has the figures, and the rest is for Thursday. " * 2 + "Best regards, Alice"
LONG_NAME = "a_name_without_any_space_that_a_line_could_break_at_" * 4 + ".tar.gz"


def after_a_press(tab, passcode="wrong horse"):
    """Types a passcode, and presses the button."""
    tab.click("#passcode")
    tab.type(passcode)
    tab.press_key("Enter")
    tab.wait_until_shown()


def opened(tab, share):
    tab.open(share.url)
    return share


def show_open(tab, sharing):
    opened(tab, sharing.make(CONTENT, NAME, max_downloads=5))


def show_open_without_a_limit(tab, sharing):
    opened(tab, sharing.make(CONTENT, LONG_NAME))


def show_message(tab, sharing):
    opened(tab, sharing.make(CONTENT, NAME, message=MESSAGE))


def show_passcode_with_a_message(tab, sharing):
    opened(tab, sharing.make(CONTENT, NAME, passcode=PASSCODE, message=MESSAGE))


def show_after_the_passcode(tab, sharing):
    share = opened(tab, sharing.make(CONTENT, NAME, passcode=PASSCODE, message=MESSAGE))
    tab.click("#passcode")
    tab.type(PASSCODE)
    tab.click("button")
    assert tab.downloaded() == (NAME, CONTENT)
    opened(tab, share)
    assert MESSAGE in tab.evaluate("document.body.innerText")


def show_passcode(tab, sharing):
    opened(tab, sharing.make(CONTENT, NAME, passcode=PASSCODE, max_downloads=1))


def show_wrong_passcode(tab, sharing):
    show_passcode(tab, sharing)
    after_a_press(tab)


def show_locked(tab, sharing):
    share = sharing.make(CONTENT, NAME, passcode=PASSCODE)
    share.lock()
    opened(tab, share)


def show_ended(tab, sharing):
    share = sharing.make()
    share.end()
    opened(tab, share)


def show_used_up(tab, sharing):
    share = sharing.make(max_downloads=1)
    share.press()
    opened(tab, share)


def show_withdrawn(tab, sharing):
    share = sharing.make()
    share.revoke()
    opened(tab, share)


def show_never_was(tab, sharing):
    tab.open(sharing.make().url[:-4] + "AAAA")


def show_not_now(tab, sharing):
    share = opened(tab, sharing.make(CONTENT, NAME, max_downloads=5))
    with sharing.denied("dynamodb:UpdateItem"):
        tab.click("button")
        tab.wait_until_shown()
    assert share.downloads() == 0


def show_unavailable(tab, sharing):
    share = sharing.make()
    with sharing.denied("dynamodb:*"):
        tab.open(share.url)


# What shows the state, and its heading.
STATES = {
    "open": (show_open, NAME),
    "open-without-a-limit": (show_open_without_a_limit, None),
    "passcode": (show_passcode, "A file with a passcode"),
    "message": (show_message, NAME),
    "passcode-with-a-message": (show_passcode_with_a_message, "A file with a passcode"),
    "after-the-passcode": (show_after_the_passcode, NAME),
    "wrong-passcode": (show_wrong_passcode, "A file with a passcode"),
    "locked": (show_locked, "A file with a passcode"),
    "not-now": (show_not_now, NAME),
    "unavailable": (show_unavailable, "This link can't be opened now"),
    "ended": (show_ended, "This link has ended"),
    "used-up": (show_used_up, "This link is used up"),
    "withdrawn": (show_withdrawn, "This link was withdrawn"),
    "never-was": (show_never_was, "There is nothing here"),
}


@pytest.mark.parametrize("state", STATES)
def test_each_state_is_readable_on_every_screen(tab, sharing, axe_core, state):
    show, heading = STATES[state]
    show(tab, sharing)
    headings = [node.name for node in tab.accessibility_tree() if node.role == "heading"]
    assert len(headings) == 1 and heading in (None, *headings)
    assert_readable(tab, axe_core, PICTURES, state)


def test_axe_core_finds_what_is_wrong(tab, sharing, axe_core):
    """Otherwise the test above could not fail."""
    show_passcode(tab, sharing)
    tab.evaluate("document.querySelector('label').remove(); document.querySelector('button').style.background = '#ccc';0")
    assert {"violations: label", "violations: color-contrast"} <= axe_core.problems(tab).keys()


def test_the_keyboard_is_enough(tab, sharing):
    share = sharing.make(CONTENT, "by keyboard.txt", passcode=PASSCODE)
    tab.open(share.url)
    focused = []
    for _ in range(2):
        tab.press_key("Tab")
        focused.append(tab.evaluate("document.activeElement.tagName"))
        # The focus is to be seen.
        assert tab.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
        assert tab.evaluate("parseFloat(getComputedStyle(document.activeElement).outlineWidth)") >= 2
    assert focused == ["INPUT", "BUTTON"]
    tab.open(share.url)
    tab.press_key("Tab")
    tab.type(PASSCODE)
    tab.press_key("Tab")
    tab.press_key("Space")
    assert tab.downloaded() == ("by keyboard.txt", CONTENT)


def test_a_screen_reader_is_told_whose_file_it_is_and_what_to_do(tab, sharing):
    show_open(tab, sharing)
    tree = tab.accessibility_tree()
    assert tree[0].role == "RootWebArea" and tree[0].name == NAME
    assert [node.name for node in tree if node.role == "button"] == ["Download"]
    assert [node.role for node in tree if node.role == "main"] == ["main"]
    assert tab.evaluate("document.documentElement.lang") == "en"
    assert "Example & Sons" in [node.name for node in tree]


def test_a_screen_reader_is_told_of_a_wrong_passcode_at_once_and_at_the_field(tab, sharing):
    show_passcode(tab, sharing)
    [field] = [node for node in tab.accessibility_tree() if node.role == "textbox"]
    assert field.name == "Passcode" and field.properties["required"] is True
    assert field.properties.get("invalid", "false") == "false"
    after_a_press(tab)
    # Screen readers read the field that has the focus when the page is there, with its description.
    tab.wait_for_focus("#passcode")
    tree = tab.accessibility_tree()
    wrong = "That is not the passcode. 9 tries are left."
    [field] = [node for node in tree if node.role == "textbox"]
    assert (field.name, field.description, field.properties["invalid"]) == ("Passcode", wrong, "true")
    assert [node.role for node in tree if node.role == "alert"] == ["alert"]
    assert wrong in [node.name for node in tree]
    assert field.properties.get("focused") is True


@pytest.mark.parametrize("width", [PHONE, DESKTOP])
def test_button_and_field_are_large_enough_for_a_finger(tab, sharing, width):
    """44 pixels are what WCAG 2.5.5 asks for."""
    tab.set_width(width)
    show_passcode(tab, sharing)
    heights = tab.evaluate("[...document.querySelectorAll('input, button')].map((one) => one.getBoundingClientRect().height)")
    assert len(heights) == 2 and min(heights) >= 44
