use super::{CommentPosition, Kind, Node, Style};
use crate::{Source, tree};

/// Shows a node with the text of its place: `map "a: 1" {a "a": 1 "1"}`.
fn show(text: &str, node: &Node) -> String {
    let place = &text[node.place.start..node.place.end];
    match &node.kind {
        Kind::Scalar(scalar) => format!("{:?}={} <{place}>", scalar.style, scalar.value()),
        Kind::List(list) => {
            let items: Vec<_> = list.items.iter().map(|item| show(text, item)).collect();
            format!("[{}] <{place}>", items.join(", "))
        }
        Kind::Map(map) => {
            let entry = |entry: &tree::Entry| {
                let key = &text[entry.key.place.start..entry.key.place.end];
                format!("{} <{key}>: {}", entry.key.text, show(text, &entry.value))
            };
            format!("{{{}}} <{place}>", map.entries.iter().map(entry).collect::<Vec<_>>().join(", "))
        }
        Kind::Alias(target) => format!("*{} <{place}>", show(text, target)),
        Kind::Broken => format!("broken <{place}>"),
    }
}

#[track_caller]
fn assert_tree(text: &str, expected: &str) {
    let (tree, _) = tree::parse_source(&Source::new("t.yaml", text));
    assert_eq!(tree.root.map_or(String::new(), |root| show(text, &root)), expected);
}

#[test]
fn every_key_and_value_has_its_place() {
    assert_tree(
        "a: 1\n'b': [x, \"y\"]\nc:\n  - {d: }\n\ne: |\n  two\n  lines\n\n",
        "{a <a>: Plain=1 <1>, b <'b'>: [Plain=\"x\" <x>, DoubleQuoted=\"y\" <\"y\">] <[x, \"y\"]>, \
         c <c>: [{d <d>: Plain=null <>} <{d: }>] <- {d: }>, e <e>: Literal=\"two\\nlines\\n\" <two\n  lines>} \
         <a: 1\n'b': [x, \"y\"]\nc:\n  - {d: }\n\ne: |\n  two\n  lines>",
    );
}

#[test]
fn aliases_keep_their_own_place() {
    assert_tree(
        "a: &x [1]\nb: *x\n",
        "{a <a>: [Plain=1 <1>] <[1]>, b <b>: *[Plain=1 <1>] <[1]> <*x>} <a: &x [1]\nb: *x>",
    );
}

#[test]
fn a_broken_text_still_gives_the_tree_before_the_error() {
    assert_tree(
        "a: 1\nb: {c: [2, x: y: z",
        "{a <a>: Plain=1 <1>, b <b>: {c <c>: [Plain=2 <2>, {x <x>: Plain=\"y\" <y>} <x: y>] <[2, x: y>} <{c: [2, x: y>} <a: 1\nb: {c: [2, x: y>",
    );
    let (tree, problems) = tree::parse_source(&Source::new("t.yaml", "a: 1\nb: \"\n"));
    assert!(!tree.is_whole && problems.len() == 1);
    assert_tree("a: 1\nb: \"\n", "{a <a>: Plain=1 <1>, b <b>: broken <b>} <a: 1\nb>");
}

#[test]
fn comments_are_kept_with_their_position() {
    let text = "# top\n\n# above\na: 1 # right\n# last\n";
    let (tree, _) = tree::parse_source(&Source::new("t.yaml", text));
    let comments: Vec<_> =
        tree.comments.iter().map(|comment| (comment.text.as_str(), comment.position)).collect();
    assert_eq!(
        comments,
        [
            (" top", CommentPosition::Free),
            (" above", CommentPosition::Above),
            (" right", CommentPosition::Right),
            (" last", CommentPosition::Last),
        ]
    );
    assert_eq!(&text[tree.comments[2].place.start..tree.comments[2].place.end], "# right");
}

#[test]
fn quoted_text_is_text_whatever_it_looks_like() {
    let (tree, problems) = tree::parse_source(&Source::new("t.yaml", "['no', \"0755\", '1:30']"));
    let root = tree.root.unwrap();
    assert!(problems.is_empty());
    assert!(root.as_list().unwrap().items.iter().all(|item| {
        item.as_scalar().is_some_and(|scalar| scalar.as_text().is_some() && scalar.style != Style::Plain)
    }));
}
