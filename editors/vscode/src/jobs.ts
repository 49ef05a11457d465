// Shows running rewrites and refactorings as notifications with progress and a cancel button. The language client itself
// shows progress in the status bar, without a button.

import * as vscode from "vscode";
import type {
  LanguageClient,
  ProgressToken,
  WorkDoneProgressBegin,
  WorkDoneProgressEnd,
  WorkDoneProgressReport,
} from "vscode-languageclient/node";

/** Shorter jobs show no notification. */
const DELAY_MS = 300;

type Step = WorkDoneProgressBegin | WorkDoneProgressReport | WorkDoneProgressEnd;
type Next = (token: ProgressToken, params: Step) => void;

interface Job {
  step: Step;
  percentage: number;
  shown?: vscode.Progress<{ message?: string; increment?: number }>;
  end: () => void;
}

/** The progress middleware of one client. */
export function jobs(client: () => LanguageClient | undefined): (token: ProgressToken, step: Step, next: Next) => void {
  const running = new Map<ProgressToken, Job>();
  return (token, step, next) => {
    if (step.kind === "begin" && step.cancellable === true) {
      const job: Job = { step, percentage: 0, end: () => undefined };
      running.set(token, job);
      setTimeout(() => {
        if (running.has(token)) {
          void show(client(), token, step.title, job);
        }
      }, DELAY_MS);
      return;
    }
    const job = running.get(token);
    if (job === undefined) {
      next(token, step);
    } else if (step.kind === "end") {
      running.delete(token);
      job.end();
    } else {
      job.step = step;
      report(job);
    }
  };
}

async function show(client: LanguageClient | undefined, token: ProgressToken, title: string, job: Job): Promise<void> {
  const options = { location: vscode.ProgressLocation.Notification, title: `phi-ls: ${title}`, cancellable: true };
  await vscode.window.withProgress(options, (progress, cancelled) => {
    job.shown = progress;
    report(job);
    cancelled.onCancellationRequested(() => client?.sendNotification("window/workDoneProgress/cancel", { token }));
    return new Promise<void>((resolve) => (job.end = resolve));
  });
}

function report(job: Job): void {
  if (job.shown === undefined || job.step.kind === "end") {
    return;
  }
  const percentage = Math.max(job.step.percentage ?? 0, job.percentage);
  job.shown.report({ message: job.step.message, increment: percentage - job.percentage });
  job.percentage = percentage;
}
