// The status bar item, from the server's `phi-ls/status` notification.

import * as vscode from "vscode";
import { type LanguageClient, State } from "vscode-languageclient/node";

/** The parameters of `phi-ls/status`; see server/src/lsp/status.rs. */
interface Status {
  state: "ngram" | "loading" | "ready" | "failed";
  message: string;
  model: string;
  quantization: string;
  tokensPerSecond: number;
  cachedTokens: number;
  activity: { kind: "idle" } | { kind: "reading"; read: number; of: number; ahead: boolean } | { kind: "writing"; tokens: number };
  document: { uri: string; stale: boolean; withheld: string | null; notIndexed: string | null; nothingOffered: { reason: string; message: string } | null } | null;
}

const ICONS: Record<Status["state"], string> = {
  ngram: "$(search)",
  loading: "$(sync~spin)",
  ready: "$(sparkle)",
  failed: "$(warning)",
};

export class StatusItem implements vscode.Disposable {
  private readonly item = vscode.window.createStatusBarItem("phi-ls.status", vscode.StatusBarAlignment.Right, 100);

  constructor() {
    this.item.name = "phi-ls";
    this.item.command = "phi-ls.showStatus";
    this.draw("$(sync~spin) phi-ls", "phi-ls is starting");
  }

  follow(client: LanguageClient): void {
    client.onNotification("phi-ls/status", (status: Status) => {
      const speed = status.tokensPerSecond > 0 ? `\n${status.tokensPerSecond.toFixed(1)} tokens/s` : "";
      const cached = status.cachedTokens > 0 ? `\n${status.cachedTokens} tokens cached` : "";
      const name = [status.model, status.quantization].filter((part) => part !== "").join(" ");
      // `document` is the document of the latest completion request.
      const { activity, document } = status;
      // For a stale document, the message has the reason already.
      const nothing = document?.nothingOffered && !document.stale ? `\nNothing offered: ${document.nothingOffered.message}` : "";
      const own = document?.stale ? "$(warning)" : document?.withheld ? "$(eye-closed)" : ICONS[status.state];
      const icon = activity.kind === "idle" ? own : "$(sync~spin)";
      const read = activity.kind === "reading" && !activity.ahead ? ` ${activity.read}/${activity.of}` : "";
      this.draw(`${icon} ${name === "" ? "phi-ls" : name}${read}`, `${status.message}${nothing}${speed}${cached}`);
    });
    client.onDidChangeState(({ newState }) => {
      if (newState === State.Stopped) {
        this.failed("phi-ls has stopped");
      }
    });
  }

  missing(): void {
    this.failed("phi-ls: the program was not found");
  }

  failed(message: string): void {
    this.draw("$(warning) phi-ls", message);
  }

  async show(): Promise<void> {
    const restart = "Restart";
    const log = "Show the log";
    const picked = await vscode.window.showInformationMessage(String(this.item.tooltip), restart, log);
    if (picked === restart) {
      await vscode.commands.executeCommand("phi-ls.restart");
    } else if (picked === log) {
      await vscode.commands.executeCommand("phi-ls.showOutput");
    }
  }

  dispose(): void {
    this.item.dispose();
  }

  private draw(text: string, tooltip: string): void {
    this.item.text = text;
    this.item.tooltip = tooltip;
    this.item.show();
  }
}
