"""The structure of the code: small packages, and one class for one name."""

from __future__ import annotations

import ast
from collections import defaultdict

import pytest

from tests.support.stack import ROOT

MAX_MODULES = 14
ROOTS = ("slimgest_celery", "workers", "api", "benchmarks")
PACKAGES = sorted({path.parent for name in ROOTS for path in ROOT.glob(f"{name}/**/*.py")})


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: str(package.relative_to(ROOT)))
def test_a_package_has_at_most_fourteen_modules(package: object) -> None:
    modules = [path.name for path in package.glob("*.py") if path.name != "__init__.py"]  # type: ignore[attr-defined]
    assert len(modules) <= MAX_MODULES, modules


def test_no_two_public_classes_have_one_name() -> None:
    found: defaultdict[str, list[str]] = defaultdict(list)
    for package in PACKAGES:
        for path in package.glob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    found[node.name].append(str(path.relative_to(ROOT)))
    assert {name: places for name, places in found.items() if len(places) > 1} == {}
