"""What no single test of a part can see: floors, sizes, pins, links, and nothing that must not be kept."""

from __future__ import annotations

import ast
import configparser
import dataclasses
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.domain.evidence.receipt import ReceiptKind
from gateway.domain.transit.envelope import Attachment, Envelope

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = ("gateway", "adapters", "certs", "xsd", "examples", "bench")
LONGEST_MODULE = 400
LONGEST_FUNCTION = 60
FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)

KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----\s+[A-Za-z0-9+/=\s]{64,}-----END")
KEY_FILES = frozenset({".pem", ".key", ".p12", ".pfx", ".jks"})
VAGUE_CLASS = re.compile(r"^\s*class \w*(Manager|Helper|Util|Utils|Processor)\b", re.MULTILINE)
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
SOMEBODYS_FOLDER = re.compile(r"(?<![\w.])/(root|work|tmp)/[a-z]|/home/[a-z]+/")
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|<a\s[^>]*href=\"([^\"]+)\"|!\[[^\]]*\]\(([^)\s]+)\)")


def project_files() -> list[Path]:
    """Files that are or would be committed."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    if listed.returncode == 0:
        paths = [ROOT / name for name in listed.stdout.split("\0") if name]
    else:  # an unpacked archive has no history
        paths = [path for path in ROOT.rglob("*") if ".venv" not in path.parts and "var" not in path.parts]
    return [path for path in paths if path.is_file()]


def texts() -> Iterator[tuple[str, str]]:
    """Path and text of every project file that is text, this one excepted."""
    for path in project_files():
        octets = path.read_bytes()
        if b"\0" not in octets and path != Path(__file__).resolve():
            yield path.relative_to(ROOT).as_posix(), octets.decode("utf-8", "replace")


def modules(*folders: str) -> Iterator[tuple[str, str]]:
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield path.relative_to(ROOT).as_posix(), path.read_text("utf-8")


def matching(pattern: re.Pattern[str], within: tuple[str, ...] = ()) -> list[str]:
    return [
        f"{name}: {found.group(0).strip()[:40]}"
        for name, text in texts()
        if not within or name.startswith(within)
        for found in [pattern.search(text)]
        if found
    ]


def test_imports_keep_the_floors() -> None:
    command = [
        sys.executable,
        "-c",
        "from importlinter.cli import lint_imports_command as c; c()",
        "--no-cache",
    ]
    linted = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert linted.returncode == 0, linted.stdout + linted.stderr


def test_no_module_is_long() -> None:
    lengths = {name: len(text.splitlines()) for name, text in modules(*PRODUCT)}
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST_MODULE} == {}


def test_no_function_is_long() -> None:
    # a revision of the database is one list of columns, however many there are
    judged = [(name, text) for name, text in modules(*PRODUCT) if "/migrations/versions/" not in name]
    assert [entry for name, text in judged for entry in long_functions(name, text)] == []


def long_functions(name: str, text: str) -> list[str]:
    """Functions over the limit; what stands in functions inside them (a door's views) is theirs."""
    return [
        f"{name}:{node.lineno} {node.name}"
        for node in ast.walk(ast.parse(text))
        if isinstance(node, FUNCTION) and own_lines(node) > LONGEST_FUNCTION
    ]


def own_lines(function: ast.AST) -> int:
    inside = [node for node in ast.walk(function) if isinstance(node, FUNCTION) and node is not function]
    return len(lines_of(function).difference(*map(lines_of, inside)))


def lines_of(node: ast.AST) -> set[int]:
    assert isinstance(node, FUNCTION)
    return set(range(node.lineno, (node.end_lineno or node.lineno) + 1))


def test_the_length_check_sees_long_functions() -> None:
    inner = "    def view():\n" + "        pass\n" * 50
    assert long_functions("a.py", "def long():\n" + "    pass\n" * LONGEST_FUNCTION) == ["a.py:1 long"]
    assert long_functions("a.py", "def door():\n" + inner + inner.replace("view", "other")) == []


def test_every_module_says_in_a_docstring_what_it_is() -> None:
    mute = [name for name, text in modules(*PRODUCT) if not ast.get_docstring(ast.parse(text))]
    assert mute == []


def test_every_package_folder_has_an_init_module() -> None:
    folders = {path.parent for path in (ROOT / "gateway").rglob("*.py")}
    bare = [folder for folder in folders if not (folder / "__init__.py").exists()]
    assert [folder.relative_to(ROOT).as_posix() for folder in bare if folder.name != "versions"] == []


def test_links_between_documents_resolve() -> None:
    broken = [
        f"{page.relative_to(ROOT)} -> {target}"
        for page in project_files()
        if page.suffix == ".md"
        for target in relative_links(page.read_text("utf-8"))
        if not (page.parent / target).exists()
    ]
    assert broken == []


def relative_links(text: str) -> list[str]:
    prose = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    targets = [next(filter(None, groups)) for groups in LINK.findall(prose)]
    elsewhere = ("http:", "https:", "mailto:", "urn:", "/", "#")
    return [target.split("#")[0] for target in targets if not target.startswith(elsewhere)]


def test_the_link_check_sees_links() -> None:
    assert relative_links("see [a](b.md#c), ![d](e.svg), [f](https://example.org)") == ["b.md", "e.svg"]


def test_no_private_key_is_kept() -> None:
    assert matching(KEY) == []
    assert [path.name for path in project_files() if path.suffix in KEY_FILES] == []


def test_the_key_check_sees_keys() -> None:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    assert KEY.search(key.decode())


def test_no_class_has_a_vague_name() -> None:
    assert matching(VAGUE_CLASS, ("gateway/", "adapters/")) == []


def test_nothing_is_marked_unfinished() -> None:
    assert matching(UNFINISHED, (*(f"{folder}/" for folder in PRODUCT), "docs/", "config/")) == []


def test_no_text_names_a_folder_of_one_machine() -> None:
    assert matching(SOMEBODYS_FOLDER) == []


@pytest.mark.parametrize("text", ["see /" + "work/shared", "in /" + "home/somebody/x", "(/" + "tmp/out)"])
def test_the_folder_check_sees_folders(text: str) -> None:
    assert SOMEBODYS_FOLDER.search(text)


def requirements() -> dict[str, str]:
    """Every requirement of the project and its extras: name (as written) to the version asked."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", "utf-8")
    lines = setup["options"]["install_requires"].split()
    for extra in setup["options.extras_require"].values():
        lines += extra.split()
    build = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["build-system"]["requires"]
    return dict((*line.partition("==")[::2],) for line in [*lines, *build])


def pins() -> dict[str, str]:
    lines = (ROOT / "requirements" / "constraints.txt").read_text("utf-8").splitlines()
    pairs = [line.partition("==")[::2] for line in lines if line and not line.startswith("#")]
    return {normal(name): version for name, version in pairs}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name.partition("[")[0]).lower()


def test_every_requirement_is_pinned_to_the_version_that_is_tested() -> None:
    pinned = pins()
    differing = {
        name: wanted for name, wanted in requirements().items() if pinned.get(normal(name)) != wanted
    }
    assert differing == {}


def test_the_specification_explains_every_field_of_the_envelope() -> None:
    page = (ROOT / "docs" / "envelope.md").read_text("utf-8")
    fields = [field for model in (Envelope, Attachment) for field in dataclasses.fields(model)]
    assert [name for name in map(camel_case, fields) if f"`{name}`" not in page] == []


def camel_case(field: dataclasses.Field[object]) -> str:
    first, *others = field.name.split("_")
    return first + "".join(word.capitalize() for word in others)


def test_the_specification_explains_every_kind_of_receipt() -> None:
    page = (ROOT / "docs" / "evidence.md").read_text("utf-8")
    assert [kind.value for kind in ReceiptKind if f"`{kind.value}`" not in page] == []


def test_the_pages_of_decisions_are_listed() -> None:
    folder = ROOT / "docs" / "decisions"
    pages = sorted(page.name for page in folder.glob("[0-9]*.md"))
    assert pages == sorted(relative_links((folder / "README.md").read_text("utf-8")))
