//! x
use myrmex_lang::*;
fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    for t in &args {
        let text = if t.ends_with(".yaml") { std::fs::read_to_string(t).unwrap() } else { t.replace("\\n", "\n").replace("\\t", "\t") };
        let s = Source::new("f", text.as_str());
        let now = std::time::Instant::now();
        let c = check(&s);
        println!("--- {t:?} {:?}", now.elapsed());
        let lc = |at: usize| { let b = &text[..at]; (b.matches('\n').count()+1, at - b.rfind('\n').map_or(0, |x| x+1) + 1) };
        for d in &c.diagnostics {
            println!("{} {:?} {} [{}] <{}> hint {:?}", d.code, lc(d.span.start), d.message, d.label, &text[d.span.start..d.span.end], d.hint);
            for r in &d.related { println!("     {:?} {}", lc(r.0.start), r.1); }
        }
        if std::env::var("IR").is_ok() { println!("{:#?}", c.definition); } else { println!("definition: {}", c.definition.is_some()); }
    }
}
