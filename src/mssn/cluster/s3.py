"""Buckets of S3 and of what speaks its language."""

from __future__ import annotations

import asyncio
import mimetypes
import os
from collections.abc import Collection, Coroutine, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO

from aiobotocore.session import AioSession
from s3fs import S3FileSystem

from mssn.atomic import ABANDONED
from mssn.cluster import faults
from mssn.cluster.faults import MissingError, RefusedError, StoreError
from mssn.cluster.names import key_of, shown
from mssn.cluster.remote import CHUNK, UNTRUSTED, Remote, Running, begin, whole
from mssn.cluster.s3page import read_page
from mssn.cluster.s3said import meaning
from mssn.cluster.store import Entry

LARGEST = 5_000_000_000  # bytes that one request may write; S3 allows 5 GiB
PART = 64_000_000  # bytes of a part of what is larger
PAGE = 1000


class Bucket(Remote):
    """Objects whose keys begin alike; see `mssn.cluster.store.Store` for what its methods do.

    The client is aiobotocore's, made by s3fs, so that its variables work beside those of AWS:
    FSSPEC_S3_ENDPOINT_URL, FSSPEC_S3_REQUESTER_PAYS. No more of s3fs is used: it keeps listings, tries again
    by rules of its own, and reads more into names than they say. All tries are ours.

    Args:
        url: The root, for messages.
        bucket: Its name.
        prefix: What all keys begin with: a folder and "/", or nothing.
    """

    def __init__(self, url: str, bucket: str, prefix: str) -> None:
        super().__init__(url)
        self.bucket, self.prefix = bucket, prefix
        self._lock = asyncio.Lock()
        self._files: S3FileSystem | None = None

    async def _client(self) -> Any:
        """The client; the first who asks makes it."""
        async with self._lock:
            if self._files is None:
                session = AioSession()
                if region := os.environ.get("AWS_REGION"):  # botocore knows AWS_DEFAULT_REGION alone
                    session.set_config_variable("region", region)
                self._files = S3FileSystem(
                    session=session,
                    skip_instance_cache=True,
                    use_listings_cache=False,
                    config_kwargs={
                        "connect_timeout": faults.CONNECT,
                        "read_timeout": faults.SILENCE,
                        "retries": {"total_max_attempts": 1, "mode": "standard"},
                        # Many servers that speak S3 do not know the checksums that are newer than it.
                        "request_checksum_calculation": "when_required",
                        "response_checksum_validation": "when_required",
                    },
                )
                try:
                    client = await self._files.set_session()
                except ValueError:  # botocore puts the address into its message
                    reason = "its endpoint is no address as in https://host:9000; see AWS_ENDPOINT_URL"
                    raise RefusedError(f"{self.url}: {reason}") from None
                client.meta.events.register_first("before-parse.s3.ListObjectsV2", read_page)
                client.meta.events.register("before-call.s3.HeadBucket", _ask_once)
                if self._files.requester_pays:
                    client.meta.events.register("provide-client-params.s3", _pay)
            return await self._files.set_session()

    def judge(self, error: Exception) -> tuple[type[StoreError], str]:
        """What an error of botocore means."""
        kind, reason = meaning(error) or super().judge(error)
        if reason == UNTRUSTED:
            reason += "; AWS_CA_BUNDLE names the file of those who sign it"
        return kind, reason

    def list(self, leave_out: Collection[str], needed: bool) -> Iterator[Entry]:
        """All objects, a page at a time; the next one is asked for while one is used."""
        beyond = {self.prefix + name + "/" for name in leave_out}
        following, empty = self._ahead({}), True
        try:
            while following:
                page = following.result()
                following = None
                if page.get("IsTruncated"):
                    following = self._ahead({"ContinuationToken": page["NextContinuationToken"]})
                for key, size, mark in page["Listed"]:
                    empty = False
                    folder = next((folder for folder in beyond if key.startswith(folder)), None)
                    if folder:
                        beyond.discard(folder)
                        if following:
                            following.cancel()
                        following = self._ahead({"StartAfter": folder + "\U0010ffff"})
                        break
                    if not (key.endswith("/") and size == 0):
                        yield Entry(key[len(self.prefix) :], size, mark)
        finally:
            if following:
                following.cancel()
        if needed and empty and self.prefix:  # a folder without objects does not exist; is it an object?
            key = self.prefix[:-1]
            listed = self._ahead({"Prefix": key, "MaxKeys": 1}).result()["Listed"]
            if any(name == key for name, _, _ in listed):
                raise StoreError(f"{self.url}: is a file, not a folder")

    def _ahead(self, where: dict[str, Any]) -> Running[dict[str, Any]]:
        return Running(self.tried(self.url, lambda: self._page(where)))

    async def _page(self, where: dict[str, Any]) -> dict[str, Any]:
        client = await self._client()
        async with asyncio.timeout(faults.allowed(0)):
            about = {"Bucket": self.bucket, "Prefix": self.prefix, "MaxKeys": PAGE}
            return await client.list_objects_v2(**about | where)

    def fetch(self, name: str, sink: BinaryIO, size: int | None) -> None:
        """Read an object."""
        where = f"{self.url}/{shown(name)}"

        async def attempt() -> None:
            client = await self._client()
            begin(sink)
            async with asyncio.timeout(faults.allowed(size or 0)) as limit:
                answer = await client.get_object(Bucket=self.bucket, Key=self.prefix + name)
                announced = answer["ContentLength"]
                limit.reschedule(asyncio.get_running_loop().time() + faults.allowed(announced))
                async with answer["Body"] as body:
                    while data := await body.read(CHUNK):
                        sink.write(data)
            whole(where, sink.tell(), announced, size)

        self.do(where, attempt)

    def send(self, name: str, content: Path | bytes) -> None:
        """Write an object."""
        where = f"{self.url}/{shown(name)}"
        size = len(content) if isinstance(content, bytes) else content.stat().st_size
        about = {"Bucket": self.bucket, "Key": self.prefix + key_of(name)}
        kind = {"ContentType": mimetypes.guess_type(name)[0] or "application/octet-stream"}
        if size > LARGEST and isinstance(content, Path):
            self.run(self._in_parts(where, content, size, about, kind))
            return

        async def attempt() -> None:
            client = await self._client()
            async with asyncio.timeout(faults.allowed(size)):
                if isinstance(content, bytes):
                    await client.put_object(Body=content, **about, **kind)
                else:
                    with open(content, "rb") as source:
                        await client.put_object(Body=source, ContentLength=size, **about, **kind)

        self.do(where, attempt)

    async def _in_parts(
        self, where: str, path: Path, size: int, about: dict[str, str], kind: dict[str, str]
    ) -> None:
        """Write what is too large for one request; after any failure no part is left."""
        client = await self._client()

        def tried(call: Any, sent: int, **more: Any) -> Coroutine[Any, Any, Any]:
            async def attempt() -> Any:
                async with asyncio.timeout(faults.allowed(sent)):
                    return await call(**about, **more)

            return self.tried(where, attempt)

        upload = {"UploadId": (await tried(client.create_multipart_upload, 0, **kind))["UploadId"]}
        try:
            parts = []
            with open(path, "rb") as source:
                while part := source.read(max(PART, -(-size // 10_000))):
                    number = {"PartNumber": len(parts) + 1}
                    answer = await tried(client.upload_part, len(part), Body=part, **upload, **number)
                    parts.append({"ETag": answer["ETag"], **number})
            await tried(client.complete_multipart_upload, 0, MultipartUpload={"Parts": parts}, **upload)
        except BaseException:
            with suppress(StoreError):
                await tried(client.abort_multipart_upload, 0, **upload)
            raise

    def remove(self, name: str) -> None:
        """Remove an object."""

        async def attempt() -> None:
            client = await self._client()
            async with asyncio.timeout(faults.allowed(0)):
                await client.delete_object(Bucket=self.bucket, Key=self.prefix + name)

        with suppress(MissingError):
            self.do(f"{self.url}/{shown(name)}", attempt)

    def sweep(self) -> None:
        """Give up uploads in parts that were begun below the root more than a day ago."""
        old = datetime.now(UTC) - timedelta(seconds=ABANDONED)

        async def attempt() -> None:
            client = await self._client()
            about = {"Bucket": self.bucket}
            pages = client.get_paginator("list_multipart_uploads").paginate(Prefix=self.prefix, **about)
            async for page in pages:
                for upload in page.get("Uploads", ()):
                    if upload["Initiated"] < old:
                        key = {"Key": upload["Key"], "UploadId": upload["UploadId"]}
                        await client.abort_multipart_upload(**about, **key)

        with suppress(StoreError):  # some servers know no such uploads, some keys may not list them
            self.do(self.url, attempt)


def _ask_once(params: dict[str, Any], **_: Any) -> None:
    """Only botocore asks so, for the region of a bucket; a server that tells none it would ask for ever."""
    params["context"]["s3_redirect"]["redirected"] = True


def _pay(params: dict[str, Any], model: Any, **_: Any) -> dict[str, Any]:
    """Say in a request, where it can be said, that whoever asks pays for it."""
    known = model.input_shape.members
    return params | ({"RequestPayer": "requester"} if "RequestPayer" in known else {})
