"""A supervisor in Python: it deals numbers out to workers, hears what they say, and corrects one that goes wrong."""

from cogc.sdk import CogBase, Coglet, CogletHandle, Command, LifeLet, LogLet, MulLet, TickLet, enact, every, listen


class Squarer(Coglet):
    """Squares numbers; 13 is too much for it until it has been told to be brave."""

    def __init__(self) -> None:
        self.brave = False

    @listen("number")
    async def square(self, number: int) -> None:
        if number == 13 and not self.brave:
            raise ValueError("13 is an unlucky number")
        await self.transmit("squared", number * number)

    @enact("be_brave")
    async def be_brave(self) -> None:
        self.brave = True


class Multi(Coglet, LifeLet, TickLet, LogLet, MulLet):
    """Counts, and lets its workers square what it counts."""

    def __init__(self, workers: int, start: int = 11) -> None:
        self.count = start
        self.workers = workers

    async def on_start(self) -> None:
        for worker in await self.create_mul(self.workers, CogBase(Squarer, restart="on_error", backoff_s=0.1)):
            await self.follow(worker, "squared", self.squared)

    def map(self, event: int) -> list[tuple[int, int]]:
        """Numbers are dealt out in turn."""
        return [(event % self.workers, event)]

    @every(1, "s")
    async def beat(self) -> None:
        await self.scatter("number", self.count)
        self.count += 1

    @listen("number")
    async def hear(self, number: int) -> None:
        await self.scatter("number", number)

    async def squared(self, value: int) -> None:
        await self.transmit("squared", value)

    async def on_child_error(self, handle: CogletHandle, error: Exception) -> str:
        await self.log("warn", f"{handle.name}: {error}")
        await self.guide(handle, Command("be_brave"))
        return "restart"
