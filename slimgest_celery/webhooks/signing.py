"""The signatures of webhooks, after the Standard Webhooks specification, and the secrets that make them."""

from __future__ import annotations

import base64
import hmac
import secrets
from collections.abc import Sequence
from datetime import datetime

from standardwebhooks import Webhook

from slimgest_celery.errors import CallbackDisabled
from slimgest_celery.models.webhooks import Delivery

_PREFIX = "whsec_"


def make_secret() -> str:
    """Return a new random secret for the setting SLIMGEST_WEBHOOK_SECRET."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def secret_for(secret: str, owner: str | None) -> str:
    """Return the secret with which an owner verifies webhooks: without API keys, the setting itself.

    With API keys, each owner has a secret derived from the setting, so that no owner can sign a webhook that another
    owner's receiver accepts.
    """
    if owner is None:
        return secret
    key = base64.b64decode(secret.removeprefix(_PREFIX))
    return _PREFIX + base64.b64encode(hmac.digest(key, owner.encode(), "sha256")).decode()


def sign(delivery: Delivery, at: datetime, webhook_secrets: Sequence[str], owner: str | None) -> dict[str, str]:
    """Return the headers that sign a delivery sent at this time: one signature for each secret of the setting.

    Raises `CallbackDisabled` without a secret: nothing is sent unsigned, even if the secret was removed after the job
    was submitted.
    """
    if not webhook_secrets:
        raise CallbackDisabled
    signers = [Webhook(secret_for(secret, owner)) for secret in webhook_secrets]
    return {
        "webhook-id": delivery.id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signer.sign(delivery.id, at, delivery.body) for signer in signers),
    }
