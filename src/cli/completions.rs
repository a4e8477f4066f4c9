//! Completion scripts, made of the definitions of the command line.
//!
//! By hand rather than by a crate: names of commands, of options and of services are all that is completed.

use std::fmt::Write as _;

use clap::{Arg, Command, CommandFactory as _};

use super::{Cli, Shell};

/// Commands whose words are services.
const WITH_SERVICES: &str = "exec run logs restart stop start status";

/// The script for a shell.
pub fn script(shell: Shell) -> String {
    let mut cli = Cli::command();
    cli.build();
    match shell {
        Shell::Bash => bash(&cli),
        Shell::Zsh => zsh(&cli),
        Shell::Fish => fish(&cli),
    }
}

fn bash(cli: &Command) -> String {
    let names = commands(cli)
        .map(Command::get_name)
        .collect::<Vec<_>>()
        .join(" ");
    let mut cases = String::new();
    for command in commands(cli) {
        let _ = writeln!(
            cases,
            "        {}) words=\"{}\" ;;",
            command.get_name(),
            longs(command)
        );
    }
    format!(
        r#"# eval "$(deployctl completions bash)"
_deployctl() {{
    local cur=${{COMP_WORDS[COMP_CWORD]}} commands="{names}" command= words i
    for ((i = 1; i < COMP_CWORD; i++)); do
        case " $commands " in *" ${{COMP_WORDS[i]}} "*) command=${{COMP_WORDS[i]}}; break ;; esac
    done
    case $command in
        '') words="$commands {root}" ;;
{cases}    esac
    if [[ $cur != -* && " {WITH_SERVICES} " == *" ${{command:-none}} "* ]]; then
        words=$(deployctl config --services 2>/dev/null)
    fi
    COMPREPLY=($(compgen -W "$words" -- "$cur"))
}}
complete -o default -F _deployctl deployctl ./deployctl
"#,
        root = longs(cli),
    )
}

fn zsh(cli: &Command) -> String {
    let described = |name: &str, help: &str| {
        format!("'{}:{}'", name, help.replace('\'', "").replace(':', "\\:"))
    };
    let list: Vec<String> = commands(cli)
        .map(|c| described(c.get_name(), &about(c)))
        .collect();
    let mut cases = String::new();
    for command in commands(cli) {
        let options: Vec<String> = options(command)
            .map(|(name, a)| described(&format!("--{name}"), &help(a)))
            .collect();
        let _ = writeln!(
            cases,
            "        {}) options=({}) ;;",
            command.get_name(),
            options.join(" ")
        );
    }
    format!(
        r#"#compdef deployctl
# deployctl completions zsh > "${{fpath[1]}}/_deployctl"
_deployctl() {{
    local -a commands options services
    commands=({})
    if (( CURRENT == 2 )); then
        _describe command commands
        return
    fi
    case $words[2] in
{cases}    esac
    if [[ " {WITH_SERVICES} " == *" $words[2] "* && $words[CURRENT] != -* ]]; then
        services=(${{(f)"$(deployctl config --services 2>/dev/null)"}})
        _describe service services
    fi
    _describe option options
    _files
}}
compdef _deployctl deployctl
"#,
        list.join(" ")
    )
}

fn fish(cli: &Command) -> String {
    let quote = |text: &str| format!("'{}'", text.replace('\'', "\\'"));
    let mut script = String::from("# deployctl completions fish | source\n");
    for command in commands(cli) {
        let name = command.get_name();
        let _ = writeln!(
            script,
            "complete -c deployctl -n __fish_use_subcommand -f -a {name} -d {}",
            quote(&about(command))
        );
        for (long, arg) in options(command) {
            let value = if arg.get_action().takes_values() {
                " -r"
            } else {
                ""
            };
            let _ = writeln!(
                script,
                "complete -c deployctl -n '__fish_seen_subcommand_from {name}' -l {long}{value} -d {}",
                quote(&help(arg))
            );
        }
    }
    let _ = writeln!(
        script,
        "complete -c deployctl -n '__fish_seen_subcommand_from {WITH_SERVICES}' -f -a '(deployctl config --services 2>/dev/null)'"
    );
    script
}

fn commands(cli: &Command) -> impl Iterator<Item = &Command> {
    cli.get_subcommands().filter(|c| !c.is_hide_set())
}

/// Long options, those of every command last.
fn options(command: &Command) -> impl Iterator<Item = (&str, &Arg)> {
    let shown = command.get_arguments().filter(|a| !a.is_hide_set());
    let mut options: Vec<_> = shown.filter_map(|a| Some((a.get_long()?, a))).collect();
    options.sort_by_key(|(_, arg)| arg.is_global_set());
    options.into_iter()
}

fn longs(command: &Command) -> String {
    let longs: Vec<String> = options(command)
        .map(|(name, _)| format!("--{name}"))
        .collect();
    longs.join(" ")
}

fn about(command: &Command) -> String {
    command
        .get_about()
        .map(ToString::to_string)
        .unwrap_or_default()
}

fn help(arg: &Arg) -> String {
    arg.get_help().map(ToString::to_string).unwrap_or_default()
}
