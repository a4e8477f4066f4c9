"""Projects of several files: includes, extends, env files, profiles, dependencies, the command line and COMPOSE_ variables."""
import copy

from model import Case, Raw, Tag

PIECES = [{"environment": {"A": "${V}"}}, {"volumes": ["./d:/d"]}, {"env_file": "e.env"}, {"build": "./ctx"}, {"labels": ["l=${W:-w}"]}, {"ports": ["${P:-80}:80"]}, {"command": "x ${V}"}, {"secrets": ["sec"]}, {"configs": ["conf"]}, {"networks": ["net"]}, {"depends_on": ["dep"]},
          {"env_file": [{"path": "none.env", "required": False}]}, {"label_file": "l.env"}, {"develop": {"watch": [{"path": "./w", "action": "rebuild"}]}}, {"volumes": ["vol:/v"]}, {"build": {"context": "../up", "dockerfile": "D", "additional_contexts": {"a": "./ac"}}}, {"container_name": "cn"}, {"profiles": ["p"]}, {"links": ["dep"]}, {"volumes_from": ["dep"]}, {"network_mode": "service:dep"}, {"healthcheck": {"test": "x"}}, {"tmpfs": "/t"}]
RESOURCES = {"secrets": {"sec": {"file": "./sec.txt"}}, "configs": {"conf": {"file": "conf.txt"}}, "networks": {"net": {}}, "volumes": {"vol": {"driver_opts": {"type": "none", "o": "bind", "device": "./dev"}}}}


def service(random, few=3):
    out = {"image": random.choice(["i", "i:${TAG:-t}"])}
    for piece in random.sample(PIECES, random.randint(0, few)):
        out.update(copy.deepcopy(piece))
    return out


def needs(model):
    """Defines what the services refer to."""
    text = str(model)
    for section, entries in RESOURCES.items():
        for name in entries:
            if "'%s'" % name in text or "%s:/v" % name in text:
                model.setdefault(section, {}).update(copy.deepcopy({name: entries[name]}))
    if "dep" in text:
        model["services"].setdefault("dep", {"image": "d"})
    return model


ENVS = {"e.env": "E=top\nV2=${V}\n", "sub/e.env": "E=sub\n", "sub/deep/e.env": "E=deep\n", "l.env": "k=top\n", "sub/l.env": "k=sub\n", "sub/deep/l.env": "k=deep\n"}
DOTS = ["V=dot\n", "V=dot2\nP=81\n", "TAG=sub\nW=${V}\n", "COMPOSE_PROFILES=p\nV=1\n", "COMPOSE_PROJECT_NAME=other\n", "COMPOSE_FILE=x.yaml\n", ""]


def includes(random, count):
    for _ in range(count):
        files = dict(ENVS)
        main = {"services": {"m": service(random)}}
        if random.random() < 0.5:
            main["name"] = "p"
        directories = random.sample(["sub", "sub/deep", "", "x/../sub"], 2)
        entries = []
        for number, directory in enumerate(directories[:random.randint(1, 2)]):
            path = (directory + "/" if directory else "") + "inc%d.yaml" % number
            inner = {"services": {"i%d" % number: service(random)}}
            if random.random() < 0.3:
                inner["name"] = "inner"
            if random.random() < 0.2:
                inner["services"]["m"] = copy.deepcopy(main["services"]["m"]) if random.random() < 0.5 else {"image": "z"}
            if random.random() < 0.25:
                inner["include"] = ["third.yaml"]
                files[(directory + "/" if directory else "").replace("x/../", "") + "third.yaml"] = needs({"services": {"third": service(random, 2)}})
            files[path.replace("x/../", "")] = needs(inner)
            form = random.random()
            if form < 0.4:
                entries.append(path)
                continue
            entry = {"path": path}
            if random.random() < 0.3:
                over = (directory + "/" if directory else "").replace("x/../", "") + "over.yaml"
                files[over] = {"services": {"i%d" % number: {"environment": {"OVER": "${V}"}, "command": random.choice(["y", Tag("!reset", None)])}}}
                entry["path"] = [path, over]
            if random.random() < 0.4:
                entry["project_directory"] = random.choice([".", "sub", "sub/deep", "/case/sub", "..", "~/x"])
            if random.random() < 0.4:
                entry["env_file"] = random.choice(["inc.env", ["inc.env", "sub/inc2.env"], "/dev/null", "missing.env", []])
                files["inc.env"], files["sub/inc2.env"] = "V=inc\n", "W=inc2-${V}\n"
            entries.append(entry)
        main["include"] = entries if random.random() < 0.95 else random.choice(["inc0.yaml", None, [], [None], [{"path": None}]])
        files["compose.yaml"] = needs(main)
        for place in (".env", "sub/.env", "sub/deep/.env"):
            if random.random() < 0.4:
                files[place] = random.choice(DOTS)
        yield Case(files, env=random.choice([{}, {"V": "env"}, {"TAG": "x", "V": ""}]), argv=random.choice([[], ["-f", "compose.yaml"], ["--profile", "*"], ["--project-directory", "sub"]]), modes=["json", random.choice(["hash", "environment", "services", "no-interpolate", "no-path-resolution", "variables"])])


def extends(random, count):
    for _ in range(count):
        files = dict(ENVS)
        chain = random.randint(1, 4)
        places = ["", "sub/", "sub/deep/"]
        models = {}
        where = [random.choice(places) + random.choice(["a.yaml", "b.yaml"]) for _ in range(chain)]
        where[0] = "compose.yaml"
        for level, path in enumerate(where):
            model = models.setdefault(path, {"services": {}})
            body = service(random)
            if level < chain - 1:
                import os
                target = where[level + 1]
                parent = {"service": "l%d" % (level + 1)}
                if target != path:
                    parent["file"] = random.choice(["/case/" + target, os.path.relpath(target, os.path.dirname(path) or "."), target])
                body["extends"] = parent if random.random() < 0.8 or target != path else "l%d" % (level + 1)
                if random.random() < 0.4:
                    body.pop("image")
            if random.random() < 0.15:
                body[random.choice(["environment", "volumes", "ports", "labels", "command", "build"])] = Tag("!reset", None)
            if random.random() < 0.1:
                body["environment"] = Tag("!override", {"ONLY": "1"})
            model["services"]["l%d" % level] = body
        files.update({path: needs(model) for path, model in models.items()})
        if random.random() < 0.3:
            files["over.yaml"] = {"services": {"l0": service(random, 2) if random.random() < 0.7 else {"extends": {"service": "l%d" % (chain - 1), "file": where[-1]}}}}
        argv = ["-f", "compose.yaml", "-f", "over.yaml"] if "over.yaml" in files else []
        if random.random() < 0.3:
            files[".env"] = random.choice(DOTS)
        yield Case(files, argv=argv, env=random.choice([{}, {"V": "env"}]), modes=["json", random.choice(["hash", "no-interpolate", "no-path-resolution", "yaml"])])


def selections(random, count):
    """Profiles, dependencies, and services named on the command line."""
    for _ in range(count):
        names = ["a", "b", "c", "d", "e"][:random.randint(2, 5)]
        services = {}
        for name in names:
            body = {"image": name}
            if random.random() < 0.4:
                body["profiles"] = random.choice([["p"], ["q"], ["p", "q"], ["*"], [""]] if random.random() < 0.3 else [["p"], ["q"]])
            others = [other for other in names if other != name or random.random() < 0.03]
            for key in random.sample(["depends_on", "links", "volumes_from", "network_mode", "ipc", "pid", "networks", "volumes", "secrets", "build"], random.choice([0, 0, 1, 1, 2])):
                other = random.choice(others)
                if key == "depends_on":
                    body[key] = random.choice([[other], {other: {"condition": "service_started", "required": random.choice([True, False])}}, {other: {"condition": "service_healthy", "restart": True}}, ["none"]] if random.random() < 0.3 else [[other], {other: {"condition": "service_started", "required": False}}])
                elif key in ("network_mode", "ipc", "pid"):
                    body[key] = "service:" + other
                elif key == "links":
                    body[key] = [other + random.choice(["", ":x"])]
                elif key == "volumes_from":
                    body[key] = [other + random.choice(["", ":ro"])]
                elif key == "networks":
                    body[key] = random.choice([["n1"], ["n2"], ["default"]])
                elif key == "volumes":
                    body[key] = ["v%d:/v" % random.randint(1, 2)]
                elif key == "secrets":
                    body[key] = ["s1"]
                else:
                    body[key] = {"context": ".", "additional_contexts": {"x": "service:" + other}}
            if random.random() < 0.1:
                body["env_file"] = "missing.env"
            if random.random() < 0.08:
                body["container_name"] = "cn"
            if "networks" in body and "network_mode" in body:
                body.pop("networks")
            services[name] = body
        model = {"name": "p", "services": services, "networks": {"n1": None, "n2": {}}, "volumes": {"v1": None, "v2": {}}, "secrets": {"s1": {"environment": "S"}}}
        argv = []
        for profile in random.sample(["p", "q", "r", "*", ""], random.choice([0, 0, 1, 2])):
            argv += ["--profile", profile]
        env = random.choice([{}, {}, {"COMPOSE_PROFILES": random.choice(["p", "p,q", "*", " p , q", ",", ""])}])
        arguments = random.sample(names + ["none", "a*", "?"], random.choice([0, 1, 1, 2])) if random.random() < 0.5 else []
        if random.random() < 0.1:
            argv.append("--all-resources")
        yield Case({"compose.yaml": model}, argv=argv, env=env, config_args=arguments, modes=["json", random.choice(["hash", "services", "images", "profiles", "volumes", "networks", "no-consistency", "yaml"])])


def commands(random, count):
    """Which files, which directory, which name."""
    bodies = {"name": ["p", "P", "a b", "", "${V}", "a.b", "-x", "_x", "${UNSET}", "é", 5, None]}
    for _ in range(count):
        files = {}
        for name in random.sample(["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml", "compose.override.yaml", "compose.override.yml", "docker-compose.override.yml", "x.yaml", "sub/compose.yaml", "sub/x.yaml", "sub/compose.override.yml"], random.randint(1, 4)):
            model = {"services": {"s": {"image": name.replace("/", "-").lower(), "environment": {"V": "${V-none}"}, "volumes": ["./d:/d"]}}}
            if random.random() < 0.3:
                model["name"] = random.choice(bodies["name"])
            files[name] = model
        names = list(files)
        for place in (".env", "sub/.env", "my.env"):
            if random.random() < 0.4:
                files[place] = random.choice(DOTS + ["COMPOSE_FILE=%s\n" % random.choice(names), "COMPOSE_PROJECT_NAME=Bad Name\n", "COMPOSE_PATH_SEPARATOR=,\nCOMPOSE_FILE=%s\n" % ",".join(names[:2]), "COMPOSE_DISABLE_ENV_FILE=1\nV=x\n", "COMPOSE_ENV_FILES=my.env\n"])
        argv, env, stdin = [], {}, None
        for name in random.sample(names, random.choice([0, 0, 1, 1, 2]) if len(names) > 1 else random.choice([0, 1])):
            argv += ["-f", random.choice([name, "./" + name, "/case/" + name])]
        if random.random() < 0.07:
            argv, stdin = argv + ["-f", "-"], names[0]
        if random.random() < 0.2:
            argv += ["-p", random.choice(["q", "Q", "", "a b", "q_1-2", "_q"])]
        if random.random() < 0.15:
            argv += ["--project-directory", random.choice(["sub", ".", "/case/sub", "none", ""])]
        if random.random() < 0.15:
            argv += ["--env-file", random.choice(["my.env", "sub/.env", "none.env", "./.env", ""])]
        for variable, values in {"COMPOSE_FILE": ["x.yaml", ":".join(names[:2]), "", "sub/compose.yaml"], "COMPOSE_PROJECT_NAME": ["envname", "Env", "", "e v"], "V": ["env", ""], "COMPOSE_ENV_FILES": ["my.env", "my.env,.env", ""], "COMPOSE_PATH_SEPARATOR": [",", ";", ""], "COMPOSE_DISABLE_ENV_FILE": ["1", "true", "0", "x", ""], "PWD": ["/case", "/elsewhere"], "COMPOSE_PROFILES": ["p"], "HOME": ["", "/h"], "COMPOSE_COMPATIBILITY": ["1"]}.items():
            if random.random() < 0.1:
                env[variable] = random.choice(values)
        cwd = random.choice(["", "", "", "sub", "sub/new"])
        yield Case(files, argv=argv, env=env, cwd=cwd, stdin=stdin, modes=["json", random.choice(["environment", "hash", "services", "no-interpolate"])])


GENERATORS = {"includes": includes, "chains": extends, "selections": selections, "commands": commands}
