"""An S3 server in memory, with a bucket in it: python bucket.py PORT BUCKET FOLDER RESULTS.

What is in FOLDER is put under in/. At the end of standard input, what is under out/ is written to RESULTS.
"""

from __future__ import annotations

import sys
from pathlib import Path

import boto3
from moto.server import ThreadedMotoServer


def main(port: str, bucket: str, folder: str, results: str) -> None:
    server = ThreadedMotoServer("127.0.0.1", int(port), verbose=False)
    server.start()
    client = boto3.client("s3", endpoint_url=f"http://127.0.0.1:{port}")
    client.create_bucket(Bucket=bucket)
    for path in Path(folder).iterdir():
        client.upload_file(str(path), bucket, f"in/{path.name}")
    print("ready", flush=True)
    sys.stdin.read()
    for one in client.list_objects_v2(Bucket=bucket, Prefix="out/")["Contents"]:
        target = Path(results) / one["Key"].removeprefix("out/")
        target.parent.mkdir(parents=True, exist_ok=True)
        client.download_file(bucket, one["Key"], str(target))
    server.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
