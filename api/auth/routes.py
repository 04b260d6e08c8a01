"""Log in, refresh, who am I, and the public keys."""

from typing import Annotated, Final

import anyio
from anyio import CapacityLimiter
from fastapi import APIRouter, Response
from starlette.concurrency import run_in_threadpool

from api.auth.schemas import JsonWebKeySet, LoginRequest, Me, RefreshRequest, Tokens
from api.dependencies import ServicesDep, require
from security.principal import Principal

router = APIRouter(prefix="/api/v1/auth", tags=["auth"])
keys_router = APIRouter(tags=["auth"])

# A verification costs 50 ms of a core and 19 MiB. More at once would only starve other requests;
# who comes later waits here, where waiting takes no thread.
_HASHING_THREADS: Final = CapacityLimiter(4)
# Seconds others may keep the public keys: short, so that a new key is known soon.
_KEYS_MAX_AGE_S: Final = 300


@router.post("/login")
async def login(body: LoginRequest, parts: ServicesDep) -> Tokens:
    """Log in with e-mail address and password."""
    pair = await anyio.to_thread.run_sync(
        parts.accounts.login,
        body.email,
        body.password.get_secret_value(),
        body.tenant,
        limiter=_HASHING_THREADS,
    )
    return Tokens.of(pair)


@router.post("/refresh")
async def refresh(body: RefreshRequest, parts: ServicesDep) -> Tokens:
    """Exchange a refresh token. It is good once: using it again ends the whole log-in."""
    token = body.refresh_token.get_secret_value()
    return Tokens.of(await run_in_threadpool(parts.accounts.refresh, token))


@router.get("/me")
async def get_me(principal: Annotated[Principal, require("account:read")]) -> Me:
    """Tell who the access token belongs to and what it permits."""
    return Me.of(principal)


@keys_router.get("/.well-known/jwks.json")
async def get_jwks(parts: ServicesDep, response: Response) -> JsonWebKeySet:
    """Publish the keys that verify access tokens."""
    keys = await run_in_threadpool(parts.tokens.keys.jwks)
    response.headers["Cache-Control"] = f"public, max-age={_KEYS_MAX_AGE_S}"
    return JsonWebKeySet.model_validate(keys)
