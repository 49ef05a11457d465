// "Rewrite with instruction…": asks for the instruction, and has the server rewrite what is selected. The server offers
// it among its code actions to a client that says that it has this command.

import * as vscode from "vscode";
import {
  type ClientCapabilities,
  type ExecuteCommandParams,
  type LanguageClient,
  LSPErrorCodes,
  type Range,
  ResponseError,
  type StaticFeature,
} from "vscode-languageclient/node";

export const INSTRUCT = "phi-ls.instruct";

/** Says to the server that this client has the command. */
export const instructFeature: StaticFeature = {
  fillClientCapabilities(capabilities: ClientCapabilities): void {
    const experimental = (capabilities.experimental ?? {}) as Record<string, unknown>;
    capabilities.experimental = { ...experimental, commands: { commands: [INSTRUCT] } };
  },
  initialize(): void {},
  getState: () => ({ kind: "static" }),
  clear(): void {},
};

/** Without a place, the selection of the editor is meant. */
export async function instruct(client: LanguageClient | undefined, uri?: string, range?: Range): Promise<void> {
  const editor = vscode.window.activeTextEditor;
  if (client === undefined || (uri === undefined && editor === undefined)) {
    return;
  }
  const where = uri ?? client.code2ProtocolConverter.asUri(editor!.document.uri);
  const what = range ?? client.code2ProtocolConverter.asRange(editor!.selection);
  const instruction = await vscode.window.showInputBox({
    title: "Rewrite with instruction",
    prompt: "What is to be done with the function, type or statements that are selected?",
    placeHolder: "Return an error instead of panicking",
  });
  if (instruction === undefined || instruction.trim() === "") {
    return;
  }
  const order: ExecuteCommandParams = { command: "phi-ls.rewrite", arguments: [where, what, instruction] };
  try {
    await client.sendRequest("workspace/executeCommand", order);
  } catch (error) {
    if (error instanceof ResponseError && error.code === LSPErrorCodes.RequestCancelled) {
      return;
    }
    await vscode.window.showErrorMessage(named(error));
  }
}

/** What went wrong, in a message that names the program, as the server's own do. */
export function named(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.startsWith("phi-ls: ") ? message : `phi-ls: ${message}`;
}
