"""The public import path of the records that the Python client uses."""

from slimgest_celery.models.job import Document, JobStatus, Links, Mode, Options, Status
from slimgest_celery.models.job import EngineInfo as Engine
from slimgest_celery.models.page import Block, Page, PageSeconds, Paragraph, Region, RegionKind, Source
from slimgest_celery.models.problem import Problem
from slimgest_celery.models.results import FormatOptions
from slimgest_celery.models.service import Capacity, Worker
from slimgest_celery.models.webhooks import Attempt, Delivery

__all__ = [
    "Attempt", "Block", "Capacity", "Delivery", "Document", "Engine", "FormatOptions", "JobStatus", "Links", "Mode",
    "Options", "Page", "PageSeconds", "Paragraph", "Problem", "Region", "RegionKind", "Source", "Status", "Worker",
]  # fmt: skip
