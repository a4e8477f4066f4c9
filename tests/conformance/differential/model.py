"""A generated project, how it is written down and how two answers are compared."""
import copy, json, math, os, re, shutil


# Files that stand beside many projects and are not shown.
QUIET = {"a.env", "sub/b.env", "l.env", "sub/a.env", "sub/sub/b.env", "sub/l.env", "e.env", "sub/e.env", "sub/deep/e.env", "sub/deep/l.env"}


class Raw:
    """Text that goes into the file as it is."""

    def __init__(self, text):
        self.text = text


class Tag:
    """A value behind `!reset` or `!override`."""

    def __init__(self, name, value):
        self.name, self.value = name, value


def flow(value):
    if isinstance(value, Raw):
        return value.text
    if isinstance(value, Tag):
        return "%s %s" % (value.name, flow(value.value))
    if isinstance(value, dict):
        return "{" + ", ".join("%s: %s" % (flow(k), flow(v)) for k, v in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(flow, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def key_text(key):
    if isinstance(key, Raw):
        return key.text
    return key if re.fullmatch(r"[A-Za-z][A-Za-z0-9_.-]*", key) and key.lower() not in ("y", "n", "yes", "no", "on", "off", "true", "false", "null") else json.dumps(key)


def block(value, indent=0, depth=3):
    """YAML: the upper levels in block style, what is below in flow style."""
    pad = "  " * indent
    if isinstance(value, dict) and value and depth > 0:
        out = ""
        for key, item in value.items():
            if isinstance(item, dict) and item and depth > 1:
                out += "%s%s:\n%s" % (pad, key_text(key), block(item, indent + 1, depth - 1))
            else:
                out += "%s%s: %s\n" % (pad, key_text(key), flow(item))
        return out
    return pad + flow(value) + "\n"


class Case:
    # Parts that may be tried alone, and how a project is made of some of them.
    parts, build = (), None

    @staticmethod
    def of_parts(parts, build):
        case = build(parts)
        case.parts, case.build = parts, build
        return case

    def halves(self):
        middle = len(self.parts) // 2
        return [Case.of_parts(half, self.build) for half in (self.parts[:middle], self.parts[middle:])]

    def __init__(self, files, argv=(), env=None, config_args=(), cwd="", stdin=None, modes=None, title=""):
        self.sources = files
        self.argv, self.env, self.config_args = list(argv), dict(env or {}), list(config_args)
        self.cwd, self.stdin, self.modes, self.title = cwd, stdin, modes, title
        self.generator = ""
        self.files = {name: text if isinstance(text, str) else block(text) for name, text in files.items()}

    def as_json(self):
        return {"files": self.files, "argv": self.argv, "env": self.env, "config_args": self.config_args, "cwd": self.cwd, "stdin": self.stdin}

    @staticmethod
    def from_json(data):
        return Case(data["files"], data["argv"], data["env"], data["config_args"], data["cwd"], data["stdin"])

    def write(self, root):
        if getattr(Case, "written", None) is self:
            return
        for name in os.listdir(root):
            path = os.path.join(root, name)
            shutil.rmtree(path) if os.path.isdir(path) and not os.path.islink(path) else os.unlink(path)
        for name, text in self.files.items():
            path = os.path.join(root, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as file:
                file.write(text.encode("utf-8", "surrogateescape"))
        os.makedirs(os.path.join(root, self.cwd), exist_ok=True)
        Case.written = self

    def keep(self, directory):
        for name, text in self.files.items():
            path = os.path.join(directory, "files", name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as file:
                file.write(text.encode("utf-8", "surrogateescape"))
        case = {key: value for key, value in self.as_json().items() if key != "files" and value}
        with open(os.path.join(directory, "case.json"), "w") as file:
            json.dump({"title": self.title, **case}, file, indent=1)

    def describe(self):
        out = ""
        for key in ("argv", "env", "config_args", "cwd", "stdin"):
            if getattr(self, key):
                out += "   %s: %s\n" % (key, getattr(self, key))
        for name, text in self.files.items():
            lines = text.splitlines()
            if name in QUIET:
                continue
            for start, line in enumerate(lines):
                if line.startswith("  other:") and "services:" in lines[:start]:
                    lines = lines[:start] + ["…"]
                    break
            out += "   [%s]\n" % name + "".join("      %s\n" % line for line in lines[:40])
        return out

    def smaller(self):
        """The same project with one part less."""
        def copied(files):
            return Case(files, self.argv, self.env, self.config_args, self.cwd, self.stdin, self.modes, self.title)
        for name, value in self.sources.items():
            if isinstance(value, str):
                continue
            for smaller in without_one(value):
                yield copied({**self.sources, name: smaller})


def batched(items, size):
    batch = []
    for item in items:
        batch.append(item)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def without_one(value):
    if isinstance(value, dict):
        for key in list(value):
            yield {k: v for k, v in value.items() if k is not key}
        for key, item in value.items():
            for smaller in without_one(item):
                yield {**value, key: smaller}
    elif isinstance(value, list):
        for index in range(len(value)):
            yield value[:index] + value[index + 1:]
        for index, item in enumerate(value):
            for smaller in without_one(item):
                yield value[:index] + [smaller] + value[index + 1:]


def first_difference(want, got, path=""):
    """The first difference of two JSON values as text, or None."""
    here = path or "(top)"
    show = lambda value: json.dumps(value, ensure_ascii=False)[:120]
    both_numbers = all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in (want, got))
    if both_numbers:
        same = want == got or (isinstance(want, float) or isinstance(got, float)) and math.isclose(want, got, rel_tol=1e-12)
        return None if same else "%s: want %s, got %s" % (here, show(want), show(got))
    if type(want) is not type(got):
        return "%s: want %s, got %s" % (here, show(want), show(got))
    if isinstance(want, dict):
        for key in sorted(set(want) | set(got)):
            if key not in got:
                return "%s.%s: missing, want %s" % (path, key, show(want[key]))
            if key not in want:
                return "%s.%s: not wanted, got %s" % (path, key, show(got[key]))
            why = first_difference(want[key], got[key], "%s.%s" % (path, key))
            if why:
                return why
        return None
    if isinstance(want, list):
        for index in range(max(len(want), len(got))):
            if index >= len(got) or index >= len(want):
                return "%s: %d entries, want %d: want %s, got %s" % (here, len(got), len(want), show(want), show(got))
            why = first_difference(want[index], got[index], "%s[%d]" % (path, index))
            if why:
                return why
        return None
    return None if want == got else "%s: want %s, got %s" % (here, show(want), show(got))
