"""`python -m slimgest_celery.cli` is the `slimgest` command."""

from slimgest_celery.cli.main import main

main()
