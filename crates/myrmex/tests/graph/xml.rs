//! Whether a text is well-formed XML, as far as drawings use it: elements, attributes in double quotes, and the entities that
//! every reader knows. Anything else is a problem.

/// Returns what is wrong with a document, if something is.
pub(crate) fn problem(text: &str) -> Option<String> {
    let mut open: Vec<&str> = Vec::new();
    let mut rest = text.trim_end();
    let mut roots = 0;
    while !rest.is_empty() {
        let (content, tag) = match rest.find('<') {
            Some(at) => rest.split_at(at),
            None => (rest, ""),
        };
        if open.is_empty() && !content.trim().is_empty() {
            return Some(format!("text outside of all elements: {content}"));
        }
        if let Some(problem) = bad_text(content) {
            return Some(problem);
        }
        let Some(end) = tag.find('>') else { return Some(format!("a tag without end: {tag}")) };
        let inside = &tag[1..end];
        rest = &tag[end + 1..];
        if let Some(name) = inside.strip_prefix('/') {
            let expected = open.pop();
            if expected != Some(name) {
                return Some(format!("</{name}> where {expected:?} is open"));
            }
            continue;
        }
        let (inside, is_empty) = inside.strip_suffix('/').map_or((inside, false), |inside| (inside, true));
        let (name, attributes) = inside.split_once(' ').unwrap_or((inside, ""));
        if name.is_empty() || !name.chars().all(|character| character.is_ascii_alphanumeric()) {
            return Some(format!("no name of an element: {name}"));
        }
        if let Some(problem) = bad_attributes(attributes) {
            return Some(problem);
        }
        roots += usize::from(open.is_empty());
        if !is_empty {
            open.push(name);
        }
    }
    match (open.as_slice(), roots) {
        ([], 1) => None,
        ([], _) => Some(format!("{roots} elements at the top")),
        (open, _) => Some(format!("never closed: {open:?}")),
    }
}

fn bad_attributes(attributes: &str) -> Option<String> {
    let (mut rest, mut names) = (attributes.trim(), Vec::new());
    while !rest.is_empty() {
        let Some((name, after)) = rest.split_once("=\"") else {
            return Some(format!("no attribute: {rest}"));
        };
        let Some((value, after)) = after.split_once('"') else { return Some(format!("no end: {after}")) };
        if names.contains(&name) || !name.chars().all(|sign| sign.is_ascii_alphanumeric() || sign == '-') {
            return Some(format!("the attribute {name} stands twice, or is none"));
        }
        if let Some(problem) = bad_text(value) {
            return Some(problem);
        }
        names.push(name);
        rest = after.trim_start();
    }
    None
}

fn bad_text(text: &str) -> Option<String> {
    let is_bad = |character: char| character.is_control() && character != '\n';
    if text.contains(is_bad) {
        return Some(format!("a control character in {text:?}"));
    }
    let known = ["amp;", "lt;", "gt;", "quot;"];
    let mut references = text.split('&').skip(1);
    references
        .find(|after| !known.iter().any(|known| after.starts_with(known)))
        .map(|after| format!("&{after}"))
}

#[test]
fn what_is_not_xml_is_found() {
    for good in ["<a/>", "<a b=\"c &amp; d\"><e>f</e></a>\n"] {
        assert_eq!(problem(good), None, "{good}");
    }
    for bad in [
        "",
        "<a>",
        "<a></b>",
        "<a/><b/>",
        "<a b=c/>",
        "<a b=\"1\" b=\"2\"/>",
        "<a>&nbsp;</a>",
        "x<a/>",
        "<a>\u{1}</a>",
    ] {
        assert!(problem(bad).is_some(), "{bad}");
    }
}
