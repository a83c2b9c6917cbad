"""Jobs have states, keep apart, survive a page that is loaded again, and end when nobody wants them."""

from __future__ import annotations

import json
import socket
import threading
import time

import pytest

from mssn import upscale


def test_a_job_from_its_upload_to_its_result(client, png) -> None:
    identity = client.job(png, name="a.png", scale=2, model="bicubic")
    job = client.over(identity)
    assert (job["id"], job["name"], job["state"], job["progress"]) == (identity, "a.png", "done", 1)
    assert job["options"] == {"name": "a.png", "scale": "2", "model": "bicubic"}
    reply = client.get(f"/api/jobs/{identity}/result")
    assert reply.body == upscale(png, 2, model="bicubic")
    assert reply.json if reply.headers["content-type"] == "application/json" else True
    assert json.loads(reply.headers["mssn-result"]) == job["result"]
    assert client.get(f"/api/jobs/{identity}/source").body == png
    assert [other["id"] for other in client.get("/api/jobs").json] == [identity]
    assert client.ask("DELETE", f"/api/jobs/{identity}").status == 204
    assert client.get(f"/api/jobs/{identity}").status == 404
    assert not client.files() and client.get("/api/jobs").json == []


def test_a_job_that_fails_says_why(client, photo) -> None:
    from mssn.image.picture import Picture
    from mssn.image.write import to_bytes

    whole = to_bytes(Picture(photo), ".png")
    identity = client.job(whole[: len(whole) // 2], name="a.png", model="bicubic")
    job = client.over(identity)
    assert (job["state"], job["code"]) == ("failed", "not-a-picture") and job["error"].startswith("a.png:")
    reply = client.get(f"/api/jobs/{identity}/result")
    assert (reply.status, reply.json["error"]) == (422, job["error"])
    client.until(lambda: not client.files())
    client.ask("DELETE", f"/api/jobs/{identity}")


def test_two_at_once_and_one_of_them_cancelled(client, large, png) -> None:
    first, second = client.job(large, name="a.png"), client.job(large, name="b.png", ensemble="true")
    third = client.job(png, name="c.png")
    client.until(lambda: client.get(f"/api/jobs/{first}").json["progress"] > 0)
    assert client.ask("DELETE", f"/api/jobs/{first}").status == 204
    assert client.get(f"/api/jobs/{first}").status == 404
    client.until(lambda: client.get(f"/api/jobs/{second}").json["progress"] > 0, 20)
    assert client.ask("DELETE", f"/api/jobs/{second}").status == 204
    assert client.over(third)["state"] == "done"
    assert client.get(f"/api/jobs/{third}/result").body == upscale(png)
    client.ask("DELETE", f"/api/jobs/{third}")
    client.until(lambda: not client.files(), 20)


def test_events_tell_progress_to_the_end(client, large) -> None:
    identity = client.job(large, name="a.png")
    events = list(client.events(f"/api/jobs/{identity}/events"))
    names, jobs = zip(*events, strict=True)
    assert set(names[:-1]) == {"progress"} and names[-1] == "done"
    shares = [job["progress"] for job in jobs]
    assert shares == sorted(shares) and shares[-1] == 1 and len({*shares}) > 3
    assert jobs[-1]["result"]["after"] == {"width": 2400, "height": 1800}
    again = list(client.events(f"/api/jobs/{identity}/events"))  # as a page that was loaded again
    assert again == events[-1:]
    client.ask("DELETE", f"/api/jobs/{identity}")


def test_a_page_that_is_loaded_again_finds_its_jobs(client, png) -> None:
    mine = client.job(png, name="a.png", client="tab-1", model="bicubic")
    other = client.job(png, name="b.png", client="tab-2", model="bicubic")
    stream = client.events("/api/events?client=tab-1")
    assert next((name, job["id"]) for name, job in stream if name == "done") == ("done", mine)
    stream.close()
    assert [job["id"] for job in client.get("/api/jobs", client="tab-1").json] == [mine]
    later = client.events("/api/events?client=tab-1")
    name, job = next(later)
    assert (name, job["id"], job["result"]["name"]) == ("done", mine, "a_x2.png")
    fresh = client.job(png, name="c.png", client="tab-1", model="bicubic")
    assert next(job["id"] for name, job in later if name == "done") == fresh
    later.close()
    for identity in (mine, other, fresh):
        client.ask("DELETE", f"/api/jobs/{identity}")


@pytest.mark.parametrize("name", ["", "a b", "a" * 65, "ä", "../x"])
def test_names_of_clients_are_plain(client, name) -> None:
    reply = client.get("/api/events", client=name)
    assert (reply.status, reply.json["code"]) == (400, "bad-request")


@pytest.mark.slow
def test_a_job_that_nobody_asks_for_ends(serve, large) -> None:
    client = serve(quiet=1.0)
    identity = client.job(large, name="a.png", ensemble="true")
    client.until(lambda: not client.files() and client.get("/health").json, 15)
    job = client.get(f"/api/jobs/{identity}").json
    assert (job["state"], job["code"]) == ("cancelled", "gone")
    client.until(lambda: client.get("/health").json["jobs"] == 0, 15)  # and is forgotten


@pytest.mark.slow
def test_a_job_that_is_watched_goes_on(serve, png) -> None:
    client = serve(quiet=0.6)
    watching = client.events("/api/events?client=me")
    identity = client.job(png, name="a.png", model="bicubic", client="me")
    assert next(job["id"] for name, job in watching if name == "done") == identity
    time.sleep(8)
    assert client.get(f"/api/jobs/{identity}/result").status == 200
    watching.close()
    client.until(lambda: client.get("/health").json["jobs"] == 0, 20)
    client.until(lambda: not client.files())


def test_who_hangs_up_ends_the_job(client, large) -> None:
    with socket.create_connection(("127.0.0.1", client.port)) as raw:
        raw.sendall(
            f"POST /api/upscale?name=a.png&ensemble=true HTTP/1.1\r\nHost: 127.0.0.1:{client.port}\r\n"
            f"Authorization: Bearer {client.token}\r\nContent-Length: {len(large)}\r\n\r\n".encode()
        )
        raw.sendall(large)
        client.until(lambda: any(job["progress"] > 0 for job in client.get("/api/jobs").json))
    client.until(lambda: client.get("/api/jobs").json == [], 2)
    client.until(lambda: not client.files())


def test_a_job_that_takes_too_long_ends(serve, large) -> None:
    client = serve(seconds=1.0)
    reply = client.upscale(large, name="a.png", ensemble="true")
    assert (reply.status, reply.json["error"]) == (422, "a.png: takes too long")


def test_a_full_queue_says_when_to_come_again(serve, large, png) -> None:
    client = serve(queue=2)
    jobs = [client.job(large, name="a.png", ensemble="true") for _ in range(2)]
    for path in ("/api/jobs", "/api/upscale"):
        reply = client.ask("POST", path, png, name="b.png")
        assert (reply.status, reply.json["code"]) == (503, "busy")
        assert 1 <= int(reply.headers["retry-after"]) <= 60
    for job in jobs:
        client.ask("DELETE", f"/api/jobs/{job}")
    # A place is taken until the threads that work on its job have ended.
    client.until(lambda: client.upscale(png, name="b.png", model="bicubic").status == 200, 20)


def test_pictures_do_not_wait_for_each_other_to_be_uploaded(client, png) -> None:
    with socket.create_connection(("127.0.0.1", client.port)) as slow:
        slow.sendall(
            f"POST /api/upscale?name=slow.png HTTP/1.1\r\nHost: 127.0.0.1:{client.port}\r\n"
            f"Authorization: Bearer {client.token}\r\nContent-Length: 1000\r\n\r\n12345".encode()
        )
        client.until(lambda: client.get("/api/jobs").json)
        assert client.get("/api/jobs").json[0]["state"] == "receiving"
        assert client.upscale(png, name="a.png", model="bicubic").status == 200
        identity = client.get("/api/jobs").json[0]["id"]
        assert client.get(f"/api/jobs/{identity}/source").status == 409
        assert client.get(f"/api/jobs/{identity}/result").status == 409
    client.until(lambda: client.get("/api/jobs").json == [])


def test_many_clients_get_their_own_results(client, photo) -> None:
    from mssn.image.picture import Picture
    from mssn.image.write import to_bytes

    pictures = [to_bytes(Picture(photo[n : n + 30, n : n + 40]), ".png") for n in range(12)]
    got: dict[int, bytes] = {}

    def one(number: int) -> None:
        got[number] = client.upscale(pictures[number], name=f"{number}.png", model="bicubic").body

    threads = [threading.Thread(target=one, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == {number: upscale(content, model="bicubic") for number, content in enumerate(pictures)}
    client.until(lambda: not client.files())
