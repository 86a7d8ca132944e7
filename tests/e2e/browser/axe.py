"""Checks a page for what keeps people from using it, with a pinned axe-core from the npm registry."""

import json

from local_aws import paths

from . import npm

PACKAGE = "axe-core@4.14.1"
SHA512 = (
    "1477dafa598d8d065f273d6af302aa203c02e83131707b7fa648cd41bd3d6b73"
    "4f8c22a0dab86ee6a6f64b8afbe804b214d36db85a2826965edfb3a0b9d546b5"
)

FOLDER = paths.TARGET / "axe-core"
SCRIPT = FOLDER / "package" / "axe.min.js"


def install():
    """Install axe-core, if it is not installed yet. Raises npm.Unavailable if this machine can't have it."""
    with npm.installing(FOLDER, PACKAGE) as missing:
        if missing:
            npm.fetch(PACKAGE, SHA512, FOLDER)


def problems(tab, excluded=None):
    """What axe-core finds in the page that the tab shows, and what it can't decide: rules, and the elements concerned.

    All its rules are used: those of WCAG, and those that are good practice. It does not look at `excluded`, an element by
    its selector.
    """
    tab.evaluate(SCRIPT.read_text(encoding="utf-8") + ";0")
    context = json.dumps({"exclude": [excluded]} if excluded else {"include": ["html"]})
    results = json.loads(tab.evaluate(f"axe.run({context}).then((results) => JSON.stringify(results))"))
    assert results["passes"], "axe-core looked at nothing"
    return {
        f"{kind}: {rule['id']}": [node["html"] for node in rule["nodes"]]
        for kind in ("violations", "incomplete")
        for rule in results[kind]
    }
