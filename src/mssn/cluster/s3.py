"""Buckets of S3 and of what speaks its language."""

from __future__ import annotations

import asyncio
import mimetypes
from collections.abc import Collection, Coroutine, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO

import botocore.exceptions
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    HTTPClientError,
    IncompleteReadError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
)
from s3fs import S3FileSystem

from mssn.atomic import ABANDONED
from mssn.cluster import faults
from mssn.cluster.faults import MissingError, PassingError, RefusedError, StoreError
from mssn.cluster.names import key_of, shown
from mssn.cluster.remote import CHUNK, Remote, Running, begin, whole
from mssn.cluster.s3page import read_page
from mssn.cluster.store import Entry

LARGEST = 5_000_000_000  # bytes that one request may write; S3 allows 5 GiB
PART = 64_000_000  # bytes of a part of what is larger
PAGE = 1000

_KEYS = "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE"
_HEALS = {
    "SlowDown",
    "RequestTimeout",
    "Throttling",
    "BadDigest",
    "IncompleteBody",
    "OperationAborted",
    "XAmzContentSHA256Mismatch",
}
_NO_ROOM = {"QuotaExceeded", "XMinioStorageFull", "XMinioAdminBucketQuotaExceeded", "InsufficientStorage"}
_BROKEN = (HTTPClientError, IncompleteReadError, botocore.exceptions.ConnectionError)
_NO_CREDENTIALS = (
    NoCredentialsError,
    PartialCredentialsError,
    CredentialRetrievalError,
    ProfileNotFound,
    SSOError,
)


class Bucket(Remote):
    """Objects whose keys begin alike; see `mssn.cluster.store.Store` for what its methods do.

    The client is aiobotocore's, made by s3fs, so that both AWS_ENDPOINT_URL and FSSPEC_S3_ENDPOINT_URL work.
    No more of s3fs is used: it keeps listings, tries again by rules of its own, and reads more into names
    than they say. All tries are ours.

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
                self._files = S3FileSystem(
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
                client = await self._files.set_session()
                client.meta.events.register_first("before-parse.s3.ListObjectsV2", read_page)
            return await self._files.set_session()

    def judge(self, error: Exception) -> tuple[type[StoreError], str]:
        """What an error of botocore means."""
        if isinstance(error, _NO_CREDENTIALS):
            return (
                RefusedError,
                f"no credentials; set {_KEYS}",
            )
        if isinstance(error, NoRegionError):
            return RefusedError, "no region; set AWS_REGION"
        if isinstance(error, ClientError):
            return _judge(error)
        if isinstance(error, BotoCoreError) and not isinstance(error, _BROKEN):
            return StoreError, f"no such request can be made ({type(error).__name__})"
        return super().judge(error)

    def list(self, leave_out: Collection[str], needed: bool) -> Iterator[Entry]:
        """All objects, a page at a time; the next one is asked for while one is used."""
        del needed  # a folder without objects does not exist, and one that is empty neither
        beyond = {self.prefix + name + "/" for name in leave_out}
        following = self._ahead({})
        try:
            while following:
                page = following.result()
                following = None
                if page.get("IsTruncated"):
                    following = self._ahead({"ContinuationToken": page["NextContinuationToken"]})
                for key, size, mark in page["Listed"]:
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

    def _ahead(self, where: dict[str, str]) -> Running[dict[str, Any]]:
        return Running(self.tried(self.url, lambda: self._page(where)))

    async def _page(self, where: dict[str, str]) -> dict[str, Any]:
        client = await self._client()
        async with asyncio.timeout(faults.allowed(0)):
            return await client.list_objects_v2(Bucket=self.bucket, Prefix=self.prefix, MaxKeys=PAGE, **where)

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


def _judge(error: ClientError) -> tuple[type[StoreError], str]:
    """What an answer means that is an error; its message may hold what was signed."""
    answer: Any = error.response
    status = answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    given = str(answer.get("Error", {}).get("Code", ""))
    code = given if given.isalnum() and len(given) < 50 else ""
    said = f"({status} {code})" if code and code != str(status) else f"({status})"
    if code == "NoSuchBucket":
        return RefusedError, f"there is no such bucket {said}"
    if code in _NO_ROOM or status == 507:
        return RefusedError, f"there is no room left {said}"
    if status in (301, 307) or code in ("PermanentRedirect", "AuthorizationHeaderMalformed"):
        return RefusedError, f"the bucket is in another region; set AWS_REGION {said}"
    if code in _HEALS or status == 429 or (status >= 500 and status != 501):
        return PassingError, f"its server cannot do it now {said}"
    if status in (401, 403) or code in ("ExpiredToken", "InvalidToken"):
        return RefusedError, f"no right to do this {said}; see {_KEYS}, and the bucket's policy"
    if status == 404:
        return MissingError, f"it is not there {said}"
    return StoreError, f"its server refuses this request {said}"
