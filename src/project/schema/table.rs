//! The keys and types of the Compose Specification, as docker compose 2.40 checks them.

use super::{Object, Others, Shape, Types, pattern};

const STRING: Types = Types::STRING;
const INTEGER: Types = Types::INTEGER;
const NUMBER: Types = Types::NUMBER;
const BOOLEAN: Types = Types::BOOLEAN;
const NULL: Types = Types::NULL;

/// A whole Compose file.
pub(super) static PROJECT: Shape = Shape::Object(&Object {
    keys: &[
        (
            "configs",
            &Shape::Object(&Object {
                keys: &[],
                required: &[],
                others: Others::Named {
                    name: pattern::resource_name,
                    shape: &CONFIG,
                    closed: true,
                },
                or: Types::NONE,
            }),
        ),
        (
            "include",
            &Shape::List {
                item: &INCLUDE,
                unique: false,
            },
        ),
        (
            "models",
            &Shape::Object(&Object {
                keys: &[],
                required: &[],
                others: Others::Named {
                    name: pattern::resource_name,
                    shape: &MODEL,
                    closed: false,
                },
                or: Types::NONE,
            }),
        ),
        ("name", &Shape::Types(STRING)),
        (
            "networks",
            &Shape::Object(&Object {
                keys: &[],
                required: &[],
                others: Others::Named {
                    name: pattern::resource_name,
                    shape: &NETWORK,
                    closed: false,
                },
                or: Types::NONE,
            }),
        ),
        (
            "secrets",
            &Shape::Object(&Object {
                keys: &[],
                required: &[],
                others: Others::Named {
                    name: pattern::resource_name,
                    shape: &SECRET,
                    closed: true,
                },
                or: Types::NONE,
            }),
        ),
        (
            "services",
            &Shape::Object(&Object {
                keys: &[],
                required: &[],
                others: Others::Named {
                    name: pattern::resource_name,
                    shape: &SERVICE,
                    closed: true,
                },
                or: Types::NONE,
            }),
        ),
        ("version", &Shape::Types(STRING)),
        (
            "volumes",
            &Shape::Object(&Object {
                keys: &[],
                required: &[],
                others: Others::Named {
                    name: pattern::resource_name,
                    shape: &VOLUME,
                    closed: true,
                },
                or: Types::NONE,
            }),
        ),
    ],
    required: &[],
    others: Others::Extensions,
    or: Types::NONE,
});

static SERVICE: Shape = Shape::Object(&Object {
    keys: &[
        ("annotations", &LIST_OR_DICT),
        ("attach", &Shape::Types(STRING.or(BOOLEAN))),
        (
            "blkio_config",
            &Shape::Object(&Object {
                keys: &[
                    (
                        "device_read_bps",
                        &Shape::List {
                            item: &BLKIO_LIMIT,
                            unique: false,
                        },
                    ),
                    (
                        "device_read_iops",
                        &Shape::List {
                            item: &BLKIO_LIMIT,
                            unique: false,
                        },
                    ),
                    (
                        "device_write_bps",
                        &Shape::List {
                            item: &BLKIO_LIMIT,
                            unique: false,
                        },
                    ),
                    (
                        "device_write_iops",
                        &Shape::List {
                            item: &BLKIO_LIMIT,
                            unique: false,
                        },
                    ),
                    ("weight", &Shape::Types(STRING.or(INTEGER))),
                    (
                        "weight_device",
                        &Shape::List {
                            item: &BLKIO_WEIGHT,
                            unique: false,
                        },
                    ),
                ],
                required: &[],
                others: Others::None,
                or: Types::NONE,
            }),
        ),
        (
            "build",
            &Shape::Either(&[
                &Shape::Types(STRING),
                &Shape::Object(&Object {
                    keys: &[
                        ("additional_contexts", &LIST_OR_DICT),
                        ("args", &LIST_OR_DICT),
                        (
                            "cache_from",
                            &Shape::List {
                                item: &Shape::Types(STRING),
                                unique: false,
                            },
                        ),
                        (
                            "cache_to",
                            &Shape::List {
                                item: &Shape::Types(STRING),
                                unique: false,
                            },
                        ),
                        ("context", &Shape::Types(STRING)),
                        ("dockerfile", &Shape::Types(STRING)),
                        ("dockerfile_inline", &Shape::Types(STRING)),
                        (
                            "entitlements",
                            &Shape::List {
                                item: &Shape::Types(STRING),
                                unique: false,
                            },
                        ),
                        ("extra_hosts", &EXTRA_HOSTS),
                        ("isolation", &Shape::Types(STRING)),
                        ("labels", &LIST_OR_DICT),
                        ("network", &Shape::Types(STRING)),
                        ("no_cache", &Shape::Types(STRING.or(BOOLEAN))),
                        (
                            "platforms",
                            &Shape::List {
                                item: &Shape::Types(STRING),
                                unique: false,
                            },
                        ),
                        ("privileged", &Shape::Types(STRING.or(BOOLEAN))),
                        ("provenance", &Shape::Types(STRING.or(BOOLEAN))),
                        ("pull", &Shape::Types(STRING.or(BOOLEAN))),
                        ("sbom", &Shape::Types(STRING.or(BOOLEAN))),
                        ("secrets", &SERVICE_CONFIG_OR_SECRET),
                        ("shm_size", &Shape::Types(STRING.or(INTEGER))),
                        ("ssh", &LIST_OR_DICT),
                        (
                            "tags",
                            &Shape::List {
                                item: &Shape::Types(STRING),
                                unique: false,
                            },
                        ),
                        ("target", &Shape::Types(STRING)),
                        ("ulimits", &ULIMITS),
                    ],
                    required: &[],
                    others: Others::Extensions,
                    or: Types::NONE,
                }),
            ]),
        ),
        (
            "cap_add",
            &Shape::List {
                item: &Shape::Types(STRING),
                unique: true,
            },
        ),
        (
            "cap_drop",
            &Shape::List {
                item: &Shape::Types(STRING),
                unique: true,
            },
        ),
        ("cgroup", &Shape::Word(&["host", "private"])),
        ("cgroup_parent", &Shape::Types(STRING)),
        ("command", &COMMAND),
        ("configs", &SERVICE_CONFIG_OR_SECRET),
        ("container_name", &Shape::Pattern(pattern::CONTAINER_NAME)),
        (
            "cpu_count",
            &Shape::Either(&[
                &Shape::Types(STRING),
                &Shape::Range {
                    low: 0,
                    high: i64::MAX,
                },
            ]),
        ),
        (
            "cpu_percent",
            &Shape::Either(&[&Shape::Types(STRING), &Shape::Range { low: 0, high: 100 }]),
        ),
        ("cpu_period", &Shape::Types(STRING.or(NUMBER))),
        ("cpu_quota", &Shape::Types(STRING.or(NUMBER))),
        ("cpu_rt_period", &Shape::Types(STRING.or(NUMBER))),
        ("cpu_rt_runtime", &Shape::Types(STRING.or(NUMBER))),
        ("cpu_shares", &Shape::Types(STRING.or(NUMBER))),
        ("cpus", &Shape::Types(STRING.or(NUMBER))),
        ("cpuset", &Shape::Types(STRING)),
        (
            "credential_spec",
            &Shape::Object(&Object {
                keys: &[
                    ("config", &Shape::Types(STRING)),
                    ("file", &Shape::Types(STRING)),
                    ("registry", &Shape::Types(STRING)),
                ],
                required: &[],
                others: Others::Extensions,
                or: Types::NONE,
            }),
        ),
        (
            "depends_on",
            &Shape::Either(&[
                &LIST_OF_STRINGS,
                &Shape::Object(&Object {
                    keys: &[],
                    required: &[],
                    others: Others::Named {
                        name: pattern::resource_name,
                        shape: &Shape::Object(&Object {
                            keys: &[
                                (
                                    "condition",
                                    &Shape::Word(&[
                                        "service_started",
                                        "service_healthy",
                                        "service_completed_successfully",
                                    ]),
                                ),
                                ("required", &Shape::Types(BOOLEAN)),
                                ("restart", &Shape::Types(STRING.or(BOOLEAN))),
                            ],
                            required: &["condition"],
                            others: Others::Extensions,
                            or: Types::NONE,
                        }),
                        closed: true,
                    },
                    or: Types::NONE,
                }),
            ]),
        ),
        ("deploy", &DEPLOYMENT),
        ("develop", &DEVELOPMENT),
        ("device_cgroup_rules", &LIST_OF_STRINGS),
        (
            "devices",
            &Shape::List {
                item: &Shape::Either(&[
                    &Shape::Types(STRING),
                    &Shape::Object(&Object {
                        keys: &[
                            ("permissions", &Shape::Types(STRING)),
                            ("source", &Shape::Types(STRING)),
                            ("target", &Shape::Types(STRING)),
                        ],
                        required: &["source"],
                        others: Others::Extensions,
                        or: Types::NONE,
                    }),
                ]),
                unique: false,
            },
        ),
        ("dns", &STRING_OR_LIST),
        (
            "dns_opt",
            &Shape::List {
                item: &Shape::Types(STRING),
                unique: true,
            },
        ),
        ("dns_search", &STRING_OR_LIST),
        ("domainname", &Shape::Types(STRING)),
        ("entrypoint", &COMMAND),
        ("env_file", &ENV_FILE),
        ("environment", &LIST_OR_DICT),
        (
            "expose",
            &Shape::List {
                item: &Shape::Types(STRING.or(NUMBER)),
                unique: true,
            },
        ),
        (
            "extends",
            &Shape::Either(&[
                &Shape::Types(STRING),
                &Shape::Object(&Object {
                    keys: &[
                        ("file", &Shape::Types(STRING)),
                        ("service", &Shape::Types(STRING)),
                    ],
                    required: &["service"],
                    others: Others::None,
                    or: Types::NONE,
                }),
            ]),
        ),
        (
            "external_links",
            &Shape::List {
                item: &Shape::Types(STRING),
                unique: true,
            },
        ),
        ("extra_hosts", &EXTRA_HOSTS),
        ("gpus", &GPUS),
        (
            "group_add",
            &Shape::List {
                item: &Shape::Types(STRING.or(NUMBER)),
                unique: true,
            },
        ),
        ("healthcheck", &HEALTHCHECK),
        ("hostname", &Shape::Types(STRING)),
        ("image", &Shape::Types(STRING)),
        ("init", &Shape::Types(STRING.or(BOOLEAN))),
        ("ipc", &Shape::Types(STRING)),
        ("isolation", &Shape::Types(STRING)),
        ("label_file", &LABEL_FILE),
        ("labels", &LIST_OR_DICT),
        (
            "links",
            &Shape::List {
                item: &Shape::Types(STRING),
                unique: true,
            },
        ),
        (
            "logging",
            &Shape::Object(&Object {
                keys: &[
                    ("driver", &Shape::Types(STRING)),
                    (
                        "options",
                        &Shape::Object(&Object {
                            keys: &[],
                            required: &[],
                            others: Others::Named {
                                name: pattern::any_name,
                                shape: &Shape::Types(STRING.or(NUMBER).or(NULL)),
                                closed: false,
                            },
                            or: Types::NONE,
                        }),
                    ),
                ],
                required: &[],
                others: Others::Extensions,
                or: Types::NONE,
            }),
        ),
        ("mac_address", &Shape::Types(STRING)),
        ("mem_limit", &Shape::Types(STRING.or(NUMBER))),
        ("mem_reservation", &Shape::Types(STRING.or(INTEGER))),
        ("mem_swappiness", &Shape::Types(STRING.or(INTEGER))),
        ("memswap_limit", &Shape::Types(STRING.or(NUMBER))),
        (
            "models",
            &Shape::Either(&[
                &LIST_OF_STRINGS,
                &Shape::Object(&Object {
                    keys: &[],
                    required: &[],
                    others: Others::Named {
                        name: pattern::resource_name,
                        shape: &Shape::Either(&[
                            &Shape::Object(&Object {
                                keys: &[
                                    ("endpoint_var", &Shape::Types(STRING)),
                                    ("model_var", &Shape::Types(STRING)),
                                ],
                                required: &[],
                                others: Others::Extensions,
                                or: Types::NONE,
                            }),
                            &Shape::Types(NULL),
                        ]),
                        closed: false,
                    },
                    or: Types::NONE,
                }),
            ]),
        ),
        ("network_mode", &Shape::Types(STRING)),
        (
            "networks",
            &Shape::Either(&[
                &LIST_OF_STRINGS,
                &Shape::Object(&Object {
                    keys: &[],
                    required: &[],
                    others: Others::Named {
                        name: pattern::resource_name,
                        shape: &Shape::Either(&[
                            &Shape::Object(&Object {
                                keys: &[
                                    ("aliases", &LIST_OF_STRINGS),
                                    (
                                        "driver_opts",
                                        &Shape::Object(&Object {
                                            keys: &[],
                                            required: &[],
                                            others: Others::Named {
                                                name: pattern::any_name,
                                                shape: &Shape::Types(STRING.or(NUMBER)),
                                                closed: false,
                                            },
                                            or: Types::NONE,
                                        }),
                                    ),
                                    ("gw_priority", &Shape::Types(NUMBER)),
                                    ("interface_name", &Shape::Types(STRING)),
                                    ("ipv4_address", &Shape::Types(STRING)),
                                    ("ipv6_address", &Shape::Types(STRING)),
                                    ("link_local_ips", &LIST_OF_STRINGS),
                                    ("mac_address", &Shape::Types(STRING)),
                                    ("priority", &Shape::Types(NUMBER)),
                                ],
                                required: &[],
                                others: Others::Extensions,
                                or: Types::NONE,
                            }),
                            &Shape::Types(NULL),
                        ]),
                        closed: true,
                    },
                    or: Types::NONE,
                }),
            ]),
        ),
        ("oom_kill_disable", &Shape::Types(STRING.or(BOOLEAN))),
        (
            "oom_score_adj",
            &Shape::Either(&[
                &Shape::Types(STRING),
                &Shape::Range {
                    low: -1000,
                    high: 1000,
                },
            ]),
        ),
        ("pid", &Shape::Types(STRING.or(NULL))),
        ("pids_limit", &Shape::Types(STRING.or(NUMBER))),
        ("platform", &Shape::Types(STRING)),
        (
            "ports",
            &Shape::List {
                item: &Shape::Either(&[
                    &Shape::Types(NUMBER),
                    &Shape::Types(STRING),
                    &Shape::Object(&Object {
                        keys: &[
                            ("app_protocol", &Shape::Types(STRING)),
                            ("host_ip", &Shape::Types(STRING)),
                            ("mode", &Shape::Types(STRING)),
                            ("name", &Shape::Types(STRING)),
                            ("protocol", &Shape::Types(STRING)),
                            ("published", &Shape::Types(STRING.or(INTEGER))),
                            ("target", &Shape::Types(STRING.or(INTEGER))),
                        ],
                        required: &[],
                        others: Others::Extensions,
                        or: Types::NONE,
                    }),
                ]),
                unique: true,
            },
        ),
        (
            "post_start",
            &Shape::List {
                item: &SERVICE_HOOK,
                unique: false,
            },
        ),
        (
            "pre_stop",
            &Shape::List {
                item: &SERVICE_HOOK,
                unique: false,
            },
        ),
        ("privileged", &Shape::Types(STRING.or(BOOLEAN))),
        ("profiles", &LIST_OF_STRINGS),
        (
            "provider",
            &Shape::Object(&Object {
                keys: &[
                    (
                        "options",
                        &Shape::Object(&Object {
                            keys: &[],
                            required: &[],
                            others: Others::Named {
                                name: pattern::any_name,
                                shape: &Shape::Either(&[
                                    &Shape::Types(STRING.or(NUMBER).or(BOOLEAN)),
                                    &Shape::List {
                                        item: &Shape::Types(STRING.or(NUMBER).or(BOOLEAN)),
                                        unique: false,
                                    },
                                ]),
                                closed: false,
                            },
                            or: Types::NONE,
                        }),
                    ),
                    ("type", &Shape::Types(STRING)),
                ],
                required: &["type"],
                others: Others::Extensions,
                or: Types::NONE,
            }),
        ),
        ("pull_policy", &Shape::Pattern(pattern::PULL_POLICY)),
        ("pull_refresh_after", &Shape::Types(STRING)),
        ("read_only", &Shape::Types(STRING.or(BOOLEAN))),
        ("restart", &Shape::Types(STRING)),
        ("runtime", &Shape::Types(STRING)),
        ("scale", &Shape::Types(STRING.or(INTEGER))),
        ("secrets", &SERVICE_CONFIG_OR_SECRET),
        (
            "security_opt",
            &Shape::List {
                item: &Shape::Types(STRING),
                unique: true,
            },
        ),
        ("shm_size", &Shape::Types(STRING.or(NUMBER))),
        ("stdin_open", &Shape::Types(STRING.or(BOOLEAN))),
        ("stop_grace_period", &Shape::Types(STRING)),
        ("stop_signal", &Shape::Types(STRING)),
        (
            "storage_opt",
            &Shape::Object(&Object {
                keys: &[],
                required: &[],
                others: Others::Anything,
                or: Types::NONE,
            }),
        ),
        ("sysctls", &LIST_OR_DICT),
        ("tmpfs", &STRING_OR_LIST),
        ("tty", &Shape::Types(STRING.or(BOOLEAN))),
        ("ulimits", &ULIMITS),
        ("use_api_socket", &Shape::Types(BOOLEAN)),
        ("user", &Shape::Types(STRING)),
        ("userns_mode", &Shape::Types(STRING)),
        ("uts", &Shape::Types(STRING)),
        (
            "volumes",
            &Shape::List {
                item: &Shape::Either(&[
                    &Shape::Types(STRING),
                    &Shape::Object(&Object {
                        keys: &[
                            (
                                "bind",
                                &Shape::Object(&Object {
                                    keys: &[
                                        ("create_host_path", &Shape::Types(STRING.or(BOOLEAN))),
                                        ("propagation", &Shape::Types(STRING)),
                                        (
                                            "recursive",
                                            &Shape::Word(&[
                                                "enabled", "disabled", "writable", "readonly",
                                            ]),
                                        ),
                                        ("selinux", &Shape::Word(&["z", "Z"])),
                                    ],
                                    required: &[],
                                    others: Others::Extensions,
                                    or: Types::NONE,
                                }),
                            ),
                            ("consistency", &Shape::Types(STRING)),
                            (
                                "image",
                                &Shape::Object(&Object {
                                    keys: &[("subpath", &Shape::Types(STRING))],
                                    required: &[],
                                    others: Others::Extensions,
                                    or: Types::NONE,
                                }),
                            ),
                            ("read_only", &Shape::Types(STRING.or(BOOLEAN))),
                            ("source", &Shape::Types(STRING)),
                            ("target", &Shape::Types(STRING)),
                            (
                                "tmpfs",
                                &Shape::Object(&Object {
                                    keys: &[
                                        ("mode", &Shape::Types(STRING.or(NUMBER))),
                                        (
                                            "size",
                                            &Shape::Either(&[
                                                &Shape::Range {
                                                    low: 0,
                                                    high: i64::MAX,
                                                },
                                                &Shape::Types(STRING),
                                            ]),
                                        ),
                                    ],
                                    required: &[],
                                    others: Others::Extensions,
                                    or: Types::NONE,
                                }),
                            ),
                            (
                                "type",
                                &Shape::Word(&[
                                    "bind", "volume", "tmpfs", "cluster", "npipe", "image",
                                ]),
                            ),
                            (
                                "volume",
                                &Shape::Object(&Object {
                                    keys: &[
                                        ("labels", &LIST_OR_DICT),
                                        ("nocopy", &Shape::Types(STRING.or(BOOLEAN))),
                                        ("subpath", &Shape::Types(STRING)),
                                    ],
                                    required: &[],
                                    others: Others::Extensions,
                                    or: Types::NONE,
                                }),
                            ),
                        ],
                        required: &["type"],
                        others: Others::Extensions,
                        or: Types::NONE,
                    }),
                ]),
                unique: true,
            },
        ),
        (
            "volumes_from",
            &Shape::List {
                item: &Shape::Types(STRING),
                unique: true,
            },
        ),
        ("working_dir", &Shape::Types(STRING)),
    ],
    required: &[],
    others: Others::Extensions,
    or: Types::NONE,
});

static HEALTHCHECK: Shape = Shape::Object(&Object {
    keys: &[
        ("disable", &Shape::Types(STRING.or(BOOLEAN))),
        ("interval", &Shape::Types(STRING)),
        ("retries", &Shape::Types(STRING.or(NUMBER))),
        ("start_interval", &Shape::Types(STRING)),
        ("start_period", &Shape::Types(STRING)),
        (
            "test",
            &Shape::Either(&[
                &Shape::Types(STRING),
                &Shape::List {
                    item: &Shape::Types(STRING),
                    unique: false,
                },
            ]),
        ),
        ("timeout", &Shape::Types(STRING)),
    ],
    required: &[],
    others: Others::Extensions,
    or: Types::NONE,
});

static DEVELOPMENT: Shape = Shape::Object(&Object {
    keys: &[(
        "watch",
        &Shape::List {
            item: &Shape::Object(&Object {
                keys: &[
                    (
                        "action",
                        &Shape::Word(&["rebuild", "sync", "restart", "sync+restart", "sync+exec"]),
                    ),
                    ("exec", &SERVICE_HOOK),
                    ("ignore", &STRING_OR_LIST),
                    ("include", &STRING_OR_LIST),
                    ("initial_sync", &Shape::Types(BOOLEAN)),
                    ("path", &Shape::Types(STRING)),
                    ("target", &Shape::Types(STRING)),
                ],
                required: &["path", "action"],
                others: Others::Extensions,
                or: Types::NONE,
            }),
            unique: false,
        },
    )],
    required: &[],
    others: Others::Extensions,
    or: NULL,
});

static DEPLOYMENT: Shape = Shape::Object(&Object {
    keys: &[
        ("endpoint_mode", &Shape::Types(STRING)),
        ("labels", &LIST_OR_DICT),
        ("mode", &Shape::Types(STRING)),
        (
            "placement",
            &Shape::Object(&Object {
                keys: &[
                    (
                        "constraints",
                        &Shape::List {
                            item: &Shape::Types(STRING),
                            unique: false,
                        },
                    ),
                    ("max_replicas_per_node", &Shape::Types(STRING.or(INTEGER))),
                    (
                        "preferences",
                        &Shape::List {
                            item: &Shape::Object(&Object {
                                keys: &[("spread", &Shape::Types(STRING))],
                                required: &[],
                                others: Others::Extensions,
                                or: Types::NONE,
                            }),
                            unique: false,
                        },
                    ),
                ],
                required: &[],
                others: Others::Extensions,
                or: Types::NONE,
            }),
        ),
        ("replicas", &Shape::Types(STRING.or(INTEGER))),
        (
            "resources",
            &Shape::Object(&Object {
                keys: &[
                    (
                        "limits",
                        &Shape::Object(&Object {
                            keys: &[
                                ("cpus", &Shape::Types(STRING.or(NUMBER))),
                                ("memory", &Shape::Types(STRING)),
                                ("pids", &Shape::Types(STRING.or(INTEGER))),
                            ],
                            required: &[],
                            others: Others::Extensions,
                            or: Types::NONE,
                        }),
                    ),
                    (
                        "reservations",
                        &Shape::Object(&Object {
                            keys: &[
                                ("cpus", &Shape::Types(STRING.or(NUMBER))),
                                ("devices", &DEVICES),
                                ("generic_resources", &GENERIC_RESOURCES),
                                ("memory", &Shape::Types(STRING)),
                            ],
                            required: &[],
                            others: Others::Extensions,
                            or: Types::NONE,
                        }),
                    ),
                ],
                required: &[],
                others: Others::Extensions,
                or: Types::NONE,
            }),
        ),
        (
            "restart_policy",
            &Shape::Object(&Object {
                keys: &[
                    ("condition", &Shape::Types(STRING)),
                    ("delay", &Shape::Types(STRING)),
                    ("max_attempts", &Shape::Types(STRING.or(INTEGER))),
                    ("window", &Shape::Types(STRING)),
                ],
                required: &[],
                others: Others::Extensions,
                or: Types::NONE,
            }),
        ),
        (
            "rollback_config",
            &Shape::Object(&Object {
                keys: &[
                    ("delay", &Shape::Types(STRING)),
                    ("failure_action", &Shape::Types(STRING)),
                    ("max_failure_ratio", &Shape::Types(STRING.or(NUMBER))),
                    ("monitor", &Shape::Types(STRING)),
                    ("order", &Shape::Word(&["start-first", "stop-first"])),
                    ("parallelism", &Shape::Types(STRING.or(INTEGER))),
                ],
                required: &[],
                others: Others::Extensions,
                or: Types::NONE,
            }),
        ),
        (
            "update_config",
            &Shape::Object(&Object {
                keys: &[
                    ("delay", &Shape::Types(STRING)),
                    ("failure_action", &Shape::Types(STRING)),
                    ("max_failure_ratio", &Shape::Types(STRING.or(NUMBER))),
                    ("monitor", &Shape::Types(STRING)),
                    ("order", &Shape::Word(&["start-first", "stop-first"])),
                    ("parallelism", &Shape::Types(STRING.or(INTEGER))),
                ],
                required: &[],
                others: Others::Extensions,
                or: Types::NONE,
            }),
        ),
    ],
    required: &[],
    others: Others::Extensions,
    or: NULL,
});

static GENERIC_RESOURCES: Shape = Shape::List {
    item: &Shape::Object(&Object {
        keys: &[(
            "discrete_resource_spec",
            &Shape::Object(&Object {
                keys: &[
                    ("kind", &Shape::Types(STRING)),
                    ("value", &Shape::Types(STRING.or(NUMBER))),
                ],
                required: &[],
                others: Others::Extensions,
                or: Types::NONE,
            }),
        )],
        required: &[],
        others: Others::Extensions,
        or: Types::NONE,
    }),
    unique: false,
};

static DEVICES: Shape = Shape::List {
    item: &Shape::Object(&Object {
        keys: &[
            ("capabilities", &LIST_OF_STRINGS),
            ("count", &Shape::Types(STRING.or(INTEGER))),
            ("device_ids", &LIST_OF_STRINGS),
            ("driver", &Shape::Types(STRING)),
            ("options", &LIST_OR_DICT),
        ],
        required: &["capabilities"],
        others: Others::Extensions,
        or: Types::NONE,
    }),
    unique: false,
};

static GPUS: Shape = Shape::Either(&[
    &Shape::Word(&["all"]),
    &Shape::List {
        item: &Shape::Object(&Object {
            keys: &[
                ("capabilities", &LIST_OF_STRINGS),
                ("count", &Shape::Types(STRING.or(INTEGER))),
                ("device_ids", &LIST_OF_STRINGS),
                ("driver", &Shape::Types(STRING)),
                ("options", &LIST_OR_DICT),
            ],
            required: &[],
            others: Others::Anything,
            or: Types::NONE,
        }),
        unique: false,
    },
]);

static INCLUDE: Shape = Shape::Either(&[
    &Shape::Types(STRING),
    &Shape::Object(&Object {
        keys: &[
            ("env_file", &STRING_OR_LIST),
            ("path", &STRING_OR_LIST),
            ("project_directory", &Shape::Types(STRING)),
        ],
        required: &[],
        others: Others::None,
        or: Types::NONE,
    }),
]);

static NETWORK: Shape = Shape::Object(&Object {
    keys: &[
        ("attachable", &Shape::Types(STRING.or(BOOLEAN))),
        ("driver", &Shape::Types(STRING)),
        (
            "driver_opts",
            &Shape::Object(&Object {
                keys: &[],
                required: &[],
                others: Others::Named {
                    name: pattern::any_name,
                    shape: &Shape::Types(STRING.or(NUMBER)),
                    closed: false,
                },
                or: Types::NONE,
            }),
        ),
        ("enable_ipv4", &Shape::Types(STRING.or(BOOLEAN))),
        ("enable_ipv6", &Shape::Types(STRING.or(BOOLEAN))),
        (
            "external",
            &Shape::Object(&Object {
                keys: &[("name", &Shape::Types(STRING))],
                required: &[],
                others: Others::Extensions,
                or: STRING.or(BOOLEAN),
            }),
        ),
        ("internal", &Shape::Types(STRING.or(BOOLEAN))),
        (
            "ipam",
            &Shape::Object(&Object {
                keys: &[
                    (
                        "config",
                        &Shape::List {
                            item: &Shape::Object(&Object {
                                keys: &[
                                    (
                                        "aux_addresses",
                                        &Shape::Object(&Object {
                                            keys: &[],
                                            required: &[],
                                            others: Others::Named {
                                                name: pattern::any_name,
                                                shape: &Shape::Types(STRING),
                                                closed: true,
                                            },
                                            or: Types::NONE,
                                        }),
                                    ),
                                    ("gateway", &Shape::Types(STRING)),
                                    ("ip_range", &Shape::Types(STRING)),
                                    ("subnet", &Shape::Types(STRING)),
                                ],
                                required: &[],
                                others: Others::Extensions,
                                or: Types::NONE,
                            }),
                            unique: false,
                        },
                    ),
                    ("driver", &Shape::Types(STRING)),
                    (
                        "options",
                        &Shape::Object(&Object {
                            keys: &[],
                            required: &[],
                            others: Others::Named {
                                name: pattern::any_name,
                                shape: &Shape::Types(STRING),
                                closed: true,
                            },
                            or: Types::NONE,
                        }),
                    ),
                ],
                required: &[],
                others: Others::Extensions,
                or: Types::NONE,
            }),
        ),
        ("labels", &LIST_OR_DICT),
        ("name", &Shape::Types(STRING)),
    ],
    required: &[],
    others: Others::Extensions,
    or: NULL,
});

static VOLUME: Shape = Shape::Object(&Object {
    keys: &[
        ("driver", &Shape::Types(STRING)),
        (
            "driver_opts",
            &Shape::Object(&Object {
                keys: &[],
                required: &[],
                others: Others::Named {
                    name: pattern::any_name,
                    shape: &Shape::Types(STRING.or(NUMBER)),
                    closed: false,
                },
                or: Types::NONE,
            }),
        ),
        (
            "external",
            &Shape::Object(&Object {
                keys: &[("name", &Shape::Types(STRING))],
                required: &[],
                others: Others::Extensions,
                or: STRING.or(BOOLEAN),
            }),
        ),
        ("labels", &LIST_OR_DICT),
        ("name", &Shape::Types(STRING)),
    ],
    required: &[],
    others: Others::Extensions,
    or: NULL,
});

static SECRET: Shape = Shape::Object(&Object {
    keys: &[
        ("driver", &Shape::Types(STRING)),
        (
            "driver_opts",
            &Shape::Object(&Object {
                keys: &[],
                required: &[],
                others: Others::Named {
                    name: pattern::any_name,
                    shape: &Shape::Types(STRING.or(NUMBER)),
                    closed: false,
                },
                or: Types::NONE,
            }),
        ),
        ("environment", &Shape::Types(STRING)),
        (
            "external",
            &Shape::Object(&Object {
                keys: &[("name", &Shape::Types(STRING))],
                required: &[],
                others: Others::Anything,
                or: STRING.or(BOOLEAN),
            }),
        ),
        ("file", &Shape::Types(STRING)),
        ("labels", &LIST_OR_DICT),
        ("name", &Shape::Types(STRING)),
        ("template_driver", &Shape::Types(STRING)),
    ],
    required: &[],
    others: Others::Extensions,
    or: Types::NONE,
});

static CONFIG: Shape = Shape::Object(&Object {
    keys: &[
        ("content", &Shape::Types(STRING)),
        ("environment", &Shape::Types(STRING)),
        (
            "external",
            &Shape::Object(&Object {
                keys: &[("name", &Shape::Types(STRING))],
                required: &[],
                others: Others::Anything,
                or: STRING.or(BOOLEAN),
            }),
        ),
        ("file", &Shape::Types(STRING)),
        ("labels", &LIST_OR_DICT),
        ("name", &Shape::Types(STRING)),
        ("template_driver", &Shape::Types(STRING)),
    ],
    required: &[],
    others: Others::Extensions,
    or: Types::NONE,
});

static MODEL: Shape = Shape::Object(&Object {
    keys: &[
        ("context_size", &Shape::Types(INTEGER)),
        ("model", &Shape::Types(STRING)),
        ("name", &Shape::Types(STRING)),
        (
            "runtime_flags",
            &Shape::List {
                item: &Shape::Types(STRING),
                unique: false,
            },
        ),
    ],
    required: &["model"],
    others: Others::Extensions,
    or: Types::NONE,
});

static COMMAND: Shape = Shape::Either(&[
    &Shape::Types(NULL),
    &Shape::Types(STRING),
    &Shape::List {
        item: &Shape::Types(STRING),
        unique: false,
    },
]);

static SERVICE_HOOK: Shape = Shape::Object(&Object {
    keys: &[
        ("command", &COMMAND),
        ("environment", &LIST_OR_DICT),
        ("privileged", &Shape::Types(STRING.or(BOOLEAN))),
        ("user", &Shape::Types(STRING)),
        ("working_dir", &Shape::Types(STRING)),
    ],
    required: &["command"],
    others: Others::Extensions,
    or: Types::NONE,
});

static ENV_FILE: Shape = Shape::Either(&[
    &Shape::Types(STRING),
    &Shape::List {
        item: &Shape::Either(&[
            &Shape::Types(STRING),
            &Shape::Object(&Object {
                keys: &[
                    ("format", &Shape::Types(STRING)),
                    ("path", &Shape::Types(STRING)),
                    ("required", &Shape::Types(STRING.or(BOOLEAN))),
                ],
                required: &["path"],
                others: Others::None,
                or: Types::NONE,
            }),
        ]),
        unique: false,
    },
]);

static LABEL_FILE: Shape = Shape::Either(&[
    &Shape::Types(STRING),
    &Shape::List {
        item: &Shape::Types(STRING),
        unique: false,
    },
]);

static STRING_OR_LIST: Shape = Shape::Either(&[&Shape::Types(STRING), &LIST_OF_STRINGS]);

static LIST_OF_STRINGS: Shape = Shape::List {
    item: &Shape::Types(STRING),
    unique: true,
};

static LIST_OR_DICT: Shape = Shape::Either(&[
    &Shape::Object(&Object {
        keys: &[],
        required: &[],
        others: Others::Named {
            name: pattern::any_name,
            shape: &Shape::Types(STRING.or(NUMBER).or(BOOLEAN).or(NULL)),
            closed: true,
        },
        or: Types::NONE,
    }),
    &Shape::List {
        item: &Shape::Types(STRING),
        unique: true,
    },
]);

static EXTRA_HOSTS: Shape = Shape::Either(&[
    &Shape::Object(&Object {
        keys: &[],
        required: &[],
        others: Others::Named {
            name: pattern::any_name,
            shape: &Shape::Either(&[
                &Shape::Types(STRING),
                &Shape::List {
                    item: &Shape::Types(STRING),
                    unique: false,
                },
            ]),
            closed: true,
        },
        or: Types::NONE,
    }),
    &Shape::List {
        item: &Shape::Types(STRING),
        unique: true,
    },
]);

static BLKIO_LIMIT: Shape = Shape::Object(&Object {
    keys: &[
        ("path", &Shape::Types(STRING)),
        ("rate", &Shape::Types(STRING.or(INTEGER))),
    ],
    required: &[],
    others: Others::None,
    or: Types::NONE,
});

static BLKIO_WEIGHT: Shape = Shape::Object(&Object {
    keys: &[
        ("path", &Shape::Types(STRING)),
        ("weight", &Shape::Types(STRING.or(INTEGER))),
    ],
    required: &[],
    others: Others::None,
    or: Types::NONE,
});

static SERVICE_CONFIG_OR_SECRET: Shape = Shape::List {
    item: &Shape::Either(&[
        &Shape::Types(STRING),
        &Shape::Object(&Object {
            keys: &[
                ("gid", &Shape::Types(STRING)),
                ("mode", &Shape::Types(STRING.or(NUMBER))),
                ("source", &Shape::Types(STRING)),
                ("target", &Shape::Types(STRING)),
                ("uid", &Shape::Types(STRING)),
            ],
            required: &[],
            others: Others::Extensions,
            or: Types::NONE,
        }),
    ]),
    unique: false,
};

static ULIMITS: Shape = Shape::Object(&Object {
    keys: &[],
    required: &[],
    others: Others::Named {
        name: pattern::ulimit_name,
        shape: &Shape::Either(&[
            &Shape::Types(STRING.or(INTEGER)),
            &Shape::Object(&Object {
                keys: &[
                    ("hard", &Shape::Types(STRING.or(INTEGER))),
                    ("soft", &Shape::Types(STRING.or(INTEGER))),
                ],
                required: &["soft", "hard"],
                others: Others::Extensions,
                or: Types::NONE,
            }),
        ]),
        closed: false,
    },
    or: Types::NONE,
});
