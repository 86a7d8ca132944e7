"""Packages the function for a release: all that `sam deploy` needs, without a compiler. `make package` runs it.

target/package/ gets a folder and an archive for each processor. Its template is template.yaml, with the zip beside it as
its code and the zip's processor as its only one. The same build makes the same bytes.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tomllib
import zipfile

from . import building, commands, isolation, licences, paths

FOLDER = paths.TARGET / "package"
CODE = "function.zip"
# What users read, and the first events to send. `sam deploy` uploads the readme and the licence that the template names.
FILES = [
    "CHANGELOG.md", "LICENSE-APACHE", "LICENSE-MIT", "README.md", "SECURITY.md", "openapi.yaml", "samconfig.example.toml",
    "docs/deploy.md", "docs/deployer-policy.json", "docs/operations.md", "docs/permissions-boundary.json",
    "docs/reference.md", "events/doctor/report.json", "events/http-api/post-links.json",
]

# What template.yaml says about building, twice, because there are two functions.
BUILDS = """\
    Metadata:
      BuildMethod: rust-cargolambda
      BuildProperties:
        Binary: s3-link-signer
"""
CODE_IS_BUILT = "      CodeUri: .\n"
PROCESSORS = "    Default: x86_64\n    AllowedValues: [x86_64, arm64]\n"
PROCESSOR = '"Architecture=x86_64"'


def version():
    """The version in Cargo.toml."""
    return tomllib.loads((paths.ROOT / "Cargo.toml").read_text(encoding="utf-8"))["package"]["version"]


def name(processor):
    """The name of a package's folder and archive."""
    return f"s3-link-signer-{version()}-{processor}"


def replace(text, old, new, times=1):
    """Replace a text that must be there so many times."""
    if text.count(old) != times:
        raise commands.Failure(f"{text.count(old)} times in place of {times}:\n{old}")
    return text.replace(old, new)


def with_code(template, code):
    """The template, with this zip as the code of both functions."""
    return replace(template, CODE_IS_BUILT, f"      CodeUri: {code}\n", times=2)


def template(processor):
    """template.yaml for a package."""
    text = replace(with_code(paths.TEMPLATE.read_text(encoding="utf-8"), CODE), BUILDS, "", times=2)
    return replace(text, PROCESSORS, f"    Default: {processor}\n    AllowedValues: [{processor}]\n")


def write_zip(path, files):
    """Write a zip of these contents. Nothing of it comes from the machine or the time."""
    with zipfile.ZipFile(path, "w") as archive:
        for member, (content, mode) in sorted(files.items()):
            # 1980 is the oldest year that a zip can name.
            entry = zipfile.ZipInfo(member, (1980, 1, 1, 0, 0, 0))
            entry.create_system = 3  # Unix, or the permissions mean nothing.
            entry.external_attr = (0o100000 | mode) << 16
            archive.writestr(entry, content, zipfile.ZIP_DEFLATED, compresslevel=9)


def package(processor, bootstrap, folder=FOLDER):
    """Write the folder and the archive of a processor. Returns the folder."""
    unpacked = folder / name(processor)
    shutil.rmtree(unpacked, ignore_errors=True)
    unpacked.mkdir(parents=True)
    write_zip(unpacked / CODE, {"bootstrap": (bootstrap.read_bytes(), 0o755)})
    for file in FILES:
        (unpacked / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(paths.ROOT / file, unpacked / file)
    example = unpacked / "samconfig.example.toml"
    written = replace(example.read_text(encoding="utf-8"), PROCESSOR, f'"Architecture={processor}"')
    example.write_text(written, encoding="utf-8")
    (unpacked / "template.yaml").write_text(template(processor), encoding="utf-8")
    (unpacked / "LICENSES-OF-DEPENDENCIES.txt").write_text(licences.of_dependencies(), encoding="utf-8")
    members = [path for path in unpacked.rglob("*") if path.is_file()]
    write_zip(
        folder / f"{unpacked.name}.zip",
        {str(path.relative_to(folder)): (path.read_bytes(), 0o644) for path in members},
    )
    return unpacked


def write_checksums(archives):
    """Write SHA256SUMS as `sha256sum --check` reads it."""
    lines = [f"{hashlib.sha256(archive.read_bytes()).hexdigest()}  {archive.name}\n" for archive in sorted(archives)]
    (FOLDER / "SHA256SUMS").write_text("".join(lines), encoding="utf-8")


def can_compile(processor):
    """Whether Rust's library for a processor is there, or rustup can fetch it."""
    triple = building.TRIPLES[processor]
    found = subprocess.run(
        ["rustc", "--print", "target-libdir", "--target", triple], capture_output=True, text=True, check=False
    )
    if found.returncode == 0 and os.path.isdir(found.stdout.strip()):
        return True
    rustup = shutil.which("rustup")
    return rustup is not None and subprocess.run([rustup, "target", "add", triple], check=False).returncode == 0


def main():
    """Package each processor that this machine can compile for."""
    isolation.isolate()
    shutil.rmtree(FOLDER, ignore_errors=True)
    archives = []
    for processor in building.TRIPLES:
        if not can_compile(processor):
            print(f"{processor} is left out: `rustup target add {building.TRIPLES[processor]}` did not bring what it needs")
            continue
        print(f"building for {processor}", flush=True)
        built = paths.BUILD / "sam" / processor
        building.build_for_release(processor, built)
        folder = package(processor, built / "LinkSigner" / "bootstrap")
        archives.append(folder.with_name(f"{folder.name}.zip"))
    write_checksums(archives)
    print((FOLDER / "SHA256SUMS").read_text(encoding="utf-8"), end="")


if __name__ == "__main__":
    try:
        main()
    except commands.Failure as failure:
        sys.exit(str(failure))
