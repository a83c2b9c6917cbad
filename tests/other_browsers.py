"""Firefox and WebKit, driven by what they listen to themselves: Marionette, and WebDriver over HTTP.

Both take WebDriver's commands (W3C). Playwright drives only builds of its own of these two, which no package
carries.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

FIREFOX = shutil.which("firefox-esr") or shutil.which("firefox")
_MINI = next(Path("/usr/lib").glob("*/webkit2gtk-4.*/MiniBrowser"), None)
WEBKIT = all(map(shutil.which, ("WebKitWebDriver", "Xvfb"))) and _MINI
_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # the key of references to elements, by WebDriver
_PATIENCE = 60  # seconds


class Browser:
    """A browser with one page.

    Attributes:
        name: "Firefox" or "WebKit", and its version.
        downloads: The folder in which it saves.
    """

    def __init__(self, downloads: Path) -> None:
        self.downloads, self.name = downloads, ""

    def ask(self, command: str, parameters: dict[str, Any]) -> Any:
        """What a command answers; an error of the browser is raised."""
        raise NotImplementedError

    def open(self, url: str) -> None:
        self.ask("Navigate", {"url": url})

    def run(self, script: str, *arguments: Any) -> Any:
        """What the body of an async function returns, called with `arguments`."""
        text = (
            "const done = arguments[arguments.length - 1];"
            f"(async function () {{ {script} }}).apply(null, arguments)"
            ".then((value) => done({ value: value ?? null }), (error) => done({ error: String(error) }))"
        )
        answer = self.ask("ExecuteAsyncScript", {"script": text, "args": list(arguments)})
        assert "error" not in answer, answer["error"]
        return answer["value"]

    def until(self, expression: str, seconds: float = _PATIENCE) -> Any:
        """The first true value of an expression."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if value := self.run(f"return {expression}"):
                return value
            time.sleep(0.05)
        raise AssertionError(f"{self.name}, never: {expression}")

    def click(self, selector: str) -> None:
        """Press what is shown."""
        self.ask("ElementClick", {"id": self._found(selector)})

    def choose(self, selector: str, *files: Path) -> None:
        """Give files to an input."""
        self.ask("ElementSendKeys", {"id": self._found(selector), "text": "\n".join(map(str, files))})

    def saved(self, name: str) -> Path:
        """A download, once it is whole."""
        path, end, size = self.downloads / name, time.monotonic() + _PATIENCE, 0
        while time.monotonic() < end:
            if path.exists() and size == (size := path.stat().st_size) and size:
                return path
            time.sleep(0.1)
        raise AssertionError(
            f"{self.name} saved {[one.name for one in self.downloads.iterdir()]}, not {name}"
        )

    def _found(self, selector: str) -> str:
        found = self.ask("FindElement", {"using": "css selector", "value": selector})
        return found.get("value", found)[_ELEMENT]


class _Firefox(Browser):
    """Marionette: [0, number, command, parameters], after its length in digits and a colon."""

    def __init__(self, downloads: Path, port: int) -> None:
        super().__init__(downloads)
        self.link = socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE + 30)
        self.reader = self.link.makefile("rb")
        self._message()  # who it is
        found = self.ask(
            "NewSession", {"capabilities": {"alwaysMatch": {"unhandledPromptBehavior": "accept"}}}
        )
        self.name = f"Firefox {found['capabilities']['browserVersion']}"
        self.ask("SetTimeouts", {"script": _PATIENCE * 1000, "pageLoad": _PATIENCE * 1000})

    def ask(self, command: str, parameters: dict[str, Any]) -> Any:
        content = json.dumps([0, 1, f"WebDriver:{command}", parameters]).encode()
        self.link.sendall(b"%d:%s" % (len(content), content))
        _, _, error, answer = self._message()
        assert error is None, error
        return answer.get("value") if set(answer or {}) == {"value"} else answer

    def _message(self) -> Any:
        digits = b""
        while (digit := self.reader.read(1)) != b":":
            assert digit, "Firefox is gone"
            digits += digit
        return json.loads(self.reader.read(int(digits)))


class _WebKit(Browser):
    """WebDriver, over HTTP."""

    _PATHS: ClassVar = {
        "Navigate": "/url",
        "ExecuteAsyncScript": "/execute/async",
        "FindElement": "/element",
        "ElementClick": "/element/{id}/click",
        "ElementSendKeys": "/element/{id}/value",
        "SetTimeouts": "/timeouts",
    }

    def __init__(self, downloads: Path, port: int) -> None:
        super().__init__(downloads)
        self._url = f"http://127.0.0.1:{port}/session"
        options = {"binary": str(_MINI), "args": ["--automation"]}
        wanted = {"webkitgtk:browserOptions": options, "unhandledPromptBehavior": "accept"}
        found = self._post("", {"capabilities": {"alwaysMatch": wanted}})
        self._url += f"/{found['sessionId']}"
        self.name = f"WebKit {found['capabilities']['browserVersion']}"
        self.ask("SetTimeouts", {"script": _PATIENCE * 1000, "pageLoad": _PATIENCE * 1000})

    def ask(self, command: str, parameters: dict[str, Any]) -> Any:
        return self._post(self._PATHS[command].format(**parameters), parameters)

    def _post(self, path: str, parameters: dict[str, Any]) -> Any:
        request = urllib.request.Request(self._url + path, json.dumps(parameters).encode())
        try:
            with urllib.request.urlopen(request, timeout=_PATIENCE + 30) as response:
                return json.load(response)["value"]
        except urllib.error.HTTPError as error:
            raise AssertionError(json.load(error)["value"]) from None


_PREFERENCES = {
    "browser.download.folderList": 2,
    "browser.download.useDownloadDir": True,
    "browser.download.alwaysOpenPanel": False,
    "marionette.port": 0,
}


@contextmanager
def firefox(folder: Path, changed: dict[str, Any] | None = None) -> Iterator[Browser]:
    """A headless Firefox that keeps all it has in a new folder; `changed`: preferences."""
    assert FIREFOX is not None
    profile, downloads = folder / "profile", folder / "downloads"
    profile.mkdir(parents=True)
    downloads.mkdir()
    preferences = {**_PREFERENCES, "browser.download.dir": str(downloads), **(changed or {})}
    lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});" for name, value in preferences.items()]
    (profile / "user.js").write_text("\n".join(lines))
    command = [FIREFOX, "--headless", "--no-remote", "--marionette", "--profile", str(profile)]
    with _running(command, {"HOME": str(folder), "MOZ_CRASHREPORTER_DISABLE": "1"}):
        port = profile / "MarionetteActivePort"
        _wait(lambda: port.exists() and port.read_text())
        started = _Firefox(downloads, int(port.read_text()))
        with started.link, started.reader:
            yield started


@contextmanager
def webkit(folder: Path) -> Iterator[Browser]:
    """WebKitGTK's small browser on a screen that nobody sees, which keeps all it has in a new folder."""
    downloads = folder / "downloads"
    downloads.mkdir(parents=True)
    (folder / ".config").mkdir()
    (folder / ".config" / "user-dirs.dirs").write_text(f'XDG_DOWNLOAD_DIR="{downloads}"\n')
    display, tell = os.pipe()
    with _running(["Xvfb", "-displayfd", str(tell), "-screen", "0", "1280x800x24"], {}, tell):
        os.close(tell)
        with os.fdopen(display) as told:  # its number, then a line's end: not closed before
            number = told.readline().strip()
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        environment = {"HOME": str(folder), "DISPLAY": f":{number}", "LIBGL_ALWAYS_SOFTWARE": "1"}
        environment |= {"XDG_CONFIG_HOME": str(folder / ".config")}
        with _running(["WebKitWebDriver", f"--port={port}", "--host=127.0.0.1"], environment):
            _wait(lambda: _listens(port))
            yield _WebKit(downloads, port)


@contextmanager
def _running(command: list[str], environment: dict[str, str], *keep: int) -> Iterator[None]:
    """A process and those that it starts, until the end."""
    process = subprocess.Popen(
        command,
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=keep,
        start_new_session=True,
    )
    try:
        yield
    finally:
        os.killpg(process.pid, 15)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            process.wait()


def _listens(port: int) -> bool:
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) == 0


def _wait(ready: Any) -> None:
    end = time.monotonic() + _PATIENCE
    while not ready():
        assert time.monotonic() < end, "the browser does not start"
        time.sleep(0.05)
