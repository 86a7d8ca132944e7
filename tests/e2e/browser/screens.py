"""How a page looks on a phone and on a desk, by day and by night."""

PHONE, DESKTOP = 320, 1280


def assert_readable(tab, axe_core, pictures, name, excluded=None):
    """The page fits both widths, and axe-core finds nothing in it. Its pictures are to be looked at.

    axe-core does not look at `excluded`, an element by its selector.
    """
    backgrounds = set()
    for width in (PHONE, DESKTOP):
        tab.set_width(width)
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
        for scheme in ("light", "dark"):
            tab.prefer(scheme)
            backgrounds.add(tab.evaluate("getComputedStyle(document.body).backgroundColor"))
            tab.screenshot(pictures / f"{name}-{width}-{scheme}.png")
            # Contrast is the same at every width, and the rest is the same in every scheme.
            if (width, scheme) in ((PHONE, "dark"), (DESKTOP, "light")):
                found = axe_core.problems(tab, excluded)
                assert found == {}, found
    assert len(backgrounds) == 2
