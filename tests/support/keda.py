"""The part of KEDA's resources that our manifests use, as JSON schemas, and strict: an unknown field is an error.

From the specifications of ScaledObject, TriggerAuthentication and the metrics-api trigger (keda.sh/docs, 2.13 to 2.22).
"""

from __future__ import annotations

from typing import Any


def _object(required: dict[str, Any], optional: dict[str, Any] | None = None) -> dict[str, Any]:
    return {
        "type": "object",
        "required": list(required),
        "properties": {**required, **(optional or {})},
        "additionalProperties": False,
    }


_TEXT = {"type": "string", "minLength": 1}
_COUNT = {"type": "integer", "minimum": 0}
_NAME = {"type": "string", "pattern": r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"}
_NUMBER_AS_TEXT = {"type": "string", "pattern": r"^\d+(\.\d+)?$"}  # all metadata of triggers are strings
_METRICS_API = _object(
    {"url": {"type": "string", "pattern": r"^https?://"}, "valueLocation": _TEXT, "targetValue": _NUMBER_AS_TEXT},
    {
        "activationTargetValue": _NUMBER_AS_TEXT,
        "authMode": {"enum": ["apiKey", "basic", "tls", "bearer"]},
        "format": {"enum": ["json", "xml", "yaml", "prometheus"]},
        "unsafeSsl": {"enum": ["true", "false"]},
    },
)
_POLICY = _object({"type": {"enum": ["Percent", "Pods"]}, "value": _COUNT, "periodSeconds": _COUNT})
_RULES = _object(
    {}, {"stabilizationWindowSeconds": _COUNT, "policies": {"type": "array", "items": _POLICY}, "selectPolicy": _TEXT}
)
_BEHAVIOR = _object({}, {"scaleDown": _RULES, "scaleUp": _RULES})


def _resource(kind: str, spec: dict[str, Any]) -> dict[str, Any]:
    about = _object({"name": _NAME}, {"labels": {"type": "object"}, "annotations": {"type": "object"}})
    head = {"apiVersion": {"const": "keda.sh/v1alpha1"}, "kind": {"const": kind}, "metadata": about}
    return _object({**head, "spec": spec})


SCHEMAS = {
    "ScaledObject": _resource(
        "ScaledObject",
        _object(
            {
                "scaleTargetRef": _object({"name": _NAME}, {"kind": _TEXT, "apiVersion": _TEXT}),
                "triggers": {
                    "type": "array",
                    "minItems": 1,
                    "items": _object(
                        {"type": {"const": "metrics-api"}, "metadata": _METRICS_API},
                        {"authenticationRef": _object({"name": _NAME}, {"kind": _TEXT}), "name": _TEXT},
                    ),
                },
            },
            {
                "minReplicaCount": _COUNT,
                "maxReplicaCount": _COUNT,
                "idleReplicaCount": _COUNT,
                "pollingInterval": _COUNT,
                "cooldownPeriod": _COUNT,
                "fallback": _object({"failureThreshold": _COUNT, "replicas": _COUNT}),
                "advanced": _object({}, {"horizontalPodAutoscalerConfig": _object({}, {"behavior": _BEHAVIOR})}),
            },
        ),
    ),
    "TriggerAuthentication": _resource(
        "TriggerAuthentication",
        _object(
            {
                "secretTargetRef": {
                    "type": "array",
                    "minItems": 1,
                    "items": _object({"parameter": _NAME, "name": _NAME, "key": _TEXT}),
                }
            }
        ),
    ),
}
