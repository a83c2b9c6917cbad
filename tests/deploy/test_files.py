"""What `deploy/` says, without building it; tests/deploy/test_images.py builds it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = ROOT / "deploy" / "Dockerfile"
MANIFESTS = sorted((ROOT / "deploy" / "kubernetes").glob("*.yaml"))
USER = 10001


def documents() -> list[dict[str, Any]]:
    """Everything that the Kubernetes files describe."""
    return [one for path in MANIFESTS for one in yaml.safe_load_all(path.read_text())]


def of_kind(kind: str) -> dict[str, Any]:
    (found,) = (one for one in documents() if one["kind"] == kind)
    return found


def templates() -> dict[str, dict[str, Any]]:
    """The pods, by what makes them."""
    cluster = of_kind("RayCluster")["spec"]
    (workers,) = cluster["workerGroupSpecs"]
    return {
        "head": cluster["headGroupSpec"]["template"],
        "worker": workers["template"],
        "submitter": of_kind("RayJob")["spec"]["submitterPodTemplate"],
        "app": of_kind("Deployment")["spec"]["template"],
    }


PODS = sorted(templates())


def program(name: str) -> str:
    """Where a program is that a Python package brings, or the system has."""
    found = shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)
    if found is None:
        pytest.skip(f"needs {name} (extra dev)")
    return found


def test_hadolint_has_nothing_to_say() -> None:
    # What is installed beside the wheel is pinned by constraints.txt, which hadolint does not see.
    run = subprocess.run(
        [program("hadolint"), "--no-color", "--ignore", "DL3013", str(DOCKERFILE)],
        capture_output=True,
        text=True,
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")


def test_every_pip_is_pinned() -> None:
    commands = re.findall(r"pip (?:install|wheel) .*", DOCKERFILE.read_text())
    assert len(commands) == 4
    for command in commands:
        assert "--no-cache-dir" in command
        pinned = "--constraint /wheels/constraints.txt" in command
        assert pinned or command.startswith("pip wheel"), command
    assert re.search(
        r"^ENV PIP_CONSTRAINT=/source/constraints.txt\nRUN .* pip wheel", DOCKERFILE.read_text(), re.M
    )


def test_the_base_is_pinned() -> None:
    text = DOCKERFILE.read_text()
    assert re.search(r"^ARG PYTHON=python:3\.11\.\d+-slim-bookworm@sha256:[0-9a-f]{64}$", text, re.M)
    bases = re.findall(r"^FROM (\S+) AS (\w+)$", text, re.M)
    assert bases == [("${PYTHON}", "wheel"), ("${PYTHON}", "mssn"), ("mssn", "worker"), ("mssn", "app")]


def test_the_files_are_tidy_yaml() -> None:
    rules = "{extends: default, rules: {line-length: {max: 110}, document-start: disable}}"
    run = subprocess.run(
        [program("yamllint"), "--strict", "-d", rules, *map(str, MANIFESTS)], capture_output=True, text=True
    )
    assert (run.returncode, run.stdout) == (0, "")


def test_kubernetes_knows_every_field() -> None:
    """By the public schemas; KubeRay's own kinds are in none of them, but the pods that they make are."""
    kubernetes = pytest.importorskip("kubernetes_validate", reason="needs kubernetes-validate (extra dev)")
    pods = [
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, **one.get("metadata", {})},
            "spec": one["spec"],
        }
        for name, one in templates().items()
    ]
    public = [one for one in documents() if not one["apiVersion"].startswith("ray.io/")]
    assert {one["kind"] for one in public} == {"Deployment", "Service", "NetworkPolicy"}
    for one in (*public, *pods):
        kubernetes.validate(one, "1.37", strict=True)
    with pytest.raises(kubernetes.ValidationError):
        kubernetes.validate({**pods[0], "spec": {**pods[0]["spec"], "container": []}}, "1.37", strict=True)


# Fields of KubeRay 1.1 that 1.7 still has; more of them here must be looked up, in both.
KUBERAY = {
    "RayCluster": {"rayVersion", "headGroupSpec", "workerGroupSpecs"},
    "head": {"rayStartParams", "template"},
    "workers": {"groupName", "replicas", "minReplicas", "maxReplicas", "rayStartParams", "template"},
    "RayJob": {"clusterSelector", "entrypoint", "submitterPodTemplate"},
}


def test_kuberay_knows_every_field() -> None:
    cluster, job = of_kind("RayCluster"), of_kind("RayJob")
    head, (workers,) = cluster["spec"]["headGroupSpec"], cluster["spec"]["workerGroupSpecs"]
    specs = {"RayCluster": cluster["spec"], "head": head, "workers": workers, "RayJob": job["spec"]}
    for name, fields in KUBERAY.items():
        assert specs[name].keys() == fields, name
    for group in (head, workers):
        values = group["rayStartParams"].values()
        assert all(isinstance(value, str) for value in values), "a number is no string"
    assert 0 <= workers["minReplicas"] <= workers["replicas"] <= workers["maxReplicas"]
    for one in (cluster, job):
        assert (one["apiVersion"], one.keys()) == ("ray.io/v1", {"apiVersion", "kind", "metadata", "spec"})
        assert re.fullmatch(r"[a-z]([-a-z0-9]{0,45}[a-z0-9])?", one["metadata"]["name"])


def test_kuberay_finds_what_it_needs() -> None:
    pods = {name: templates()[name]["spec"] for name in ("head", "worker", "submitter")}
    for name, spec in pods.items():
        (container,) = spec["containers"]
        assert not {"command", "args"} & container.keys(), "KubeRay makes them"
        if name != "submitter":  # without probes of ours it would add its own, which need wget
            assert {"readinessProbe", "livenessProbe"} <= container.keys()
    # By their names it finds the ports of the head for its service, and where to ask for the job.
    (head,) = pods["head"]["containers"]
    ports = {port["name"]: port["containerPort"] for port in head["ports"]}
    assert ports == {"gcs-server": 6379, "dashboard": 8265}
    assert pods["submitter"]["restartPolicy"] in ("Never", "OnFailure")  # it is the pod of a Job


def test_ray_asks_for_no_token_anywhere_or_everywhere() -> None:
    modes = set()
    for name in ("head", "worker", "submitter"):
        (container,) = templates()[name]["spec"]["containers"]
        modes |= {one["value"] for one in container["env"] if one["name"] == "RAY_AUTH_MODE"} or {None}
    assert modes == {"disabled"}  # its default differs between versions


@pytest.mark.parametrize("name", PODS)
def test_a_pod_may_do_little(name: str) -> None:
    spec = templates()[name]["spec"]
    (container,) = spec["containers"]
    assert f"USER {USER}:{USER}" in DOCKERFILE.read_text()
    assert spec["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": USER,
        "runAsGroup": USER,
        "fsGroup": USER,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    }
    assert spec["automountServiceAccountToken"] is False
    assert container["volumeMounts"] == [{"name": "tmp", "mountPath": "/tmp"}]
    assert [volume["name"] for volume in spec["volumes"]] == ["tmp"]


@pytest.mark.parametrize("name", PODS)
def test_a_pod_has_whole_cores_to_itself(name: str) -> None:
    (container,) = templates()[name]["spec"]["containers"]
    asked = container["resources"]["requests"]
    assert asked == container["resources"]["limits"]
    assert asked["cpu"].isdigit()
    assert asked["memory"].endswith("i")
    (volume,) = templates()[name]["spec"]["volumes"]
    if "sizeLimit" in volume["emptyDir"]:
        room = int(volume["emptyDir"]["sizeLimit"].removesuffix("Gi"))
        assert room < int(asked["ephemeral-storage"].removesuffix("Gi"))


def test_long_running_pods_are_watched() -> None:
    for name in ("head", "worker", "app"):
        (container,) = templates()[name]["spec"]["containers"]
        assert {"readinessProbe", "livenessProbe"} <= container.keys(), name


def test_the_app_is_asked_alike_everywhere() -> None:
    found = re.search(r"^HEALTHCHECK .*\\\n\s+CMD (\[.*\])$", DOCKERFILE.read_text(), re.M)
    assert found
    (container,) = templates()["app"]["spec"]["containers"]
    for probe in ("readinessProbe", "livenessProbe"):
        assert container[probe]["exec"]["command"] == json.loads(found[1])


def test_the_app_uses_the_cores_it_has() -> None:
    (container,) = templates()["app"]["spec"]["containers"]
    assert container["args"] == ["--threads", container["resources"]["limits"]["cpu"]]


def test_secrets_are_named_and_not_written() -> None:
    text = "".join(path.read_text() for path in MANIFESTS)
    assert not re.search(r"AWS_|password|kind: Secret", text, re.IGNORECASE)
    named = [{"secretRef": {"name": "mssn-storage"}}]
    for name in ("head", "worker"):  # the head lists and writes the books, workers read and write pictures
        (container,) = templates()[name]["spec"]["containers"]
        assert container["envFrom"] == named
    for name in ("submitter", "app"):
        (container,) = templates()[name]["spec"]["containers"]
        assert "envFrom" not in container


def test_one_cluster_one_version() -> None:
    pinned = re.search(r"^ray==(.*)$", (ROOT / "constraints.txt").read_text(), re.M)
    assert pinned
    cluster = of_kind("RayCluster")
    assert cluster["spec"]["rayVersion"] == pinned[1]
    job = of_kind("RayJob")["spec"]
    assert job["clusterSelector"] == {"ray.io/cluster": cluster["metadata"]["name"]}
    images = {name: one["spec"]["containers"][0]["image"] for name, one in templates().items()}
    assert images["head"] == images["worker"] == images["submitter"]
    from mssn.version import __version__

    assert all(image.endswith(f":{__version__}") for image in images.values())


def test_only_its_own_pods_and_the_operator_reach_the_cluster() -> None:
    policy = of_kind("NetworkPolicy")["spec"]
    assert policy["podSelector"]["matchLabels"] == {
        "ray.io/cluster": of_kind("RayCluster")["metadata"]["name"]
    }
    (rule,) = policy["ingress"]
    ours, operator = rule["from"]
    for name in ("head", "worker", "submitter"):
        assert templates()[name]["metadata"]["labels"].items() >= ours["podSelector"]["matchLabels"].items()
    assert (
        templates()["app"]["metadata"]["labels"]
        .items()
        .isdisjoint(ours["podSelector"]["matchLabels"].items())
    )
    # The one label that its pod has from Helm and from kubectl, and that pods of other Ray clusters have not.
    assert operator["podSelector"]["matchLabels"] == {"app.kubernetes.io/component": "kuberay-operator"}
