"""The Lua scripts that run in Redis: each is a file next to the module that uses it."""

from __future__ import annotations

from importlib.resources import files

from redis import Redis
from redis.commands.core import Script


def load_script(redis: Redis, module: str, name: str) -> Script:
    """Return the script `{name}.lua` from the package of `module` (its `__name__`), callable on this Redis.

    Loading a script sends nothing: redis-py sends the source once per Redis, at the first call.
    """
    package = module.rpartition(".")[0]
    return redis.register_script(files(package).joinpath(f"{name}.lua").read_text(encoding="utf-8"))
