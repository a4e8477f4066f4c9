//! JSON as Go's encoder writes it: the config hash is taken over these bytes.

mod writer;

use serde::Serialize;

use writer::{Dollars, Layout, Writer};

/// The value in Go's form, on one line.
pub(crate) fn compact<T: Serialize + ?Sized>(value: &T) -> String {
    write(value, Writer::new(Layout::Compact, Dollars::Plain))
}

/// The value in Go's form, indented by two spaces.
pub(crate) fn pretty<T: Serialize + ?Sized>(value: &T) -> String {
    write(value, Writer::new(Layout::Indented, Dollars::Plain))
}

/// As [`pretty`], with every `$` written `$$`: what is printed can be read as a Compose file.
pub(crate) fn pretty_template<T: Serialize + ?Sized>(value: &T) -> String {
    write(value, Writer::new(Layout::Indented, Dollars::Doubled))
}

/// The value with all that we keep of it, as a tree.
///
/// By way of the text: serde's own way to a tree would be a second copy of the code for every type of the model.
pub(crate) fn tree<T: Serialize + ?Sized>(value: &T) -> serde_json::Value {
    let text = write(value, Writer::new(Layout::Stored, Dollars::Plain));
    serde_json::from_str(&text).unwrap_or_default()
}

fn write<T: Serialize + ?Sized>(value: &T, mut writer: Writer) -> String {
    // Writing into memory cannot fail.
    let _ = value.serialize(&mut writer);
    writer.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::model::{EnvFile, Extensions, ServiceModel};

    #[test]
    fn text_is_escaped_as_go_escapes_it() {
        let text = "a<b>&\"\\\n\t\u{8}\u{c}\r\u{1}\u{7f}\u{2028}é/$x";
        assert_eq!(
            compact(text),
            r#""a\u003cb\u003e\u0026\"\\\n\t\b\f\r\u0001"#.to_owned() + "\u{7f}\\u2028é/$x\""
        );
        assert_eq!(pretty_template("$a $$b"), r#""$$a $$$$b""#);
    }

    #[test]
    fn numbers_have_the_shortest_digits() {
        for (number, text) in [
            (1.5, "1.5"),
            (1e20, "100000000000000000000"),
            (1e21, "1e+21"),
            (1e-7, "1e-7"),
            (0.0, "0"),
        ] {
            assert_eq!(compact(&number), text);
        }
        assert_eq!(
            compact(&[i64::MIN, i64::MAX]),
            format!("[{},{}]", i64::MIN, i64::MAX)
        );
    }

    #[test]
    fn empty_lists_and_maps_stay_on_their_line() {
        let value =
            serde_json::json!({"a": [], "b": {}, "c": [1, {"d": null}], "e": {"f": [true]}});
        let text = "{\n  \"a\": [],\n  \"b\": {},\n  \"c\": [\n    1,\n    {\n      \"d\": null\n    }\n  ],\n  \"e\": {\n    \"f\": [\n      true\n    ]\n  }\n}";
        assert_eq!(pretty(&value), text);
        assert_eq!(compact(&value), value.to_string());
    }

    #[test]
    fn what_only_we_keep_is_left_out() {
        let model = ServiceModel {
            endpoint_var: Some("E".into()),
            model_var: None,
            extensions: Extensions([("x-a".to_owned(), 1.into())].into_iter().collect()),
        };
        assert_eq!(compact(&model), r#"{"endpoint_var":"E"}"#);
        let only = ServiceModel {
            endpoint_var: None,
            ..model
        };
        assert_eq!(pretty(&only), "{}");
        assert_eq!(tree(&only), serde_json::json!({"#extensions": {"x-a": 1}}));
    }

    #[test]
    fn an_env_file_that_is_required_is_its_path_alone() {
        let file = |required| EnvFile {
            path: "/a".into(),
            required,
            format: Some("raw".into()),
        };
        assert_eq!(
            compact(&[file(true), file(false)]),
            r#"["/a",{"path":"/a","required":false,"format":"raw"}]"#
        );
        assert_eq!(pretty(&[file(true)]), "[\n  \"/a\"\n]");
        assert_eq!(
            tree(&file(true)),
            serde_json::json!({"path": "/a", "format": "raw"})
        );
    }
}
