"""The licences of what is compiled into the function. Most ask that their text goes with the program."""

import collections
import json
import pathlib
import subprocess

from . import paths

NAMES = ("licen", "copying", "notice", "copyright")


def of_dependencies():
    """Each text once, under the names of the packages that have it."""
    packages = linked()
    texts = collections.defaultdict(list)
    for package in packages:
        label = f"{package['name']} {package['version']} ({package['license']})"
        for text in texts_of(package) or ["This package has no text of its licence.\n"]:
            texts[text].append(label)
    rule = "=" * 80
    return "\n".join(f"{rule}\n{chr(10).join(labels)}\n{rule}\n\n{text}" for text, labels in sorted(texts.items(), key=lambda each: each[1]))


def linked():
    """The packages that the function is made of, without those of tests and build scripts, by name."""
    command = ["cargo", "metadata", "--locked", "--format-version", "1", "--filter-platform", "x86_64-unknown-linux-gnu"]
    metadata = json.loads(subprocess.run(command, cwd=paths.ROOT, check=True, capture_output=True, text=True).stdout)
    needs = {
        node["id"]: [need["pkg"] for need in node["deps"] if any(kind["kind"] is None for kind in need["dep_kinds"])]
        for node in metadata["resolve"]["nodes"]
    }
    found, waiting = set(), [metadata["resolve"]["root"]]
    while waiting:
        package = waiting.pop()
        if package not in found:
            found.add(package)
            waiting += needs[package]
    from_others = [package for package in metadata["packages"] if package["id"] in found and package["source"]]
    return sorted(from_others, key=lambda package: (package["name"], package["version"]))


def texts_of(package):
    """The texts of a package's licences and notices."""
    folder = pathlib.Path(package["manifest_path"]).parent
    files = [path for path in sorted(folder.iterdir()) if path.is_file() and path.name.lower().startswith(NAMES)]
    return [path.read_text(encoding="utf-8", errors="replace").replace("\r\n", "\n") for path in files]
