#!/usr/bin/env python3
"""Compares deployctl with docker compose over generated projects. Python 3, standard library only; as root.

  compare.py [GENERATOR…] [--count N] [--seed N] [--jobs N] [--mode MODE…] [--keep DIR]

Every generator of generate.py yields projects; each is put into /case, both programs run there, and what they say is
compared: acceptance, the model as JSON, the text of the YAML form, hashes and lists. docker compose's answers are kept in a
cache, so that a second run costs only deployctl's. The last line counts the differences; exit 1 if there are any.
`--keep DIR` writes each differing project there as a case of tests/conformance.
"""
import argparse, collections, hashlib, json, os, shutil, sqlite3, subprocess, sys, tempfile

import generate
from model import Case, first_difference

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.normpath(os.path.join(HERE, "..", "..", ".."))
CACHE = os.environ.get("DIFFERENTIAL_CACHE", "/tmp/deployctl-differential.sqlite")
MODES = {
    "json": ["--format", "json"],
    "yaml": [],
    "hash": ["--hash", "*"],
    "services": ["--services"], "images": ["--images"], "profiles": ["--profiles"], "volumes": ["--volumes"],
    "networks": ["--networks"], "environment": ["--environment"], "variables": ["--variables", "--format", "json"],
    "no-interpolate": ["--no-interpolate", "--format", "json"],
    "no-interpolate-yaml": ["--no-interpolate"],
    "no-normalize": ["--no-normalize", "--format", "json"],
    "no-path-resolution": ["--no-path-resolution", "--format", "json"],
    "no-consistency": ["--no-consistency", "--format", "json"],
    "no-env-resolution": ["--no-env-resolution", "--format", "json"],
    "quiet": ["-q"],
}


def run(program, case, mode):
    """(exit status, stdout, stderr)"""
    words = [program] + case.argv + ["config"] + MODES[mode] + case.config_args
    environment = {"HOME": "/nonexistent", "PATH": "/usr/local/bin:/usr/bin:/bin", **case.env}
    stdin = case.files.get(case.stdin, "").encode("utf-8", "surrogateescape") if case.stdin else b""
    try:
        done = subprocess.run(words, cwd=os.path.join("/case", case.cwd), env=environment, input=stdin, capture_output=True, timeout=30)
    except subprocess.TimeoutExpired:
        return -999, "", "no answer within 30 s"
    return done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")


class Reference:
    """docker compose, asked once for every project."""

    def __init__(self, program, path):
        self.program, self.fresh = program, {}
        self.store = sqlite3.connect(path, timeout=60, isolation_level=None)
        self.store.execute("create table if not exists answers (key text primary key, answer text)")

    def answer(self, case, mode):
        key = hashlib.sha256(json.dumps([case.as_json(), mode], sort_keys=True).encode()).hexdigest()
        if key in self.fresh:
            return self.fresh[key]
        row = self.store.execute("select answer from answers where key = ?", (key,)).fetchone()
        if row:
            return tuple(json.loads(row[0]))
        case.write("/case")
        answer = run(self.program, case, mode)
        self.fresh[key] = answer
        if len(self.fresh) >= 100:
            self.keep()
        return answer

    def keep(self):
        self.store.execute("begin immediate")
        self.store.executemany("insert or replace into answers values (?, ?)", [(key, json.dumps(answer)) for key, answer in self.fresh.items()])
        self.store.execute("commit")
        self.fresh.clear()


def crashed(code, stderr):
    return code < 0 or code == 101 or "panicked at" in stderr or "goroutine 1 [" in stderr


def compare(case, mode, reference, program):
    """The difference as text, or None."""
    want_code, want, want_err = reference.answer(case, mode)
    case.write("/case")
    code, got, err = run(program, case, mode)
    if crashed(code, err):
        return "CRASH %d: %s" % (code, err[-200:])
    if crashed(want_code, want_err) or "json: error calling" in want_err or "json: unsupported" in want_err:
        return None  # nobody needs to copy a crash
    if want_code != 0:
        return None if code != 0 else "ACCEPTED, want: " + want_err.strip().splitlines()[-1][:200]
    if code != 0:
        lines = [line for line in err.strip().splitlines() if line.strip()]
        return "REJECTED: " + " / ".join(lines[-4:])[:300]
    if MODES[mode][-2:] == ["--format", "json"] or (mode == "json"):
        if not want.strip() or not got.strip():
            return None if want.strip() == got.strip() else "one is empty"
        return first_difference(json.loads(want), json.loads(got))
    if mode in ("services", "images", "profiles", "volumes", "networks", "hash"):
        a, b = sorted(want.splitlines()), sorted(got.splitlines())
    else:
        a, b = want.splitlines(), got.splitlines()
    for x, y in zip(a + [""] * len(b), b + [""] * len(a)):
        if x != y:
            return "want line %r, got %r" % (x[:150], y[:150])
    return None


def compare_all(case, mode, reference, program):
    """Differences of a project that is put together of parts: (project, difference), with as few parts as can be."""
    if len(case.parts) > 1 and reference.answer(case, mode)[0] == 0:
        why = compare(case, mode, reference, program)
        if why is None:
            return []
    elif len(case.parts) <= 1:
        why = compare(case, mode, reference, program)
        return [(case, why)] if why else []
    else:
        why = None
    found = []
    for half in case.halves():
        found += compare_all(half, mode, reference, program)
    return found or ([(case, why)] if why else [])


def reduce(case, mode, reference, program, budget=150):
    """Takes parts out of a project for as long as it still differs in the same way."""
    kind = lambda why: why and why.split(":")[0][:8]
    why = compare(case, mode, reference, program)
    again = True
    while again and budget > 0:
        again = False
        for smaller in case.smaller():
            budget -= 1
            if budget <= 0:
                break
            other = compare(smaller, mode, reference, program)
            if other and kind(other) == kind(why):
                case, why, again = smaller, other, True
                break
    return case, why


def work(arguments, share):
    reference = Reference(arguments.reference, CACHE)
    found = []
    counts = collections.Counter()
    number = 0
    for name in arguments.generators:
        for case in generate.cases(name, arguments.seed, arguments.count):
            number += 1
            if number % arguments.jobs != share:
                continue
            case.generator = name
            for mode in arguments.modes or case.modes or ["json"]:
                counts[name] += max(1, len(case.parts))
                for small, why in compare_all(case, mode, reference, arguments.program):
                    if arguments.reduce:
                        small, why = reduce(small, mode, reference, arguments.program)
                    found.append({"generator": name, "mode": mode, "why": why, "case": small.as_json()})
    reference.keep()
    return {"found": found, "counts": counts}


def shape(why):
    """Differences that look alike, but for names and numbers."""
    import re
    return re.sub(r"[0-9]+", "N", re.sub(r'"[^"]*"|`[^`]*`|\'[^\']*\'', "…", why))[:90]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("generators", nargs="*")
    parser.add_argument("--count", type=int, default=300, help="projects of each random generator")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--mode", dest="modes", action="append")
    parser.add_argument("--show", type=int, default=3, help="how many of each kind are shown")
    parser.add_argument("--reduce", action="store_true")
    parser.add_argument("--keep")
    parser.add_argument("--program", default=os.path.join(ROOT, "target/debug/deployctl"))
    parser.add_argument("--reference", default=os.environ.get("DEPLOYCTL_TEST_COMPOSE"))
    parser.add_argument("--share", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    arguments.generators = arguments.generators or list(generate.GENERATORS)
    if not arguments.reference:
        sys.exit("name docker compose in DEPLOYCTL_TEST_COMPOSE")
    if arguments.share is not None:
        json.dump(work(arguments, arguments.share), sys.stdout)
        return
    os.makedirs("/case", exist_ok=True)
    workers = []
    for share in range(arguments.jobs):
        words = [sys.executable, os.path.abspath(__file__), *sys.argv[1:], "--share", str(share)]
        mounted = ["unshare", "-m", "sh", "-c", 'mount -t tmpfs tmpfs /case && exec "$@"', "sh", *words]
        out = tempfile.TemporaryFile()
        workers.append((subprocess.Popen(mounted, stdout=out), out))
    found, counts = [], collections.Counter()
    for worker, out in workers:
        if worker.wait() != 0:
            sys.exit("a worker failed")
        out.seek(0)
        result = json.load(out)
        found += result["found"]
        counts.update(result["counts"])
    groups = collections.defaultdict(list)
    for one in found:
        groups[(one["generator"], one["mode"], shape(one["why"]))].append(one)
    for (generator, mode, _), ones in sorted(groups.items(), key=lambda group: group[0]):
        print("== %s %s: %d" % (generator, mode, len(ones)))
        for one in ones[:arguments.show]:
            print("-- " + one["why"])
            print(Case.from_json(one["case"]).describe())
    if arguments.keep:
        for number, one in enumerate(found):
            Case.from_json(one["case"]).keep(os.path.join(arguments.keep, "%s-%d" % (one["generator"], number)))
    print(" ".join("%s:%d" % item for item in sorted(counts.items())))
    print("%d compared, %d different" % (sum(counts.values()), len(found)))
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
