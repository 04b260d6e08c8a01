"""`program-run`: thin, the work is in `sandbox`.

A program in the sandbox changes nothing outside of it. So when its worker dies it is simply run
again; what it ended with, it ended with: an exit code is never a reason to try again by itself.
"""

import asyncio
import base64
from dataclasses import dataclass, replace
from typing import Final

from temporalio import activity

from activities.http.exchange import exchange
from activities.http.types import HttpCall
from activities.logins.authenticator import Authenticator
from activities.logins.types import ReadyLogin
from activities.patience import way_out
from activities.programs.errors import ProgramFailedError
from activities.programs.gate import Gate
from activities.programs.outcome import output_of
from activities.programs.sandbox.images import Images
from activities.programs.sandbox.types import (
    Container,
    Finished,
    Language,
    Limits,
    Program,
    Sandbox,
)
from activities.programs.types import ProgramCall
from activities.types import ActivityResult
from activities.work import Opener, Work, working
from security.egress import Egress

# Code is read by people; what is longer than a person's work is data.
_SOURCE_S: Final = 30.0


@dataclass(frozen=True)
class Containers:
    """What containers are run with.

    Attributes:
        sandbox: One that was seen to isolate also what has the files of an image to see.
    """

    images: Images
    sandbox: Sandbox


class ProgramActivities:
    """Activities over one sandbox.

    Args:
        limits: The most that one program may take.
        containers: For what brings its own files.
    """

    def __init__(
        self,
        sandbox: Sandbox,
        gate: Gate,
        limits: Limits,
        *,
        egress: Egress,
        opener: Opener,
        logins: Authenticator,
        containers: Containers,
    ) -> None:
        self.containers = containers
        self.sandbox = sandbox
        self.gate = gate
        self.limits = limits
        self.egress = egress
        self.opener = opener
        self.logins = logins

    @activity.defn(name="program-run")
    async def run(self, call: ProgramCall) -> ActivityResult:
        """Run one program."""
        async with working(self.opener, call) as work:
            request = work.request
            limits = replace(self.limits, time_s=min(self.limits.time_s, request.timeout_s))
            if request.language == "container":
                await self.gate.require_image(call.tenant_id, request.image)
                finished = await self._contained(request, limits)
            else:
                await self.gate.require(call.tenant_id)
                program = await self._program(work, request.language)
                finished = await self.sandbox.run(program, limits)
            return await work.result(output_of(finished, request.returns, limits))

    async def _contained(self, call: ProgramCall, limits: Limits) -> Finished:
        """Run a container; its image stays as it is until that has ended."""
        opened = self.containers.images.opened(call.image)
        # Of a disk, which may be slow. Cancelled meanwhile, nothing refers to it: it closes itself.
        image = await asyncio.to_thread(opened.__enter__)
        try:
            container = Container(
                image=image,
                command=call.code,
                arguments=call.arguments,
                environment=call.environment,
                stdin=call.stdin,
                hostname=call.hostname,
            )
            return await self.containers.sandbox.run(container, limits)
        finally:
            opened.__exit__(None, None, None)

    async def _program(self, work: Work[ProgramCall], language: Language) -> Program:
        call = work.request
        return Program(
            language=language,
            code=await self._code(work),
            arguments=call.arguments,
            environment=call.environment,
            stdin=call.stdin,
        )

    async def _code(self, work: Work[ProgramCall]) -> str:
        """Return the code, from where it is."""
        call = work.request
        uri = call.source_uri
        if uri is None:
            return call.code

        await way_out(self.egress, call.tenant_id)

        async def read(login: ReadyLogin | None) -> str:
            request = HttpCall(
                tenant_id=call.tenant_id,
                method="GET",
                uri=uri,
                login=login,
                output="raw",
                timeout_s=_SOURCE_S,
            )
            content = await exchange(self.egress, request)
            try:
                return base64.b64decode(str(content)).decode()
            except UnicodeDecodeError:
                where = uri.partition("?")[0]
                raise ProgramFailedError(f"What {where} gives is no UTF-8 text.") from None

        return await self.logins.logged_in(work, call.source_login, read)
