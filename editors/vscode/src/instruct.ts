// "Rewrite with instruction…": asks for the instruction, and lets the server rewrite the selection. The server offers it
// as a code action to clients that declare this command.

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

/** Declares the command to the server. */
export const instructFeature: StaticFeature = {
  fillClientCapabilities(capabilities: ClientCapabilities): void {
    const experimental = (capabilities.experimental ?? {}) as Record<string, unknown>;
    capabilities.experimental = { ...experimental, commands: { commands: [INSTRUCT] } };
  },
  initialize(): void {},
  getState: () => ({ kind: "static" }),
  clear(): void {},
};

/** Rewrites the given range, or the editor's selection. */
export async function instruct(client: LanguageClient | undefined, uri?: string, range?: Range): Promise<void> {
  const editor = vscode.window.activeTextEditor;
  if (client === undefined || (uri === undefined && editor === undefined)) {
    return;
  }
  const where = uri ?? client.code2ProtocolConverter.asUri(editor!.document.uri);
  const what = range ?? client.code2ProtocolConverter.asRange(editor!.selection);
  const instruction = await vscode.window.showInputBox({
    title: "Rewrite with instruction",
    prompt: "Instruction for the selected function, type or statements",
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

/** The error's message with the prefix `phi-ls: `. */
export function named(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.startsWith("phi-ls: ") ? message : `phi-ls: ${message}`;
}
