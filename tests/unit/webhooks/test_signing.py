"""The secrets and signatures of webhooks."""

from __future__ import annotations

import pytest
from click.testing import CliRunner
from standardwebhooks import Webhook, WebhookVerificationError

from slimgest_celery.cli.main import main
from slimgest_celery.config import Settings, SettingsError
from slimgest_celery.errors import CallbackDisabled
from slimgest_celery.models.record import now
from slimgest_celery.models.webhooks import Delivery
from slimgest_celery.webhooks.signing import make_secret, secret_for, sign

DELIVERY = Delivery(id="msg_1", created_at=now(), body='{"type":"job.completed"}')


def test_a_delivery_is_signed_with_every_secret_of_the_setting_as_derived_for_the_owner() -> None:
    old, new = make_secret(), make_secret()
    headers = sign(DELIVERY, now(), [new, old], "alice")
    for secret in (old, new):
        assert Webhook(secret_for(secret, "alice")).verify(DELIVERY.body, headers) == {"type": "job.completed"}
        with pytest.raises(WebhookVerificationError):
            Webhook(secret_for(secret, "bob")).verify(DELIVERY.body, headers)
        with pytest.raises(WebhookVerificationError):
            Webhook(secret_for(secret, "alice")).verify('{"type":"job.failed"}', headers)


def test_without_a_secret_nothing_is_signed() -> None:
    with pytest.raises(CallbackDisabled):
        sign(DELIVERY, now(), [], "alice")


@pytest.mark.parametrize(
    "secret",
    ["whsec_", "whsec_c2hvcnQ=", "sekrit", f"{make_secret()},whsec_!!"],
    ids=["empty", "short", "without a prefix", "a good one and one that is not base64"],
)
def test_an_invalid_secret_is_refused_and_not_repeated_in_the_message(secret: str) -> None:
    with pytest.raises(SettingsError, match="SLIMGEST_WEBHOOK_SECRET") as refused:
        Settings.from_env({"SLIMGEST_WEBHOOK_SECRET": secret})
    assert secret not in str(refused.value) or secret == "whsec_"
    assert make_secret() not in repr(Settings.from_env({"SLIMGEST_WEBHOOK_SECRET": make_secret()}))


def test_each_owner_has_a_different_secret() -> None:
    secret = make_secret()
    assert secret_for(secret, None) == secret
    secrets = {secret_for(secret, owner) for owner in (None, "alice", "bob")}
    assert len(secrets) == 3 and all(one.startswith("whsec_") for one in secrets)
    Settings.from_env({"SLIMGEST_WEBHOOK_SECRET": ",".join(secrets)})


def test_the_command_line_makes_a_secret_and_prints_the_secret_of_an_owner() -> None:
    run = CliRunner().invoke
    secret = run(main, ["webhook-secret"]).output.strip()
    printed = run(main, ["webhook-secret", "alice"], env={"SLIMGEST_WEBHOOK_SECRET": secret})
    assert printed.output.strip() == secret_for(secret, "alice")
    unset = run(main, ["webhook-secret", "alice"], env={"SLIMGEST_WEBHOOK_SECRET": ""})
    assert unset.exit_code == 2 and "not set" in unset.output
