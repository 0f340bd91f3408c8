"""The deployment files match their schemas and the code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml
from click.testing import CliRunner

from api.__main__ import main as api
from api.app import create_app
from slimgest_celery.config import Settings
from tests.support import keda
from tests.support.stack import ROOT

KUBERNETES = ROOT / "deploy" / "kubernetes"
INSTALLATIONS = ["cpu", "gpu"]
# Variables that other programs read: Amazon's client, Grafana, OpenMP, the C library, Redis, and Kubernetes' $(…).
OTHERS = re.compile(r"AWS_\w+|GF_\w+|OMP_NUM_THREADS|HOME|TMPDIR|REDIS_PASSWORD|REDISCLI_AUTH")
SECRETS = {"slimgest": {"redis-password", "api-keys", "scaling-key", "webhook-secret"}}


def _documents(path: Path) -> list[dict[str, Any]]:
    return [document for document in yaml.safe_load_all(path.read_text()) if document]


def _installation(name: str) -> list[dict[str, Any]]:
    """Return every resource that `kubectl apply -k` creates from a folder, before kustomize adds names and labels."""
    folder = KUBERNETES / name
    (kustomization,) = _documents(folder / "kustomization.yaml")
    found = []
    for entry in kustomization["resources"]:
        if (folder / entry).is_dir():
            found += _installation(str((folder / entry).resolve().relative_to(KUBERNETES)))
        else:
            found += _documents(folder / entry)
    return found


def _pods(resources: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the pod of each Deployment and StatefulSet, by name."""
    return {each["metadata"]["name"]: each["spec"]["template"]["spec"] for each in resources if _has_pod(each)}


def _has_pod(resource: dict[str, Any]) -> bool:
    return resource["kind"] in ("Deployment", "StatefulSet")


def _walk(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from _walk(child)


@pytest.mark.parametrize("name", INSTALLATIONS)
@pytest.mark.parametrize("version", ["1.31", kubernetes_validate.latest_version()])
def test_every_manifest_matches_its_schema(name: str, version: str) -> None:
    kinds = set()
    for resource in _installation(name):
        kinds.add(resource["kind"])
        if resource["kind"] in keda.SCHEMAS:
            jsonschema.validate(resource, keda.SCHEMAS[resource["kind"]])
        else:
            kubernetes_validate.validate(resource, version, strict=True)
    assert kinds >= {"Deployment", "StatefulSet", "Service", "PodDisruptionBudget", "NetworkPolicy", "ScaledObject"}


def test_the_schema_check_finds_a_misspelt_field_and_a_wrong_type() -> None:
    deployment = next(each for each in _installation("cpu") if each["kind"] == "Deployment")
    deployment["spec"]["replicaz"] = 2
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(deployment, "1.31", strict=True)
    scaled = next(each for each in _installation("cpu") if each["kind"] == "ScaledObject")
    scaled["spec"]["triggers"][0]["metadata"]["targetValue"] = 30  # KEDA expects a string
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(scaled, keda.SCHEMAS["ScaledObject"])


def test_every_file_belongs_to_an_installation() -> None:
    listed = {KUBERNETES / folder / "kustomization.yaml" for folder in ("base", *INSTALLATIONS)}
    for kustomization in list(listed):
        (content,) = _documents(kustomization)
        listed |= {kustomization.parent / entry for entry in content["resources"]}
    assert {path for path in listed if path.suffix} == set(KUBERNETES.rglob("*.yaml"))


@pytest.mark.parametrize("name", INSTALLATIONS)
def test_every_reference_points_to_an_existing_resource(name: str) -> None:
    resources = _installation(name)
    names = {(each["kind"], each["metadata"]["name"]) for each in resources}
    labels = [each["spec"]["template"]["metadata"]["labels"] for each in resources if _has_pod(each)]
    for each in resources:
        spec = each.get("spec", {})
        if each["kind"] in ("Service", "PodDisruptionBudget"):
            wanted = spec["selector"].get("matchLabels", spec["selector"])
            assert any(wanted.items() <= given.items() for given in labels), each["metadata"]["name"]
        if each["kind"] == "ScaledObject":
            assert ("Deployment", spec["scaleTargetRef"]["name"]) in names
            assert {
                ("TriggerAuthentication", trigger["authenticationRef"]["name"]) for trigger in spec["triggers"]
            } <= names
    for node in _walk(resources):
        if "configMapRef" in node:
            assert ("ConfigMap", node["configMapRef"]["name"]) in names
        if "secretKeyRef" in node:
            assert node["secretKeyRef"]["key"] in SECRETS[node["secretKeyRef"]["name"]]


def test_no_file_contains_a_secret_and_the_readme_explains_each() -> None:
    readme = (ROOT / "deploy" / "README.md").read_text()
    assert all(f"--from-literal={key}=" in readme for key in SECRETS["slimgest"])
    for path in KUBERNETES.rglob("*.yaml"):
        assert not [each for each in _documents(path) if each["kind"] == "Secret"], path


@pytest.mark.parametrize("name", INSTALLATIONS)
def test_every_pod_runs_with_minimal_permissions(name: str) -> None:
    for pod in _pods(_installation(name)).values():
        assert pod["securityContext"]["runAsNonRoot"] and pod["automountServiceAccountToken"] is False
        for container in pod["containers"]:
            security = container["securityContext"]
            assert security["readOnlyRootFilesystem"] and security["allowPrivilegeEscalation"] is False
            assert security["capabilities"] == {"drop": ["ALL"]}
            assert container["resources"]["requests"] and container["resources"]["limits"]["memory"]


@pytest.mark.parametrize("name", INSTALLATIONS)
def test_the_limits_of_the_service_are_below_those_of_the_pod(name: str) -> None:
    resources = _installation(name)
    pod = _pods(resources)["worker"]
    (container,) = pod["containers"]
    (shared,) = (each["data"] for each in resources if each["kind"] == "ConfigMap")
    ours = {**shared, **{entry["name"]: entry["value"] for entry in container["env"] if "value" in entry}}
    settings = Settings.from_env({key: value for key, value in ours.items() if key.startswith("SLIMGEST")})
    assert pod["terminationGracePeriodSeconds"] > settings.page_timeout_s
    assert settings.max_worker_mb < int(container["resources"]["limits"]["memory"].removesuffix("Gi")) << 10


def _environments() -> Iterator[tuple[str, str]]:
    """Yield (file, variable) for every environment variable that a file sets."""
    for path in (*KUBERNETES.rglob("*.yaml"), *ROOT.glob("docker-compose*.yml")):
        for node in _walk(_documents(path)):
            if isinstance(node.get("env"), list):
                yield from ((path.name, entry["name"]) for entry in node["env"])
            if isinstance(node.get("environment"), dict):
                yield from ((path.name, variable) for variable in node["environment"])
            if node.get("kind") == "ConfigMap":
                yield from ((path.name, variable) for variable in node["data"])


def test_every_variable_in_the_files_is_read_by_a_program() -> None:
    known = {str(field.alias) for field in Settings.model_fields.values()}
    found = list(_environments())
    assert len(found) > 30 and not [each for each in found if each[1] not in known and not OTHERS.fullmatch(each[1])]


def _commands() -> Iterator[list[str]]:
    for path in (*KUBERNETES.rglob("*.yaml"), *ROOT.glob("docker-compose*.yml")):
        for command in (node["command"] for node in _walk(_documents(path)) if "command" in node):
            yield command if isinstance(command, list) else str(command).split()


def test_every_command_exists() -> None:
    checked = 0
    for program, *arguments in _commands():
        if program == "python":
            assert arguments[:2] == ["-m", "api"]
            assert CliRunner().invoke(api, [*arguments[2:], "--help"]).exit_code == 0
        elif program == "celery":
            assert arguments[:2] == ["-A", "slimgest_celery"] and arguments[2] in ("worker", "beat", "flower")
        elif program == "slimgest":
            assert arguments == ["worker"]
        else:
            assert program in ("sh", "sleep", "redis-cli", "redis-server"), program
            continue
        checked += 1
    assert checked >= 8


def test_every_probed_path_is_a_route_of_the_api() -> None:
    flask = create_app(Settings.from_env({"SLIMGEST_REDIS_URL": "redis://127.0.0.1:9/0"}))
    routes = {rule.rule for rule in flask.url_map.iter_rules()}
    probed = {node["httpGet"]["path"] for node in _walk(_installation("cpu")) if "httpGet" in node}
    assert probed == {"/health/live", "/health/ready"} and probed <= routes
