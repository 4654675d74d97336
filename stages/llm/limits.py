"""How many requests are on the wire at once."""

import asyncio


class Limit:
    """A fixed number of places, given in the order of asking; `close` turns away who still waits."""

    def __init__(self, places: int) -> None:
        self._places = asyncio.Semaphore(places)
        self._closed = False

    async def __aenter__(self) -> None:
        await self._places.acquire()
        if self._closed:
            self._places.release()
            raise asyncio.CancelledError

    async def __aexit__(self, *_: object) -> None:
        self._places.release()

    def close(self) -> None:
        """Give no more places; requests that hold one finish."""
        self._closed = True
