"""What errors of botocore and answers of S3 mean."""

from __future__ import annotations

from typing import Any

import botocore.exceptions
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConfigNotFound,
    ConfigParseError,
    CredentialRetrievalError,
    HTTPClientError,
    IncompleteReadError,
    MetadataRetrievalError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
    ProxyConnectionError,
    SSOError,
)

from mssn.cluster.faults import MissingError, PassingError, RefusedError, StoreError

_KEYS = "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE"
_SAID: tuple[tuple[tuple[type[Exception], ...], type[StoreError], str], ...] = (
    ((ProfileNotFound,), RefusedError, "there is no such profile in ~/.aws; see AWS_PROFILE"),
    ((SSOError,), RefusedError, "no credentials; log in with aws sso login"),
    ((NoCredentialsError, PartialCredentialsError), RefusedError, f"no credentials; set {_KEYS}"),
    # They come from another server or program, which may be back in a moment.
    ((CredentialRetrievalError, MetadataRetrievalError), PassingError, "no credentials can be had now"),
    ((ConfigNotFound, ConfigParseError), RefusedError, "~/.aws/config, or AWS_CONFIG_FILE, cannot be read"),
    ((NoRegionError,), RefusedError, "no region; set AWS_REGION"),
    ((ProxyConnectionError,), PassingError, "no connection to its proxy; see HTTPS_PROXY and NO_PROXY"),
)
_BROKEN = (HTTPClientError, IncompleteReadError, botocore.exceptions.ConnectionError)
_ROLES = ("AssumeRole", "AssumeRoleWithWebIdentity", "AssumeRoleWithSAML", "GetRoleCredentials")
_HEALS = {
    "SlowDown",
    "RequestTimeout",
    "Throttling",
    "BadDigest",
    "IncompleteBody",
    "OperationAborted",
    "XAmzContentSHA256Mismatch",
    "IDPCommunicationError",
}
_NO_ROOM = {"QuotaExceeded", "XMinioStorageFull", "XMinioAdminBucketQuotaExceeded", "InsufficientStorage"}


def meaning(error: Exception) -> tuple[type[StoreError], str] | None:
    """What an error means, and a reason for people; None: nothing special of S3 is wrong."""
    for kinds, kind, reason in _SAID:
        if isinstance(error, kinds):
            return kind, reason
    if isinstance(error, ClientError):
        return _answer(error)
    if isinstance(error, BotoCoreError) and not isinstance(error, _BROKEN):
        return StoreError, f"no such request can be made ({type(error).__name__})"
    return None


def _answer(error: ClientError) -> tuple[type[StoreError], str]:
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
    if code in _HEALS or status in (408, 429) or (status >= 500 and status != 501):
        return PassingError, f"its server cannot do it now {said}"
    if error.operation_name in _ROLES:
        return RefusedError, f"no credentials; {error.operation_name} is refused {said}"
    if code == "RequestTimeTooSkewed":
        return RefusedError, f"the clock of this machine is wrong {said}"
    if code in ("ExpiredToken", "TokenRefreshRequired"):
        return RefusedError, f"the session token has expired {said}; see AWS_SESSION_TOKEN"
    if status in (401, 403) or code == "InvalidToken":
        return RefusedError, f"no right to do this {said}; see {_KEYS}, and the bucket's policy"
    if status == 404:
        return MissingError, f"it is not there {said}"
    return StoreError, f"its server refuses this request {said}"
