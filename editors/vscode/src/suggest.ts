// Enables suggestions by language, requests them again when a late one is ready, and moves the cursor after accepting one.
// VS Code draws and hides them.

import * as vscode from "vscode";
import type { ClientCapabilities, LanguageClient, Position, StaticFeature } from "vscode-languageclient/node";

/** By language; `*` means all others. */
type Enabled = Record<string, boolean>;

/** Declares to the server that this client requests again on `completionReady` and moves the cursor after accepting. */
export const suggestFeature: StaticFeature = {
  fillClientCapabilities(capabilities: ClientCapabilities): void {
    const experimental = (capabilities.experimental ?? {}) as Record<string, unknown>;
    capabilities.experimental = { ...experimental, completionReady: true, cursorAfterAccept: true };
  },
  initialize(): void {},
  getState: () => ({ kind: "static" }),
  clear(): void {},
};

/** The parameters of `phi-ls/completionReady`; see server/src/lsp/handlers/inline_completion.rs. */
interface Ready {
  uri: string;
  version: number;
  position: Position;
}

/** Requests again when a suggestion is ready, if text and cursor are unchanged. */
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
      // VS Code caches the answer for a position, even an empty list. It requests again after a suggestion was hidden, or if
      // there is a new provider; if nothing was drawn, only a new provider helps.
      await vscode.commands.executeCommand("editor.action.inlineSuggest.hide");
      registerAgain(client);
      await vscode.commands.executeCommand("editor.action.inlineSuggest.trigger", { explicit: true });
    }
  });
}

/** Registers the provider again. */
function registerAgain(client: LanguageClient): void {
  const feature = client.getFeature("textDocument/inlineCompletion");
  const capabilities = client.initializeResult?.capabilities;
  if (feature !== undefined && capabilities !== undefined) {
    feature.clear();
    feature.initialize(capabilities, client.clientOptions.documentSelector);
  }
}

/** The command of an accepted suggestion. */
export const ACCEPTED = "phi-ls.accepted";

/** Moves the cursor to the position in the command, if there is one: the empty line of a block. */
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

/** Turns suggestions off or on, everywhere or for the language of the active editor. */
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
