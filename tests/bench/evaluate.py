#!/usr/bin/env python3
"""Runs `phi-ls eval completion` on repositories and prints the tables of RESULTS.md, as Markdown.

tests/bench/evaluate.py PHI_LS DIR [--samples 400] [--seed 1] [NAME...]

DIR is the folder that tests/bench/repositories has filled. Retrieval first, then completion with the n-gram model: the whole
repository against the file alone, on the same holes.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

LANGUAGES = {
    "regex-automata": "Rust", "tokio": "Rust", "rich": "Python", "django": "Python", "rxjs": "TypeScript",
    "effect": "TypeScript", "go-git": "Go", "grpc-go": "Go", "openjdk": "Java", "libgit2": "C",
    "googletest": "C++", "activerecord": "Ruby", "twig": "PHP", "webpack": "JavaScript",
}
TUNED = ["regex-automata", "rich", "rxjs", "go-git"]


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("program")
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--samples", type=int, default=400)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("names", nargs="*")
    given = arguments.parse_intermixed_args()
    names = given.names or [name for name in LANGUAGES if (given.folder / name).is_dir()]
    names.sort(key=lambda name: (name not in TUNED, list(LANGUAGES).index(name)))
    if not names:
        sys.exit(f"{given.folder} holds none of the repositories; tests/bench/repositories fetches them")
    with_seed = ["--samples", str(given.samples), "--seed", str(given.seed)]
    retrieval = [figures(given, name, with_seed + ["--retrieval"]) for name in names]
    ngram = ["--model", "none", "--context", "repository", "--against", "file"]
    completion = [figures(given, name, with_seed + ngram) for name in names]
    print_retrieval(names, retrieval)
    print_lines(names, retrieval)
    print_completion(names, completion)


def figures(given, name, options):
    command = [given.program, "eval", "completion", "--repo", str(given.folder / name), "--json", *options]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}: {done.stderr}")
    print(f"{name}: {' '.join(options)}", file=sys.stderr)
    return json.loads(done.stdout)


def title(name):
    return f"{name}{' (tuned on)' if name in TUNED else ''} | {LANGUAGES.get(name, '')}"


def share(estimate):
    if estimate is None:
        return "-"
    value, low, high = (round(100 * estimate[key], 1) for key in ("value", "low", "high"))
    return f"{value} [{low}, {high}]"


def points(estimate):
    value, low, high = (100 * estimate[key] for key in ("value", "low", "high"))
    return f"{value:+.1f} [{low:+.1f}, {high:+.1f}]"


def print_retrieval(names, results):
    for which in ("declarations", "named", "unnamed"):
        print(f"\n| {which} | language | wanted | @1 | @4 | @8 | @16 | in the prompt |")
        print("| --- | --- | --- | --- | --- | --- | --- | --- |")
        for name, result in zip(names, results):
            hits = result["groups"][0]["recall"][which]
            at = " | ".join(share(one) for one in hits["at"])
            print(f"| {title(name)} | {hits['wanted']} | {at} | {share(hits['shown'])} |")


def print_lines(names, results):
    print("\n| similar lines | language | holes | files | wanted | in the prompt | context p50 ms | p95 ms |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for name, result in zip(names, results):
        recall = result["groups"][0]["recall"]
        hits = recall["lines"]
        print(
            f"| {title(name)} | {result['done']} | {result['heading']['files']} | {hits['wanted']} "
            f"| {share(hits['shown'])} | {recall['milliseconds_p50']:.1f} | {recall['milliseconds_p95']:.1f} |"
        )


def print_completion(names, results):
    print("\n| completion | language | holes | duplicates % | answered | exact | right of answered | file: answered "
          "| file: exact | exact, difference | only repository : only file | McNemar p | p50 ms | p95 ms |")
    print("| --- " * 14 + "|")
    totals = [0, 0]
    for name, result in zip(names, results):
        group = result["groups"][0]
        (first, second), difference = group["contexts"], group["difference"]
        totals = [totals[0] + difference["only_first"], totals[1] + difference["only_second"]]
        p = difference["p"]
        print(
            f"| {title(name)} | {result['done']} | {100 * result['duplicates'] / result['done']:.1f} "
            f"| {share(first['answered'])} | {share(first['exact'])} | {share(first['exact_of_answered'])} "
            f"| {share(second['answered'])} | {share(second['exact'])} | {points(difference['exact'])} "
            f"| {difference['only_first']} : {difference['only_second']} | {'< 0.0001' if p < 1e-4 else f'{p:.4f}'} "
            f"| {first['milliseconds_p50']:.1f} | {first['milliseconds_p95']:.1f} |"
        )
    print(f"\nAll together: {totals[0]} holes filled exactly with the repository alone, {totals[1]} with the file alone.")


if __name__ == "__main__":
    main()
