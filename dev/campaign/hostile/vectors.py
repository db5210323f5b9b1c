"""Addresses that a response of the API could contain to make the archive send requests into a private network (SSRF)."""

from __future__ import annotations

from dataclasses import dataclass

METADATA = ("169.254.169.254", "fd00:ec2::254", "100.100.100.200", "192.0.0.192", "168.63.129.16")


@dataclass(frozen=True, slots=True)
class Vector:
    """`url`: the image address in a document. `answers`: results of resolving its name, one per lookup, each with addresses
    separated by spaces. `redirects`: an allowed host redirects to `url`.
    """

    name: str
    url: str
    answers: tuple[str, ...] = ()
    redirects: bool = False


def vectors(port: int) -> list[Vector]:
    """Return all vectors. `port` is the canary's."""
    direct = [Vector(f"direct {url}", url) for url in (*_literal(port), *_lookalikes(port), *_tricks(port))]
    redirected = [
        Vector(f"redirect to {url}", url, redirects=True)
        for url in (*_literal(port), *_lookalikes(port), *_tricks(port))
        # `Location` is a header, which cannot contain everything.
        if url.isprintable() and url.isascii() and len(url) < 4000
    ]
    return [*direct, *_resolved(), *redirected]


def _literal(port: int) -> list[str]:
    """Return loopback in every spelling, private networks and metadata services."""
    hosts = (
        "127.0.0.1", "localhost", "LOCALHOST", "localhost.", "localhost.localdomain", "127.1", "127.0.1", "127.127.127.127",
        "2130706433", "0x7f000001", "0x7f.0.0.1", "0x7F.0x0.0x0.0x1", "017700000001", "0177.0.0.1", "0177.0000.0000.0001",
        "00000177.0.0.1", "0", "0.0.0.0",  # noqa: S104 - nobody binds to it
        "127.0.0.1.", "127.000.000.001", "3232235777", "4294967295", "425.510.425.510",
        "[::1]", "[::]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[::ffff:0:127.0.0.1]",
        "[64:ff9b::127.0.0.1]", "[64:ff9b:1::7f00:1]", "[2002:7f00:1::]", "[2001:0:7f00:1::]", "[fe80::1%25lo]", "[::1%25lo]",
        "[fec0::1]", "[fc00::1]", "[fe80::5efe:7f00:1]", "[::ffff:169.254.169.254]", "[ff02::1]", "[v1.::1]",
        "10.0.0.1", "172.16.0.1", "192.168.0.1", "100.64.0.1", "198.18.0.1", "224.0.0.1", "255.255.255.255",
        "\uff11\uff12\uff17.0.0.1", "127\u30020\u30020\u30021", "\u2460\u2461\u2466.0.0.1",
        "\u24db\u24de\u24d2\u24d0\u24db\u24d7\u24de\u24e2\u24e3",
        "metadata", "metadata.google.internal", "instance-data.ec2.internal", "kubernetes.default.svc", "intranet",
        "router.local", "host.docker.internal", "ip6-localhost", "stablecog.localhost",
    )  # fmt: skip
    metadata = [f"[{host}]" if ":" in host else host for host in METADATA]
    return [
        *(f"http://{host}:{port}/latest/meta-data/" for host in (*hosts, *metadata)),
        *(f"https://{host}/a.jpeg" for host in ("127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "0x7f.1", *metadata)),
    ]


def tricks_with(host: str, port: int) -> list[Vector]:
    """Return addresses that name an allowed host, and lead to the canary for a careless parser."""
    urls = [url.replace("b.stablecog.com", host) for url in _tricks(port) if "b.stablecog.com" in url]
    urls = [url for url in urls if f"127.0.0.1:{port}" in url]
    return [
        *(Vector(f"direct {url}", url) for url in urls),
        *(Vector(f"redirect to {url}", url, redirects=True) for url in urls),
    ]


def _lookalikes(port: int) -> list[str]:
    """Return hosts that look like the service's."""
    hosts = (
        "stablecog.com.evil.test", "evilstablecog.com", "stablecog.com", "b.stablecog.com.127.0.0.1.nip.test",
        "b-stablecog.com", "b.stablecog.com.", "b.stablecog.co", "b.stablecog.comm", "b.stablecog.com-evil.test",
        "b.st\u0430blecog.com", "b.stable\u0441og.com", "xn--b-stablecog.com", "b.xn--stblecog-67g.com",
        "b\u2024stablecog\u2024com.evil.test",
        "b.stablecog\u3002com.evil.test", "b.\u017ftablecog.com.evil.test", "b.stablecog.com\u2044.evil.test",
        "b.stablecog.com%2eevil.test",
    )  # fmt: skip
    return [
        *(f"https://{host}:{port}/a.jpeg" for host in hosts),
        *(f"https://{host}/a.jpeg" for host in hosts if not host.startswith("b.stablecog.com.")),
    ]


def _tricks(port: int) -> list[str]:
    """Return addresses that two parsers read differently, and foreign schemes."""
    canary = f"127.0.0.1:{port}"
    return [
        "file:///etc/passwd", "file://b.stablecog.com/etc/passwd", f"ftp://{canary}/a.jpeg", f"gopher://{canary}/_GET",
        f"dict://{canary}/d", f"ws://{canary}/", f"unix://{canary}/", "data:image/jpeg;base64,/9j/2Q==", "javascript:alert(1)",
        f"//{canary}/a.jpeg", f"http:{canary}/a.jpeg", f"http:/{canary}/a.jpeg", f"http:///{canary}/a.jpeg", "https://",
        f"https://b.stablecog.com@{canary}/", f"https://b.stablecog.com:443@{canary}/", f"https://user:secret@{canary}/",
        "https://user:secret@b.stablecog.com/a.jpeg", "https://:secret@b.stablecog.com/a.jpeg", "https://user@b.stablecog.com/",
        f"https://{canary}#@b.stablecog.com/", f"https://{canary}?@b.stablecog.com/", f"https://{canary}\\@b.stablecog.com/",
        f"https://b.stablecog.com\\@{canary}/", f"https://{canary}%23@b.stablecog.com/", f"https://{canary}%2f.stablecog.com/",
        f"https://{canary}\\.stablecog.com/", f"https://{canary}\t.stablecog.com/", f"http://{canary}\r\n.stablecog.com/",
        f"https://127.0.0.1\x00.stablecog.com:{port}/", "https://127.0.0.1%00.stablecog.com/", "https://b .stablecog.com/",
        "https://.stablecog.com/a", "https://a..stablecog.com/a", f"https://{'a' * 64}.stablecog.com/", "https://*.stablecog.com/",
        f"https://{'a.' * 130}stablecog.com/", f"https://{'a' * 3000}.stablecog.com/", "https://\u202emoc.stablecog.com/",
        f"https://b.stablecog.com:{port}/", "https://b.stablecog.com:80/", "https://b.stablecog.com:22/", "https://b.stablecog.com:0/",
        "https://b.stablecog.com:99999/", "https://b.stablecog.com:443:80/", "http://b.stablecog.com/a.jpeg",
        "http://b.stablecog.com:443/a.jpeg", "https://[b.stablecog.com]/", "https://[::1]b.stablecog.com/", "https://[::1/",
        "https://b.stablecog.com:\uff14\uff14\uff13/", "https://-.stablecog.com/", "https://xn--.stablecog.com/",
    ]  # fmt: skip


def _resolved() -> list[Vector]:
    """Return names of the service that DNS resolves to private addresses."""
    answers = (
        "127.0.0.1", "127.8.8.8", "0.0.0.0",  # noqa: S104 - nobody binds to it
        "10.1.2.3", "172.31.255.255", "192.168.1.1", "169.254.169.254", "100.64.0.1",
        "198.19.0.1", "192.0.0.192", "168.63.129.16", "192.88.99.1", "224.0.0.251", "240.0.0.1", "255.255.255.255",
        "::1", "::", "::ffff:127.0.0.1", "::127.0.0.1", "::ffff:0:7f00:1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::7f00:1", "2002:7f00:1::1", "2001:0:7f00:1::1", "fe80::1", "fec0::1", "fc00::1", "fd00:ec2::254",
        "2607:f8b0::5efe:7f00:1", "2607:f8b0::200:5efe:10.0.0.1", "ff02::1", "2001:db8::1",
        # The public one would be connected to, if it came first: it is allowed.
        "127.0.0.1 93.184.216.34", "::1 2606:4700::1111",
    )  # fmt: skip
    return [
        Vector(f"DNS answers {answer}", f"https://dns{number}.stablecog.com/a.jpeg", (answer,))
        for number, answer in enumerate(answers)
    ]
