"""Every key with every kind of value, every pair of values merged in every way."""
import copy

from keys import COMPANIONS, DEEP, ODD, SERVICE, SURROUNDINGS, TOP, TOP_DEEP
from model import Case, Tag, batched

ENVIRONMENT = {"X": "value", "N": "5", "B": "true", "S2": "secret", "E": "e"}
BESIDE = {"a.env": "FROM_A=1\nA=from a\nQ='x $X'\n", "sub/b.env": "FROM_B=${X}\nA=from b\n", "l.env": "l1=v\nl2=$X\n"}


def project(service, **sections):
    model = copy.deepcopy(SURROUNDINGS)
    model["services"] = {"s": service, **model["services"]}
    for section, entries in sections.items():
        model[section] = entries
    return {"name": "p", **model}


def placed(path, value, companions=COMPANIONS, start=""):
    """The value below the keys of a path."""
    keys = path.split(".")
    for depth in range(len(keys) - 1, -1, -1):
        beside = companions.get(".".join(keys[:depth]), {}) if depth else {}
        value = [value] if keys[depth] == "[]" else {**beside, keys[depth]: value}
    return value


def odd_values(random, count):
    """Values of every type for every key."""
    needed = {"include.[]": {"path": "other.yaml"}, "models.m": {"model": "a"}, "networks.n": {}, "networks.n.ipam.config.[]": {"subnet": "10.0.0.0/8"}, "secrets.s": {"file": "x"}, "configs.c": {"file": "x"}}
    uses = {"networks.n": {"networks": ["n"]}, "volumes.v": {"volumes": ["v:/v"]}, "secrets.s": {"secrets": ["s"]}, "configs.c": {"configs": ["c"]}, "models.m": {"models": ["m"]}}
    everything = [(True, path, value) for path in list(SERVICE) + DEEP for value in ODD] + [(False, path, value) for path in TOP_DEEP for value in ODD]
    for of_service, path, value in random.sample(everything, min(count, len(everything))):
        if of_service:
            yield Case({"compose.yaml": project({"image": "i", **placed(path, value)}), **BESIDE}, env=ENVIRONMENT)
            continue
        model = placed(path, value, needed)
        if path.split(".")[0] != "services":
            use = next((use for start, use in uses.items() if path.startswith(start)), {})
            model = {"services": {"a": {"image": "i", **use}}, **model}
        yield Case({"compose.yaml": model, "other.yaml": {"services": {"inc": {"image": "i"}}}}, env=ENVIRONMENT, argv=[] if path == "name" else ["-p", "p"])


def services_of(values):
    return {"s%d" % number: value for number, value in enumerate(values)}


def whole(services, sections=None):
    model = copy.deepcopy(SURROUNDINGS)
    model["services"] = {**services, **model["services"]}
    for section, entries in (sections or {}).items():
        model.setdefault(section, {}).update(entries)
    return {"name": "p", **model}


USES = {"networks": lambda r: {"networks": [r]}, "volumes": lambda r: {"volumes": [r + ":/r"]}, "secrets": lambda r: {"secrets": [r]}, "configs": lambda r: {"configs": [r]}, "models": lambda r: {"models": [r]}}
ALL_FORMS = ["json", "yaml", "hash", "no-interpolate-yaml", "no-interpolate", "no-normalize", "no-path-resolution", "no-env-resolution", "images", "volumes", "networks", "variables"]


def valid_values(random, count):
    def build(parts):
        return Case({"compose.yaml": whole(services_of([{"image": "i", key: value} for key, value in parts])), **BESIDE}, env=ENVIRONMENT, modes=ALL_FORMS)

    def build_top(parts):
        entries = {"r%d" % number: value for number, (_, value) in enumerate(parts)}
        section = parts[0][0]
        return Case({"compose.yaml": whole(services_of([{"image": "i", **USES[section](name)} for name in entries]), {section: entries})}, env=ENVIRONMENT, modes=ALL_FORMS)
    pairs = [(key, value) for key, values in SERVICE.items() for value in values]
    random.shuffle(pairs)
    for parts in batched(pairs, 24):
        yield Case.of_parts(parts, build)
    for section, values in TOP.items():
        yield Case.of_parts([(section, value) for value in values], build_top)


def marked(random, value, share):
    if random.random() >= share:
        return value
    return random.choice([Tag("!override", value), Tag("!reset", value), Tag("!reset", None)])


def pairs_of(random, table, share):
    pairs = [(key, first, marked(random, second, share)) for key, values in table.items() for first in values for second in values]
    random.shuffle(pairs)
    return pairs


def merges(random, count):
    """Two files, every pair of values of a key, the second one plain or marked."""
    def build(parts):
        base = services_of([{"image": "i", key: first} for key, first, _ in parts])
        over = services_of([{key: second} for key, _, second in parts])
        return Case({"a.yaml": whole(base), "b.yaml": {"services": over}, **BESIDE}, argv=["-f", "a.yaml", "-f", "b.yaml"], env=ENVIRONMENT)

    def build_top(parts):
        section = parts[0][0]
        base = {"r%d" % number: first for number, (_, first, _) in enumerate(parts)}
        over = {"r%d" % number: second for number, (_, _, second) in enumerate(parts)}
        services = services_of([{"image": "i", **USES[section](name)} for name in base])
        return Case({"a.yaml": whole(services, {section: base}), "b.yaml": {section: over}}, argv=["-f", "a.yaml", "-f", "b.yaml"], env=ENVIRONMENT)
    for parts in batched(pairs_of(random, SERVICE, 0.25), 16):
        yield Case.of_parts(parts, build)
    for section, values in TOP.items():
        for parts in batched(pairs_of(random, {section: values}, 0.25), 16):
            yield Case.of_parts(parts, build_top)


def extends_merges(random, count):
    """The same pairs by `extends`, in one file and from a file of another directory."""
    def build_same(parts):
        services = services_of([{"extends": {"service": "b%d" % number}, key: second} for number, (key, _, second) in enumerate(parts)])
        services.update({"b%d" % number: {"image": "i", key: first} for number, (key, first, _) in enumerate(parts)})
        return Case({"compose.yaml": whole(services), **BESIDE}, env=ENVIRONMENT)

    def build_other(parts):
        services = services_of([{"extends": {"service": "b%d" % number, "file": "sub/base.yaml"}, key: second} for number, (key, _, second) in enumerate(parts)])
        base = {"b%d" % number: {"image": "i", key: first} for number, (key, first, _) in enumerate(parts)}
        beside = {**BESIDE, "sub/a.env": "A=sub\n", "sub/sub/b.env": "B=sub\n", "sub/l.env": "l=sub\n"}
        return Case({"compose.yaml": whole(services), "sub/base.yaml": {"services": {**base, "other": {"image": "o"}, "third": {"image": "t"}}}, **beside}, env=ENVIRONMENT)
    for parts in batched(pairs_of(random, SERVICE, 0.2), 16):
        yield Case.of_parts(parts, random.choice([build_same, build_other]))


def mixed(random, count):
    """Services with many keys, merged from one to three files, in all forms of output."""
    for _ in range(count):
        names = random.sample([key for key in SERVICE if key not in ("provider", "profiles")], random.randint(2, 14))
        if "network_mode" in names and "networks" in names:
            names.remove("network_mode")
        def service(share):
            return {key: random.choice(SERVICE[key]) for key in names if random.random() < share}
        files = {"f0.yaml": project({"image": "i", **service(0.9)})}
        for number in range(random.choice([0, 0, 1, 2])):
            over = {"services": {"s": service(0.4)}}
            section = random.choice(list(TOP))
            if random.random() < 0.4:
                over[section] = {SURROUNDINGS[section] and list(SURROUNDINGS[section])[0]: random.choice(TOP[section])}
            files["f%d.yaml" % (number + 1)] = over
        argv = [word for name in files for word in ("-f", name)]
        modes = ["json", "hash"] + random.sample(["yaml", "services", "images", "volumes", "networks", "no-interpolate", "no-interpolate-yaml", "no-normalize", "no-path-resolution", "no-consistency", "no-env-resolution", "variables"], 2)
        yield Case({**files, **BESIDE}, argv=argv, env=ENVIRONMENT, modes=modes)


GENERATORS = {"odd": odd_values, "valid": valid_values, "merge": merges, "extends": extends_merges, "mixed": mixed}
