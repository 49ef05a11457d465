// Where suggestions are asked for, asking again when one is ready that was not ready in time, and where the cursor goes when
// one is accepted. What is drawn, and when it goes away, is VS Code's own.

import * as vscode from "vscode";
import type { ClientCapabilities, LanguageClient, Position, StaticFeature } from "vscode-languageclient/node";

/** By language; `*` is any other. */
type Enabled = Record<string, boolean>;

/** Says to the server that it is asked again when it has more, and that the cursor goes where it says. */
export const suggestFeature: StaticFeature = {
  fillClientCapabilities(capabilities: ClientCapabilities): void {
    const experimental = (capabilities.experimental ?? {}) as Record<string, unknown>;
    capabilities.experimental = { ...experimental, completionReady: true, cursorAfterAccept: true };
  },
  initialize(): void {},
  getState: () => ({ kind: "static" }),
  clear(): void {},
};

/** The parameters of `phi-ls/completionReady`; see server/src/lsp/inline_completion.rs. */
interface Ready {
  uri: string;
  version: number;
  position: Position;
}

/** Asks again when more is ready, if text and cursor are still what they were. */
export function askAgain(client: LanguageClient): vscode.Disposable {
  return client.onNotification("phi-ls/completionReady", async ({ uri, version, position }: Ready) => {
    const editor = vscode.window.activeTextEditor;
    if (editor === undefined) {
      return;
    }
    const { document, selection } = editor;
    const cursor = client.protocol2CodeConverter.asPosition(position);
    const isThere = selection.isEmpty && selection.active.isEqual(cursor) && document.version === version;
    if (isThere && client.code2ProtocolConverter.asUri(document.uri) === uri) {
      // VS Code keeps what it was answered for a place, the empty list too. It asks again where a suggestion was taken away,
      // and where there is a provider that it has not asked: if nothing was drawn, there is nothing to take away.
      await vscode.commands.executeCommand("editor.action.inlineSuggest.hide");
      registerAgain(client);
      await vscode.commands.executeCommand("editor.action.inlineSuggest.trigger", { explicit: true });
    }
  });
}

/** The same provider, as a new one. */
function registerAgain(client: LanguageClient): void {
  const feature = client.getFeature("textDocument/inlineCompletion");
  const capabilities = client.initializeResult?.capabilities;
  if (feature !== undefined && capabilities !== undefined) {
    feature.clear();
    feature.initialize(capabilities, client.clientOptions.documentSelector);
  }
}

/** The server's command of a suggestion that was accepted. */
export const ACCEPTED = "phi-ls.accepted";

/** Puts the cursor where an accepted suggestion says, if that is not behind it, such as the empty line of a block. */
export function placeCursor(client: LanguageClient, [uri, position]: [string, Position?]): void {
  const editor = vscode.window.activeTextEditor;
  if (position !== undefined && editor && client.code2ProtocolConverter.asUri(editor.document.uri) === uri) {
    const cursor = client.protocol2CodeConverter.asPosition(position);
    editor.selection = new vscode.Selection(cursor, cursor);
    editor.revealRange(editor.selection);
  }
}

export function isEnabled({ languageId }: vscode.TextDocument): boolean {
  const enabled = vscode.workspace.getConfiguration("phi-ls").get<Enabled>("enable", {});
  return enabled[languageId] ?? enabled["*"] ?? true;
}

/** Turns suggestions off, or on again: everywhere, or for the language of the active editor. */
export async function toggle(scope: "everywhere" | "language"): Promise<void> {
  const document = vscode.window.activeTextEditor?.document;
  const language = scope === "everywhere" ? "*" : document?.languageId;
  if (language === undefined) {
    return;
  }
  const settings = vscode.workspace.getConfiguration("phi-ls");
  const enabled = settings.get<Enabled>("enable", {});
  const on = !(enabled[language] ?? enabled["*"] ?? true);
  const own = settings.inspect<Enabled>("enable");
  const target =
    own?.workspaceValue === undefined ? vscode.ConfigurationTarget.Global : vscode.ConfigurationTarget.Workspace;
  const before = own?.workspaceValue ?? own?.globalValue ?? {};
  await settings.update("enable", { ...before, [language]: on }, target);
  if (!on) {
    await vscode.commands.executeCommand("editor.action.inlineSuggest.hide");
  }
  const where = language === "*" ? "" : ` for ${language}`;
  vscode.window.setStatusBarMessage(`phi-ls: suggestions${where} are ${on ? "on" : "off"}`, 5000);
}
