"""Does the sandbox hold on this machine? Found out by trying, when a worker starts.

A kernel, a container or a policy around us may take away what the sandbox is made of, and some do
so without an error.
"""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeAlias

from activities.programs.sandbox.bubblewrap import Bubblewrap
from activities.programs.sandbox.errors import SandboxRefusedError
from activities.programs.sandbox.images import About, Image
from activities.programs.sandbox.refusing import Refusing
from activities.programs.sandbox.surroundings import STARTER
from activities.programs.sandbox.types import Container, Finished, Limits, Program, Sandbox

_MIB: Final = 1024 * 1024
LIMITS: Final = Limits(
    time_s=20.0,
    cpu_s=5,
    memory_bytes=96 * _MIB,
    processes=8,
    disk_bytes=_MIB,
    output_bytes=64 * 1024,
)
# What the programs below call.
_APPLETS: Final = ("head", "readlink", "sh", "sleep", "tail", "touch")
_Programs: TypeAlias = Callable[..., Program | Container]
_NAMESPACES: Final = ("user", "mnt", "pid", "net", "ipc", "uts")
# Each line is one fact; a program that could tell more than it should tells it here.
_LOOK: Final = """
for name in user mnt pid net ipc uts; do echo "ns $(readlink /proc/self/ns/$name)"; done
tail -n +3 /proc/net/dev | while read -r device rest; do echo "device ${device%%:*}"; done
while read -r key value rest; do
    case "$key" in CapEff:|CapBnd:|NoNewPrivs:|Seccomp:) echo "status $key$value";; esac
done </proc/self/status
[ -e "$1" ] && echo "reads $1"
for file in /proc/[0-9]*; do echo "process ${file#/proc/}"; done
touch /usr/.millwright-probe 2>/dev/null && echo "writes /usr"
touch /.millwright-probe 2>/dev/null && echo "writes /"
head -c 4M /dev/zero >/tmp/large 2>/dev/null && echo "writes 4M"
echo looked
"""
_MANY_PROCESSES: Final = """
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do sleep 5 & done
echo "started $i"
"""
_MUCH_MEMORY: Final = """
head -c 200M /dev/zero | tail -c 200M >/dev/null && echo held
"""
_MAX_PROCESSES_SEEN: Final = 4
_STATUS: Final = {
    "CapEff:0000000000000000": "the program keeps capabilities",
    "CapBnd:0000000000000000": "the program could get capabilities",
    "NoNewPrivs:1": "the program could get privileges by setuid",
    "Seccomp:2": "system calls are not filtered",
}


async def proven() -> Sandbox:
    """Return a sandbox that was seen to isolate, or one that says what is missing."""
    try:
        sandbox = Bubblewrap.found()
        problem = await _problem_of(sandbox)
    except SandboxRefusedError as error:
        return Refusing(error.message)
    return Refusing(problem) if problem else sandbox


async def proven_for_images(sandbox: Sandbox) -> Sandbox:
    """Return the sandbox if it was seen to isolate also what has the files of an image to see."""
    if isinstance(sandbox, Refusing):
        return sandbox
    with tempfile.TemporaryDirectory() as folder:
        image = _smallest_image(Path(folder))

        def contained(code: str, *arguments: str) -> Container:
            return Container(image, code, arguments)

        try:
            problem = await _problem_of(sandbox, contained)
        except SandboxRefusedError as error:
            problem = error.message
    return Refusing(problem, "containers") if problem else sandbox


def _smallest_image(folder: Path) -> Image:
    """Make what an image is unpacked to: no program but the one that starts containers."""
    for name in ("bin", "usr"):
        (folder / name).mkdir()
    # Whatever the worker keeps to itself by default: everybody has to come through.
    for each in (folder, *folder.iterdir()):
        each.chmod(0o755)
    for name in _APPLETS:
        (folder / "bin" / name).symlink_to(STARTER)
    return Image(About(name="probe", digest=""), folder)


def _script(code: str, *arguments: str) -> Program:
    return Program("sh", code, arguments)


async def _problem_of(sandbox: Sandbox, program: _Programs = _script) -> str | None:
    """Try what must not succeed; say what did.

    Args:
        program: Makes of a text for the shell what runs it.
    """
    with tempfile.NamedTemporaryFile() as canary:
        # Whoever the program is, it is not its owner.
        os.fchmod(canary.fileno(), 0o644)
        looked = await sandbox.run(program(_LOOK, canary.name), LIMITS)
    lines = looked.stdout.decode(errors="replace").splitlines()
    if "looked" not in lines:
        return f"a first program did not end well ({_told(looked)})."
    if problem := _problem_in(lines):
        return problem
    crowd = await sandbox.run(program(_MANY_PROCESSES), LIMITS)
    if b"started" in crowd.stdout:
        return "the number of processes is not limited."
    much = await sandbox.run(program(_MUCH_MEMORY), LIMITS)
    if b"held" in much.stdout:
        return "memory is not limited."
    return None


def _problem_in(lines: list[str]) -> str | None:
    facts = [line.partition(" ")[::2] for line in lines]
    of = {key: [value for name, value in facts if name == key] for key, _ in facts}
    shared = set(of.get("ns", [])) & _own_namespaces()
    if shared or len(of.get("ns", [])) != len(_NAMESPACES):
        return f"namespaces are shared with the worker: {', '.join(sorted(shared)) or 'unknown'}."
    if of.get("device", []) != ["lo"]:
        return f"the program has network devices: {', '.join(of.get('device', []))}."
    for status, problem in _STATUS.items():
        if status not in of.get("status", []):
            return f"{problem}."
    if len(of.get("process", [])) > _MAX_PROCESSES_SEEN:
        return "the program sees processes of others."
    for deed in ("reads", "writes"):
        if deed in of:
            return f"the program {deed} {of[deed][0]}, which it must not."
    return None


def _own_namespaces() -> set[str]:
    return {str(Path(f"/proc/self/ns/{each}").readlink()) for each in _NAMESPACES}


def _told(finished: Finished) -> str:
    said = finished.stderr.decode(errors="replace").strip()[-500:]
    return f"exit code {finished.code}, {finished.exceeded or 'within its limits'}: {said}"
