"""The Helm chart: what it renders is valid, safe, and what the hub understands."""

import base64
import functools
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import kubernetes_validate
import orjson
import pytest
from ruamel.yaml import YAML

from hub.api.access import OPEN
from hub.api.server import DRAIN
from hub.cli import group
from hub.config.load import load
from hub.config.settings import read_settings
from hub.ingress.limits import Limits
from hub.log.connection import PROPERTIES
from hub.log.topics import Topics
from hub.notify import STALE
from hub.processors.staff import _STOP_TIMEOUT
from tests.fixtures.go_tools import HELM, go_tool

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "charts" / "hub"
KUBERNETES = "1.34"
KAFKA = {"kafka": {"bootstrapServers": "kafka-1:9092,kafka-2:9092"}}
CONFIG = {
    "version": 1,
    "name": "shop",
    "log": {"replication": 3},
    "sources": {"github": {"type": "github", "secrets": [{"file": "/etc/hub/secrets/github"}]}},
    "destinations": {"alerts": {"type": "console"}, "db": {"type": "database", "url": "${DATABASE_URL}"}},
    "routes": [{"id": "keep", "to": ["db", "alerts"]}],
}
EVERYTHING: dict[str, Any] = {
    "config": CONFIG,
    "kafka": {
        "bootstrapServers": "kafka-1:9093",
        "properties": {"security.protocol": "SASL_SSL", "sasl.mechanism": "SCRAM-SHA-512", "sasl.username": "hub"},
        "secretProperties": {"sasl.password": {"secret": "kafka-user", "key": "password"}},
    },
    "image": {"pullSecrets": ["registry"], "tag": "1.2.3"},
    "secretFiles": [{"secret": "senders", "key": "gh", "file": "github"}],
    "envFrom": ["databases"],
    "extraEnv": {"AWS_REGION": "eu-central-1"},
    "allowPrivate": True,
    "ingress": {"autoscaling": {"enabled": True}, "nodeSelector": {"disk": "ssd"}, "tolerations": [{"key": "x"}]},
    "workers": [
        {"name": "core", "only": ["route", "delay", "status", "db"], "replicas": 3},
        {"name": "alerts", "only": ["alerts"]},
    ],
    "worker": {"keda": {"enabled": True, "destinations": ["db", "alerts"]}},
    "expose": {"enabled": True, "className": "nginx", "host": "hooks.example.com", "tlsSecret": "tls"},
    "api": {"token": {"secret": "api"}, "nodeSelector": {"disk": "ssd"}},
    "networkPolicy": {"from": [{"namespaceSelector": {}}], "apiFrom": [{"podSelector": {}}]},
    "podAnnotations": {"a": "b"},
    "podLabels": {"team": "events"},
    "extraVolumes": [{"name": "ca", "configMap": {"name": "ca"}}],
    "extraVolumeMounts": [{"name": "ca", "mountPath": "/etc/ca"}],
}
VARIANTS: Mapping[str, Mapping[str, Any]] = {
    "default": KAFKA,
    "everything": EVERYTHING,
    "existing config": {**KAFKA, "existingConfigMap": "mine"},
    "little": {
        **KAFKA,
        "podDisruptionBudget": {"enabled": False},
        "networkPolicy": {"enabled": False},
        "serviceAccount": {"create": False},
    },
}

Document = Mapping[str, Any]


def helm(*words: str, values: Mapping[str, Any]) -> "subprocess.CompletedProcess[str]":
    with tempfile.TemporaryDirectory() as nothing:
        folders = dict.fromkeys(("HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME"), nothing)
        return subprocess.run(
            [go_tool(HELM), *words, "--values", "/dev/stdin"],
            input=orjson.dumps(values).decode(),  # JSON is YAML
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, **folders},
        )


@functools.cache
def _rendered(name: str) -> tuple[Document, ...]:
    return tuple(render(VARIANTS[name]))


def render(values: Mapping[str, Any]) -> list[Document]:
    done = helm("template", "prod", str(CHART), "--kube-version", KUBERNETES, "--namespace", "hub", values=values)
    assert done.returncode == 0, done.stderr
    return [document for document in YAML(typ="safe", pure=True).load_all(done.stdout) if document]


@pytest.fixture(params=list(VARIANTS))
def documents(request: pytest.FixtureRequest) -> Sequence[Document]:
    return _rendered(request.param)


def of_kind(documents: Sequence[Document], kind: str) -> list[Document]:
    return [document for document in documents if document["kind"] == kind]


def pods(documents: Sequence[Document]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """(name, pod's spec) of everything that runs one."""
    for document in documents:
        if document["kind"] in {"Deployment", "Job"}:
            yield document["metadata"]["name"], document["spec"]["template"]["spec"]
        if document["kind"] == "Pod":
            yield document["metadata"]["name"], document["spec"]


def test_it_passes_helms_own_lint() -> None:
    for values in VARIANTS.values():
        done = helm("lint", "--strict", str(CHART), values=values)
        assert done.returncode == 0, done.stdout


def test_every_manifest_is_valid_kubernetes(documents: Sequence[Document]) -> None:
    for document in documents:
        if document["apiVersion"].startswith("keda.sh/"):  # a custom resource; its form is KEDA's
            assert document["spec"]["triggers"]
            continue
        kubernetes_validate.validate(document, KUBERNETES, strict=True)


def test_a_manifest_with_a_typo_is_not_valid() -> None:
    """The control of the test above."""
    [service] = of_kind(_rendered("default"), "Service")
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate({**service, "spec": {**service["spec"], "selectors": {}}}, KUBERNETES, strict=True)


def test_no_pod_may_do_more_than_it_needs(documents: Sequence[Document]) -> None:
    for name, spec in pods(documents):
        assert spec["automountServiceAccountToken"] is False, name
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in spec["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert container["resources"]["requests"].keys() == {"cpu", "memory"}
            assert "memory" in container["resources"]["limits"]


def test_every_pod_can_write_where_the_hub_does(documents: Sequence[Document]) -> None:
    for name, spec in pods(documents):
        if name.endswith("-test-ready"):
            continue
        mounts = {mount["mountPath"]: mount for mount in spec["containers"][0]["volumeMounts"]}
        environ = {entry["name"]: entry.get("value") for entry in spec["containers"][0]["env"]}
        assert not mounts[environ["HUB_HOME"]].get("readOnly")
        assert not mounts["/tmp"].get("readOnly")  # noqa: S108  (in the pod)
        assert {mount["name"] for mount in mounts.values()} == {volume["name"] for volume in spec["volumes"]}


def test_the_commands_are_the_hubs(documents: Sequence[Document]) -> None:
    for name, spec in pods(documents):
        for container in spec["containers"]:
            if "command" in container:
                continue
            words = container["args"]
            above = click.Context(group, **group.context_settings)
            command = group.get_command(above, words[0])
            assert command is not None, f"{name}: there is no hub {words[0]}"
            command.make_context(words[0], list(words[1:]), above)  # raises for an option that does not exist


def test_the_environment_is_what_the_hub_reads(documents: Sequence[Document]) -> None:
    for _, spec in pods(documents):
        for container in spec["containers"]:
            entries = container.get("env", [])
            environ = {entry["name"]: entry.get("value") or "a-secret-of-the-tests" for entry in entries}
            found = read_settings(environ)
            assert found.unknown == ()
            assert set(found.kafka_properties) <= set(PROPERTIES)


def test_the_configuration_is_one_the_hub_accepts(tmp_path: Path) -> None:
    [config] = of_kind(_rendered("everything"), "ConfigMap")
    (tmp_path / "hub.yaml").write_text(config["data"]["hub.yaml"])
    configuration = load(tmp_path / "hub.yaml", {}, expand=False)
    assert configuration.name == "shop"
    assert list(configuration.destinations) == ["alerts", "db"]


def test_no_secret_is_rendered() -> None:
    text = str(_rendered("everything"))
    assert of_kind(_rendered("everything"), "Secret") == []
    ingress = next(spec for name, spec in pods(_rendered("everything")) if name.endswith("ingress"))
    environ = {entry["name"]: entry for entry in ingress["containers"][0]["env"]}
    assert environ["HUB_KAFKA_SASL_PASSWORD"]["valueFrom"] == {
        "secretKeyRef": {"name": "kafka-user", "key": "password"}
    }
    assert ingress["containers"][0]["envFrom"] == [{"secretRef": {"name": "databases"}}]
    [secrets] = [volume for volume in ingress["volumes"] if volume["name"] == "secrets"]
    assert secrets["projected"]["sources"] == [
        {"secret": {"name": "senders", "items": [{"key": "gh", "path": "github"}]}}
    ]
    assert base64.b64encode(b"password").decode() not in text


def test_the_api_is_there_only_with_a_token(documents: Sequence[Document]) -> None:
    """It listens beyond loopback, so it would not start without."""
    found = [spec for name, spec in pods(documents) if name.endswith("-api")]
    assert bool(found) is (documents is _rendered("everything"))
    for spec in found:
        [token] = [entry for entry in spec["containers"][0]["env"] if entry["name"] == "HUB_TOKEN"]
        assert token["valueFrom"] == {"secretKeyRef": {"name": "api", "key": "token"}}


def test_selectors_find_their_pods_and_names_what_they_mean(documents: Sequence[Document]) -> None:
    deployments = of_kind(documents, "Deployment")
    labels = [document["spec"]["template"]["metadata"]["labels"] for document in deployments]
    for document in deployments:
        mine = document["spec"]["selector"]["matchLabels"]
        assert [one for one in labels if mine.items() <= one.items()] == [
            document["spec"]["template"]["metadata"]["labels"]
        ]
    for service in of_kind(documents, "Service"):
        [served] = [one for one in labels if service["spec"]["selector"].items() <= one.items()]
        assert served["app.kubernetes.io/component"] == service["metadata"]["labels"]["app.kubernetes.io/component"]
    for budget in of_kind(documents, "PodDisruptionBudget"):
        assert len([one for one in labels if budget["spec"]["selector"]["matchLabels"].items() <= one.items()]) == 1
    names = {document["metadata"]["name"] for document in deployments}
    for scaler in [*of_kind(documents, "HorizontalPodAutoscaler"), *of_kind(documents, "ScaledObject")]:
        assert scaler["spec"]["scaleTargetRef"]["name"] in names
    accounts = {document["metadata"]["name"] for document in of_kind(documents, "ServiceAccount")} | {"default"}
    configs = {document["metadata"]["name"] for document in of_kind(documents, "ConfigMap")} | {"mine"}
    for document in deployments:
        spec = document["spec"]["template"]["spec"]
        assert spec["serviceAccountName"] in accounts
        [config] = [volume for volume in spec["volumes"] if volume["name"] == "config"]
        assert config["configMap"]["name"] in configs


def test_what_scales_is_not_given_a_number_of_replicas() -> None:
    everything = of_kind(_rendered("everything"), "Deployment")
    scaled = [one for one in everything if not one["metadata"]["name"].endswith("-api")]
    assert all("replicas" not in one["spec"] for one in scaled)
    assert all("replicas" in one["spec"] for one in of_kind(_rendered("default"), "Deployment"))


def test_workers_scale_by_the_lag_of_the_hubs_topics() -> None:
    topics = Topics("shop")
    triggers = [
        trigger["metadata"]
        for document in of_kind(_rendered("everything"), "ScaledObject")
        for trigger in document["spec"]["triggers"]
    ]
    assert {(one["topic"], one["consumerGroup"]) for one in triggers} == {
        (topics.events, topics.route_group),
        (topics.deliveries("db"), topics.deliver_group("db")),
        (topics.deliveries("alerts"), topics.deliver_group("alerts")),
    }


def test_pods_are_given_time_to_drain(documents: Sequence[Document]) -> None:
    limits = Limits()
    for name, spec in pods(documents):
        [container] = spec["containers"]
        if name.endswith("ingress"):
            pause = float(container["lifecycle"]["preStop"]["exec"]["command"][1])
            drain = limits.drain_timeout + limits.answer_timeout  # requests, then what the log has not acknowledged
            assert spec["terminationGracePeriodSeconds"] > pause + drain
        elif name.endswith("-api"):
            assert spec["terminationGracePeriodSeconds"] > DRAIN
        elif "-worker-" in name:
            assert spec["terminationGracePeriodSeconds"] > _STOP_TIMEOUT + 10  # closing what is left


def test_probes_ask_what_the_hub_answers(documents: Sequence[Document]) -> None:
    for name, spec in pods(documents):
        [container] = spec["containers"]
        if name.endswith("ingress"):
            paths = {probe: container[probe]["httpGet"]["path"] for probe in container if probe.endswith("Probe")}
            assert paths == {"startupProbe": "/readyz", "readinessProbe": "/healthz", "livenessProbe": "/healthz"}
        elif name.endswith("-api"):
            paths = {probe: container[probe]["httpGet"]["path"] for probe in container if probe.endswith("Probe")}
            assert paths == {"startupProbe": "/readyz", "readinessProbe": "/readyz", "livenessProbe": "/healthz"}
            assert set(paths.values()) == OPEN, "a probe has no token"
        elif "-worker-" in name:
            [beat] = [word.partition("=")[2] for word in container["args"] if word.startswith("--heartbeat=")]
            assert container["startupProbe"]["exec"]["command"][-1] == beat
            test = container["livenessProbe"]["exec"]["command"][-1]
            assert beat in test
            minutes = re.search(r"-mmin -(\d+)", test)
            assert minutes is not None
            assert float(minutes[1]) * 60 > STALE


def test_the_liveness_probe_of_a_worker_sees_a_stale_heartbeat(tmp_path: Path) -> None:
    worker = next(spec for name, spec in pods(_rendered("default")) if "-worker-" in name)
    command = worker["containers"][0]["livenessProbe"]["exec"]["command"]
    file = tmp_path / "heartbeat"
    mine = [word.replace("/run/hub/heartbeat", str(file)) for word in command]
    assert subprocess.run(mine, check=False, capture_output=True).returncode != 0, "there is none"
    file.touch()
    assert subprocess.run(mine, check=False).returncode == 0
    os.utime(file, (0, 0))
    assert subprocess.run(mine, check=False).returncode != 0


def test_another_configuration_rolls_no_pod_and_is_applied_by_a_hook() -> None:
    changed = {**EVERYTHING, "config": {**CONFIG, "routes": []}}
    assert of_kind(render(changed), "Deployment") == of_kind(render(EVERYTHING), "Deployment")
    [job] = of_kind(render(changed), "Job")
    assert job["metadata"]["annotations"]["helm.sh/hook"] == "post-install,post-upgrade,post-rollback"
    [container] = job["spec"]["template"]["spec"]["containers"]
    assert container["args"][:2] == ["apply", "/etc/hub/config/hub.yaml"]
    assert "--if-changed" in container["args"], "a rollback must stay in force while the configuration is the same"
    assert {"name": "config", "mountPath": "/etc/hub/config", "readOnly": True} in container["volumeMounts"]


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({}, "kafka.bootstrapServers is required"),
        ({"kafka": {"bootstrapServers": "kafka"}}, "bootstrapServers"),
        ({**KAFKA, "kafkaa": 1}, "kafkaa"),
        ({**KAFKA, "ingress": {"replica": 2}}, "replica"),
        ({**KAFKA, "ingress": {"port": 80}}, "port"),
        ({**KAFKA, "workers": []}, "workers"),
        ({**KAFKA, "workers": [{"name": "Upper"}]}, "name"),
        ({**KAFKA, "secretFiles": [{"secret": "s", "key": "k", "file": "../x"}]}, "file"),
        ({**KAFKA, "logLevel": "loud"}, "logLevel"),
        ({**KAFKA, "expose": {"enabled": True}}, "expose.host is required"),
    ],
)
def test_wrong_values_are_refused_by_name(values: Mapping[str, Any], complaint: str) -> None:
    done = helm("template", "prod", str(CHART), "--kube-version", KUBERNETES, values=values)
    assert done.returncode != 0
    assert complaint in done.stderr


def test_the_test_pod_only_asks() -> None:
    [pod] = of_kind(_rendered("default"), "Pod")
    assert pod["metadata"]["annotations"]["helm.sh/hook"] == "test"
    [container] = pod["spec"]["containers"]
    compile(container["args"][0], "test pod", "exec")
    [service] = of_kind(_rendered("default"), "Service")
    assert f"http://{service['metadata']['name']}:{service['spec']['ports'][0]['port']}/readyz" in container["args"][0]
