"""The description says what there is."""

from __future__ import annotations

from inspect import signature

from starlette.routing import Route

from mssn.app.asked import OPTIONS
from mssn.app.openapi import description
from mssn.app.routes import Routes
from mssn.cli.upscale import upscale

# What the command line does with files of its own, or what is the app's to decide.
ELSEWHERE = {
    *("inputs", "output", "force", "skip_existing", "dry_run", "keep_times", "report", "json"),
    *("max_megapixels", "memory", "threads", "ray", "retry_failed"),
}


def test_all_routes_are_described(client) -> None:
    routes = Routes.all(Routes.__new__(Routes))
    there = {
        (route.path, method.lower())
        for route in routes
        if isinstance(route, Route) and route.path != "/{name:path}"
        for method in route.methods or ()
        if method != "HEAD"
    }
    told = {(path, method) for path, methods in description()["paths"].items() for method in methods}
    assert told == there
    assert client.get("/openapi.json").json == description()


def test_options_are_those_of_the_command_line() -> None:
    names = {{"start": "from", "end": "to"}.get(name, name) for name in signature(upscale).parameters}
    assert set(OPTIONS) - {"name", "format"} == names - ELSEWHERE


def test_answers_are_among_those_described(client, png) -> None:
    paths = description()["paths"]
    post = paths["/api/upscale"]["post"]["responses"]
    for body, query in ((png, {}), (b"x", {}), (png, {"scale": 0}), (png, {"scale": 10**4}), (png[:200], {})):
        reply = client.upscale(body, name="a.png", model="bicubic", **query)
        assert str(reply.status) in post
        if reply.status >= 400:
            assert set(reply.json) == {"code", "error"}
    job = client.get("/api/jobs/" + client.job(png, name="a.png", model="bicubic")).json
    schema = description()["components"]["schemas"]["Job"]
    assert set(schema["required"]) <= set(job) <= set(schema["properties"])
    assert client.get("/api/nothing").status == 404 and client.ask("PUT", "/api/jobs").status == 405


def test_kinds_of_results_are_among_those_described(client, png) -> None:
    told = description()["paths"]["/api/upscale"]["post"]["responses"]["200"]["content"]
    for name in ("png", "jpeg", "webp", "tiff", "avif"):
        reply = client.upscale(png, name="a.png", model="bicubic", format=name)
        assert reply.status == 200 and reply.headers["content-type"] in told


def test_a_method_that_is_not_there_says_which_are(client) -> None:
    for path, methods in (("/health", "GET, HEAD"), ("/api/upscale", "POST"), ("/api/jobs/x/result", "GET")):
        for method in ("PUT", "TRACE", "PATCH"):
            reply = client.ask(method, path)
            assert reply.status == 405 and reply.json["code"] == "bad-request"
            assert set(methods.split(", ")) <= set(reply.headers["allow"].split(", "))
    reply = client.ask("PUT", "/api/jobs/x")
    assert {"GET", "DELETE"} <= set(reply.headers["allow"].split(", "))
