#!/usr/bin/env python3
"""Runs a language server and delays each answer to textDocument/inlineCompletion until the document has changed.

The editor then receives a stale answer, which it must not draw. All other messages pass at once and unchanged. When an answer
with ghost text is delayed, the file HELD is written; when it is sent, the file HELD.gone.

With ONCE=1 in the environment, only the first answer with ghost text passes. Later ghost text is drawn by the editor alone.

    hold.py HELD SERVER ARGUMENT...
"""
import json
import os
import subprocess
import sys
import threading


def messages(stream):
    """Yields each message of a stream as bytes with its header."""
    while True:
        header, length = b"", None
        while not header.endswith(b"\r\n\r\n"):
            line = stream.readline()
            if not line:
                return
            header += line
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        yield header, stream.read(length)


def has_ghost_text(answer):
    return bool((json.loads(answer)["result"] or {}).get("items"))


ONCE = os.environ.get("ONCE") == "1"


def note(name):
    with open(sys.argv[1] + name, "ab"):
        pass


def main():
    server = subprocess.Popen(sys.argv[2:], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    asked, held, lock = set(), [], threading.Lock()

    def send(header, body):
        sys.stdout.buffer.write(header + body)
        sys.stdout.buffer.flush()

    def answers():
        for header, body in messages(server.stdout):
            message = json.loads(body)
            with lock:
                # An error (a superseded request) draws nothing and passes.
                is_answer = message.get("id") in asked and "method" not in message and "result" in message
                if is_answer and ONCE and not held:
                    send(header, body)
                    if has_ghost_text(body):
                        held.append((header, body))
                elif is_answer:
                    held.append((header, body))
                    if has_ghost_text(body):
                        note("")
                else:
                    send(header, body)

    threading.Thread(target=answers, daemon=True).start()
    for header, body in messages(sys.stdin.buffer):
        message = json.loads(body)
        with lock:
            if message.get("method") == "textDocument/inlineCompletion":
                asked.add(message["id"])
        server.stdin.write(header + body)
        server.stdin.flush()
        with lock:
            if message.get("method") == "textDocument/didChange" and not ONCE:
                for late in held:
                    send(*late)
                if any(has_ghost_text(body) for _, body in held):
                    note(".gone")
                held.clear()
    server.stdin.close()
    server.wait()


main()
