"""The documents: their links lead somewhere, they are written alike, and no two of them say the same."""

import re
from collections import Counter

import pytest
from local_aws import paths

FOLDERS = ("bench", "crates", "docs", "events", "examples")
# What names documents and headings in comments and messages, besides the documents.
SOURCES = ("src", "crates", "tests", "bench", "template.yaml", "openapi.yaml", "samconfig.example.toml", "Makefile")
TEXTS = {".rs", ".py", ".yaml", ".toml", ".sh", ""}
INSTALLED = {"node_modules", "target", "__pycache__"}

LONGEST = 19_000
LONG_SENTENCE = 15

CODE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
PRINTED = re.compile(r"^<!-- begin: .*?^<!-- end: .*?-->$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[(?P<text>[^\]]*)\]\((?P<target>[^)\s]+)\)")


def documents():
    """Every Markdown file of the project, by its path."""
    files = list(paths.ROOT.glob("*.md"))
    for folder in FOLDERS:
        files += [file for file in (paths.ROOT / folder).rglob("*.md") if not INSTALLED & set(file.parts)]
    return {str(file.relative_to(paths.ROOT)): file.read_text(encoding="utf-8") for file in sorted(files)}


DOCUMENTS = documents()


def prose(text):
    """A document without its code blocks and without what `make bench` printed."""
    return CODE.sub("", PRINTED.sub("", text))


def headings(text):
    """The headings of a document, without marks."""
    found = re.findall(r"^#+ (.*)$", CODE.sub("", text), re.MULTILINE)
    return [LINK.sub(r"\g<text>", heading).replace("`", "") for heading in found]


def anchors(text):
    """What GitHub makes of the headings of a document. The second of two alike gets `-1`, and so on."""
    slugs = [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings(text)]
    seen, found = Counter(), set()
    for slug in slugs:
        found.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
        seen[slug] += 1
    return found


def broken_links(name, text):
    """The relative links of a document that lead to no file, or to no heading of it."""
    here = paths.ROOT / name
    for match in LINK.finditer(CODE.sub("", text)):
        target, _, anchor = match["target"].partition("#")
        if re.match(r"[a-z]+:", target):
            continue
        file = (here.parent / target).resolve()
        if target and not file.exists():
            yield match["target"]
        elif anchor and anchor not in anchors(file.read_text(encoding="utf-8") if target else text):
            yield match["target"]


def sentences(text):
    """The sentences of the paragraphs, lists and tables of a document, as words."""
    for line in prose(text).splitlines():
        for cell in re.split(r"(?<!\\)\|", line) if line.startswith("|") else [line]:
            for sentence in re.split(r"(?<=[.!?:])\s+", LINK.sub(r"\g<text>", cell)):
                yield tuple(re.findall(r"\w+", sentence.lower()))


def source_files():
    """The files that may name a document in a comment or a message."""
    for name in SOURCES:
        path = paths.ROOT / name
        files = path.rglob("*") if path.is_dir() else [path]
        for file in files:
            if file.is_file() and file.suffix in TEXTS and not INSTALLED & set(file.parts):
                yield file


@pytest.mark.parametrize("name", DOCUMENTS)
def test_each_link_leads_to_a_file_and_a_heading(name):
    assert list(broken_links(name, DOCUMENTS[name])) == []


def test_a_broken_link_would_be_found():
    text = "[a](docs/nothing.md) [b](README.md#nothing) [c](#here-1) [d](#here-2)\n\n## `Here`\n\n## Here\n\n[e](https://example.com)"
    assert list(broken_links("README.md", text)) == ["docs/nothing.md", "README.md#nothing", "#here-2"]


def test_each_document_that_a_source_names_exists_and_has_the_heading():
    """Such as: docs/operations.md, "When a link answers 403"."""
    named = re.compile(r'(?<![\w/.<-])((?:docs/)?[A-Za-z]+\.md)\b(?:, \\?"([^"\\]+))?')
    wrong = []
    for file in source_files():
        # What earlier versions wrote names the documents of then.
        if file.parent.name == "documents" or file.is_relative_to(paths.ROOT / "tests" / "upgrade"):
            continue
        text = file.read_text(encoding="utf-8").replace('"docs" / "', '"docs/')
        for document, heading in named.findall(text):
            known = document in DOCUMENTS
            if not known or (heading and not any(one.startswith(heading) for one in headings(DOCUMENTS[document]))):
                wrong.append((str(file.relative_to(paths.ROOT)), document, heading))
    assert wrong == []


def test_no_long_sentence_stands_in_two_documents():
    where = {}
    for name, text in DOCUMENTS.items():
        for sentence in sentences(text):
            if len(sentence) > LONG_SENTENCE:
                where.setdefault(sentence, set()).add(name)
    assert {" ".join(sentence): names for sentence, names in where.items() if len(names) > 1} == {}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_no_paragraph_is_wrapped(name):
    plain = re.compile(r"(?![|#>]|\s*[-*\d]|\s*$|<!--)")
    lines = prose(DOCUMENTS[name]).splitlines()
    wrapped = [after for before, after in zip(lines, lines[1:], strict=False) if before.strip() and plain.match(after)]
    assert wrapped == []


def test_the_documents_are_short():
    """Words of prose and tables. Code, what `make bench` printed, and the change log, which grows, do not count."""
    words = {name: len(re.findall(r"\S*\w\S*", prose(text))) for name, text in DOCUMENTS.items() if name != "CHANGELOG.md"}
    for name, count in words.items():
        print(f"{count:6,} {name}")
    print(f"{sum(words.values()):6,} words")
    assert sum(words.values()) <= LONGEST
