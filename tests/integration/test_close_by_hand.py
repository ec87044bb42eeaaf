"""A person's hand on a real account: what is held is flat afterwards, also when nothing may be opened any more."""

from decimal import Decimal
from pathlib import Path

import pytest

from qt_ray.adapters.clock import now_ms
from qt_ray.core.errors import Invalid
from qt_ray.core.events import Event
from qt_ray.serve.hand import Hand
from tests.integration.gateways import BTC, House, Reader, play
from tests.unit.serve.consoles import StoreDesk

pytestmark = pytest.mark.integration


def test_a_position_is_flat_after_the_word_also_in_an_emergency(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        async with house.at_work() as gateway:
            reader, told = Reader(), list[Event]()
            await house.read(gateway, reader, lambda: reader.cursor > 0)
            await house.entered(gateway, reader)
            await house.stop()
            hand = Hand("main", gateway, StoreDesk(house.store), told.append, now_ms)
            (closing,) = await hand.close([BTC], "ann", "enough")
            assert (closing.quantity, closing.closed, closing.has_ended) == (Decimal("0.01"), Decimal("0.01"), True)
            await house.read(gateway, reader, lambda: reader.held.get(BTC, 0) == 0)
            with pytest.raises(Invalid, match="nothing is held"):
                await hand.close([], "ann", "enough")
            assert [event.type for event in told] == ["trade.by_hand"]

    play(tmp_path, story)
