"""Texts with a grammar of their own: variables, env files, YAML, durations, sizes, ports, mounts, shell words."""
from model import Case, batched

ENVIRONMENT = {"X": "value", "N": "5", "B": "true", "EMPTY": "", "D": "a$b", "Y_1": "y"}


def pieces(random, parts, low, high):
    return "".join(random.choice(parts) for _ in range(random.randint(low, high)))


def expression(random, depth=0):
    name = random.choice(["X", "N", "EMPTY", "UNSET", "Y_1", "_u", "x", "D", "1A", "", "A.B", "A-B", " X", "X "] if random.random() < 0.15 else ["X", "N", "EMPTY", "UNSET", "Y_1", "D"])
    form = random.random()
    if form < 0.2:
        return "$" + name
    if form < 0.35:
        return "${%s}" % name
    operator = random.choice([":-", "-", ":?", "?", ":+", "+"] + ([":", "=", ":=", "!", "%", "/", "##"] if random.random() < 0.1 else []))
    if depth < 3 and random.random() < 0.4:
        operand = pieces(random, ["a", " ", "-", ":", "$$"], 0, 2) + expression(random, depth + 1) + pieces(random, ["b", "}", "", ":", "{"], 0, 1)
    else:
        operand = pieces(random, ["a", "b c", ":", "-", "?", "/", "$", "$$", "}", "{", "'", "\"", "\\", "$(", ")", "\n", "0", ".", "é", "#", "@", "${", "$X"] if random.random() < 0.4 else ["a", "b", ":", "-", "/x", "0", " "], 0, 4)
    return "${%s%s%s}" % (name, operator, operand)


def interpolation(random, count):
    def build(parts):
        services = {"s%d" % number: part for number, part in enumerate(parts)}
        return Case({"compose.yaml": {"name": "p", "services": services}}, env=ENVIRONMENT, modes=["json", "variables", "no-interpolate", "yaml", "hash"])
    for parts in batched(interpolated_services(random, count), 6):
        yield Case.of_parts(parts, build)


def interpolated_services(random, count):
    for _ in range(count):
        text = pieces(random, ["", "a", "$", "$$", "-", "{", "}", ":", " ", "\\", "$$$", "é", "$1", "$(x)", "\n"], 0, 2) + expression(random) + pieces(random, ["", "z", "$", "}", "$$", "{", ":80"], 0, 2)
        if random.random() < 0.3:
            text += expression(random)
        place = random.choice(["environment", "label", "image", "command", "list", "ext", "key", "int", "bool", "port", "volume", "dur"])
        service = {"image": "i"}
        if place == "environment":
            service["environment"] = {"K": text}
        elif place == "label":
            service["labels"] = ["l=" + text]
        elif place == "image":
            service["image"] = text
        elif place == "command":
            service["command"] = text
        elif place == "list":
            service["entrypoint"] = ["x", text]
        elif place == "ext":
            service["x-a"] = {"b": [text]}
        elif place == "key":
            service["environment"] = {text: "v"}
        elif place == "int":
            service["healthcheck"] = {"test": "x", "retries": "${%s}" % random.choice(["N", "N:-7", "UNSET:-8", "UNSET", "X", "EMPTY", "B", "UNSET:-1.5", "UNSET:-+4", "UNSET:-0x10", "UNSET:-08", "UNSET:-1_000", "UNSET:- 5"])}
        elif place == "bool":
            service["privileged"] = "${%s}" % random.choice(["B", "UNSET:-yes", "UNSET:-No", "UNSET:-off", "UNSET:-y", "UNSET:-TRUE", "UNSET:-1", "UNSET:-t", "EMPTY", "X", "UNSET"])
        elif place == "port":
            service["ports"] = [random.choice(["${N}:80", "${UNSET:-8080}:${N}", "${EMPTY}:80", "${X}:80", "${UNSET:-80-82}", "127.0.0.1:${EMPTY}:80"])]
        elif place == "volume":
            service["volumes"] = [random.choice(["${X}:/b", "./${X}:/b", "${UNSET:-./d}:/b", "${EMPTY}:/b", "/a:${UNSET}", "/a:/b${EMPTY:+:ro}", "/a:/b:${EMPTY}"])]
        else:
            service["stop_grace_period"] = "${UNSET:-%s}" % random.choice(["1m", "5", "", "1.5h", "x"])
        yield service


def dotenv_text(random):
    lines = []
    for _ in range(random.randint(1, 5)):
        name = random.choice(["A", "B", "C_1", "a.b", "a-b", "X", "é", "A[0]", "1A"] if random.random() < 0.8 else ["", " A", "A ", "A B", "A*", "export", "exportA", "A\t", "-", ".", "A\r", "#A", "$A"])
        value = pieces(random, ["a", "b c", " ", "#", " #", "=", "$X", "${B}", "${U:-d}", "'", '"', "\\n", "\\", "\\$", "$$", "\t", ":", "é", "$", "\\\\", "\\'", '\\"', "{", "}", "\\101", "\\0101", "$(a)", "\\x41", "\r", "%", "`"], 0, 5)
        form = random.random()
        if form < 0.2:
            value = '"%s"' % value
        elif form < 0.4:
            value = "'%s'" % value
        elif form < 0.47:
            value = '"%s\n%s"' % (value, pieces(random, ["a", "B=c", " ", "#", "\n", "$X"], 0, 3))
        elif form < 0.52:
            value = '"%s" %s' % (value, random.choice(["# c", "tail", "#c", "'x'"]))
        lines.append(random.choice(["", "", "", "export ", " ", "export\t", "\t", "# "]) + name + random.choice(["=", "=", "=", "= ", " = ", ":", ": ", "", " ="]) + value)
        if random.random() < 0.15:
            lines.append(random.choice(["", "# comment", "   ", "\t# x", "#", "=", "B"]))
    return random.choice(["", "", "", "\ufeff"]) + random.choice(["\n", "\n", "\n", "\r\n"]).join(lines) + random.choice(["\n", "", "\n\n"])


def dotenv(random, count):
    compose = {"name": "p", "services": {"s": {"image": "i", "environment": ["GOT=${A-unset}|${B-unset}|${X-unset}"]}}}
    for _ in range(count):
        text = dotenv_text(random)
        kind = random.random()
        if kind < 0.4:
            yield Case({"compose.yaml": compose, ".env": text}, env={"X": "value"}, modes=["environment", "json"])
        else:
            yield Case({"compose.yaml": compose, "e1": text, "e2": dotenv_text(random)}, argv=["--env-file", "e1", "--env-file", "e2"], env={"X": "value"}, modes=["environment"])
    def build(parts):
        services, files = {}, {}
        for number, (text, form, environment) in enumerate(parts):
            path = "e%d.env" % number
            files[path] = text
            services["s%d" % number] = {"image": "i", **({"label_file": path} if form == "label" else {"env_file": [{"path": path, **form}]}), "environment": environment}
        return Case({"compose.yaml": {"name": "p", "services": services}, **files}, env={"X": "value"})
    parts = [(dotenv_text(random), random.choice([{}, {}, {"format": "raw"}, "label"]), random.choice([{}, {"X": None, "OWN": "1"}, ["B=mine"]])) for _ in range(count * 2)]
    for some in batched(parts, 6):
        yield Case.of_parts(some, build)


def scalar(random):
    simple = ["y", "Yes", "NO", "on", "Off", "true", "True", "TRUE", "tRue", "null", "Null", "NULL", "~", "", "0", "-0", "+0", "00", "08", "07", "0o7", "0O7", "0x1f", "0XFF", "0b101", "-0b11", "-0x1", "1_000", "_1", "1_", "1__0", "1e3", "1E3", "1e-7", "1.0", "1.", ".5", "-.5", "+.5", "1.5e300", "1e400",
              "123456789012345678", "9223372036854775807", "9223372036854775808", "18446744073709551615", "18446744073709551616", "-9223372036854775809", ".inf", "-.INF", "+.Inf", ".nan", ".NaN", "inf", "nan", "1:30", "190:20:30", "1:60", "2001-01-01", "2001-1-1", "2001-01-01T00:00:00Z", "2001-01-01 00:00:00",
              "2001-12-14t21:59:43.10-05:00", "2001-13-01", "=", "<<", "a: b", "a #b", "a#b", "#a", "- a", "-a", "?a", "? a", ":a", "a:", "@a", "`a", "%a", "!a b", "&a b", "*a", "|", ">", "[a", "{a", "]", "}", ",", "a,b", "'a", '"a', "0.1e1", "1e", "e1", "0x", "0b", "0o", "1.2.3", "0x1.8p1", "1_000.5", "0_7", "0x_1", "1e1_0", "12e03", "-2E+05", "0.0", "-0.0", "1e21", "1e20", "123456789.123", "0.000001", "0.0000001", "685_230.15", "+12", "+1.5", "٣", "1,000"]
    form = random.random()
    if form < 0.6:
        return random.choice(simple)
    if form < 0.75:
        return '"%s"' % pieces(random, ["a", "\\n", "\\t", "\\x41", "\\u00e9", "\\U0001F600", "\\e", "\\0", "\\/", "\\_", "\\N", "\\L", "\\ ", "\\\\", "\\'", "'", "é", " ", "#", ": ", "\\z", "\n    ", "\\\n   ", "\\ud83d\\ude00", "\\\""], 0, 4)
    if form < 0.85:
        return "'%s'" % pieces(random, ["a", "''", '"', "\\n", " ", "#", ": ", "é", "\n    b", "\n\n    c"], 0, 4)
    if form < 0.95:
        return random.choice(["!!str ", "!!int ", "!!float ", "!!bool ", "!!null ", "!!binary ", "!!timestamp ", "! ", "!x ", "!!map ", "!<tag:yaml.org,2002:str> ", "&a ", "&a !!str ", "!!str &a "]) + random.choice(simple + ["aGVsbG8="])
    return random.choice(["|", ">", "|-", ">-", "|+", ">+", "|2", ">1-", "|1"]) + random.choice(["", " # c"]) + "\n" + "".join("      " + random.choice(["a", " b", "", "c: d", "# x", "$X", "\t"]) + "\n" for _ in range(random.randint(0, 4)))


PLACES = {"environment": "    environment:\n      K: %s\n", "ext": "    x-a:\n      k: %s\n", "list": "    labels:\n    - %s\n", "command": "    command:\n    - %s\n", "image": "    hostname: %s\n", "key": "    environment:\n      %s: v\n", "mem": "    mem_limit: %s\n",
          "flow": "    x-f: [a, %s, b]\n", "arg": "    sysctls:\n      K: %s\n", "retries": "    healthcheck:\n      retries: %s\n", "cpus": "    cpus: %s\n", "expose": "    expose:\n    - %s\n"}


def yaml_scalars(random, count):
    def build(parts):
        services = "".join("  s%d:\n    image: i\n%s" % (number, part) for number, part in enumerate(parts))
        return Case({"compose.yaml": "name: p\nservices:\n" + services}, env=ENVIRONMENT, modes=["json", "yaml", "hash", "no-interpolate"])
    parts = [PLACES[random.choice(["environment", "ext", "ext", "environment", "arg", "flow"] if random.random() < 0.6 else list(PLACES))] % scalar(random) for _ in range(count)]
    for some in batched(parts, 4):
        yield Case.of_parts(some, build)


def yaml_documents(random, count):
    """Structure: anchors, merge keys, several documents, comments, indentation, directives, tags."""
    parts = ["x-a: &a\n  environment: {A: 1, B: 2}\n  labels: [l=1]\n", "x-b: &b {image: i, environment: {B: 3}}\n", "x-l: &l [a, b]\n", "x-s: &s text\n", "x-n: &n\n", "x-r: !reset {a: b}\n"]
    bodies = ["services:\n  s:\n    <<: *a\n    image: i\n", "services:\n  s:\n    image: i\n    <<: [*b, *a]\n", "services:\n  s:\n    <<: [*a, *b]\n    image: i\n    environment:\n      C: 1\n", "services:\n  s: *b\n  t: *b\n", "services:\n  s: &q\n    image: i\n  t:\n    <<: *q\n    command: *l\n", "services:\n  s:\n    image: i\n    command: *l\n    hostname: *s\n",
              "services:\n  s:\n    image: i\n    environment:\n      <<: {A: 1}\n      B: 2\n", "services:\n  s:\n    <<: *a\n    <<: *b\n", "services:\n  s:\n    image: i\n    <<: *n\n", "services:\n  s:\n    image: i\n    <<: {}\n", "services:\n  s:\n    image: i\n    <<: text\n", "services:\n  s:\n    image: i\n    <<: [a]\n", "services:\n  s:\n    image: i\n    *s : x\n", "services: {s: {image: i}}\n", "services:\n    s:\n        image: i\n", "services:\n  s:\n    image: i\n    ports:\n    - 80\n    command:\n      - a\n",
              "services:\n  s:\n   image: i\n   hostname: h\n", "services:\n  s:\n    image: i\n   hostname: h\n", "services:\n  s:\n    image: i\n      hostname: h\n", "services:\n\ts:\n    image: i\n", "services:\n  s:\n    image: i\t# c\n", "services:\n  s:\n    image: i\n    ? hostname\n    : h\n", "services:\n  s:\n    image: i\n    image: j\n", "services:\n  s:\n    image: i\n  s:\n    image: j\n", "services:\n  s:\n    \"image\": i\n    'hostname': h\n", "services:\n  s:\n    image:\n      i\n",
              "services:\n  s:\n    image: i\n    command: a\n      b\n", "services:\n  s:\n    image: i\n    environment: [\n      A=1,\n      B=2,\n    ]\n", "services:\n  s:\n    image: i\n    environment: [\n    A=1\n  ]\n", "services:\n  s: {image: i, environment: {A: 1,}}\n", "services:\n  s: {image: i, environment: [a, , b]}\n", "services:\n  s:\n    image: i\n    labels: {a: b, c}\n", "services:\n  s:\n    image: i\n    labels: [a: b]\n", "services:\n  s:\n    image: i\n    labels:\n      - a: b\n        c: d\n", "services:\n  s:\n    image: i\n    environment:\n      <<: *a\n",
              "services:\n  s:\n    image: i\n    environment: !!map {A: 1}\n", "services:\n  s: !own\n    image: i\n", "services:\n  s:\n    image: i\n    ports: !!seq [80]\n", "services:\n  s:\n    image: i\n    environment: !!set {A, B}\n", "services:\n  s:\n    image: i\n    environment: !!omap [A: 1]\n", "services:\n  s:\n    image: i\n    1: x\n", "services:\n  s:\n    image: i\n    x-1: {1: a, true: b, null: c, 1.5: d}\n", "services:\n  1:\n    image: i\n", "services:\n  s:\n    image: i\n    x-k: {? [a] : b}\n", "services:\n  s:\n    image: i\n    x-k: {[a]: b}\n", "services:\n  s:\n    image: i\n    x-k: {{a: b}: c}\n", "services:\n- s\n", "services:\n", "services: {}\n", "services:\n  s:\n", "services:\n  s: {}\n", "x-only: 1\n",
              "services:\n  s:\n    image: i\n    healthcheck: &h\n      test: x\n      x-more: *s\n", "services:\n  s:\n    image: i\n    x-c: &c\n      a: *c\n", "services:\n  s:\n    image: *missing\n", "services:\n  s: {image: 'i', command: \"a\n    b\"}\n", "services:\n  s:\n    image: i\n    command: >\n      a\n      b\n\n      c\n    hostname: h\n", "services:\n  s:\n    image: i\n    command: |\n     a\n      b\n    hostname: h\n", "services:\n  s:\n    image: i\n    command: |2\n      a\n"]
    heads = ["", "", "", "---\n", "%YAML 1.1\n---\n", "%YAML 1.2\n---\n", "%TAG ! tag:x,2000:\n---\n", "# c\n", "\ufeff", "\n\n", "--- # c\n", "---\n---\n", "%FOO bar\n---\n", "--- !own\n"]
    tails = ["", "", "", "...\n", "---\n", "---\nservices: {t: {image: j}}\n", "---\nservices: {s: {image: k, environment: {Z: 1}}}\n", "# end", "...\n---\nx-z: 1\n", "---\n# nothing\n", "\n\n", "...\nx\n", "---\nservices:\n  s:\n    image: !reset null\n", "---\n- a\n", "---\ntext\n", "\0"]
    for body in bodies:
        yield Case({"compose.yaml": "".join(parts[:5]) + body}, argv=["-p", "p"], modes=["json", "yaml"])
    for _ in range(count):
        text = random.choice(heads) + "".join(part for part in parts if random.random() < 0.6) + random.choice(bodies) + random.choice(tails)
        if random.random() < 0.1:
            text = text.replace("\n", "\r\n")
        yield Case({"compose.yaml": text}, argv=["-p", "p"], modes=["json", random.choice(["yaml", "no-interpolate-yaml"])])


def mutated(random, text, alphabet):
    for _ in range(random.choice([0, 1, 1, 2, 3])):
        at = random.randint(0, len(text))
        how = random.random()
        text = text[:at] + (random.choice(alphabet) if how < 0.6 else "") + text[at + (1 if how > 0.4 else 0):]
    return text


def small_texts(random, count):
    """Durations, sizes, ports, mounts, devices, hosts, images, shell words, each with a few characters changed."""
    forms = {
        "duration": (["1m30s", "90s", "500ms", "1h", "0", "1.5h", "1h2m3s", "2us", "10ns", "1d", "1w2d", "1w", "300", "-5s", "1µs", "1m 5s", "3d12h"], "0123456789smhdwun.+-e µ ", lambda t: {"stop_grace_period": t, "healthcheck": {"test": "x", "interval": t}}),
        "window": (["1m", "1.5s", "2d", "90m"], "0123456789smhdw.-", lambda t: {"deploy": {"restart_policy": {"window": t}, "update_config": {"delay": t}}}),
        "bytes": (["50m", "1gb", "1.5GiB", "1024", "2kb", "1tb", "10 MB", "0.5g", "1b", "3KiB", "1 k", "-1", "1e3", "1pb"], "0123456789kmgtpbiKMGB. -e_", lambda t: {"mem_limit": t, "shm_size": t}),
        "swap": (["-1", "0", "1g", "-2"], "0123456789-gm", lambda t: {"memswap_limit": t}),
        "port": (["80", "8080:80", "127.0.0.1:80:80", "80-82:80-82", "[::1]:80:80/udp", "80/tcp", "8000-9000:80", "127.0.0.1::80", ":80", "1.2.3.4:5-6:7-8/sctp", "[::]:80:80", "::1:1:1", "0:80", "65535:65536", "localhost:80:80"], "0123456789:-/.[]tcpud ", lambda t: {"ports": [t]}),
        "expose": (["80", "80-82", "80/udp", "80-82/tcp", "65535", "0"], "0123456789-/tcpud", lambda t: {"expose": [t]}),
        "mount": (["./a:/b", "/a:/b:ro", "v1:/v", "~/x:/y", "/only", "C:\\x:/y", "c:/a:/b", "v1:/v:nocopy,ro", "a.b:/c", "../a:/b:z", ".:/b", "./a:b", "/a:/b:rw:z", "\\\\.\\pipe\\x:/y", "~:/b", "~user/x:/b", "/a::ro", "/:/b", "a/b:/c", "v1:/v:ro,z,rshared", "/a:/b:consistent"], "abcv1/.:~\\,ro Zz", lambda t: {"volumes": [t]}),
        "device": (["/dev/a:/dev/b:rwm", "/dev/a", "/dev/a:/dev/b", "/dev/a:rw", "a.com/b=c", "/dev/a:/b:r:w"], "/devab:rwm.=", lambda t: {"devices": [t]}),
        "host": (["a:1.2.3.4", "a=1.2.3.4", "a:::1", "a=[::1]", "a:[::1]", "h:host-gateway", "a = b", "a:b:c", "a", "a=b=c", "=b", "a="], "ab:=.1[] ", lambda t: {"extra_hosts": [t]}),
        "image": (["a", "a:b", "a/b:c", "r:5000/a/b:t", "a@sha256:" + "0" * 64, "A/b", "a:B", "a/b@", "a:", "docker.io/a"], "abA:/@._-5", lambda t: {"image": t, "pull_policy": "always"}),
        "shell": (["a b", "a 'b c' d", 'a "b c" d', "a\\ b", "a 'b", 'x "\\"y\\""', "a;b", "a|b && c", "$$(a b)", "`a`", "a #b", "a\tb\nc", "'a''b'", '""', "a\\\nb", "(a)", "a > b", "a \\"], "ab '\"\\\n\t;|&()<>$#`{}*", lambda t: {"command": t, "entrypoint": t}),
        "ulimit": (["5", "1024:2048", "-1", "unlimited", "1.5"], "0123456789:-", lambda t: {"ulimits": {"nofile": t}}),
        "cpus": (["0.5", "1", "1e-1", "0x1", "inf", "nan", "-1", ".5", "1_0", " 1"], "0123456789.e-+x_ ", lambda t: {"cpus": t, "cpu_shares": t}),
        "link": (["other", "other:o", ":o", "other:", "other:a:b"], "other:ab", lambda t: {"links": [t]}),
        "from": (["other", "other:ro", "container:x", "container:x:rw", "other:zz", "x"], "otherc:ainw", lambda t: {"volumes_from": [t]}),
        "mode": (["service:other", "container:x", "host", "none", "service:", "service:x", "bridge", "default", "n1"], "servic:othn1", lambda t: {"network_mode": t}),
        "space": (["service:other", "container:x", "host", "private", "service:none", "shareable", ""], "servic:oth", lambda t: {"pid": t, "ipc": t}),
        "env": (["A=b", "A", "A=", "=b", "A=b=c", "A b=c", " A=b", "A =b", "A= b", "a.b=c", ""], "Ab= .", lambda t: {"environment": [t, "B=1"], "labels": [t]}),
        "pull": (["every_3d", "every_1w2d", "every_5m", "daily", "every_", "every_x", "every_3", "always", "ALWAYS", "every_1h30m", "missing "], "every_123dhmsw", lambda t: {"pull_policy": t}),
        "name": (["a", "a-b", "a_b.c", "A", "-a", "a/", "ab"], "abA-_./ 1", lambda t: {"container_name": t, "hostname": t}),
        "mac": (["02:42:ac:11:65:43", "02-42-ac-11-65-43", "x"], "0123456789abcdef:-", lambda t: {"mac_address": t}),
        "ip": (["10.0.0.5", "::1", "10.0.0", "10.0.0.256", "x"], "0123456789.:", lambda t: {"networks": {"n1": {"ipv4_address": t, "ipv6_address": t}}}),
        "build": (["git@github.com:a/b.git", "https://a/b.git#x:y", "github.com/a/b", "./x", "../x", "/x", "~/x", "http://a/b", "git://a", "ssh://a/b", "docker-image://x", "oci-layout://x", "service:other", "https://a/b", "a/b.git", "a", "."], "abgit:/.#@~", lambda t: {"build": {"context": t, "additional_contexts": {"c": t}}}),
        "buildfile": (["D", "./D", "../D", "/D", "~/D", "sub/D", "D.", ""], "D./~", lambda t: {"build": {"context": "sub", "dockerfile": t}}),
        "tmpfs": (["/t", "/t:size=5m", "/t:", "t", "/t:mode=1777,size=1g", "/t,/u"], "/t:size=5,", lambda t: {"tmpfs": t}),
        "envpath": (["a.env", "./a.env", "../case/a.env", "~/a.env", "/case/a.env", "sub/../a.env", "a.env/"], "a.env/~", lambda t: {"env_file": t}),
        "watch": (["./x", "x/", "~/x", "/x", "../x"], "x./~", lambda t: {"develop": {"watch": [{"path": t, "action": "rebuild"}]}}),
        "replicas": (["2", "0", "-1", "1.5", "x", "+2", "02"], "0123456789-+.", lambda t: {"deploy": {"replicas": t}}),
        "modebits": (["0440", "440", "0o440", "0x1", "x", "-1", "1.5", "09"], "0123456789ox", lambda t: {"secrets": [{"source": "s1", "mode": t}]}),
    }
    beside = {"networks": {"n1": {}}, "volumes": {"v1": {}}, "secrets": {"s1": {"file": "x"}}}
    def build(parts):
        services = {"s%d" % number: {"image": "i", **keys} for number, keys in enumerate(parts)}
        return Case({"compose.yaml": {"name": "p", "services": {**services, "other": {"image": "o", "build": "."}}, **beside}, "a.env": "A=1\n"}, modes=["json", "hash"])
    parts = [forms[kind][2](text) for kind in forms for text in forms[kind][0]]
    for _ in range(count):
        texts, alphabet, keys = forms[random.choice(list(forms))]
        parts.append(keys(mutated(random, random.choice(texts), alphabet)))
    for some in batched(parts, 4):
        yield Case.of_parts(some, build)


GENERATORS = {"interpolation": interpolation, "dotenv": dotenv, "scalars": yaml_scalars, "yaml": yaml_documents, "small": small_texts}
