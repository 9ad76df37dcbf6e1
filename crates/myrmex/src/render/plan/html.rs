//! A plan as one page of HTML: the chart, and what belongs to it as tables. It needs nothing beside it and prints on landscape paper.

use std::fmt::Write;

use super::chart::Chart;
use super::section::Section;
use super::svg::{TooLong, svg};
use crate::render::graph::svg::escaped;
use crate::render::table::Side;

const STYLE: &str = "\
:root{color-scheme:light dark}body{font:14px/1.5 ui-sans-serif,system-ui,-apple-system,\"Segoe UI\",Helvetica,Arial,sans-serif;margin:24px auto;
max-width:1500px;padding:0 20px;color:#1f2933;background:#ffffff}h1{font-size:22px;margin:0 0 4px}h2{font-size:16px;margin:28px 0 6px}
p{margin:2px 0}.fact{color:#5b6774}svg{max-width:100%;height:auto;margin:14px 0}.wide{overflow-x:auto}
table{border-collapse:collapse;font-size:13px;min-width:40%}th{text-align:left;color:#5b6774;font-weight:600;border-bottom:2px solid #c3ccd5}
th,td{padding:4px 14px 4px 0;vertical-align:top}td{border-bottom:1px solid #e1e6ec}.right{text-align:right;font-variant-numeric:tabular-nums}
@media (prefers-color-scheme:dark){@media screen{body{color:#e6edf3;background:#0f151c}.fact,th{color:#9aa7b4}th{border-color:#3d4a58}td{border-color:#222c38}}}
@page{size:landscape;margin:12mm}@media print{body{margin:0;padding:0;max-width:none}h2,tr,svg{break-inside:avoid}h2{break-after:avoid}thead{display:table-header-group}}
";

/// Writes a plan as a page.
///
/// # Errors
///
/// Returns [`TooLong`] if the chart has more rows than are drawn.
pub(crate) fn html(chart: &Chart, sections: &[Section]) -> Result<String, TooLong> {
    let (title, picture) = (escaped(&chart.title), svg(chart)?);
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n<title>{title}: plan</title>\n\
         <style>\n{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n"
    );
    for fact in &chart.facts {
        let _ = writeln!(out, "<p class=\"fact\">{}</p>", escaped(fact));
    }
    let _ = write!(out, "<div class=\"wide\">\n{picture}</div>\n");
    for section in sections {
        put(&mut out, section);
    }
    out.push_str("</body>\n</html>\n");
    Ok(out)
}

/// Writes a section. Writing into a text cannot fail.
fn put(out: &mut String, section: &Section) {
    let _ = writeln!(out, "<section>\n<h2>{}</h2>", escaped(&section.heading));
    for line in &section.lines {
        let _ = writeln!(out, "<p>{}</p>", escaped(line));
    }
    if !section.rows.is_empty() {
        out.push_str("<div class=\"wide\"><table>\n<thead><tr>");
        for (head, side) in &section.heads {
            let _ = write!(out, "<th{} scope=\"col\">{}</th>", class(*side), escaped(&sentence(head)));
        }
        out.push_str("</tr></thead>\n<tbody>\n");
        for row in &section.rows {
            out.push_str("<tr>");
            for (cell, (_, side)) in row.iter().zip(&section.heads) {
                let _ = write!(out, "<td{}>{}</td>", class(*side), escaped(cell));
            }
            out.push_str("</tr>\n");
        }
        out.push_str("</tbody>\n</table></div>\n");
    }
    out.push_str("</section>\n");
}

/// Heads of tables in a terminal are in capitals; on a page they are not.
fn sentence(head: &str) -> String {
    let mut characters = head.chars();
    characters.next().into_iter().chain(characters.flat_map(char::to_lowercase)).collect()
}

fn class(side: Side) -> &'static str {
    match side {
        Side::Left => "",
        Side::Right => " class=\"right\"",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_holds_the_picture_and_tables_and_no_reference_to_elsewhere() {
        let chart = Chart {
            title: "<apollo>".to_owned(),
            facts: vec!["ends & begins".to_owned()],
            from: 0,
            to: 1,
            zone: None,
            rows: Vec::new(),
            arrows: Vec::new(),
            closed: Vec::new(),
            marks: Vec::new(),
            strips: Vec::new(),
        };
        let section = Section {
            heading: "Cost".to_owned(),
            lines: vec!["all of it".to_owned()],
            heads: vec![("WHAT".to_owned(), Side::Left), ("EUR".to_owned(), Side::Right)],
            rows: vec![vec!["<a>".to_owned(), "10".to_owned()]],
        };
        let page = html(&chart, &[section]).unwrap();
        assert!(page.starts_with("<!doctype html>") && page.contains("<h1>&lt;apollo&gt;</h1>"), "{page}");
        assert!(page.contains("<p class=\"fact\">ends &amp; begins</p>") && page.contains("<svg "), "{page}");
        assert!(page.contains("<tr><td>&lt;a&gt;</td><td class=\"right\">10</td></tr>"), "{page}");
        assert!(page.contains("<th scope=\"col\">What</th>"), "{page}");
        assert!(
            !page.contains("http-equiv") && !page.contains("src=") && !page.contains("<script"),
            "{page}"
        );
    }
}
