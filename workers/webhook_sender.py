"""The process that sends a sandboxed worker child's webhooks: `python -m workers.webhook_sender PARENT_PID`.

Each line of its standard input lets it look for due deliveries. It opens no PDF, so it has no sandbox: receivers may
have any address. It ends with its standard input, and with its parent.
"""

from __future__ import annotations

import os
import signal
import sys

from slimgest_celery.app import components, settings
from slimgest_celery.process_limits import end_with_parent
from slimgest_celery.telemetry import logs
from slimgest_celery.webhooks.deliveries import SenderPool


def main() -> None:
    """Send due webhooks until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the supervisor
    end_with_parent(signal.SIGKILL)
    if os.getppid() != int(sys.argv[1]):
        return
    logs.setup(settings().log_format)
    pool = SenderPool(components().deliveries)
    for _ in sys.stdin:
        pool.wake()


if __name__ == "__main__":
    main()
