// Where suggestions are asked for, and asking again when one is ready that was not ready in time. What is drawn, and when it
// goes away, is VS Code's own.

import * as vscode from "vscode";
import type { ClientCapabilities, LanguageClient, Position, StaticFeature } from "vscode-languageclient/node";

/** By language; `*` is any other. */
type Enabled = Record<string, boolean>;

/** Says to the server that it is asked again when it has more. */
export const readyFeature: StaticFeature = {
  fillClientCapabilities(capabilities: ClientCapabilities): void {
    const experimental = (capabilities.experimental ?? {}) as Record<string, unknown>;
    capabilities.experimental = { ...experimental, completionReady: true };
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
      // VS Code keeps what it was answered for a place, the empty list too, and asks for it again only where a suggestion
      // was taken away, or in a stronger form than before.
      await vscode.commands.executeCommand("editor.action.inlineSuggest.hide");
      await vscode.commands.executeCommand("editor.action.inlineSuggest.trigger", { explicit: true });
    }
  });
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
