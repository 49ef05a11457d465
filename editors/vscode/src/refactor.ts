// "Refactor the repository…": asks for the instruction, lets the user choose places, and lets the server rewrite them and
// run the check of the settings. The server's edit opens VS Code's Refactor Preview. Protocol: server/src/lsp/refactor.rs.

import * as vscode from "vscode";
import { type ExecuteCommandParams, type LanguageClient, LSPErrorCodes, ResponseError } from "vscode-languageclient/node";
import { named } from "./instruct";

/** The places to rewrite; see `Plan` in server/src/refactor/mod.rs. Other fields are sent back unchanged. */
interface Plan {
  order: { check: string[] | null };
  sites: Site[];
  leftOut: { path: string; reason: string }[];
}

interface Site {
  path: string;
  name: string;
  container: string | null;
  line: number;
  reason: string;
}

interface Result {
  report: {
    skipped: { path: string; reason: string }[];
    written: string[];
    check: { passed: boolean } | null;
  };
  text: string;
}

type Choice = vscode.QuickPickItem & { site: Site };

export async function refactor(client: LanguageClient | undefined): Promise<void> {
  if (client === undefined) {
    return;
  }
  const symbol = symbolAtCursor();
  const instruction = await vscode.window.showInputBox({
    title: "Refactor the repository",
    prompt: "Instruction; names between backticks select the places",
    placeHolder: "Rename `area` to `surface`",
    value: symbol === undefined ? "" : `\`${symbol}\``,
  });
  if (instruction === undefined || instruction.trim() === "") {
    return;
  }
  try {
    const plan = await execute<Plan>(client, { plan: { instruction } });
    const sites = await pick(plan);
    if (sites === undefined || sites.length === 0) {
      return;
    }
    await run(client, { run: { ...plan, sites }, preview: false });
  } catch (error) {
    await failed(client, error);
  }
}

/** Continues the latest unfinished refactoring. */
export async function resume(client: LanguageClient): Promise<void> {
  try {
    await run(client, { resume: true, preview: false });
  } catch (error) {
    await failed(client, error);
  }
}

async function pick(plan: Plan): Promise<Site[] | undefined> {
  const choices = plan.sites.map((site): Choice => ({
    label: site.container === null ? site.name : `${site.container}.${site.name}`,
    description: `${vscode.workspace.asRelativePath(site.path)}:${site.line + 1}`,
    detail: site.reason,
    picked: true,
    site,
  }));
  const left = plan.leftOut.length === 0 ? "" : `; ${plan.leftOut.length} excluded`;
  const picked = await vscode.window.showQuickPick(choices, {
    title: `Places to rewrite, definitions first${left}`,
    placeHolder: plan.order.check === null ? undefined : `Check, in a copy: ${plan.order.check.join(" ")}`,
    canPickMany: true,
    matchOnDescription: true,
  });
  return picked?.map((choice) => choice.site);
}

async function run(client: LanguageClient, argument: object): Promise<void> {
  const result = await execute<Result>(client, argument);
  const { skipped, written, check } = result.report;
  const left = skipped.length === 0 ? "" : `, ${skipped.length} not changed`;
  const checked = check === null ? "" : `; the check ${check.passed ? "passes" : "fails"}`;
  const message = `phi-ls: ${written.length} files changed${left}${checked}.`;
  if (skipped.length === 0 && check?.passed !== false) {
    void vscode.window.showInformationMessage(message);
    return;
  }
  const show = "Show the report";
  const picked = await vscode.window.showWarningMessage(message, show);
  if (picked === show) {
    const page = await vscode.workspace.openTextDocument({ content: result.text });
    await vscode.window.showTextDocument(page, { preview: true });
  }
}

async function execute<T>(client: LanguageClient, argument: object): Promise<T> {
  const command: ExecuteCommandParams = { command: "phi-ls.refactor", arguments: [argument] };
  return (await client.sendRequest("workspace/executeCommand", command)) as T;
}

async function failed(client: LanguageClient, error: unknown): Promise<void> {
  const isCancelled =
    error instanceof vscode.CancellationError ||
    (error instanceof ResponseError && error.code === LSPErrorCodes.RequestCancelled);
  if (!isCancelled) {
    await vscode.window.showErrorMessage(named(error));
    return;
  }
  const go = "Resume";
  const picked = await vscode.window.showInformationMessage("phi-ls: cancelled; the finished rewrites are kept.", go);
  if (picked === go) {
    await resume(client);
  }
}

function symbolAtCursor(): string | undefined {
  const editor = vscode.window.activeTextEditor;
  const range = editor?.document.getWordRangeAtPosition(editor.selection.active);
  return range === undefined ? undefined : editor?.document.getText(range);
}
