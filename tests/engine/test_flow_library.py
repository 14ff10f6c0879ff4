"""The packaged flows: complete, safe to follow, and worded for the people who read them."""

import re
from collections.abc import Iterator

import pytest

from engine.flows import ESCALATE, Flow, FlowState, Node, NodeKind, Risk, find_tried, outline
from storage.library import built_in_decoys, built_in_flows

FLOWS = built_in_flows()
RETIRED = re.compile(
    r"\b(?:Connect-MsolService|\w+-Msol\w+|\w+-AzureAD\w+|wmic|New-PSSession .*outlook\.office365)\b",
    re.IGNORECASE,
)
JARGON = re.compile(
    r"\b(?:DNS|DHCP|UPN|PowerShell|registry|spooler|tenant|TPM|GPO|VLAN|token|cmd|services\.msc)\b"
)
CHANGES = re.compile(
    r"^\s*(?:Set|New|Remove|Add|Enable|Disable|Restart|Stop|Start|Unlock|Revoke|Update|Move|Rename|Clear|Reset|Backup)-\w+"
    r"|^\s*(?:reg (?:add|delete)|netsh wlan delete|ipconfig /(?:flush|release|renew|register)|sfc /scannow|shutdown|logoff)"
    r"|manage-bde -protectors -(?:add|delete|disable|enable)|cmdkey /delete|/restorehealth|/startcomponentcleanup",
    re.IGNORECASE | re.MULTILINE,
)
GUARDED = {
    "account-lockout": {"unlock", "reset"},
    "bitlocker-recovery": {"enter"},
    "mfa-device-lost": {"tap", "rereg", "register"},
    "outlook-password-prompts": {"reset"},
}

per_flow = pytest.mark.parametrize("flow", FLOWS, ids=lambda flow: flow.id)


def scripts(flow: Flow) -> Iterator[tuple[Node, str, Risk]]:
    for node in flow.nodes.values():
        if node.script:
            yield node, node.script.text, node.script.risk


def reachable(flow: Flow, closed: str | None) -> set[str]:
    seen, waiting = {flow.start}, [flow.start]
    while waiting:
        node = waiting.pop()
        for option in flow.nodes[node].options if node != closed else ():
            if option.to in flow.nodes and option.to not in seen:
                seen.add(str(option.to))
                waiting.append(str(option.to))
    return seen


def test_there_are_at_least_twelve_and_their_ids_are_their_file_names() -> None:
    assert len(FLOWS) >= 12
    assert [f"{flow.id}.yaml" for flow in FLOWS] == [flow.source for flow in FLOWS]


@per_flow
def test_every_flow_is_offered_and_described(flow: Flow) -> None:
    assert flow.state is FlowState.VALIDATED
    assert len(flow.symptoms) >= 6 and len(set(flow.symptoms)) == len(flow.symptoms)
    assert len(flow.keywords) >= 6


@per_flow
def test_every_step_says_why_and_every_end_prefills_the_documentation(flow: Flow) -> None:
    for node in flow.nodes.values():
        if node.kind is NodeKind.RESOLUTION_SUGGESTION:
            assert node.cause and node.fix, node.id
        else:
            assert node.why, node.id


@per_flow
def test_every_flow_can_hand_over_to_another_engineer(flow: Flow) -> None:
    assert any(option.to == ESCALATE for node in flow.nodes.values() for option in node.options)


@per_flow
def test_answers_that_go_on_teach_something(flow: Flow) -> None:
    """A flow whose answers carry no facts or causes would leave an escalation package empty."""
    onward = [option for node in flow.nodes.values() for option in node.options if option.to in flow.nodes]
    taught = [option for option in onward if option.fact or option.rules_out or option.suspects]
    assert len(taught) / len(onward) >= 0.75


@per_flow
def test_confidence_never_stands_without_a_suspicion_or_a_fact(flow: Flow) -> None:
    for node in flow.nodes.values():
        for option in node.options:
            assert option.confidence is None or option.suspects or option.fact, (node.id, option.id)


@per_flow
def test_no_script_uses_a_retired_module(flow: Flow) -> None:
    assert not [node.id for node, text, _ in scripts(flow) if RETIRED.search(text)]


@per_flow
def test_what_changes_state_says_so_and_how_to_undo_it(flow: Flow) -> None:
    for node, text, risk in scripts(flow):
        assert not (CHANGES.search(text) and risk is Risk.READ_ONLY), node.id
        assert risk is Risk.READ_ONLY or (node.script and node.script.rollback), node.id


def test_the_reader_of_risks_recognises_a_change() -> None:
    assert CHANGES.search("Get-Service Spooler\nRestart-Service Spooler")
    assert not CHANGES.search(
        "Get-Service Spooler\nTest-NetConnection 10.0.0.1 -Port 445\nnetsh wlan show drivers"
    )


@per_flow
def test_what_the_user_is_told_is_free_of_jargon(flow: Flow) -> None:
    assert not [
        (node.id, node.say_to_user) for node in flow.nodes.values() if JARGON.search(node.say_to_user or "")
    ]


@per_flow
def test_the_user_is_never_asked_for_his_password(flow: Flow) -> None:
    said = " ".join(node.say_to_user or "" for node in flow.nodes.values())
    assert not re.search(r"\b(?:tell|give|send|read) (?:me|us) (?:your|the) password", said, re.IGNORECASE)


@pytest.mark.parametrize("flow_id", sorted(GUARDED))
def test_unlocking_resetting_and_keys_come_after_an_identity_check(flow_id: str) -> None:
    flow = next(flow for flow in FLOWS if flow.id == flow_id)
    assert flow.nodes["identity"].kind is NodeKind.VERIFICATION
    assert GUARDED[flow_id] <= reachable(flow, None)
    assert not GUARDED[flow_id] & reachable(flow, closed="identity")


@per_flow
def test_the_path_fits_a_message(flow: Flow) -> None:
    lines = outline(flow, flow.start)
    assert len(lines) == len(flow.nodes)
    assert all(len(line) <= 130 for line in lines)
    assert len("\n".join(lines)) <= 3000


@per_flow
def test_its_own_already_phrases_find_their_step(flow: Flow) -> None:
    for node in flow.nodes.values():
        for phrase in node.already:
            assert node.id in find_tried(flow, [phrase]), (node.id, phrase)


def test_decoys_are_about_two_hundred_different_lines_and_none_of_our_titles() -> None:
    decoys = built_in_decoys()
    assert 180 <= len(decoys) <= 260
    assert len({decoy.casefold() for decoy in decoys}) == len(decoys)
    assert not {decoy.casefold() for decoy in decoys} & {flow.title.casefold() for flow in FLOWS}
