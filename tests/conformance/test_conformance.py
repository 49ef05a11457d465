"""Tests the server with an independent client that checks the types of all messages (lsprotocol, pytest-lsp).

Each test runs once for each of several editors, with the recorded capabilities of that editor. The server has no model: the n-gram
model answers from the open document.
"""

import os

import pytest
import pytest_asyncio
from lsprotocol import types
from pygls.exceptions import JsonRpcMethodNotFound
from pytest_lsp import ClientServerConfig, LanguageClient, client_capabilities

URI = "file:///workspace/shapes.py"
BODY = """(circles):
    total = 0.0
    for circle in circles:
        area = circle.radius * circle.radius * math.pi
        total += area
    return total


"""
TEXT = f"def total{BODY}def sum_of{BODY}def whole{BODY}def all_of{BODY}def add_up(circles):\n" + "\n".join(BODY.splitlines()[1:3])
TEXT += "\n        area = circle.radius"
END = types.Position(line=TEXT.count("\n"), character=len(TEXT.splitlines()[-1]))

EDITORS = ["neovim@0.11", "visual_studio_code", "emacs", "ghost text"]


def capabilities_of(editor: str) -> types.ClientCapabilities:
    if editor != "ghost text":
        return client_capabilities(editor)
    # None of the recorded editors supports inline completion yet.
    capabilities = client_capabilities("visual_studio_code")
    capabilities.text_document.inline_completion = types.InlineCompletionClientCapabilities()
    capabilities.general.position_encodings = [types.PositionEncodingKind.Utf8, types.PositionEncodingKind.Utf16]
    return capabilities


@pytest.fixture(params=EDITORS)
def editor(request) -> str:
    return request.param


@pytest_asyncio.fixture
async def connection(editor, tmp_path):
    """A client of that editor, and the result of `initialize`."""
    home = {name: str(tmp_path) for name in ("HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME")}
    environment = {"PATH": os.environ["PATH"], "PHI_LS_MODEL": "none", **home}
    config = ClientServerConfig(server_command=[os.environ["PHI_LS"], "serve"], server_env=environment)
    client = await config.start()
    result = await client.initialize_session(
        types.InitializeParams(capabilities=capabilities_of(editor), root_uri="file:///workspace")
    )
    yield client, result
    await client.shutdown_session()
    assert client.error is None
    await client.stop()


def open_document(client: LanguageClient, text: str) -> None:
    item = types.TextDocumentItem(uri=URI, language_id="python", version=1, text=text)
    client.text_document_did_open(types.DidOpenTextDocumentParams(text_document=item))


def type_text(client: LanguageClient, version: int, at: types.Position, text: str) -> None:
    change = types.TextDocumentContentChangePartial(range=types.Range(start=at, end=at), text=text)
    identifier = types.VersionedTextDocumentIdentifier(uri=URI, version=version)
    client.text_document_did_change(
        types.DidChangeTextDocumentParams(text_document=identifier, content_changes=[change])
    )


async def ghost_text(
    client: LanguageClient,
    at: types.Position,
    selected: types.SelectedCompletionInfo | None = None,
) -> list[types.InlineCompletionItem]:
    context = types.InlineCompletionContext(
        trigger_kind=types.InlineCompletionTriggerKind.Invoked, selected_completion_info=selected
    )
    answer = await client.text_document_inline_completion_async(
        types.InlineCompletionParams(
            text_document=types.TextDocumentIdentifier(uri=URI), position=at, context=context
        )
    )
    return [] if answer is None else answer.items


@pytest.mark.asyncio
async def test_says_what_it_can_do(connection, editor):
    _, result = connection
    assert result.server_info.name == "phi-ls"
    capabilities = result.capabilities
    sync = capabilities.text_document_sync
    assert (sync.open_close, sync.change) == (True, types.TextDocumentSyncKind.Incremental)
    assert capabilities.inline_completion_provider is True
    names = ["accepted", "cancel", "context", "index", "refactor", "rewrite", "status"]
    assert sorted(capabilities.execute_command_provider.commands) == [f"phi-ls.{name}" for name in names]
    assert capabilities.code_action_provider.resolve_provider
    offered = capabilities_of(editor).general
    encodings = (offered and offered.position_encodings) or [types.PositionEncodingKind.Utf16]
    assert capabilities.position_encoding in encodings
    # Ghost text and the menu would show the same text twice.
    assert (capabilities.completion_provider is None) == (editor == "ghost text")


@pytest.mark.asyncio
async def test_follows_changes_and_completes_inline(connection):
    client, _ = connection
    open_document(client, TEXT)
    typed = " * circle"
    type_text(client, 2, END, typed)
    at = types.Position(line=END.line, character=END.character + len(typed))
    (item,) = await ghost_text(client, at)
    assert item.insert_text == ".radius * math.pi"
    assert item.range == types.Range(start=at, end=at)

    await client.workspace_execute_command_async(
        types.ExecuteCommandParams(command=item.command.command, arguments=item.command.arguments)
    )


@pytest.mark.asyncio
async def test_says_why_there_are_no_actions_without_a_model(connection, editor):
    client, _ = connection
    open_document(client, TEXT)
    # A disabled action is sent only if its kind is requested.
    context = types.CodeActionContext(
        diagnostics=[],
        only=[types.CodeActionKind.Refactor],
        trigger_kind=types.CodeActionTriggerKind.Invoked,
    )
    actions = await client.text_document_code_action_async(
        types.CodeActionParams(
            text_document=types.TextDocumentIdentifier(uri=URI),
            range=types.Range(start=types.Position(1, 4), end=types.Position(1, 4)),
            context=context,
        )
    )
    draws_disabled = capabilities_of(editor).text_document.code_action.disabled_support
    assert len(actions) == (1 if draws_disabled else 0)
    for action in actions:
        assert action.disabled.reason
        # A client may resolve an action that is already complete.
        assert await client.code_action_resolve_async(action) == action


@pytest.mark.asyncio
async def test_extends_what_is_selected_in_the_menu(connection):
    client, _ = connection
    open_document(client, TEXT + " * cir")
    at = types.Position(line=END.line, character=END.character + 6)
    start = types.Position(line=END.line, character=END.character + 3)
    selected = types.SelectedCompletionInfo(range=types.Range(start=start, end=at), text="circle")
    (item,) = await ghost_text(client, at, selected)
    assert item.range == selected.range
    assert item.insert_text == "circle.radius * math.pi"


@pytest.mark.asyncio
async def test_completes_in_the_menu(connection, editor):
    if editor == "ghost text":
        pytest.skip("this client gets ghost text instead")
    client, _ = connection
    open_document(client, TEXT + " * circle")
    at = types.Position(line=END.line, character=END.character + len(" * circle"))
    answer = await client.text_document_completion_async(
        types.CompletionParams(text_document=types.TextDocumentIdentifier(uri=URI), position=at)
    )
    assert answer.is_incomplete
    (item,) = answer.items
    assert item.text_edit.new_text == "circle.radius * math.pi"
    assert item.filter_text.startswith("circle")
    assert item.text_edit.range.start.character == at.character - len("circle")
    resolved = await client.completion_item_resolve_async(item)
    shown = resolved.documentation
    assert "circle.radius * math.pi" in (shown if isinstance(shown, str) else shown.value)


@pytest.mark.asyncio
async def test_a_document_that_is_not_open_is_no_error(connection):
    client, _ = connection
    assert list(await ghost_text(client, END)) == []


@pytest.mark.asyncio
async def test_tells_its_status(connection):
    client, _ = connection
    status = await client.protocol.send_request_async("phi-ls/status", None)
    while status.state == "loading":
        status = await client.protocol.send_request_async("phi-ls/status", None)
    assert status.state == "ngram"
    assert status.message == "phi-ls: n-gram model only, no model installed"


@pytest.mark.asyncio
async def test_methods_that_do_not_exist(connection):
    client, _ = connection
    with pytest.raises(JsonRpcMethodNotFound):
        await client.text_document_hover_async(
            types.HoverParams(text_document=types.TextDocumentIdentifier(uri=URI), position=END)
        )
