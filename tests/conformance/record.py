#!/usr/bin/env python3
"""Writes docker compose's answers into cases: record.py CASE…   (as root; docker compose is $DEPLOYCTL_TEST_COMPOSE)

A case is a folder with case.json and files/. What is recorded: expected.config.json, .yaml, expected.hash.txt,
expected.extra.json and expected.no-interpolate.json of a project that is accepted, expected.err.txt of one that is not.
"""
import json, os, shutil, subprocess, sys

LISTS = ["services", "profiles", "images", "volumes", "networks", "environment"]


def run(case, *words):
    command = [os.environ["DEPLOYCTL_TEST_COMPOSE"], *case.get("argv", []), "config", *words, *(case.get("config_args", []) if words[:1] != ("--hash",) else [])]
    environment = {"HOME": "/nonexistent", "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", **case.get("env", {})}
    stdin = open(os.path.join("/case", case["stdin"]), "rb") if case.get("stdin") else subprocess.DEVNULL
    return subprocess.run(command, cwd=os.path.join("/case", case.get("cwd", "")), env=environment, stdin=stdin, capture_output=True, text=True)


def record(directory):
    with open(os.path.join(directory, "case.json")) as file:
        case = json.load(file)
    for name in os.listdir("/case"):
        path = os.path.join("/case", name)
        shutil.rmtree(path) if os.path.isdir(path) and not os.path.islink(path) else os.unlink(path)
    shutil.copytree(os.path.join(directory, "files"), "/case", dirs_exist_ok=True, symlinks=True)
    os.makedirs(os.path.join("/case", case.get("cwd", "")), exist_ok=True)
    for name in os.listdir(directory):
        if name.startswith("expected."):
            os.unlink(os.path.join(directory, name))

    def write(name, text):
        with open(os.path.join(directory, name), "w") as file:
            file.write(text)
    model = run(case, "--format", "json")
    case["outcome"] = "ok" if model.returncode == 0 else "error"
    if model.returncode != 0:
        write("expected.err.txt", "exit %d\n%s" % (model.returncode, model.stderr))
        case.pop("hash_outcome", None)
    else:
        write("expected.config.json", model.stdout)
        write("expected.config.yaml", run(case).stdout)
        lists = {name: run(case, "--" + name) for name in LISTS}
        write("expected.extra.json", json.dumps({name: done.stdout.splitlines() for name, done in lists.items() if done.returncode == 0}, indent=1) + "\n")
        raw = run(case, "--no-interpolate", "--format", "json")
        if raw.returncode == 0:
            write("expected.no-interpolate.json", raw.stdout)
        hashes = run(case, "--hash", "*")
        case["hash_outcome"] = "ok" if hashes.returncode == 0 else "error"
        if hashes.returncode == 0:
            write("expected.hash.txt", hashes.stdout)
    write("case.json", json.dumps(case, indent=1) + "\n")
    print("%-40s %s" % (os.path.basename(directory), case["outcome"]))


if __name__ == "__main__":
    os.makedirs("/case", exist_ok=True)
    for directory in sys.argv[1:]:
        record(directory.rstrip("/"))
