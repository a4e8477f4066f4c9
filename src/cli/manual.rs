//! The manual page, made of the definitions of the command line and the table of exit codes.

use std::fmt::Write as _;

use clap::{Arg, Command, CommandFactory as _};

use super::Cli;
use crate::error::EXIT_CODES;

/// `deployctl(1)` in roff.
pub fn page() -> String {
    let mut cli = Cli::command();
    cli.build();
    let version = cli.get_version().unwrap_or_default().to_owned();
    let mut page = format!(
        ".TH DEPLOYCTL 1 \"{}\" \"deployctl {}\" \"deployctl\"\n",
        date(&version),
        text(&version)
    );
    let about = cli.get_about().map(ToString::to_string).unwrap_or_default();
    let _ = writeln!(
        page,
        ".SH NAME\ndeployctl \\- {}",
        text(about.trim_end_matches('.'))
    );
    page.push_str(".SH SYNOPSIS\n.B deployctl\n[OPTIONS] COMMAND [ARGUMENTS]\n");
    page.push_str(".SH DESCRIPTION\nEither every service of the Compose project ends on the new release, healthy, or every service is back on the container that served before, and the exit code says which.\n");
    page.push_str(".SH COMMANDS\n");
    let names: Vec<String> = globals(&cli).map(|a| a.get_id().to_string()).collect();
    for command in cli.get_subcommands().filter(|c| !c.is_hide_set()) {
        subcommand(&mut page, command, &names);
    }
    page.push_str(".SH OPTIONS OF EVERY COMMAND\n");
    for arg in globals(&cli) {
        option(&mut page, arg);
    }
    page.push_str(".SH EXIT STATUS\n");
    for row in EXIT_CODES {
        let _ = writeln!(
            page,
            ".TP\n.B {}\n{}. What serves: {}.",
            row.code,
            text(row.meaning),
            text(row.serves)
        );
    }
    page
}

fn subcommand(page: &mut String, command: &Command, globals: &[String]) {
    let about = command.get_about().map(ToString::to_string);
    let mut usage = command.get_name().to_owned();
    for arg in command.get_positionals() {
        let names = arg.get_value_names().unwrap_or_default();
        let name = names
            .first()
            .map_or_else(|| arg.get_id().as_str().to_uppercase(), ToString::to_string);
        let several = if arg.get_num_args().is_some_and(|n| n.max_values() > 1) {
            "…"
        } else {
            ""
        };
        let _ = if arg.is_required_set() {
            write!(usage, " {name}{several}")
        } else {
            write!(usage, " [{name}{several}]")
        };
    }
    let _ = writeln!(
        page,
        ".SS {}\n{}.",
        text(&usage),
        text(&about.unwrap_or_default())
    );
    let own = command
        .get_arguments()
        .filter(|a| !a.is_hide_set() && !a.is_positional())
        .filter(|a| !globals.iter().any(|g| g == a.get_id().as_str()));
    for arg in own {
        option(page, arg);
    }
    if let Some(examples) = command.get_after_help() {
        page.push_str(".PP\n.nf\n");
        for line in examples.to_string().lines() {
            let _ = writeln!(page, "{}", text(line));
        }
        page.push_str(".fi\n");
    }
}

fn globals(cli: &Command) -> impl Iterator<Item = &Arg> {
    cli.get_arguments().filter(|a| !a.is_hide_set())
}

fn option(page: &mut String, arg: &Arg) {
    let short = arg.get_short().map(|s| format!("-{s}"));
    let long = arg.get_long().map(|l| format!("--{l}"));
    let mut names: Vec<String> = short.into_iter().chain(long).collect();
    if arg.get_action().takes_values()
        && let (Some(last), Some(value)) = (
            names.last_mut(),
            arg.get_value_names().and_then(<[_]>::first),
        )
    {
        let _ = write!(last, " {value}");
    }
    let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
    let _ = writeln!(
        page,
        ".TP\n.B {}\n{}.",
        text(&names.join(", ")),
        text(&help)
    );
}

/// The commit's, where the build was told of it: `0.1.0 (534de02 2026-11-26)`.
fn date(version: &str) -> &str {
    let words = version.split([' ', '(', ')', ',']);
    let mut dates = words.filter(|w| w.len() == 10 && w.matches('-').count() == 2);
    dates.next().unwrap_or_default()
}

/// Keeps roff from reading text as requests; plain `groff` reads no UTF-8.
fn text(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        match c {
            '\\' => escaped.push_str("\\e"),
            '-' => escaped.push_str("\\-"),
            c if c.is_ascii() => escaped.push(c),
            c => {
                let _ = write!(escaped, "\\[u{:04X}]", u32::from(c));
            }
        }
    }
    if escaped.starts_with(['.', '\'']) {
        format!("\\&{escaped}")
    } else {
        escaped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_plain_ascii_and_has_the_date_of_the_build() {
        assert!(page().is_ascii());
        assert_eq!(text("-a … \\"), "\\-a \\[u2026] \\e");
        assert_eq!(text(".x"), "\\&.x");
        assert_eq!(date("0.1.0 (534de02 2026-11-26, changed)"), "2026-11-26");
        assert_eq!(date("0.1.0"), "");
    }
}
