"""The lines about `sam local` in the documents, as people type them."""

import re
from dataclasses import dataclass

from local_aws import paths

# Fenced blocks, and blocks that are indented by four spaces.
FENCED = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INDENTED = re.compile(r"(?:^    [^ ].*\n)+", re.MULTILINE)

DEPLOY = paths.ROOT / "docs" / "deploy.md"


@dataclass(frozen=True)
class Block:
    """Commands that stand together in a document."""

    document: str
    commands: str

    def __str__(self):
        first = next(line for line in self.commands.splitlines() if "sam local" in line)
        return f"{self.document}: {first}"

    @property
    def starts_the_api(self):
        return "sam local start-api" in self.commands

    @property
    def asks_the_doctor(self):
        return "events/doctor/" in self.commands

    def with_a_command_in_each_line(self):
        """The commands of a block that has no here-document and no continued line."""
        assert "<<" not in self.commands and "\\\n" not in self.commands, self.commands
        return self.commands.splitlines()


def blocks():
    """Every block of every document that has a line with `sam local` in it."""
    found = []
    for document in sorted(paths.ROOT.glob("*.md")) + sorted(paths.ROOT.glob("*/*.md")):
        text = document.read_text(encoding="utf-8")
        name = str(document.relative_to(paths.ROOT))
        texts = [match[1] for match in FENCED.finditer(text)]
        unfenced = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
        texts += [re.sub("^    ", "", match[0], flags=re.MULTILINE) for match in INDENTED.finditer(unfenced)]
        found += [Block(name, commands) for commands in texts if re.search(r"\bsam local\b", commands)]
    return found


def settings():
    """The command that writes env.json, which the other commands need."""
    [found] = re.findall(r"^cat > env\.json <<'JSON'\n.*?^JSON$", DEPLOY.read_text(encoding="utf-8"), re.M | re.S)
    return found


def sentences_of_sam():
    """What SAM or the function says when something is missing, by what that is. docs/deploy.md has a table of them."""
    rows = re.findall(r"^\| `([^`]+)` \| ([^|]+) \|", DEPLOY.read_text(encoding="utf-8").split("## On a laptop")[1], re.M)
    return [said for said, _ in rows]
