//! Compose files and env files → the resolved model, its canonical form and its config hash.
#![expect(
    clippy::unnecessary_box_returns,
    reason = "a fault is made once and carried through many levels: it stays one pointer wide"
)]
#![expect(
    clippy::unnecessary_wraps,
    reason = "the rules of a table share one signature"
)]

pub mod bytes;
mod canonical;
mod consistency;
mod decode;
mod defaults;
pub mod dotenv;
pub mod duration;
mod error;
mod fingerprint;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod go_json;
mod go_path;
mod hash;
pub mod image;
mod intention;
mod interpolate;
mod load;
mod locate;
mod merge;
pub mod model;
mod normalize;
mod path;
mod plain;
mod port_spec;
pub mod print;
pub mod project_name;
mod read;
mod reset;
mod resolve_paths;
mod scalar;
mod schema;
mod select;
mod shell;
mod source;
mod suggest;
mod template;
#[cfg(test)]
mod tests;
mod tree;
mod unique;
mod variables;
mod volume_spec;
mod yaml;

pub(crate) use load::placed;
pub(crate) use shell::split as split_words;
pub(crate) use suggest::closest;

pub use error::{LoadError, Problem};
pub use fingerprint::{ContentError, ContentFingerprint, ContentItem};
pub use hash::ServiceReferences;
pub use load::load;
pub use locate::{FileSource, LoadOptions, LocateError, Location, Skip, locate};
pub use model::Project;
pub use plain::plain_yaml;
pub use source::Place;
