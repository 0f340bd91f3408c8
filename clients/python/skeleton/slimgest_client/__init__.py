"""The client of a slimgest service. docs/client.md of slimgest describes it, with other names for the same modules."""

from slimgest_client.client import AsyncClient, Client
from slimgest_client.models.job import Document, JobStatus, Mode, Options
from slimgest_client.models.page import Block, Page, Paragraph

__all__ = ["AsyncClient", "Block", "Client", "Document", "JobStatus", "Mode", "Options", "Page", "Paragraph"]
