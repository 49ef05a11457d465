// Finds the server: the user's setting, then the program in the extension, then PATH.

import { constants } from "node:fs";
import { access } from "node:fs/promises";
import { delimiter, join } from "node:path";

import * as vscode from "vscode";

const PROGRAM = process.platform === "win32" ? "phi-ls.exe" : "phi-ls";

export async function findServer(extensionPath: string): Promise<string | undefined> {
  const setting = vscode.workspace.getConfiguration("phi-ls.server").get<string>("path", "").trim();
  if (setting !== "") {
    return (await isProgram(setting)) ? setting : undefined;
  }
  const onPath = (process.env["PATH"] ?? "").split(delimiter).filter((folder) => folder !== "");
  for (const folder of [join(extensionPath, "bin"), ...onPath]) {
    const candidate = join(folder, PROGRAM);
    if (await isProgram(candidate)) {
      return candidate;
    }
  }
  return undefined;
}

async function isProgram(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}
