"""The process that makes one job's searchable PDF (pdf/text_overlay.py), in a sandbox, with limits on memory and life.

sandbox/launcher.py runs `python -m slimgest_celery.pipeline.searchable_pdf_process JOB_ID OUTPUT LIMIT_MB PARENT`,
because an untrusted PDF may crash the process that opens it. The password comes as JSON on standard input. A
`Problem` goes to standard output if the PDF cannot be made.
"""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path

from slimgest_celery.config import Settings
from slimgest_celery.errors import FormatFailed, SlimgestError
from slimgest_celery.models.problem import Problem
from slimgest_celery.pdf.text_overlay import make_searchable
from slimgest_celery.process_limits import limit_helper_process
from slimgest_celery.reading.text_layer_decision import has_trusted_text
from slimgest_celery.sandbox.policy import export_sandbox
from slimgest_celery.storage.base import temporary_space_errors
from slimgest_celery.storage.job_files import JobFiles

_log = logging.getLogger(__name__)


def main() -> None:
    """Set the limits, then make one PDF."""
    job_id, target, limit_mb, parent = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    if not limit_helper_process(limit_mb, parent):
        return
    settings = Settings.from_env()
    export_sandbox(settings, target).enter()
    files = JobFiles(settings.storage_url)
    try:
        with temporary_space_errors(), files.source(job_id) as source:
            password = json.load(sys.stdin)
            failed = make_searchable(source, password, files.iterate_pages(job_id), target, has_trusted_text)
        _log.info("pages without text: %s", failed)
    except MemoryError:
        print(Problem.from_error(FormatFailed(FormatFailed.OUT_OF_MEMORY)).model_dump_json())
    except SlimgestError as error:
        print(Problem.from_error(error).model_dump_json())


if __name__ == "__main__":
    main()
