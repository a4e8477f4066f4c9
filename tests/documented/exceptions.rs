//! Lines that are not typed as they stand, or do not end with 0; and what a page takes for granted.

/// A line of a page that is typed otherwise, or ends otherwise.
#[derive(Debug)]
pub(crate) struct Exception {
    pub(crate) page: &'static str,
    pub(crate) line: &'static str,
    /// What is typed; `LINE` is the line.
    pub(crate) typed: &'static str,
    pub(crate) code: i32,
    #[expect(dead_code, reason = "for people, who see it when the line is gone")]
    pub(crate) why: &'static str,
}

pub(crate) const EXCEPTIONS: &[Exception] = &[
    Exception {
        page: "--help of what looks",
        line: "cd app && deployctl adopt",
        typed: "cd && LINE",
        code: 0,
        why: "typed in the folder that has the app's",
    },
    Exception {
        page: "--help of what looks",
        line: "deployctl attach",
        typed: "LINE",
        code: 4,
        why: "nothing runs that could be followed",
    },
    Exception {
        page: "--help of what looks",
        line: "deployctl attach --wait 1m",
        typed: "deployctl deploy second & LINE && wait $!",
        code: 0,
        why: "something has to begin meanwhile",
    },
    Exception {
        page: "--help of the tools",
        line: "deployctl exec --index 2 -u root api id",
        typed: "deployctl deploy --set API_SCALE=2 && LINE",
        code: 0,
        why: "an api of two containers",
    },
    Exception {
        page: "--help of the tools",
        line: "deployctl init --from-kamal config/deploy.yml",
        typed: KAMAL,
        code: 0,
        why: "a folder with Kamal's file",
    },
    Exception {
        page: "--help of the tools",
        line: r#"restrict,command="/srv/app/deployctl -C /srv/app gate" ssh-ed25519 AAAA… ci"#,
        typed: "SSH_ORIGINAL_COMMAND='deployctl status' /srv/app/deployctl -C /srv/app gate",
        code: 0,
        why: "sshd runs it, with what the other side asks for",
    },
    Exception {
        page: "--help of the tools",
        line: r#"restrict,command="/srv/app/deployctl -C /srv/app gate --allow logs,plan" ssh-ed25519 AAAA… ci"#,
        typed: "SSH_ORIGINAL_COMMAND='deployctl plan' /srv/app/deployctl -C /srv/app gate --allow logs,plan",
        code: 0,
        why: "sshd runs it, with what the other side asks for",
    },
    Exception {
        page: "--help of the tools",
        line: "deployctl completions fish | source",
        typed: "deployctl completions fish",
        code: 0,
        why: "`source` reads standard input in fish only",
    },
    Exception {
        page: "docs/ci-over-ssh.md",
        line: r#"restrict,command="/srv/app/deployctl -C /srv/app gate" ssh-ed25519 AAAA… ci@acme"#,
        typed: "export SSH_ORIGINAL_COMMAND='cd /srv/app && ./deployctl status'; /srv/app/deployctl -C /srv/app gate",
        code: 0,
        why: "sshd runs it, with what the other side asks for",
    },
    Exception {
        page: "docs/ci-over-ssh.md",
        line: "deployctl -C /srv/app gate --allow logs,plan",
        typed: "SSH_ORIGINAL_COMMAND='deployctl logs api' LINE",
        code: 0,
        why: "sshd runs it, with what the other side asks for",
    },
    Exception {
        page: "docs/ci-over-ssh.md",
        line: "deployctl -C /srv/app gate --allow set",
        typed: "SSH_ORIGINAL_COMMAND='deployctl deploy --set LOG_LEVEL=debug' LINE",
        code: 0,
        why: "sshd runs it, with what the other side asks for",
    },
    Exception {
        page: "docs/ci-over-ssh.md",
        line: "deployctl -C /srv/app --env staging gate",
        typed: "SSH_ORIGINAL_COMMAND='deployctl status' LINE",
        code: 0,
        why: "sshd runs it, with what the other side asks for",
    },
    Exception {
        page: "docs/configuration.md",
        line: "deployctl logs --release 7",
        typed: "deployctl logs --release 2",
        code: 0,
        why: "the last of two releases",
    },
    Exception {
        page: "docs/troubleshooting.md",
        line: "deployctl logs --release 7",
        typed: "deployctl logs --release 1",
        code: 0,
        why: "the only release",
    },
    Exception {
        page: "docs/environments.md",
        line: "deployctl -f compose.yml -f compose.prod.yml --env-file .env.prod deploy sha-abc123",
        typed: "mv compose.prod.yml compose.yml; \
            printf '%s\\n' 'services:' '  api: {environment: {MODE: production}}' > compose.prod.yml; LINE --adopt",
        code: 0,
        why: "a production file that is an overlay now, and was none",
    },
    Exception {
        page: "docs/exit-codes.md",
        line: "deployctl exec db pg_dump shop | head",
        typed: "LINE",
        code: 141,
        why: "the page says so: the reader goes away",
    },
    Exception {
        page: "docs/from-deploy-sh.md",
        line: "deployctl --lock-fd 9 deploy sha-abc123",
        typed: "exec 9>.deploy.lock; flock -n 9 || exit 1; LINE",
        code: 0,
        why: "in a script that holds the lock, as the other half of the row has it",
    },
    Exception {
        page: "docs/from-deploy-sh.md",
        line: r#"cd "$(dirname "$0")" && exec ./deployctl deploy "$@""#,
        typed: "echo 'LINE' > deploy.sh; cd; sh app/deploy.sh first",
        code: 0,
        why: "it is a script",
    },
    Exception {
        page: "docs/from-kamal.md",
        line: "deployctl init --from-kamal config/deploy.yml",
        typed: KAMAL,
        code: 0,
        why: "a folder with Kamal's file",
    },
    Exception {
        page: "docs/from-systemd.md",
        line: "ExecStart=/srv/app/deployctl -C /srv/app recover",
        typed: "cd /; /srv/app/deployctl -C /srv/app recover",
        code: 0,
        why: "systemd runs it, in the root directory",
    },
];

const KAMAL: &str = "mkdir -p ~/kamal/config; cd ~/kamal; \
    printf '%s\\n' 'service: shop' 'image: acme/shop' 'servers: [192.0.2.1]' > config/deploy.yml; LINE";

/// What is typed before the first line of a page: nothing to speak of, one release, or two where one goes back.
pub(crate) fn given(page: &str) -> &'static [&'static str] {
    match page {
        "docs/compatibility.md" | "docs/environments.md" => &[],
        "docs/backups-and-migrations.md" => &[
            "deployctl deploy first",
            "deployctl deploy second --set SCHEMA=2",
        ],
        "docs/configuration.md" => &[
            "mkdir -p .deployctl/hooks",
            "printf '#!/bin/sh\\necho told\\n' > .deployctl/hooks/post-deploy",
            "chmod -R go-w .deployctl; chmod +x .deployctl/hooks/post-deploy",
            "deployctl deploy first",
            "deployctl deploy second",
        ],
        "README.md"
        | "docs/from-deploy-sh.md"
        | "docs/from-docker-compose.md"
        | "docs/zero-downtime.md"
        | "--help" => &["deployctl deploy first", "deployctl deploy second"],
        _ => &["deployctl deploy first"],
    }
}
