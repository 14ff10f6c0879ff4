"""The short form of `./dev chaos`: real processes are killed, stopped and cut off while people work, and nothing is lost."""

from __future__ import annotations

from bench import chaos, chaos_boundaries
from bench.chaos import Plan


async def test_nothing_is_lost_done_twice_or_put_out_of_order_while_processes_and_servers_die() -> None:
    run = await chaos.run(Plan(seed=1, kills=8, crashes=1, seconds=6.0, people=4))
    assert run.wrong == []
    assert (run.broken.kills, run.broken.crashes) == (8, 1)
    assert run.broken.flushes > 0
    assert run.told.ended > 0
    assert run.posts > 0
    assert run.psa_faults > 0


async def test_a_worker_that_dies_or_stands_still_in_the_middle_of_a_push_posts_nothing_twice() -> None:
    assert await chaos_boundaries.main(every=90, again=1) == []
