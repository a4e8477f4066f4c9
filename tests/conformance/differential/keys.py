"""The keys of the Compose Specification, and values that are valid in them."""
from model import Raw

# What every project of a service key has beside it, so that references are defined.
SURROUNDINGS = {
    "services": {"other": {"image": "o", "build": None}, "third": {"image": "t"}},
    "networks": {"n1": {}, "n2": None},
    "volumes": {"v1": None, "v2": {}},
    "secrets": {"s1": {"file": "./s1"}, "s2": {"environment": "S2"}},
    "configs": {"c1": {"file": "./c1"}, "c2": {"content": "x"}},
    "models": {"m1": {"model": "a"}, "m2": {"model": "b"}},
}
del SURROUNDINGS["services"]["other"]["build"]

HOOKS = [[{"command": "a b"}], [{"command": ["a", "b"], "user": "u", "privileged": True, "working_dir": "/w", "environment": ["A=1", "B"]}],
         [{"command": "x 'y z'", "environment": {"A": 1, "B": None}}], []]
MOUNTS = [["./a:/b"], ["v1:/v"], ["/abs:/c:ro"], ["/only"], ["~/x:/y"], ["v2:/v:nocopy"], ["./a:/b:z,ro"], ["../up:/b"], ["./a:/b/"],
          [{"type": "bind", "source": "./a", "target": "/b"}], [{"type": "volume", "source": "v1", "target": "/v", "volume": {"nocopy": True, "subpath": "s", "labels": {"a": "b"}}}],
          [{"type": "tmpfs", "target": "/t", "tmpfs": {"size": "1m", "mode": 0o1777}}], [{"type": "bind", "source": "a", "target": "/b", "bind": {"propagation": "rshared", "create_host_path": False, "selinux": "z", "recursive": "disabled"}}],
          [{"type": "volume", "target": "/anon"}], [{"type": "image", "source": "alpine", "target": "/i", "image": {"subpath": "x"}}], [{"type": "npipe", "source": "a", "target": "/b"}],
          [{"type": "cluster", "source": "v1", "target": "/b"}], ["./a:/b:rw,rshared"], ["v1:/v", "./a:/b", "/x:/y:cached"], [{"type": "tmpfs", "target": "/t", "tmpfs": {"size": 1024}}],
          [{"type": "bind", "source": "~/h", "target": "/b", "read_only": True, "consistency": "cached"}]]
PORTS = [[80], ["80"], ["8080:80"], ["127.0.0.1:8080:80"], ["8080-8082:80-82"], ["80-82"], ["8000-8010:80"], ["53:53/udp"], ["[::1]:80:80"], ["::1:80:80"], [":80"], ["0.0.0.0::80"],
         [{"target": 80}], [{"target": 80, "published": "8080", "host_ip": "127.0.0.1", "protocol": "udp", "mode": "host", "name": "n", "app_protocol": "http"}],
         [{"target": "80", "published": 8080}], [{"target": 80, "published": "8000-8010"}], ["80:80", "80:80/udp", {"target": 80, "published": "80"}], [80.0], ["1:1/sctp"], [{"published": "80"}], ["80/tcp"]]
FILES = lambda a, b: [[a], [{"source": a}], [{"source": a, "target": "/t"}], [{"source": a, "target": "t", "uid": "1", "gid": "2", "mode": 0o440}], [a, b], [{"source": b, "mode": "0440"}], [], [a, a], [{"source": a}, {"source": a, "target": "/q"}]]
DICTS = [{"A": "1"}, {"A": 1, "B": True, "C": None, "D": 1.5, "E": ""}, ["A=1"], ["A=1", "B", "C="], ["A=2", "B=x=y"], {}, [], {"B": "b"}, ["A"], {"a.b/c-d": "x y"}]
LISTS = [["a"], ["b", "a"], [], ["a", "c"]]
STRINGS_OR_LIST = ["a", ["a"], ["b", "a"], [], "b"]
UPDATE = [{"parallelism": 2, "delay": "10s", "failure_action": "rollback", "monitor": "1m", "max_failure_ratio": 0.3, "order": "start-first"}, {"parallelism": "1"}, {"max_failure_ratio": 1, "order": "stop-first"}, {}, {"parallelism": 0, "max_failure_ratio": "0.5"}, {"delay": "90s"}]
DEVICES = [[{"capabilities": ["gpu"]}], [{"capabilities": ["gpu", "x"], "driver": "nvidia", "count": 1}], [{"capabilities": ["a"], "device_ids": ["0", "1"], "options": {"a": "b"}}], [{"capabilities": ["a"], "count": "all"}], [{"capabilities": ["a"], "count": -1, "options": ["a=b"]}], [{"capabilities": [], "count": "2"}]]

SERVICE = {
    "annotations": DICTS, "attach": [True, False, "true"],
    "blkio_config": [{"weight": 10}, {"weight": "10", "weight_device": [{"path": "/d", "weight": 5}]}, {"device_read_bps": [{"path": "/d", "rate": "1mb"}], "device_write_iops": [{"path": "/d", "rate": 5}]}, {}],
    "build": [".", "./dir", {"context": "."}, {"context": "./d", "dockerfile": "D", "args": {"A": 1, "B": None}, "labels": ["a=b"], "target": "t"}, {"dockerfile_inline": "FROM x"}, {"args": ["A=1", "B"]},
              {"context": "https://github.com/a/b.git#main:dir"}, {"context": ".", "additional_contexts": {"a": "./x", "b": "docker-image://y"}}, {"context": ".", "additional_contexts": ["a=../x", "c=service:other2"]},
              {"context": ".", "cache_from": ["a", "type=local,src=x"], "cache_to": ["b"], "tags": ["t:1"], "platforms": ["linux/amd64"], "network": "host", "no_cache": True, "pull": False, "privileged": True, "shm_size": "1g", "isolation": "x"},
              {"context": ".", "secrets": ["s1", {"source": "s2", "target": "x"}], "ulimits": {"nofile": 5}, "extra_hosts": ["a=1.2.3.4"], "entitlements": ["x"], "provenance": True, "sbom": "x"}, {}, {"context": "/abs", "dockerfile": "../D"}, {"context": ".", "ssh": ["default"]}, None],
    "cap_add": LISTS, "cap_drop": LISTS, "cgroup": ["host", "private"], "cgroup_parent": ["a"],
    "command": ["a b", ["a", "b c"], "", [], None, "a \"b c\" 'd' $$X \\e", "sh -c 'x && y'", "a\nb"], "entrypoint": ["a b", ["a"], "", [], None, "/x -c \"y\""],
    "configs": FILES("c1", "c2"), "secrets": FILES("s1", "s2"), "container_name": ["name", "a.b-c_d"],
    "cpu_count": [2, "2", 0], "cpu_percent": [50, "50", "12.5"], "cpu_period": [100, "100", 1.5], "cpu_quota": [100, "100"], "cpu_rt_period": [100, "100", "1ms"], "cpu_rt_runtime": [100, "95000"], "cpu_shares": [5, "5"],
    "cpus": [0.5, "0.5", 1, "1", 0, 1.25e-1], "cpuset": ["0-1", "0"],
    "credential_spec": [{"file": "x"}, {"config": "c1"}, {"registry": "r"}, {}],
    "depends_on": [["other"], {"other": {"condition": "service_healthy"}}, {"other": {"condition": "service_started", "restart": True, "required": False}}, ["other", "third"], [], {}, {"other": {"condition": "service_completed_successfully"}, "third": {"condition": "service_started"}}],
    "deploy": [None, {}, {"replicas": 2}, {"replicas": "3"}, {"mode": "global", "labels": {"a": 1}}, {"labels": ["a=b"], "endpoint_mode": "vip"}] + [{"update_config": u} for u in UPDATE] + [{"rollback_config": UPDATE[0]}]
    + [{"resources": {"limits": {"cpus": "0.5", "memory": "50M", "pids": 5}}}, {"resources": {"reservations": {"cpus": 0.25, "memory": 1024, "generic_resources": [{"discrete_resource_spec": {"kind": "g", "value": 2}}], "devices": DEVICES[1]}}},
       {"restart_policy": {"condition": "on-failure", "delay": "5s", "max_attempts": 3, "window": "2m"}}, {"placement": {"constraints": ["a==b"], "preferences": [{"spread": "x"}], "max_replicas_per_node": 2}}, {"resources": {}}, {"placement": {}}],
    "develop": [{"watch": [{"path": "./a", "action": "rebuild"}]}, {"watch": [{"path": "b", "action": "sync", "target": "/t", "ignore": ["x"], "include": "y", "initial_sync": True}]}, {"watch": [{"path": ".", "action": "sync+exec", "target": "/t", "exec": {"command": "a b", "user": "u"}}]}, None, {}, {"watch": []}],
    "device_cgroup_rules": LISTS, "devices": [["/dev/a:/dev/b:rwm"], ["/dev/a"], ["/dev/a:/dev/b"], [{"source": "/dev/a", "target": "/dev/b", "permissions": "r"}], [{"source": "vendor/class=x"}], ["vendor.com/class=dev"], []],
    "dns": ["1.1.1.1", ["1.1.1.1", "8.8.8.8"], []], "dns_opt": LISTS, "dns_search": STRINGS_OR_LIST, "domainname": ["a.b"],
    "env_file": ["a.env", ["a.env"], ["a.env", "sub/b.env"], [{"path": "a.env"}], [{"path": "missing.env", "required": False}], [{"path": "a.env", "format": "raw"}], [{"path": "./a.env", "required": True}, "sub/b.env"], []],
    "environment": DICTS, "expose": [[80], ["80"], ["80-82", 90], ["80/udp"], []], "external_links": [["a"], ["a:b"], []],
    "extra_hosts": [["a:1.2.3.4"], ["a=1.2.3.4", "b=::1"], {"a": "1.2.3.4"}, {"a": ["1.1.1.1", "2.2.2.2"], "b": "::1"}, ["a:::1"], ["a:[::1]"], {"a": "[::1]"}, ["a=1.1.1.1", "a=2.2.2.2"], ["h:host-gateway"], [], {}],
    "gpus": ["all"] + DEVICES, "group_add": [["a"], [1, "b"], []],
    "healthcheck": [{"test": "a b"}, {"test": ["CMD", "a"]}, {"test": ["NONE"]}, {"disable": True}, {"test": ["CMD-SHELL", "x y"], "interval": "1m30s", "timeout": "90s", "retries": 3, "start_period": "1h", "start_interval": "500ms"}, {"retries": "5"}, {"interval": "10s"}, {}, {"test": []}],
    "hostname": ["h"], "image": ["i:1", "r:5000/a/b@sha256:" + "a" * 64], "init": [True, False, "true"], "ipc": ["host", "service:other", "container:x", "shareable"], "isolation": ["x"],
    "label_file": ["l.env", ["l.env"], []], "labels": DICTS, "links": [["other"], ["other:o"], ["third:t", "other"], []],
    "logging": [{"driver": "json-file"}, {"driver": "json-file", "options": {"max-size": "1m", "max-file": 3}}, {"options": {"a": "b"}}, {"driver": "syslog", "options": {"c": None}}, {}],
    "mac_address": ["02:42:ac:11:65:43"], "mem_limit": ["50m", 1024, "1gb", "1.5g"], "mem_reservation": ["50m", 1024], "mem_swappiness": [5, "5"], "memswap_limit": [-1, "1g", "-1"],
    "models": [["m1"], {"m1": None}, {"m1": {"endpoint_var": "E", "model_var": "M"}}, {"m1": {}, "m2": {"model_var": "X"}}, []],
    "network_mode": ["host", "none", "bridge", "service:other", "container:x", "n1"],
    "networks": [["n1"], {"n1": None}, {"n1": {"aliases": ["a"], "priority": 5}}, {"n1": {"ipv4_address": "10.0.0.5", "ipv6_address": "::5", "link_local_ips": ["1.1.1.1"], "mac_address": "02:42:ac:11:65:43", "driver_opts": {"a": 1}, "gw_priority": 2, "interface_name": "eth5"}}, ["n1", "n2"], [], {}, {"default": {"aliases": ["b"]}, "n2": {}}, ["default"]],
    "oom_kill_disable": [True, "false"], "oom_score_adj": [5, "-5", -1000], "pid": ["host", "service:other", "container:x", None], "pids_limit": [5, "5", -1, 1.0], "platform": ["linux/amd64"],
    "ports": PORTS, "post_start": HOOKS, "pre_stop": HOOKS, "privileged": [True, "false"], "profiles": [["p"], ["p", "q"], []],
    "provider": [{"type": "x"}, {"type": "x", "options": {"a": "b", "c": [1, "d"], "e": True}}], "pull_policy": ["always", "never", "missing", "if_not_present", "build", "daily", "weekly", "every_3d", "refresh"], "pull_refresh_after": ["1h"],
    "read_only": [True, "false"], "restart": ["no", "always", "on-failure:3", "unless-stopped", ""], "runtime": ["r"], "scale": [2, "3", 0, 1],
    "security_opt": LISTS, "shm_size": ["64m", 1024, "1.5gb"], "stdin_open": [True, "false"], "stop_grace_period": ["1m30s", "90s", "0s", "1.5s", "100ms"], "stop_signal": ["SIGINT"],
    "storage_opt": [{"size": "1G"}, {"size": 5}, {}], "sysctls": [{"a.b": 1}, ["a.b=1"], {"c": "0"}, {}, []], "tmpfs": ["/t", ["/t", "/u:size=5"], []], "tty": [True, "false"],
    "ulimits": [{"nofile": 5}, {"nofile": {"soft": 1, "hard": 2}}, {"nproc": "5", "nofile": 6}, {"nofile": {"soft": "1", "hard": 1}}, {}, {"core": -1}], "use_api_socket": [True, False], "user": ["u", "1:2"], "userns_mode": ["host"], "uts": ["host"],
    "volumes": MOUNTS, "volumes_from": [["other"], ["other:ro"], ["container:x:rw"], ["third", "other"], []], "working_dir": ["/w", "rel", "/w/"], "x-own": [1, {"a": [1]}, None, "s"],
}

TOP = {
    "networks": [None, {}, {"driver": "bridge"}, {"driver_opts": {"a": 1, "b": "c"}}, {"external": True}, {"external": True, "name": "real"}, {"external": False}, {"name": "real"}, {"internal": True, "attachable": "true"}, {"enable_ipv6": True, "enable_ipv4": False}, {"labels": {"a": 1}}, {"labels": ["a=b", "c"]},
                 {"ipam": {"driver": "d", "options": {"a": "b"}, "config": [{"subnet": "10.0.0.0/8", "gateway": "10.0.0.1", "ip_range": "10.1.0.0/16", "aux_addresses": {"a": "10.0.0.2"}}]}}, {"ipam": {}}, {"ipam": {"config": [{"subnet": "10.0.0.0/8"}, {"subnet": "fd00::/64"}]}}, {"ipam": {"config": [{"subnet": "fd00::/64", "gateway": "fd00::1"}]}}, {"x-a": 1}, {"external": {"name": "old"}}, {"external": "true"}],
    "volumes": [None, {}, {"driver": "local"}, {"driver_opts": {"type": "none", "o": "bind", "device": "./d"}}, {"driver_opts": {"a": 1}}, {"external": True}, {"external": True, "name": "real"}, {"name": "real"}, {"labels": {"a": 1}}, {"labels": ["a=b", "c"]}, {"external": {"name": "old"}}, {"external": "false"}, {"driver_opts": {"type": "none", "o": "bind", "device": "~/d"}}],
    "secrets": [{"file": "./s"}, {"environment": "E"}, {"external": True}, {"external": True, "name": "real"}, {"file": "./s", "name": "n", "labels": {"a": 1}}, {"file": "~/s"}, {"driver": "d", "driver_opts": {"a": 1}, "file": "x"}, {"template_driver": "t", "file": "/x"}, {"external": {"name": "old"}}, {"file": "../s", "labels": ["a"]}],
    "configs": [{"file": "./s"}, {"environment": "E"}, {"content": "a\nb $${X}"}, {"external": True}, {"external": True, "name": "real"}, {"file": "./s", "name": "n", "labels": ["a=b"]}, {"template_driver": "t", "content": ""}, {"external": {"name": "old"}}],
    "models": [{"model": "a"}, {"model": "a", "context_size": 5, "runtime_flags": ["x", "y"]}, {"model": "b", "name": "n"}, {"model": "a", "runtime_flags": ["y"]}],
}

# Keys below the first level of a service and of the other sections; `[]` is an entry of a list.
DEEP = """
blkio_config.weight blkio_config.weight_device.[] blkio_config.weight_device.[].path blkio_config.weight_device.[].weight blkio_config.device_read_bps.[].rate blkio_config.device_write_iops.[].rate
build.context build.dockerfile build.dockerfile_inline build.args build.args.A build.labels build.labels.A build.ssh build.cache_from build.cache_from.[] build.cache_to build.no_cache build.additional_contexts build.additional_contexts.A build.network build.pull build.target
build.shm_size build.extra_hosts build.extra_hosts.A build.isolation build.privileged build.secrets build.secrets.[] build.tags build.tags.[] build.ulimits build.ulimits.a build.platforms build.platforms.[] build.entitlements build.provenance build.sbom build.unknown build.x-own
command.[] entrypoint.[] configs.[] configs.[].source configs.[].target configs.[].uid configs.[].mode secrets.[] secrets.[].source secrets.[].mode secrets.[].gid
credential_spec.config credential_spec.file depends_on.[] depends_on.other depends_on.other.condition depends_on.other.restart depends_on.other.required
deploy.mode deploy.replicas deploy.labels deploy.labels.A deploy.endpoint_mode deploy.update_config deploy.update_config.parallelism deploy.update_config.delay deploy.update_config.failure_action deploy.update_config.monitor deploy.update_config.max_failure_ratio deploy.update_config.order deploy.rollback_config deploy.rollback_config.delay
deploy.resources deploy.resources.limits deploy.resources.limits.cpus deploy.resources.limits.memory deploy.resources.limits.pids deploy.resources.limits.devices deploy.resources.reservations deploy.resources.reservations.cpus deploy.resources.reservations.memory deploy.resources.reservations.pids
deploy.resources.reservations.devices deploy.resources.reservations.devices.[] deploy.resources.reservations.generic_resources deploy.resources.reservations.generic_resources.[] deploy.resources.reservations.generic_resources.[].discrete_resource_spec deploy.resources.reservations.generic_resources.[].discrete_resource_spec.value
deploy.restart_policy deploy.restart_policy.condition deploy.restart_policy.delay deploy.restart_policy.max_attempts deploy.restart_policy.window deploy.placement deploy.placement.constraints deploy.placement.constraints.[] deploy.placement.preferences deploy.placement.preferences.[] deploy.placement.preferences.[].spread deploy.placement.max_replicas_per_node deploy.unknown deploy.x-own
develop.watch develop.watch.[] develop.watch.[].path develop.watch.[].action develop.watch.[].ignore develop.watch.[].exec develop.watch.[].initial_sync develop.watch.[].target
device_cgroup_rules.[] devices.[] devices.[].source devices.[].target devices.[].permissions dns.[] dns_opt.[] dns_search.[] env_file.[] env_file.[].path env_file.[].required env_file.[].format environment.A environment.[] annotations.A labels.A labels.[]
expose.[] extends extends.service extends.file external_links.[] extra_hosts.[] extra_hosts.A extra_hosts.A.[] gpus.[] gpus.[].count gpus.[].capabilities gpus.[].device_ids gpus.[].options gpus.[].driver group_add.[]
healthcheck.test healthcheck.test.[] healthcheck.interval healthcheck.timeout healthcheck.retries healthcheck.start_period healthcheck.start_interval healthcheck.disable healthcheck.unknown healthcheck.x-own
label_file.[] links.[] logging.driver logging.options logging.options.a models.[] models.m1 models.m1.endpoint_var networks.[] networks.n1 networks.n1.aliases networks.n1.aliases.[] networks.n1.ipv4_address networks.n1.priority networks.n1.gw_priority networks.n1.driver_opts networks.n1.driver_opts.a networks.n1.mac_address networks.n1.link_local_ips networks.n1.interface_name networks.n1.unknown
ports.[] ports.[].target ports.[].published ports.[].protocol ports.[].mode ports.[].host_ip ports.[].name post_start.[] post_start.[].command post_start.[].environment post_start.[].environment.A post_start.[].privileged post_start.[].user post_start.[].working_dir pre_stop.[]
profiles.[] provider.type provider.options provider.options.a provider.options.a.[] security_opt.[] storage_opt.a sysctls.a sysctls.[] tmpfs.[] ulimits.a ulimits.a.soft ulimits.a.hard volumes.[] volumes.[].type volumes.[].source volumes.[].target volumes.[].read_only volumes.[].consistency volumes.[].bind volumes.[].bind.propagation
volumes.[].bind.create_host_path volumes.[].bind.selinux volumes.[].bind.recursive volumes.[].volume volumes.[].volume.nocopy volumes.[].volume.labels volumes.[].volume.subpath volumes.[].tmpfs volumes.[].tmpfs.size volumes.[].tmpfs.mode volumes.[].image volumes.[].image.subpath volumes_from.[] unknown
""".split()

# What an entry needs beside the key that is tried.
COMPANIONS = {
    "blkio_config.weight_device.[]": {"path": "/d", "weight": 5}, "blkio_config.device_read_bps.[]": {"path": "/d", "rate": 5}, "blkio_config.device_write_iops.[]": {"path": "/d", "rate": 5},
    "configs.[]": {"source": "c1"}, "secrets.[]": {"source": "s1"}, "depends_on.other": {"condition": "service_started"},
    "deploy.resources.reservations.generic_resources.[].discrete_resource_spec": {"kind": "k", "value": 1},
    "develop.watch.[]": {"path": "p", "action": "sync", "target": "/t"}, "devices.[]": {"source": "/dev/a"}, "env_file.[]": {"path": "a.env"}, "extends": {"service": "other"}, "gpus.[]": {"capabilities": ["gpu"]},
    "ports.[]": {"target": 80}, "post_start.[]": {"command": "a"}, "ulimits.a": {"soft": 1, "hard": 2}, "volumes.[]": {"type": "bind", "source": "/a", "target": "/b"}, "provider": {"type": "x"},
}

TOP_DEEP = """
name version services include networks volumes secrets configs models x-own unknown
services.a services.a.image include.[] include.[].path include.[].env_file include.[].project_directory
networks.n networks.n.driver networks.n.driver_opts networks.n.driver_opts.a networks.n.external networks.n.external.name networks.n.internal networks.n.attachable networks.n.enable_ipv6 networks.n.labels networks.n.labels.a networks.n.name networks.n.ipam networks.n.ipam.driver networks.n.ipam.options networks.n.ipam.options.a
networks.n.ipam.config networks.n.ipam.config.[] networks.n.ipam.config.[].subnet networks.n.ipam.config.[].gateway networks.n.ipam.config.[].aux_addresses networks.n.ipam.config.[].aux_addresses.a networks.n.unknown networks.n.x-own
volumes.v volumes.v.driver volumes.v.driver_opts volumes.v.driver_opts.a volumes.v.external volumes.v.external.name volumes.v.labels volumes.v.labels.a volumes.v.name volumes.v.unknown volumes.v.x-own
secrets.s secrets.s.file secrets.s.environment secrets.s.external secrets.s.name secrets.s.labels secrets.s.driver secrets.s.template_driver secrets.s.driver_opts secrets.s.x-own secrets.s.unknown secrets.s.content
configs.c configs.c.file configs.c.environment configs.c.content configs.c.external configs.c.name configs.c.labels configs.c.template_driver configs.c.x-own
models.m models.m.model models.m.context_size models.m.runtime_flags models.m.runtime_flags.[] models.m.name models.m.x-own
""".split()

ODD = [None, True, False, 0, 1, -1, 1.5, 1e3, "", "text", "5", "true", "yes", "-1", "1.5", [], [""], ["a"], ["a", "a"], [1], [1, 1.0], [None], [True], [["a"]], [{}], [{"a": "b"}], {}, {"a": "b"}, {"a": None}, {"a": 1},
       {"a": True}, {"a": ["b"]}, {"a": {}}, {"": "x"}, {"a b": "c"}, "${X}", "${N}", "${B}", "${UNSET}", "${UNSET-7}", ["${X}"], {"a": "${N}"}, {"${X}": "a"}, Raw("2001-01-01"), Raw("0o17"), Raw("017"), Raw("0x10"), Raw(".inf"), Raw("1_000"),
       Raw("~"), "a=b", ["a=b"], ["a=b", "a=c"], ["a=b", "c"], "a:b", ["a:b"], "10s", "1g", "10", "127.0.0.1", "a b", {"x-a": 1}, [{"x-a": 1}], Raw("!!str 5"), Raw("!own x"), " a ", "a\nb", "é", 10**19, 2**63 - 1, -2**63, 2**64]
