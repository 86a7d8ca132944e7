"""The pages in examples/upload/ as people see them: each state as pictures in target/upload-pages/, and checked with axe-core."""

import pytest
from browser import test_upload_page as plain
from browser import test_upload_with_uppy as with_uppy
from browser.screens import assert_readable
from browser.uploading import MAX_SIZE, state
from local_aws import paths

PICTURES = paths.TARGET / "upload-pages"


def show_stopped(tab, small, large):
    plain.stop_at_part(tab, 3, large)


def show_done(tab, small, large):
    plain.start(tab, small)
    plain.key_said(tab)


def show_refused(tab, small, large):
    state(tab, size=MAX_SIZE + 1)
    plain.start(tab, small)
    assert plain.said(tab).startswith("The file has")


def show_chosen_in_uppy(tab, small, large):
    with_uppy.choose(tab, small)


def show_paused_in_uppy(tab, small, large):
    with_uppy.pause_at_part(tab, 3, large)


def show_done_in_uppy(tab, small, large):
    with_uppy.start(tab, small)
    assert with_uppy.ended(tab) == "Complete"


def show_refused_in_uppy(tab, small, large):
    state(tab, size=MAX_SIZE + 1)
    with_uppy.start(tab, small)
    assert with_uppy.ended(tab) == "Upload failed"


def show_nothing(tab, small, large):
    """As the page is at first."""


# What shows the state, and the page.
STATES = {
    "empty": (show_nothing, plain.PAGE),
    "stopped": (show_stopped, plain.PAGE),
    "done": (show_done, plain.PAGE),
    "refused": (show_refused, plain.PAGE),
    "uppy-empty": (show_nothing, with_uppy.PAGE),
    "uppy-chosen": (show_chosen_in_uppy, with_uppy.PAGE),
    "uppy-paused": (show_paused_in_uppy, with_uppy.PAGE),
    "uppy-done": (show_done_in_uppy, with_uppy.PAGE),
    "uppy-refused": (show_refused_in_uppy, with_uppy.PAGE),
}


@pytest.mark.parametrize("name", STATES)
def test_each_state_is_readable_on_every_screen(tab, uploading, axe_core, small, large, name):
    show, page = STATES[name]
    uploading.open(tab, page)
    show(tab, small, large)
    # What uppy shows is uppy's own.
    assert_readable(tab, axe_core, PICTURES, name, excluded="#files" if page == with_uppy.PAGE else None)
