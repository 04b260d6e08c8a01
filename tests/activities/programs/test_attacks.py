"""Programs that try to get out, to look in, or to take everything. Each attack is really run."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

import pytest

from tests.activities.programs.conftest import MIB, Execute, until

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[3]


async def said(execute: Execute, code: str, *arguments: str) -> str:
    ended = await execute("python", code, *arguments)
    assert (ended.code, ended.exceeded) == (0, None), ended
    return ended.stdout.decode()


def command_lines() -> Iterator[bytes]:
    """Look at what everybody on this machine can see of its processes."""
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            yield file.read_bytes()


@contextmanager
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["/usr/bin/sleep", "1000"]) as process:
        yield process
        process.kill()


def setuid_programs() -> list[str]:
    found = [Path("/usr/bin", name) for name in ("su", "passwd", "mount", "newgrp", "chsh")]
    return [str(each) for each in found if each.exists() and each.stat().st_mode & 0o4000]


# --- Network ----------------------------------------------------------------------------------


async def test_a_tcp_server_of_the_host_cannot_be_reached(execute: Execute) -> None:
    code = (
        "import socket, sys\n"
        "for host in ('127.0.0.1', sys.argv[2], '8.8.8.8', '169.254.169.254'):\n"
        "    s = socket.socket(); s.settimeout(3)\n"
        "    try: s.connect((host, int(sys.argv[1]))); print('reached', host)\n"
        "    except OSError as e: print('no', type(e).__name__)"
    )
    with socket.create_server(("0.0.0.0", 0)) as server:  # noqa: S104 - also the outer address
        server.settimeout(0)
        own = socket.gethostbyname(socket.gethostname())
        answer = await said(execute, code, str(server.getsockname()[1]), own)
        assert "reached" not in answer
        with pytest.raises(BlockingIOError):
            server.accept()


async def test_a_datagram_leaves_for_nobody(execute: Execute) -> None:
    code = (
        "import socket, sys\n"
        "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
        "for host in ('127.0.0.1', sys.argv[2]):\n"
        "    try: s.sendto(b'hello', (host, int(sys.argv[1])))\n"
        "    except OSError: pass\n"
        "print('tried')"
    )
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("0.0.0.0", 0))  # noqa: S104 - also the outer address
        server.settimeout(0)
        own = socket.gethostbyname(socket.gethostname())
        assert await said(execute, code, str(server.getsockname()[1]), own) == "tried\n"
        with pytest.raises(BlockingIOError):
            server.recv(10)


async def test_a_unix_socket_of_the_host_cannot_be_reached(
    execute: Execute, tmp_path: Path
) -> None:
    code = (
        "import socket, sys\n"
        "for name in (sys.argv[1], '\\0' + sys.argv[2]):\n"
        "    s = socket.socket(socket.AF_UNIX)\n"
        "    try: s.connect(name); print('reached')\n"
        "    except OSError as e: print('no')"
    )
    file, abstract = str(tmp_path / "s"), f"millwright-{uuid4().hex}"
    with socket.socket(socket.AF_UNIX) as named, socket.socket(socket.AF_UNIX) as nameless:
        named.bind(file)
        nameless.bind(f"\0{abstract}")
        for server in (named, nameless):
            server.listen()
        os.chmod(file, 0o777)  # noqa: PTH101, S103 - anybody could connect, if he saw it
        assert await said(execute, code, file, abstract) == "no\nno\n"


async def test_raw_sockets_and_network_devices_are_refused(execute: Execute) -> None:
    code = (
        "import socket\n"
        "for family, kind in ((socket.AF_INET, socket.SOCK_RAW), (socket.AF_PACKET, "
        "socket.SOCK_RAW)):\n"
        "    try: socket.socket(family, kind, 1); print('got')\n"
        "    except OSError: print('no')\n"
        "print([name for _, name in socket.if_nameindex()])"
    )
    assert await said(execute, code) == "no\nno\n['lo']\n"


# --- Files and processes of the host ----------------------------------------------------------


async def test_files_of_the_host_cannot_be_read(execute: Execute, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    canary.write_text("planted")
    canary.chmod(0o644)
    code = (
        "import sys\n"
        "for name in sys.argv[1:]:\n"
        "    try: open(name).read(); print('read', name)\n"
        "    except OSError: print('no')"
    )
    files = ["/etc/shadow", "/etc/passwd", "/etc/hostname", "/root/.bashrc", str(canary)]
    files += [str(ROOT / "pyproject.toml"), sys.executable, "/var/lib/dpkg/status", "/dev/sda"]
    through = [f"/proc/1/root{canary}", f"/proc/self/cwd/../..{canary}", "/proc/1/environ"]
    answer = await said(execute, code, *files, *through[:2])
    assert set(answer.split("\n")) == {"no", ""}
    assert "read" not in await said(execute, code, "/proc/kcore", "/proc/sysrq-trigger", "/dev/mem")


async def test_the_workers_environment_is_nowhere(
    execute: Execute, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MILLWRIGHT_TEST_CANARY", "planted-in-the-environment")
    # Whatever a process can be read of is searched, that of the sandbox itself included.
    code = (
        "import glob, os\n"
        "found = [dict(os.environ)]\n"
        "for name in glob.glob('/proc/[0-9]*/environ') + glob.glob('/proc/[0-9]*/cmdline'):\n"
        "    try: found.append(open(name, 'rb').read())\n"
        "    except OSError: pass\n"
        "print(len(found), 'planted' in repr(found), 'MILLWRIGHT' in repr(found))"
    )
    number, *leaks = (await said(execute, code)).split()
    assert int(number) > 1
    assert leaks == ["False", "False"]


async def test_a_variable_of_the_program_is_on_no_command_line(execute: Execute) -> None:
    secret = f"planted-{uuid4().hex}"
    running = asyncio.ensure_future(
        execute("sh", "sleep 1; echo $KEY", environment={"KEY": secret})
    )
    shown = b""
    while not running.done():
        shown += b"".join(command_lines())
        await asyncio.sleep(0.05)
    assert (await running).stdout.decode() == f"{secret}\n"
    assert b"/usr/bin/sh" in shown
    assert secret.encode() not in shown


async def test_processes_of_the_host_are_neither_seen_nor_ended(execute: Execute) -> None:
    with sleeper() as victim:
        code = (
            "import os, signal, sys\n"
            "print(len([n for n in os.listdir('/proc') if n.isdigit()]) < 5)\n"
            "for pid in (int(sys.argv[1]), int(sys.argv[2])):\n"
            "    try: os.kill(pid, signal.SIGKILL); print('killed')\n"
            "    except OSError: print('no')\n"
            "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
            "try: os.kill(-1, signal.SIGTERM)\n"
            "except OSError: pass"
        )
        # A number of the host may be one of the sandbox: its own two are small.
        assert await said(execute, code, str(victim.pid), str(os.getpid())) == "True\nno\nno\n"
        assert victim.poll() is None


async def test_nothing_of_the_system_can_be_written(execute: Execute) -> None:
    code = (
        "for name in ('/x', '/usr/x', '/usr/bin/sh', '/program/main.py', '/dev/x', '/etc/x',"
        " '/proc/sys/kernel/hostname', '/proc/self/oom_score_adj/x'):\n"
        "    try: open(name, 'w').write('x'); print('wrote', name)\n"
        "    except OSError: print('no')"
    )
    assert set((await said(execute, code)).split("\n")) == {"no", ""}


# --- More rights ------------------------------------------------------------------------------


async def test_nobody_becomes_root(execute: Execute) -> None:
    code = (
        "import os\n"
        "print(os.getuid(), os.getgid(), os.getgroups() in ([], [65534]))\n"
        "for act in (lambda: os.setuid(0), lambda: os.setgid(0), lambda: os.chroot('/tmp'),\n"
        "            lambda: os.mknod('/tmp/d', 0o60666, os.makedev(8, 0))):\n"
        "    try: act(); print('did')\n"
        "    except OSError: print('no')"
    )
    assert await said(execute, code) == "65534 65534 True\nno\nno\nno\nno\n"


async def test_setuid_has_no_effect(execute: Execute) -> None:
    marked = setuid_programs()
    assert marked, "this machine has no setuid program to try"
    code = (
        "import os, sys\n"
        "for name in sys.argv[1:]:\n"
        "    print(bool(os.statvfs(name).f_flag & os.ST_NOSUID))\n"
        "print([l for l in open('/proc/self/status') if l.startswith('NoNewPrivs')][0].split()[1])"
    )
    assert await said(execute, code, *marked) == "True\n" * len(marked) + "1\n"
    own = "import os, shutil\nshutil.copy('/usr/bin/id', '/tmp/id'); os.chmod('/tmp/id', 0o4755)\n"
    assert "65534" in await said(execute, own + "print(os.popen('/tmp/id -u').read())")


async def test_namespaces_tracing_and_kernel_interfaces_are_refused(execute: Execute) -> None:
    code = (
        "import ctypes, errno, platform\n"
        "libc = ctypes.CDLL(None, use_errno=True)\n"
        "def refused(*words):\n"
        "    return libc.syscall(*words) == -1 and ctypes.get_errno() in (errno.EPERM, "
        "errno.ENOSYS)\n"
        "calls = [(272, 0x10000000), (272, 0x20000), (101, 0, 0, 0, 0), (319, b'x', 0), "
        "(29, 0, 4096, 0o1600), (425, 8, 0), (321, 0, 0, 0), (323, 0), (250, 0, 0, 0), "
        "(298, 0, 0, 0, 0, 0), (435, 0, 0), (165, b'a', b'/tmp', b'tmpfs', 0, 0), (308, 0, 0)]\n"
        "print(platform.machine() != 'x86_64' or [c for c in calls if not refused(*c)])"
    )
    assert await said(execute, code) in ("[]\n", "True\n")
    ended = await execute("sh", "unshare -Ur true || echo no; unshare -n true || echo no")
    assert ended.stdout == b"no\nno\n"


async def test_calls_of_the_other_numbering_end_the_program(execute: Execute) -> None:
    code = (
        "import ctypes, platform, sys\n"
        "if platform.machine() != 'x86_64': sys.exit(159)\n"
        "ctypes.CDLL(None).syscall(0x40000000 + 39)\n"
        "print('went on')"
    )
    ended = await execute("python", code)
    assert (ended.code, ended.stdout) == (128 + signal.SIGSYS, b"")


async def test_limits_cannot_be_raised(execute: Execute) -> None:
    code = (
        "import resource as r\n"
        "for what in (r.RLIMIT_NPROC, r.RLIMIT_AS, r.RLIMIT_DATA, r.RLIMIT_CPU, r.RLIMIT_FSIZE, "
        "r.RLIMIT_NOFILE):\n"
        "    try: r.setrlimit(what, (r.RLIM_INFINITY, r.RLIM_INFINITY)); print('raised')\n"
        "    except (ValueError, OSError): print('no')"
    )
    assert await said(execute, code) == "no\n" * 6


# --- Taking everything ------------------------------------------------------------------------


async def test_a_fork_bomb_stays_small(execute: Execute) -> None:
    code = (
        "import os, time\n"
        "n = 0\n"
        "try:\n"
        "    while True:\n"
        "        if os.fork() == 0: time.sleep(1000)\n"
        "        n += 1\n"
        "except OSError: print(n)"
    )
    assert 0 < int(await said(execute, code)) < 16
    ended = await execute("sh", "bomb() { bomb | bomb & }; bomb; sleep 2; echo over", time_s=20)
    assert ended.stdout in (b"over\n", b"")


async def test_threads_count_as_processes(execute: Execute) -> None:
    code = (
        "import threading, time\n"
        "n = 0\n"
        "try:\n"
        "    while n < 1000:\n"
        "        threading.Thread(target=time.sleep, args=(1000,), daemon=True).start(); n += 1\n"
        "except RuntimeError: pass\n"
        "print(n)"
    )
    assert 0 < int(await said(execute, code)) < 16


async def test_a_memory_bomb_ends_alone(execute: Execute) -> None:
    code = "x = []\nwhile True: x.append(bytearray(8 * 1024 * 1024))"
    ended = await execute("python", code)
    assert ended.code != 0
    assert ended.exceeded == "memory" or b"MemoryError" in ended.stderr


async def test_memory_of_all_processes_counts_together(execute: Execute) -> None:
    code = (
        "import os, time\n"
        "for _ in range(3): os.fork()\n"
        "x = bytearray(24 * 1024 * 1024)\n"
        "x[::4096] = b'x' * len(x[::4096])\n"
        "time.sleep(50)"
    )
    ended = await execute("python", code)
    assert ended.exceeded == "memory"


@pytest.mark.skipif(not Path("/usr/bin/node").exists(), reason="There is no /usr/bin/node.")
async def test_a_memory_bomb_in_javascript_ends_alone(execute: Execute) -> None:
    code = "const x = []; for (;;) x.push(Buffer.alloc(8 * 1024 * 1024, 1))"
    ended = await execute("js", code, memory_bytes=256 * MIB)
    assert ended.code != 0


@pytest.mark.parametrize("redirect", ["", " >&2"])
async def test_an_output_bomb_is_stopped(execute: Execute, redirect: str) -> None:
    ended = await execute("sh", f"yes{redirect}")
    assert ended.exceeded == "output"
    assert len(ended.stdout) + len(ended.stderr) == 64 * 1024


async def test_a_disk_bomb_hits_a_wall(execute: Execute) -> None:
    code = (
        "import errno, os\n"
        "for folder in ('/tmp', '/dev/shm'):\n"
        "    total = 0\n"
        "    try:\n"
        "        for n in range(1000):\n"
        "            with open(f'{folder}/{n}', 'wb', buffering=0) as f:\n"
        "                total += f.write(bytes(1024 * 1024))\n"
        "    except OSError as e: print(total // 2**20, errno.errorcode[e.errno])\n"
    )
    in_tmp, in_shared = (await said(execute, code)).splitlines()
    assert in_tmp in ("4 ENOSPC", "3 ENOSPC")
    assert int(in_shared.split()[0]) <= 16
    one = await execute("sh", "head -c 100M /dev/zero >/tmp/x || echo no; wc -c </tmp/x")
    assert int(one.stdout.split()[-1]) <= 4 * MIB


async def test_a_busy_loop_ends_with_its_processor_time(execute: Execute) -> None:
    ended = await execute("sh", "while :; do :; done", cpu_s=1)
    assert ended.exceeded == "cpu"
    ignoring = "import signal\nsignal.signal(signal.SIGXCPU, signal.SIG_IGN)\nwhile True: pass"
    ended = await execute("python", ignoring, cpu_s=1)
    assert ended.code == 128 + 9


async def test_who_ignores_signals_ends_with_its_time(execute: Execute) -> None:
    code = (
        "import signal, time\n"
        "for n in range(1, 65):\n"
        "    try: signal.signal(n, signal.SIG_IGN)\n"
        "    except (OSError, ValueError): pass\n"
        "while True: time.sleep(100)"
    )
    ended = await execute("python", code, time_s=1)
    assert (ended.exceeded, ended.code) == ("time", 128 + 9)


@pytest.fixture
def mark() -> str:
    """How long somebody sleeps, so that he is found."""
    return f"{100000 + os.getpid()}.{uuid4().int % 10**6}"


def asleep(mark: str) -> bool:
    return any(mark.encode() in line for line in command_lines())


async def test_what_goes_on_in_the_background_ends_with_the_program(
    execute: Execute, mark: str
) -> None:
    # In a session of its own, adopted by nobody, with the pipes still open.
    code = f"(setsid nohup sleep {mark} &) ; sleep 0.3; echo gone"
    ended = await execute("sh", code)
    assert (ended.code, ended.stdout) == (0, b"gone\n")
    await until(lambda: not asleep(mark))


@pytest.mark.usefixtures("sandbox")
async def test_a_program_dies_with_its_worker(mark: str) -> None:
    worker = (
        "import asyncio\n"
        "from activities.programs.sandbox import Bubblewrap, Limits, Program\n"
        f"asyncio.run(Bubblewrap.found().run(Program('sh', 'sleep {mark}; :'), Limits()))"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", worker, cwd=ROOT)
    await until(lambda: asleep(f"sleep\0{mark}"))
    process.kill()
    await process.wait()
    await until(lambda: not asleep(f"sleep\0{mark}"))
