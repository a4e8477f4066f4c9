//! Arguments that are described only when their subcommand is typed: of two dozen one is, and to describe all takes
//! a tenth of the time of a short command.

use std::ops::Deref;

use clap::builder::Resettable;
use clap::{ArgMatches, Args, Command, Error, FromArgMatches, Id};

/// Arguments of a subcommand.
#[derive(Debug)]
pub struct Deferred<T>(pub T);

impl<T> Deref for Deferred<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: Args> Args for Deferred<T> {
    fn group_id() -> Option<Id> {
        T::group_id()
    }

    fn augment_args(command: Command) -> Command {
        command.defer(describe::<T>)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

/// What the subcommand says of itself goes before what its arguments say.
fn describe<T: Args>(command: Command) -> Command {
    let about = Resettable::from(command.get_about().cloned());
    let long_about = Resettable::from(command.get_long_about().cloned());
    T::augment_args(command).about(about).long_about(long_about)
}

impl<T: FromArgMatches> FromArgMatches for Deferred<T> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        T::from_arg_matches(matches).map(Self)
    }

    fn from_arg_matches_mut(matches: &mut ArgMatches) -> Result<Self, Error> {
        T::from_arg_matches_mut(matches).map(Self)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        self.0.update_from_arg_matches(matches)
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use crate::cli::Cli;

    #[test]
    fn a_subcommand_is_described_when_it_is_asked_for_and_keeps_its_own_words() {
        let mut cli = Cli::command();
        let tag = |cli: &clap::Command| {
            let deploy = cli.find_subcommand("deploy").expect("deploy");
            let about = deploy.get_about().map(ToString::to_string);
            assert_eq!(
                about.as_deref(),
                Some("Deploy a tag, or what the files say now")
            );
            deploy.get_arguments().any(|a| a.get_id() == "tag")
        };
        assert!(!tag(&cli));
        cli.build();
        assert!(tag(&cli));
    }
}
