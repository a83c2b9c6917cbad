"""Google Cloud Storage's JSON interface, as its reference describes it, in memory and with rights."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from store_answers import Answer, Asked

BUCKET = "photos"


def as_json(body: dict[str, Any], status: int = 200) -> Answer:
    """An answer in JSON, also of the metadata server."""
    headers = {"Content-Type": "application/json", "Metadata-Flavor": "Google"}
    return Answer(status, json.dumps(body).encode(), headers)


def error(status: int, reason: str) -> Answer:
    """An error as the JSON interface has them."""
    one = {"domain": "global", "reason": reason, "message": "a sentence"}
    return as_json({"error": {"errors": [one], "code": status, "message": "a sentence"}}, status)


@dataclass
class Google:
    """One bucket, and servers that give tokens for it.

    Attributes:
        objects: Their content.
        token: The one that is taken.
        pays: Whether whoever asks must name a project that pays.
        page: The most objects of a page; the service may give fewer than were asked for.
        faults: Answers that come first, instead of what was asked for.
        token_faults: The same, where tokens are given.
    """

    objects: dict[str, bytes] = field(default_factory=dict[str, bytes])
    token: str = "ya29.first"
    pays: bool = False
    page: int = 1000
    faults: list[Answer] = field(default_factory=list[Answer])
    token_faults: list[Answer] = field(default_factory=list[Answer])

    def __call__(self, asked: Asked) -> Answer:
        url = urlsplit(asked.path)
        query = {key: values[0] for key, values in parse_qs(url.query, keep_blank_values=True).items()}
        if url.path.startswith(("/computeMetadata/", "/token")) or url.path == "/":
            return self._give(url.path, asked)
        if self.faults:
            return self.faults.pop(0)
        if asked.headers.get("Authorization") != f"Bearer {self.token}":
            return error(401, "authError")
        if self.pays and not (asked.headers.get("x-goog-user-project") or query.get("userProject")):
            return error(400, "userProjectMissing")
        place, slash, name = url.path.partition(f"/storage/v1/b/{BUCKET}/o")
        if not slash:
            return error(404, "notFound")
        if place == "/upload" and asked.method == "POST" and query["uploadType"] == "media":
            return self._put(query["name"], asked.body)
        name = unquote(name[1:])
        if asked.method == "GET" and not name:
            return self._list(query)
        if name not in self.objects:
            return error(404, "notFound")
        if asked.method == "DELETE":
            del self.objects[name]
            return Answer(204)
        assert query == {"alt": "media"}
        return Answer(body=self.objects[name])

    def _put(self, name: str, content: bytes) -> Answer:
        if not 1 <= len(name.encode()) <= 1024 or {*name} & {"\r", "\n"} or name in (".", ".."):
            return error(400, "invalid")
        self.objects[name] = content
        return as_json({"name": name})

    def _list(self, query: dict[str, str]) -> Answer:
        """In the order of UTF-8, from startOffset on, behind what a token of a page means."""
        start, prefix = query.get("startOffset", "").encode(), query.get("prefix", "")
        after = bytes.fromhex(query.get("pageToken", ""))
        names = sorted(name.encode() for name in self.objects if name.startswith(prefix))
        names = [name for name in names if name >= start and (not after or name > after)]
        most = min(int(query.get("maxResults", 1000)), self.page)
        items = [
            {"name": name.decode(), "size": str(len(self.objects[name.decode()])), "generation": "1"}
            for name in names[:most]
        ]
        body: dict[str, Any] = {"items": items} if items else {}
        if len(names) > most:
            body["nextPageToken"] = names[most - 1].hex()
        return as_json(body)

    def _give(self, path: str, asked: Asked) -> Answer:
        """What the metadata server of a machine says, and the server of tokens."""
        google = {"Metadata-Flavor": "Google"}
        if path.endswith("/token") and self.token_faults:
            return self.token_faults.pop(0)
        if path.endswith("/token"):
            token = {"access_token": self.token, "expires_in": 3600, "token_type": "Bearer"}
            return as_json(token)
        if "/service-accounts/" in path:
            account = {"email": "a@b.iam.gserviceaccount.com", "scopes": [], "aliases": ["default"]}
            return as_json(account)
        if "project-id" in path:
            return Answer(body=b"project", headers=google | {"Content-Type": "text/plain"})
        return Answer(200 if path == "/" or path.endswith("/instance/") else 404, headers=google)
