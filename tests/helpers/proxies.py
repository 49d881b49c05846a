"""The proxies of deploy/, started with the files there; only addresses differ."""

import os
import shutil
from pathlib import Path

from tests.helpers.boards import status
from tests.helpers.harness import (
    ROOT,
    Board,
    Nginx,
    Server,
    clean_environment,
    free_port,
)

DEPLOY_FILES = ROOT / "deploy"
MAIN_CONFIG = DEPLOY_FILES / "nginx.conf"
SITE = DEPLOY_FILES / "liveboard.conf"
UPSTREAM = DEPLOY_FILES / "boards.conf"
BOARDS = ("board-1", "board-2")
APACHE_MODULES = Path("/usr/lib/apache2/modules")  # Debian's
PACKAGES = {"apache2": "apache2-bin", "varnishd": "varnish"}  # else as the program


class ShippedNginx(Nginx):
    """nginx in front of two boards, started with the files in deploy/.

    Only the addresses differ, and the seconds that a stream may be silent and that a
    worker may take to exit.
    """

    def __init__(self, *boards: Board, read_timeout: str = "60s") -> None:
        site = replace_all(
            UPSTREAM.read_text() + SITE.read_text(),
            {
                "listen 80;": "listen 127.0.0.1:@port@;",
                "proxy_read_timeout 60s;": f"proxy_read_timeout {read_timeout};",
                **addresses(*boards),
            },
        )
        super().__init__(site)

    def _config(self, http: str, server: str) -> str:
        site = self.folder / "liveboard.conf"
        site.write_text(self._own_files() + server)
        return self._own_process() + replace_all(
            MAIN_CONFIG.read_text(),
            {
                "worker_shutdown_timeout 5s;": "worker_shutdown_timeout 1s;",
                "include /etc/nginx/conf.d/boards.conf;": "",
                "/etc/nginx/conf.d/liveboard.conf": str(site),
            },
        )


class ShippedProxy(Server):
    """A proxy other than nginx; `config` is its file, in a folder of its own."""

    def __init__(self, program: str, shipped: str, changes: dict[str, str]) -> None:
        self.port = free_port()
        super().__init__([], clean_environment())
        self._env = {**self._env, "HOME": str(self.folder)}
        changes = {old: self._fill(new) for old, new in changes.items()}
        self.config = self.folder / shipped
        self.config.write_text(
            replace_all((DEPLOY_FILES / shipped).read_text(), changes)
        )
        self._command = [find_program(program)]

    def _fill(self, text: str) -> str:
        return text.replace("@port@", str(self.port))

    def _is_ready(self) -> bool:
        return status(f"{self.url}/healthz") == 200


class ShippedHaproxy(ShippedProxy):
    """HAProxy in front of two boards."""

    def __init__(self, *boards: Board, changes: dict[str, str] | None = None) -> None:
        own = {"bind :80": "bind 127.0.0.1:@port@"} | addresses(*boards)
        super().__init__("haproxy", "haproxy.cfg", own | (changes or {}))
        self._command += ["-db", "-f", str(self.config)]


class ShippedCaddy(ShippedProxy):
    """Caddy in front of two boards."""

    def __init__(self, *boards: Board) -> None:
        site = {"\n:80 {": "{\nadmin off\n}\nhttp://127.0.0.1:@port@ {"}
        super().__init__("caddy", "Caddyfile", site | addresses(*boards))
        adapter = ["--adapter", "caddyfile"]
        self._command += ["run", "--config", str(self.config), *adapter]


class ShippedVarnish(ShippedProxy):
    """Varnish in front of a board."""

    def __init__(self, board: Board, changes: dict[str, str] | None = None) -> None:
        own = {'"board-1"': '"127.0.0.1"', '"8000"': f'"{board.port}"'}
        super().__init__("varnishd", "varnish.vcl", own | (changes or {}))
        self._command += ["-F", "-j", "none", "-s", "malloc,16m"]
        self._command += ["-a", f"127.0.0.1:{self.port}", "-f", str(self.config)]
        self._command += ["-n", str(self.folder / "run")]


class ShippedApache(ShippedProxy):
    """Apache in front of a board, with no modules but those that the file names."""

    MODULES = ("mpm_event", "proxy", "proxy_http", "headers", "authz_core")

    def __init__(self, board: Board) -> None:
        own = {
            "<VirtualHost *:80>": "<VirtualHost 127.0.0.1:@port@>",
            "board-1:8000": f"127.0.0.1:{board.port}",
        }
        super().__init__("apache2", "apache.conf", own)
        main = self.folder / "httpd.conf"
        main.write_text(self._main())
        self._command += ["-f", str(main), "-DFOREGROUND"]

    def _main(self) -> str:
        modules = "".join(
            f"LoadModule {name}_module {APACHE_MODULES}/mod_{name}.so\n"
            for name in self.MODULES
        )
        # Apache doesn't serve as root.
        user = "User #65534\nGroup #65534\n" if os.geteuid() == 0 else ""
        return (
            f"ServerName localhost\nListen 127.0.0.1:{self.port}\n{modules}{user}"
            f"PidFile {self.folder}/pid\nErrorLog /dev/stderr\nInclude {self.config}\n"
        )


def addresses(*boards: Board) -> dict[str, str]:
    """Return what replaces the boards of the files by these."""
    return {
        f"{name}:8000": f"127.0.0.1:{board.port}"
        for name, board in zip(BOARDS, boards, strict=True)
    }


def replace_all(text: str, changes: dict[str, str]) -> str:
    """Return the text with these changes; AssertionError if there is nothing to."""
    for shipped, tested in changes.items():
        assert shipped in text, shipped
        text = text.replace(shipped, tested)
    return text


def find_program(name: str) -> str:
    """Return the path of a program; AssertionError saying how to get it."""
    path = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    assert path, f"{PACKAGES.get(name, name)} is missing: `make test` installs it"
    return path
