//! Measures how many attempts per second the process layer makes: `spawn_rate [COUNT] [WINDOW] [PROGRAM ARGUMENT…]`.
//!
//! For comparison it also starts the same program with `std::process::Command`, one after the other, without reapers
//! and without pipes; that is `posix_spawn` and `wait`.

use std::ffi::OsString;
use std::io;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use myrmex_runtime::platform::{Exit, ProcessEvent, ProcessId, ProcessSpec, Processes, Zygote};

fn main() -> io::Result<()> {
    let zygote = Zygote::fork()?;
    let mut arguments = std::env::args_os().skip(1);
    let mut number = |default: u64| -> u64 {
        arguments.next().and_then(|text| text.to_str()?.parse().ok()).unwrap_or(default)
    };
    let (count, window) = (number(400), number(1));
    let mut argv: Vec<OsString> = arguments.collect();
    if argv.is_empty() {
        argv.push("/bin/true".into());
    }
    let mut processes = Processes::new(zygote)?;
    // The first batch also pays for the reapers, as a short `myrmex run` does.
    for _ in 0..3 {
        let began = Instant::now();
        run(&mut processes, &argv, count, window)?;
        report(&format!("reapers, window {window}"), count, began.elapsed());
    }
    let began = Instant::now();
    for _ in 0..count {
        Command::new(&argv[0]).args(&argv[1..]).stdin(Stdio::null()).status()?;
    }
    report("posix_spawn in a loop", count, began.elapsed());
    Ok(())
}

fn run(processes: &mut Processes, argv: &[OsString], count: u64, window: u64) -> io::Result<()> {
    let spec = ProcessSpec {
        argv: argv.to_vec(),
        env: vec![("MYRMEX_TASK".into(), "build".into()), ("MYRMEX_ATTEMPT".into(), "1".into())],
        env_remove: Vec::new(),
        script: None,
        workdir: "/".into(),
        timeout: Some(Duration::from_mins(1)),
        grace: Duration::from_secs(5),
    };
    let (mut started, mut failed) = (0, 0);
    while started < count || processes.running() > 0 {
        while started < count && (processes.running() as u64) < window {
            processes.start(ProcessId(started), &spec)?;
            started += 1;
        }
        processes.poll(None, &mut |event| {
            if let ProcessEvent::Ended { end, .. } = event {
                failed += u64::from(end.exit != Exit::Code(0));
            }
        })?;
    }
    if failed > 0 {
        return Err(io::Error::other(format!("{failed} attempts did not succeed")));
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "counts are small")]
fn report(what: &str, count: u64, elapsed: Duration) {
    let seconds = elapsed.as_secs_f64();
    println!("{what:24} {count} in {:7.1} ms, {:6.0}/s", seconds * 1e3, count as f64 / seconds);
}
