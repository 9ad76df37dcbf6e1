//! x
use myrmex_lang::*;
fn main() {
    let kind = std::env::args().nth(1).unwrap();
    let n: usize = std::env::args().nth(2).unwrap().parse().unwrap();
    let mut t = String::from("workflow: w\n");
    match kind.as_str() {
        "tasks" => { t += "tasks:\n"; for i in 0..n { if i < 2 { t += &format!("  t{i}: {{run: 'true'}}\n") } else { t += &format!("  t{i}: {{run: 'true', needs: [t{}, t{}]}}\n", i-1, i/2) } } }
        "refs" => { t += "tasks:\n"; for i in 0..n { if i < 2 { t += &format!("  t{i}: {{run: 'true'}}\n") } else { t += &format!("  t{i}: {{set: '${{{{ tasks.t{}.output }}}}${{{{ tasks.t{}.output }}}}'}}\n", i-1, i/2) } } }
        "typos" => { t += "tasks:\n"; for i in 0..n { t += &format!("  task{i}: {{run: 'true', needs: [tosk{}]}}\n", i) } }
        "cycle" => { t += "tasks:\n"; for i in 0..n { t += &format!("  t{i}: {{run: 'true', needs: [t{}]}}\n", (i+1)%n) } }
        "flow" => { t += "do:\n"; for i in 0..n { t += &format!("  - t{i}: {{run: 'true', if: 1 < 2, then: t{}}}\n", (i*7)%n) } }
        "holes" => { t += "tasks:\n  a: {set: {x: '"; t += &"${{1}} ".repeat(n); t += "'}}\n"; }
        "lines" => { t += "x-a: |\n"; t += &"  ${{a\n".repeat(n); }
        "keys" => { t += "x-a:\n"; for i in 0..n { t += &format!("  k{i}: 1\n") } }
        "tabs" => { t += &"\t\n".repeat(n); }
        "anchors" => { t += "x-a:\n"; for i in 0..n { t += &format!("  k{i}: &a{i} *a{i}\n") } }
        "emptymaps" => { t += "x-a: ["; t += &"{},".repeat(n); t += "]\n"; }
        "vars" => { t += "do:\n"; for i in 0..n { t += &format!("  - t{i}: {{set: {{v{i}: '${{{{ vars.v{} }}}}'}}}}\n", (i*7)%n) } }
        "outs" => { t += "tasks:\n  a:\n    set:\n"; for i in 0..n { t += &format!("      f{i}: 1\n"); } t += "  b:\n    set:\n"; for i in 0..n { t += &format!("      g{i}: ${{{{ tasks.a.output.f{i} }}}}\n"); } }
        "comments" => { t += &"# x\n".repeat(n); }
        "quotes" => { t += "x: \""; t += &"\\\"".repeat(n); t += "\"\n"; }
        _ => {}
    }
    println!("{} bytes", t.len());
    let s = Source::new("f", t.as_str());
    let now = std::time::Instant::now();
    let c = check(&s);
    println!("{:?} diagnostics {} def {}", now.elapsed(), c.diagnostics.len(), c.definition.is_some());
    if let Some(d) = c.diagnostics.first() { println!("{} {}", d.code, d.message); }
}
