// "Why this suggestion": shows the result of the server's command `phi-ls.context` at the cursor as a Markdown page.

import * as vscode from "vscode";

/** The result of the command; see server/src/context/report.rs. */
interface Report {
  file: string;
  line: number;
  column: number;
  parts: Part[];
  tokens: { total: number };
  budget: { total: number };
}

interface Part {
  source: string;
  path: string;
  from: number;
  to: number;
  score: number | null;
  reason: string;
  tokens: number;
  text: string;
}

export async function why(): Promise<void> {
  const editor = vscode.window.activeTextEditor;
  if (editor === undefined) {
    return;
  }
  const { line, character } = editor.selection.active;
  const report = await vscode.commands.executeCommand<Report | null>(
    "phi-ls.context",
    editor.document.uri.toString(),
    { line, character },
  );
  if (report === null || report === undefined) {
    await vscode.window.showInformationMessage("phi-ls: this file is withheld from the model.");
    return;
  }
  const page = await vscode.workspace.openTextDocument({ language: "markdown", content: markdown(report) });
  await vscode.window.showTextDocument(page, { viewColumn: vscode.ViewColumn.Beside, preview: true });
}

function markdown(report: Report): string {
  const head =
    `# Context at ${report.file}:${report.line}:${report.column}\n\n` +
    `${report.tokens.total} of ${report.budget.total} tokens, in the order of the prompt.\n`;
  return [head, ...report.parts.map(section)].join("\n");
}

function section({ source, path, from, to, score, reason, tokens, text }: Part): string {
  const said = score === null ? "" : `, score ${score.toFixed(2)}`;
  // Longer than any run of backticks in the text.
  const fence = "`".repeat(Math.max(3, 1 + Math.max(0, ...[...text.matchAll(/`+/g)].map(([run]) => run.length))));
  const code = `${fence}\n${text.endsWith("\n") ? text : `${text}\n`}${fence}\n`;
  return `## ${source}: ${path}:${from}-${to}\n\n${reason} (${tokens} tokens${said})\n\n${code}`;
}
