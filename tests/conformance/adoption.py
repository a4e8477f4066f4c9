#!/usr/bin/env python3
"""Takes stacks over, both ways, on a real engine: adoption.py [CASE…] [--engine HOST] [--image IMAGE] [--sample N]

For each case of tests/conformance/cases that is accepted:
  hash     `docker compose up --no-start` writes a config hash into the label of each container; `deployctl plan` must not
           find another one (every key is kept but the image, so that the hash covers what the case is about);
  adopt    `docker compose up -d`, then `deployctl plan --exit-code` finds nothing to do;
  keep     `deployctl deploy`, then `docker compose up -d` leaves containers, networks and volumes as they are, by their ids.
For `adopt` and `keep` the command, entrypoint and health check give way to those of the image, so that the containers run.
What docker compose itself cannot create on this engine is left out, and counted. The last line has the figures.
"""
import argparse, collections, json, os, shutil, subprocess, sys, tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.normpath(os.path.join(HERE, "..", ".."))


def override(services, resets):
    lines = ["services:"]
    for name in services:
        lines += ["  %s:" % json.dumps(name), "    image: %s" % ARGUMENTS.image, "    build: !reset null", "    pull_policy: never"]
        lines += ["    %s: !reset null" % key for key in resets]
    return "\n".join(lines) + "\n"


def run(words, directory, case):
    environment = {"HOME": "/nonexistent", "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "DOCKER_HOST": ARGUMENTS.engine, **case.get("env", {})}
    try:
        return subprocess.run(words, cwd=directory, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=240)
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(words, -1, "", "no end within 240 s")


def docker(*words):
    environment = {**os.environ, "DOCKER_HOST": ARGUMENTS.engine}
    return subprocess.run(["docker", *words], capture_output=True, text=True, env=environment).stdout.split()


def ids(project):
    label = "label=com.docker.compose.project=" + project
    return {kind: sorted(docker(*words, "--filter", label, "-q", *more)) for kind, words, more in (("containers", ["ps", "-a"], ["--no-trunc"]), ("networks", ["network", "ls"], ["--no-trunc"]), ("volumes", ["volume", "ls"], []))}


class World:
    """A case in a directory of its own, under a project name of its own."""

    def __init__(self, name, number):
        self.name, self.project = name, "fid-adopt-%d-%d" % (os.getpid(), number)
        source = os.path.join(HERE, "cases", name)
        with open(os.path.join(source, "case.json")) as file:
            self.case = json.load(file)
        with open(os.path.join(source, "expected.extra.json")) as file:
            self.services = json.load(file)["services"]
        self.directory = tempfile.mkdtemp(prefix="adopt-")
        shutil.copytree(os.path.join(source, "files"), self.directory, dirs_exist_ok=True)
        os.makedirs(os.path.join(self.directory, self.case.get("cwd", "")), exist_ok=True)
        with open(os.path.join(source, "expected.config.json")) as file:
            model = json.load(file)
        # What the engine wants to see on the disk.
        for one in [*model.get("secrets", {}).values(), *model.get("configs", {}).values()]:
            path = one.get("file", "")
            if path.startswith("/case/"):
                place = os.path.join(self.directory, path[len("/case/"):])
                os.makedirs(os.path.dirname(place), exist_ok=True)
                open(place, "a").close()

    def words(self, resets):
        with open(os.path.join(self.directory, "zz-override.yaml"), "w") as file:
            file.write(override(self.services, resets))
        argv = self.case.get("argv", [])
        files = [] if "-f" in argv else [word for name in ("compose.yaml", "compose.override.yml") if os.path.exists(os.path.join(self.directory, name)) for word in ("-f", name)]
        return [*argv, *files, "-p", self.project, "-f", "zz-override.yaml"]

    def compose(self, resets, *words):
        return run([ARGUMENTS.compose, *self.words(resets), *words], self.directory, self.case)

    def deployctl(self, resets, command, *words):
        return run([ARGUMENTS.program, command, *self.words(resets), *words], self.directory, self.case)

    def clean(self):
        for kind, words in (("containers", ["rm", "-f", "-v"]), ("networks", ["network", "rm"]), ("volumes", ["volume", "rm"])):
            for one in ids(self.project)[kind]:
                docker(*words, one)

    def close(self):
        self.clean()
        shutil.rmtree(self.directory, ignore_errors=True)


RESETS = ["command", "entrypoint", "healthcheck", "post_start", "pre_stop"]


def said(done):
    lines = [line for line in (done.stdout + done.stderr).strip().splitlines() if line.strip()]
    return " / ".join(lines[-5:])[:400]


def hashes(world):
    created = world.compose([], "up", "--no-start")
    if created.returncode != 0:
        return None, said(created)
    plan = world.deployctl([], "plan", "--json")
    world.clean()
    if plan.returncode != 0:
        return False, said(plan)
    changes = json.loads(plan.stdout)["changes"]
    recreates = [change["container"] for change in changes if change["cause"] == "configuration-changed"]
    return not recreates, " ".join(recreates)


def adopt(world):
    started = world.compose(RESETS, "up", "-d")
    if started.returncode != 0:
        world.clean()
        return None, said(started)
    plan = world.deployctl(RESETS, "plan", "--exit-code")
    return plan.returncode == 0, said(plan)


def keep(world):
    world.clean()
    deployed = world.deployctl(RESETS, "deploy")
    if deployed.returncode != 0:
        return False, said(deployed)
    before = ids(world.project)
    again = world.compose(RESETS, "up", "-d")
    after = ids(world.project)
    return again.returncode == 0 and before == after and bool(before["containers"]), said(again)


def main():
    global ARGUMENTS
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*")
    parser.add_argument("--engine", default="unix:///var/run/docker.sock")
    parser.add_argument("--image", default="127.0.0.1:5000/test/tiny:v1")
    parser.add_argument("--sample", type=int, default=0, help="every Nth case only")
    parser.add_argument("--program", default=os.path.join(ROOT, "target/debug/deployctl"))
    parser.add_argument("--compose", default=os.environ.get("DEPLOYCTL_TEST_COMPOSE"))
    ARGUMENTS = parser.parse_args()
    names = ARGUMENTS.cases or sorted(name for name in os.listdir(os.path.join(HERE, "cases")) if os.path.exists(os.path.join(HERE, "cases", name, "expected.extra.json")))
    if ARGUMENTS.sample:
        names = names[::ARGUMENTS.sample]
    counts = collections.Counter()
    for number, name in enumerate(names):
        world = World(name, number)
        try:
            for step in (hashes, adopt, keep):
                ok, why = step(world)
                outcome = {True: "same", False: "different", None: "left out"}[ok]
                counts[step.__name__, outcome] += 1
                if ok is not True:
                    print("%s %s: %s: %s" % (name, step.__name__, outcome, why), flush=True)
                if step is adopt and ok is None:
                    break
        finally:
            world.close()
    print(", ".join("%s: %d %s" % (step, count, outcome) for (step, outcome), count in sorted(counts.items())))
    sys.exit(any(outcome == "different" for _, outcome in counts) or not counts["adopt", "same"])


if __name__ == "__main__":
    main()
