// Starts and restarts the server, shows its state and running jobs, and asks for instructions. Inline completions, code
// actions and settings need no code here: the language client implements them.

import * as vscode from "vscode";
import {
  LanguageClient,
  type LanguageClientOptions,
  LSPErrorCodes,
  type Position,
  type Range,
  ResponseError,
  type ServerOptions,
} from "vscode-languageclient/node";

import { INSTRUCT, instruct, instructFeature, named } from "./instruct";
import { jobs } from "./jobs";
import { refactor } from "./refactor";
import { findServer } from "./server";
import { StatusItem } from "./status";
import { ACCEPTED, askAgain, isEnabled, placeCursor, suggestFeature, toggle } from "./suggest";
import { why } from "./why";

let client: LanguageClient | undefined;

export async function activate(context: vscode.ExtensionContext): Promise<void> {
  const output = vscode.window.createOutputChannel("phi-ls", { log: true });
  const status = new StatusItem();
  context.subscriptions.push(
    output,
    status,
    vscode.commands.registerCommand("phi-ls.showOutput", () => output.show()),
    vscode.commands.registerCommand("phi-ls.showStatus", () => status.show()),
    vscode.commands.registerCommand("phi-ls.why", why),
    vscode.commands.registerCommand(INSTRUCT, (uri?: string, range?: Range) => instruct(client, uri, range)),
    vscode.commands.registerCommand("phi-ls.refactorRepository", () => refactor(client)),
    vscode.commands.registerCommand("phi-ls.toggle", () => toggle("everywhere")),
    vscode.commands.registerCommand("phi-ls.toggleLanguage", () => toggle("language")),
    vscode.commands.registerCommand("phi-ls.restart", async () => {
      await stop();
      await start(context, output, status);
    }),
    vscode.workspace.onDidChangeConfiguration(async (change) => {
      if (change.affectsConfiguration("phi-ls.server")) {
        await vscode.commands.executeCommand("phi-ls.restart");
      }
    }),
  );
  await start(context, output, status);
}

export async function deactivate(): Promise<void> {
  await stop();
}

async function start(
  context: vscode.ExtensionContext,
  output: vscode.LogOutputChannel,
  status: StatusItem,
): Promise<void> {
  const command = await findServer(context.extensionPath);
  if (command === undefined) {
    status.missing();
    const settings = "Open settings";
    const picked = await vscode.window.showErrorMessage(
      "phi-ls: the program `phi-ls` was not found. Put it on PATH, or set phi-ls.server.path.",
      settings,
    );
    if (picked === settings) {
      await vscode.commands.executeCommand("workbench.action.openSettings", "phi-ls.server.path");
    }
    return;
  }
  const server: ServerOptions = { command, args: ["serve"] };
  const options: LanguageClientOptions = {
    documentSelector: [{ scheme: "file" }, { scheme: "untitled" }],
    outputChannel: output,
    synchronize: { configurationSection: "phi-ls" },
    middleware: {
      handleWorkDoneProgress: jobs(() => client),
      provideInlineCompletionItems: (document, position, context, token, next) =>
        isEnabled(document) ? next(document, position, context, token) : undefined,
      executeCommand(command, args, next) {
        if (command === ACCEPTED && client) {
          placeCursor(client, args as [string, Position?]);
        }
        return next(command, args);
      },
      async sendRequest(type, param, token, next) {
        try {
          return await next(type, param, token);
        } catch (error) {
          // The client would report that an action failed, but not why.
          const method = typeof type === "string" ? type : type.method;
          if (method === "codeAction/resolve" && error instanceof ResponseError && !token?.isCancellationRequested) {
            if (error.code !== LSPErrorCodes.RequestCancelled) {
              void vscode.window.showErrorMessage(named(error));
            }
            throw new vscode.CancellationError();
          }
          throw error;
        }
      },
    },
  };
  const started = new LanguageClient("phi-ls", "phi-ls", server, options);
  started.registerFeature(instructFeature);
  started.registerFeature(suggestFeature);
  client = started;
  status.follow(started);
  askAgain(started);
  try {
    await started.start();
  } catch (error) {
    output.error(`${command} did not start: ${error}`);
    status.failed(`${command} did not start: ${error}`);
  }
}

async function stop(): Promise<void> {
  const stopping = client;
  client = undefined;
  // `dispose` rejects if the client never started.
  await stopping?.dispose().catch(() => undefined);
}
