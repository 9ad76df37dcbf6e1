//! What the inputs of a run become.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use myrmex_lang::{FileGiven, Given, Source, check, resolve_inputs};

const TEXT: &str = "
workflow: w
inputs:
  name: {type: string}
  count: {type: integer, default: 3, minimum: 1}
  list: {type: array, items: {enum: [eu, us]}, default: [eu]}
  note: {type: any, required: false}
  wait: {type: duration, default: 1m}
  logo: {type: file, default: img/logo.png}
  data: {type: file, required: false}
tasks: {t: {set: '${{ inputs }}'}}
";

/// Asserts what becomes of inputs given as text (`name=text`), or as JSON (`name:=json`).
#[track_caller]
fn assert_inputs(given: &[&str], expected: &str) {
    let definition = check(&Source::new("w.yaml", TEXT)).definition.unwrap();
    let given: Vec<(String, Given)> = given
        .iter()
        .map(|text| {
            if let Some((name, json)) = text.split_once(":=") {
                return (name.to_owned(), Given::Value(serde_json::from_str(json).unwrap()));
            }
            let (name, text) = text.split_once('=').unwrap();
            (name.to_owned(), Given::Text(text.to_owned()))
        })
        .collect();
    let mut read = |file: FileGiven<'_>| match file.path {
        "none" => Err("is not there".to_owned()),
        path => Ok(format!("{path} {}", if file.is_default { "beside" } else { "here" }).into()),
    };
    let found = match resolve_inputs(&definition, &given, &mut read) {
        Ok(value) => value.to_string(),
        Err(problems) => problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n") + "\n",
    };
    assert_eq!(found, expected);
}

#[test]
fn defaults_are_applied_in_the_declared_order() {
    assert_inputs(
        &["name=7"],
        r#"{"name":"7","count":3,"list":["eu"],"note":null,"wait":"1m","logo":"img/logo.png beside","data":null}"#,
    );
}

#[test]
fn text_is_read_as_json_where_the_type_asks_for_it_and_the_last_counts() {
    assert_inputs(
        &["name:=\"x\"", "count=1", "list=[\"us\"]", "note={\"a\": 1}", "wait=2h", "count=5"],
        r#"{"name":"x","count":5,"list":["us"],"note":{"a":1},"wait":"2h","logo":"img/logo.png beside","data":null}"#,
    );
    assert_inputs(
        &["name=x", "note:=null"],
        r#"{"name":"x","count":3,"list":["eu"],"note":null,"wait":"1m","logo":"img/logo.png beside","data":null}"#,
    );
}

#[test]
fn all_problems_are_told_at_once() {
    assert_inputs(
        &["nmae=x", "zebra:=1", "count=zero", "list:=[\"eu\", \"mars\"]", "wait=5"],
        "unknown input `nmae`, did you mean `name`?\n\
         unknown input `zebra`\n\
         the input `name` (string) is required\n\
         the input `count`: `zero` is not an integer\n\
         the input `list`[1]: string `\"mars\"` is not one of \"eu\", \"us\"\n\
         the input `wait`: expected duration such as `90s` or `1h30m`, found string `\"5\"`\n",
    );
    assert_inputs(
        &["name=x", "list=eu", "note=hello"],
        "the input `list`: `eu` is not a JSON array such as `[1, 2]`\n\
         the input `note`: `hello` is not JSON; a text is written in quotes, as `\"hello\"`\n",
    );
    assert_inputs(&["name=x", "count=0"], "the input `count`: 0 is less than the minimum 1\n");
}

#[test]
fn files_are_given_as_paths_and_read_by_whoever_asks() {
    assert_inputs(
        &["name=x", "logo=a.png", "data:=\"b.csv\""],
        r#"{"name":"x","count":3,"list":["eu"],"note":null,"wait":"1m","logo":"a.png here","data":"b.csv here"}"#,
    );
    assert_inputs(
        &["name=x", "logo=none", "data:=3"],
        "the input `logo`: `none` is not there\n\
         the input `data`: expected the path of a file, found integer\n",
    );
}
