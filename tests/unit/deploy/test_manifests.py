"""The Helm chart and the Compose files match their schemas and the code."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from copy import deepcopy
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
from tests.support import helm, keda
from tests.support.stack import ROOT

pytestmark = helm.NEEDS_HELM

CHART = ROOT / "deploy" / "helm" / "slimgest"
GPU = yaml.safe_load((CHART / "values-gpu.yaml").read_text())
# The installations that are checked, by what is changed in values.yaml.
INSTALLATIONS: dict[str, dict[str, Any]] = {
    "default": {},
    "gpu": GPU,
    "scaling": {"scaling": {"enabled": True}},
    "gpu and scaling": {**GPU, "scaling": {**GPU["scaling"], "enabled": True}},
    "one volume": {"storage": {"claim": "jobs"}, "api": {"replicas": 1}},
    "redis elsewhere": {"redis": {"enabled": False, "url": "rediss://:$(REDIS_PASSWORD)@redis.example.org:6380/0"}},
    "ingress": {"ingress": {"enabled": True, "tlsSecret": "tls", "trustedProxies": "10.244.0.0/16"}},
    "pull secret, no network policy": {"imagePullSecrets": [{"name": "us"}], "networkPolicy": {"enabled": False}},
}
# Variables that other programs read: Amazon's client, Grafana, OpenMP, the C library, Redis, and Kubernetes' $(…).
OTHERS = re.compile(r"AWS_\w+|GF_\w+|OMP_NUM_THREADS|HOME|TMPDIR|REDIS_PASSWORD|REDISCLI_AUTH")
SECRETS = {"slimgest": {"redis-password", "api-keys", "scaling-key", "webhook-secret"}}


def _installation(name: str) -> list[dict[str, Any]]:
    """Return every resource that `helm install` creates with the values of an installation."""
    return deepcopy(helm.resources(helm.render(CHART, INSTALLATIONS[name])))


def _pods(resources: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the pod of each Deployment and StatefulSet, by component."""
    return {
        each["metadata"]["name"].removeprefix("slimgest-"): each["spec"]["template"]["spec"]
        for each in resources
        if _has_pod(each)
    }


def _has_pod(resource: dict[str, Any]) -> bool:
    return resource["kind"] in ("Deployment", "StatefulSet")


def _walk(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from _walk(child)


@pytest.mark.parametrize("version", ["1.31", kubernetes_validate.latest_version()])
def test_every_resource_matches_its_schema(version: str) -> None:
    # Most resources are the same in most installations: each different one is checked once.
    resources = {json.dumps(resource): resource for name in INSTALLATIONS for resource in _installation(name)}
    for resource in resources.values():
        if resource["kind"] in keda.SCHEMAS:
            jsonschema.validate(resource, keda.SCHEMAS[resource["kind"]])
        else:
            kubernetes_validate.validate(resource, version, strict=True)


def test_every_template_makes_a_resource_in_some_installation() -> None:
    made = {file for name in INSTALLATIONS for file, text in helm.render(CHART, INSTALLATIONS[name]).items() if text}
    assert {Path(file).name for file in made} == {
        path.name for path in (CHART / "templates").iterdir() if path.suffix != ".tpl"
    }
    kinds = {resource["kind"] for name in INSTALLATIONS for resource in _installation(name)}
    assert kinds >= {"StatefulSet", "Service", "PodDisruptionBudget", "NetworkPolicy", "ScaledObject", "Ingress"}


def test_the_schema_check_finds_a_misspelt_field_and_a_wrong_type() -> None:
    deployment = next(each for each in _installation("default") if each["kind"] == "Deployment")
    deployment["spec"]["replicaz"] = 2
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(deployment, "1.31", strict=True)
    scaled = next(each for each in _installation("scaling") if each["kind"] == "ScaledObject")
    scaled["spec"]["triggers"][0]["metadata"]["targetValue"] = 30  # KEDA expects a string
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(scaled, keda.SCHEMAS["ScaledObject"])


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"replicas": 3}, "replicas"),
        ({"worker": {"replicas": "two"}}, "replicas"),
        ({"settings": {"SLIMGEST_MAX_PAGES": 100}}, "SLIMGEST_MAX_PAGES"),
        ({"redis": {"enabled": False}}, "redis.url is needed"),
    ],
)
def test_helm_refuses_wrong_values_and_names_them(values: dict[str, Any], named: str) -> None:
    with pytest.raises(helm.RenderError, match=re.escape(named)):
        helm.render(CHART, values)


@pytest.mark.parametrize("name", INSTALLATIONS)
def test_every_selector_selects_one_set_of_pods(name: str) -> None:
    resources = _installation(name)
    pods = [each["spec"]["template"]["metadata"]["labels"] for each in resources if _has_pod(each)]
    checked = 0
    for each in resources:
        selector = each.get("spec", {}).get("selector")
        if selector:
            wanted = selector.get("matchLabels", selector)
            assert sum(wanted.items() <= labels.items() for labels in pods) == 1, each["metadata"]["name"]
            checked += 1
    assert checked >= 5


@pytest.mark.parametrize("name", INSTALLATIONS)
def test_every_reference_points_to_an_existing_resource(name: str) -> None:
    resources = _installation(name)
    names = {(each["kind"], each["metadata"]["name"]) for each in resources}
    assert len(names) == len(resources)
    for node in _walk(resources):
        assert set(_references(node)) <= names
        if "secretKeyRef" in node:
            assert node["secretKeyRef"]["key"] in SECRETS[node["secretKeyRef"]["name"]]


def _references(node: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield (kind, name) of the resources that a node refers to."""
    kinds = {
        "configMapRef": "ConfigMap",
        "scaleTargetRef": "Deployment",
        "authenticationRef": "TriggerAuthentication",
        "service": "Service",
    }
    yield from ((kind, node[field]["name"]) for field, kind in kinds.items() if field in node)


def test_every_host_in_an_address_is_a_service_of_the_release() -> None:
    resources = helm.resources(helm.render(CHART, INSTALLATIONS["scaling"], release="scans", namespace="ocr"))
    services = {each["metadata"]["name"] for each in resources if each["kind"] == "Service"}
    text = yaml.safe_dump(resources)
    redis_hosts, api_hosts = re.findall(r"redis://\S+@([\w.-]+):6379", text), re.findall(r"http://([\w.-]+):8000", text)
    assert set(redis_hosts) == {"scans-redis"} <= services
    assert set(api_hosts) == {"scans-api.ocr.svc"} and "scans-api" in services


def test_two_releases_in_one_namespace_share_nothing() -> None:
    names = [
        {(each["kind"], each["metadata"]["name"]) for each in helm.resources(helm.render(CHART, {}, release=release))}
        for release in ("scans", "letters")
    ]
    assert not names[0] & names[1]


def test_a_new_version_replaces_no_redis_and_a_changed_setting_replaces_every_other_pod() -> None:
    values = [{}, {"image": {"tag": "9.9.9"}}, {"settings": {"SLIMGEST_MAX_PAGES": "7"}}]
    before, upgraded, changed = (
        {
            each["metadata"]["name"]: each["spec"]["template"]
            for each in helm.resources(helm.render(CHART, given))
            if _has_pod(each)
        }
        for given in values
    )
    for after in (upgraded, changed):
        assert {name for name, pod in before.items() if pod == after[name]} == {"slimgest-redis"}


def test_no_file_contains_a_secret_and_the_documentation_explains_each() -> None:
    documentation = (ROOT / "docs" / "deploy.md").read_text()
    assert all(f"--from-literal={key}=" in documentation for key in SECRETS["slimgest"])
    for name in INSTALLATIONS:
        assert not [each for each in _installation(name) if each["kind"] == "Secret"]


@pytest.mark.parametrize("name", INSTALLATIONS)
def test_every_pod_runs_with_minimal_permissions(name: str) -> None:
    for pod in _pods(_installation(name)).values():
        assert pod["securityContext"]["runAsNonRoot"] and pod["automountServiceAccountToken"] is False
        for container in pod["containers"]:
            security = container["securityContext"]
            assert security["readOnlyRootFilesystem"] and security["allowPrivilegeEscalation"] is False
            assert security["capabilities"] == {"drop": ["ALL"]}
            assert container["resources"]["requests"] and container["resources"]["limits"]["memory"]


@pytest.mark.parametrize("component", ["worker", "exports"])
@pytest.mark.parametrize("name", INSTALLATIONS)
def test_the_limits_of_the_service_are_below_those_of_the_pod(name: str, component: str) -> None:
    resources = _installation(name)
    pod = _pods(resources)[component]
    (container,) = pod["containers"]
    (shared,) = (each["data"] for each in resources if each["kind"] == "ConfigMap")
    ours = {**shared, **{entry["name"]: entry["value"] for entry in container["env"] if "value" in entry}}
    settings = Settings.from_env({key: value for key, value in ours.items() if key.startswith("SLIMGEST")})
    assert pod["terminationGracePeriodSeconds"] > settings.page_timeout_s
    assert settings.max_worker_mb < int(container["resources"]["limits"]["memory"].removesuffix("Gi")) << 10


def test_workers_with_a_gpu_get_one_each_and_no_limit_of_cores() -> None:
    (container,) = _pods(_installation("gpu"))["worker"]["containers"]
    assert container["image"].startswith("registry.example.org/slimgest-gpu:")
    assert container["resources"]["limits"]["nvidia.com/gpu"] == 1 and "cpu" not in container["resources"]["limits"]
    (api_container,) = _pods(_installation("gpu"))["api"]["containers"]
    assert api_container["image"].startswith("registry.example.org/slimgest:")


def _environments() -> Iterator[tuple[str, str]]:
    """Yield (file, variable) for every environment variable that a file sets."""
    for name, resources in _documents():
        for node in _walk(resources):
            if isinstance(node.get("env"), list):
                yield from ((name, entry["name"]) for entry in node["env"])
            if isinstance(node.get("environment"), dict):
                yield from ((name, variable) for variable in node["environment"])
            if node.get("kind") == "ConfigMap":
                yield from ((name, variable) for variable in node["data"])


def _documents() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Yield (name, documents) of each installation and each Compose file."""
    yield from ((name, _installation(name)) for name in INSTALLATIONS)
    for path in ROOT.glob("docker-compose*.yml"):
        yield path.name, list(yaml.safe_load_all(path.read_text()))


def test_every_variable_in_the_files_is_read_by_a_program() -> None:
    known = {str(field.alias) for field in Settings.model_fields.values()}
    found = set(_environments())
    assert len(found) > 30 and not [each for each in found if each[1] not in known and not OTHERS.fullmatch(each[1])]


def _commands() -> Iterator[list[str]]:
    for _, resources in _documents():
        for command in (node["command"] for node in _walk(resources) if "command" in node):
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
    probed = {node["httpGet"]["path"] for node in _walk(_installation("default")) if "httpGet" in node}
    assert probed == {"/health/live", "/health/ready"} and probed <= routes
