"""What an account's library holds, and when its match index is built anew."""

from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files

import pytest

from storage.library import FlowText, Libraries, built_in_decoys, built_in_flows, packaged_libraries

OWN = """
id: {id}
title: {title}
domain: building
summary: {summary}
symptoms: [{summary}]
keywords: [kiosk, turnstile]
state: {state}
nodes:
  - id: look
    kind: verification
    text: Look at it.
    options: [{{id: ok, label: Fine, to: end}}, {{id: no, label: Not, to: escalate}}]
  - {{id: end, kind: resolution_suggestion, text: It is fine.}}
"""
SUMMARY = "Turnstile kiosk in the lobby rejects every badge"


def own(
    flow_id: str = "turnstile",
    summary: str = SUMMARY,
    state: str = "validated",
    title: str = "Turnstile kiosk",
) -> FlowText:
    return FlowText(f"flow {flow_id}", OWN.format(id=flow_id, title=title, summary=summary, state=state))


@pytest.fixture
def libraries() -> Libraries:
    return packaged_libraries()


def test_an_account_without_flows_of_its_own_has_the_packaged_ones(libraries: Libraries) -> None:
    library = libraries.of("a")
    assert list(library.flows) == [flow.id for flow in built_in_flows()]
    assert library.problems == ()
    assert library.match("printer offline and print jobs stuck in the queue")[0].flow_id == "printer-offline"


def test_accounts_without_flows_of_their_own_share_one_library(libraries: Libraries) -> None:
    assert libraries.of("a") is libraries.of("b")


def test_an_own_flow_is_found_by_its_account_only(libraries: Libraries) -> None:
    mine, theirs = libraries.of("a", [own()]), libraries.of("b")
    assert mine.match(SUMMARY)[0].flow_id == "turnstile"
    assert mine.flow("turnstile") is not None
    assert theirs.match(SUMMARY) == () and theirs.flow("turnstile") is None


def test_the_index_is_built_once_until_a_text_changes(libraries: Libraries) -> None:
    first = libraries.of("a", [own()])
    assert libraries.of("a", [own()]) is first
    changed = libraries.of("a", [own(title="Lobby kiosk")])
    assert changed is not first
    assert changed.match(SUMMARY)[0].title == "Lobby kiosk"


def test_taking_the_last_own_flow_away_brings_the_packaged_library_back(libraries: Libraries) -> None:
    libraries.of("a", [own()])
    assert libraries.of("a") is libraries.of("b")


def test_an_own_flow_replaces_the_packaged_one_with_its_id(libraries: Libraries) -> None:
    library = libraries.of("a", [own("printer-offline")])
    assert len(library.flows) == len(built_in_flows())
    assert library.flows["printer-offline"].title == "Turnstile kiosk"


def test_archiving_an_own_copy_hides_the_packaged_flow_but_keeps_it_readable(libraries: Libraries) -> None:
    library = libraries.of("a", [own("printer-offline", state="archived")])
    asked = "printer offline and print jobs stuck in the queue"
    assert "printer-offline" not in [found.flow_id for found in library.match(asked)]
    assert library.flow("printer-offline") is not None


def test_a_damaged_flow_is_left_out_and_explained_while_the_rest_works(libraries: Libraries) -> None:
    damaged = FlowText("flow broken", own("broken").text.replace("to: end", "to: nowhere"))
    library = libraries.of("a", [damaged, own()])
    assert library.flow("broken") is None
    assert library.match(SUMMARY)[0].flow_id == "turnstile"
    assert {problem.source for problem in library.problems} == {"flow broken"}
    assert any("nowhere" in problem.message for problem in library.problems)


def test_two_own_flows_with_one_id_are_explained_and_the_first_stays(libraries: Libraries) -> None:
    library = libraries.of("a", [own(title="First"), FlowText("copy", own(title="Second").text)])
    assert library.flows["turnstile"].title == "First"
    assert [(problem.source, problem.field) for problem in library.problems] == [("copy", "id")]


def test_the_least_recently_used_account_is_forgotten_first() -> None:
    libraries = Libraries(built_in_flows()[:1], built_in_decoys(), keep=2)
    first, second = libraries.of("a", [own()]), libraries.of("b", [own()])
    assert libraries.of("a", [own()]) is first
    libraries.of("c", [own()])
    assert libraries.of("a", [own()]) is first
    assert libraries.of("b", [own()]) is not second


def test_a_forgotten_account_is_built_anew(libraries: Libraries) -> None:
    first = libraries.of("a", [own()])
    libraries.forget("a")
    libraries.forget("never seen")
    assert libraries.of("a", [own()]) is not first


def test_threads_may_ask_at_once(libraries: Libraries) -> None:
    def asked(number: int) -> str:
        return (
            libraries.of(f"account {number % 3}", [own(f"turnstile-{number % 3}")]).match(SUMMARY)[0].flow_id
        )

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(asked, range(24))) == [f"turnstile-{number % 3}" for number in range(24)]


def test_every_packaged_file_is_read() -> None:
    packaged = [
        entry.name for entry in (files("engine") / "flow_library").iterdir() if entry.name.endswith(".yaml")
    ]
    assert sorted(packaged) == [flow.source for flow in built_in_flows()]
