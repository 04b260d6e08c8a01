"""Bodies of answers from servers we do not trust: decoded here, counted here, cut off here.

We ask for gzip or nothing. What a body becomes when it is decompressed counts, piece by piece, so a
small answer cannot grow large in memory.
"""

import zlib
from collections.abc import AsyncGenerator, Iterator
from typing import Final

import httpx2
from typing_extensions import override

from foundation.errors import TooLargeError

ACCEPTED_ENCODING: Final = "gzip"
# A compressed kilobyte may be a megabyte: it is unpacked in pieces of this size.
_PIECE_BYTES: Final = 64 * 1024
_GZIP: Final = zlib.MAX_WBITS | 16
_ENDS_OF_EVENT: Final = (b"\n\n", b"\r\n\r\n")


class ResponseTooLargeError(TooLargeError):
    """A server answered more than we take. The rest was not read.

    Attributes:
        limit: Bytes that would have been read.
    """

    code = "response-too-large"

    def __init__(self, host: str, limit: int) -> None:
        super().__init__(
            f"The answer of {host} is larger than {limit:,} bytes and was cut off. Ask for less, "
            "or raise MILLWRIGHT_EGRESS_MAX_RESPONSE_BYTES."
        )
        self.limit = limit


class CappedBody(httpx2.AsyncByteStream):
    """A body that is decoded as it arrives and ends in an error when it is too long.

    Args:
        limit: Bytes after decoding.
        host: Whose answer it is, for the message.
        gzip: Whether it arrives compressed.
        per_event: Count each server-sent event by itself, so that a long call may report progress
            for hours. Only for readers that do not keep the events.
    """

    def __init__(
        self,
        body: httpx2.AsyncByteStream,
        *,
        limit: int,
        host: str,
        gzip: bool = False,
        per_event: bool = False,
    ) -> None:
        self._body = body
        self._limit = limit
        self._host = host
        self._decoder = _Gunzip() if gzip else None
        self._per_event = per_event
        self._counted = 0

    @override
    async def __aiter__(self) -> AsyncGenerator[bytes]:
        chunks = self._body.__aiter__()
        try:
            async for chunk in chunks:
                for piece in self._decoder.feed(chunk) if self._decoder else (chunk,):
                    self._count(piece)
                    yield piece
            if self._decoder:
                self._decoder.check_end()
        finally:
            if isinstance(chunks, AsyncGenerator):
                await chunks.aclose()

    @override
    async def aclose(self) -> None:
        """Give the connection back, or close it when the body was not read to its end."""
        await self._body.aclose()

    def _count(self, piece: bytes) -> None:
        self._counted += len(piece)
        if self._counted > self._limit:
            raise ResponseTooLargeError(self._host, self._limit)
        if self._per_event:
            # An end that straddles two pieces is missed: then this event counts with the next.
            found = [(piece.rfind(mark), len(mark)) for mark in _ENDS_OF_EVENT]
            if ends := [at + length for at, length in found if at >= 0]:
                self._counted = len(piece) - max(ends)


class _Gunzip:
    """One gzip stream, unpacked in bounded pieces."""

    def __init__(self) -> None:
        self._stream = zlib.decompressobj(_GZIP)
        self._fed = False

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """Yield what a chunk unpacks to.

        Raises:
            httpx2.DecodingError: When it is not gzip.
        """
        self._fed = True
        try:
            while chunk:
                if piece := self._stream.decompress(chunk, _PIECE_BYTES):
                    yield piece
                chunk = self._stream.unconsumed_tail
        except zlib.error as error:
            raise httpx2.DecodingError(f"The body is not gzip: {error}") from error
        if self._stream.unused_data:
            raise httpx2.DecodingError("There is data behind the end of the gzip body.")

    def check_end(self) -> None:
        """Refuse a body that stops in the middle.

        Raises:
            httpx2.DecodingError: When the stream is not complete.
        """
        if self._fed and not self._stream.eof:
            raise httpx2.DecodingError("The gzip body ends in the middle.")


def capped(
    response: httpx2.Response, *, method: str, limit: int, host: str, per_event: bool = False
) -> httpx2.Response:
    """Return the answer with its body decoded and bounded.

    Raises:
        ResponseTooLargeError: When the headers already say that it is too long.
        httpx2.DecodingError: When it comes in an encoding we did not ask for.
    """
    if method == "HEAD":  # its headers describe a body that never comes
        return response
    headers = response.headers.copy()
    encoding = headers.pop("content-encoding", "identity").strip().lower()
    if encoding not in {"identity", "", ACCEPTED_ENCODING}:
        raise httpx2.DecodingError(
            f"{host} answers in the encoding '{encoding[:40]}'; only gzip was asked for."
        )
    gzip = encoding == ACCEPTED_ENCODING
    if gzip:
        headers.pop("content-length", None)  # the length of what arrives, not of what is read
    elif int(headers.get("content-length", 0)) > limit:
        raise ResponseTooLargeError(host, limit)
    if not isinstance(response.stream, httpx2.AsyncByteStream):
        raise TypeError("An asynchronous transport answers with an asynchronous body.")
    return httpx2.Response(
        response.status_code,
        headers=headers,
        stream=CappedBody(response.stream, limit=limit, host=host, gzip=gzip, per_event=per_event),
        extensions=response.extensions,
    )
