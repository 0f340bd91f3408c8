"""The public import path of the records that the Python client uses."""

from slimgest_client.models.job import Document, JobStatus, Links, Mode, Options, Status
from slimgest_client.models.job import EngineInfo as Engine
from slimgest_client.models.page import Block, Page, PageSeconds, Paragraph, Source
from slimgest_client.models.problem import Problem
from slimgest_client.models.service import Capacity, Worker
from slimgest_client.models.webhooks import Attempt, Delivery

__all__ = [
    "Attempt", "Block", "Capacity", "Delivery", "Document", "Engine", "JobStatus", "Links", "Mode", "Options", "Page",
    "PageSeconds", "Paragraph", "Problem", "Source", "Status", "Worker",
]  # fmt: skip
