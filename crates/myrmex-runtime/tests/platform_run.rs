//! Checks that processes start as asked, that their output is complete and that their ends are told truly.

#![expect(clippy::unwrap_used, reason = "a check fails by panicking")]

mod platform_host;

use std::fs::{self, File};
use std::io;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use myrmex_runtime::platform::{Exit, Finish, ProcessId, ProcessSpec, Stage, Zygote};
use platform_host::{Host, argv, open_files, run, shell};

fn main() -> ExitCode {
    run(checks![
        exit_codes_are_reported,
        signals_are_reported,
        both_streams_are_captured_and_input_is_empty,
        output_is_in_order,
        large_output_is_complete,
        environment_is_inherited_set_and_removed,
        a_mebibyte_of_environment_arrives,
        relative_programs_are_found_in_the_working_directory,
        arguments_are_literal,
        a_missing_program_is_told_from_a_forbidden_one,
        a_missing_working_directory_is_told,
        tasks_start_with_clean_signals_and_files,
        a_timeout_ends_the_process,
        a_timeout_kills_a_process_that_ignores_sigterm,
        stopping_leaves_time_to_clean_up,
        stopping_kills_when_the_grace_is_over,
        killing_is_immediate,
        late_and_unknown_stops_are_ignored,
        three_hundred_processes_run_at_once,
        a_thousand_processes_in_a_row_leak_nothing,
        what_was_made_ready_serves_the_first_process,
        usage_is_plausible,
        a_waker_wakes_from_another_thread,
        impossible_specs_are_refused,
        exhausted_files_are_an_error_and_leak_nothing,
        a_second_thread_forbids_the_zygote,
    ])
}

fn exit_codes_are_reported() {
    let mut host = Host::new();
    for code in [0, 1, 77, 255] {
        assert_eq!(host.run(&shell(&format!("exit {code}"))).exit(), Exit::Code(code));
    }
}

fn signals_are_reported() {
    let mut host = Host::new();
    for signal in [9, 11, 15] {
        assert_eq!(host.run(&shell(&format!("kill -{signal} $$"))).exit(), Exit::Signal(signal));
    }
}

fn both_streams_are_captured_and_input_is_empty() {
    let outcome = Host::new().run(&shell("cat; echo out; echo err >&2"));
    assert_eq!((outcome.stdout.as_slice(), outcome.stderr.as_slice()), (&b"out\n"[..], &b"err\n"[..]));
}

fn output_is_in_order() {
    let outcome = Host::new().run(&argv(["seq", "1", "100000"]));
    assert!(outcome.text().lines().eq((1..=100_000).map(|number| number.to_string())));
}

fn large_output_is_complete() {
    let mut host = Host::new();
    let loud = host.start(&shell("head -c 50000000 /dev/zero"));
    let quiet = host.start(&argv(["true"]));
    assert_eq!(host.finish(quiet).exit(), Exit::Code(0));
    let outcome = host.finish(loud);
    assert_eq!(outcome.stdout.len(), 50_000_000);
    assert_eq!(outcome.exit(), Exit::Code(0));
}

fn environment_is_inherited_set_and_removed() {
    let mut host = Host::new();
    let mut spec = shell(r#"echo "${PATH:+path} ${HOME-none} $TWICE $SET""#);
    spec.env_remove = vec!["HOME".into(), "SET".into()];
    spec.env = [("TWICE", "1"), ("SET", "a=b"), ("TWICE", "2")].map(|(n, v)| (n.into(), v.into())).to_vec();
    assert_eq!(host.run(&spec).text(), "path none 2 a=b\n");
}

fn a_mebibyte_of_environment_arrives() {
    let mut host = Host::new();
    let mut spec = shell("env | grep -c ^BIG_; true");
    let value = "x".repeat(64 << 10);
    spec.env = (0..16).map(|index| (format!("BIG_{index}").into(), value.clone().into())).collect();
    assert_eq!(host.run(&spec).text(), "16\n");
    // The next one on the same reaper sees none of it.
    assert_eq!(host.run(&shell("env | grep -c ^BIG_; true")).text(), "0\n");
    let mut spec = shell("exit 0");
    spec.argv = ["printf", "%s"].map(Into::into).to_vec();
    spec.argv.extend((0..10).map(|_| "y".repeat(100_000).into()));
    assert_eq!(host.run(&spec).stdout.len(), 1_000_000);
}

fn relative_programs_are_found_in_the_working_directory() {
    let mut host = Host::new();
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path().join("tool");
    fs::copy("/bin/pwd", &place).unwrap();
    let spec = ProcessSpec { workdir: directory.path().into(), ..argv(["./tool"]) };
    let expected = format!("{}\n", directory.path().canonicalize().unwrap().display());
    assert_eq!(host.run(&spec).text(), expected);
    let mut spec = argv(["tool"]);
    spec.workdir = directory.path().into();
    spec.env = vec![("PATH".into(), format!("/nowhere:{}", directory.path().display()).into())];
    assert_eq!(host.run(&spec).text(), expected);
}

fn arguments_are_literal() {
    let outcome =
        Host::new().run(&argv(["printf", "<%s>", "a b", "it's", "\"", "two\nlines", "$HOME `id`", "", "é"]));
    assert_eq!(outcome.text(), "<a b><it's><\"><two\nlines><$HOME `id`><><é>");
}

fn a_missing_program_is_told_from_a_forbidden_one() {
    let mut host = Host::new();
    let directory = tempfile::tempdir().unwrap();
    let plain = directory.path().join("plain");
    fs::write(&plain, "").unwrap();
    let not_started = |errno| Exit::NotStarted { stage: Stage::Program, errno };
    assert_eq!(host.run(&argv(["/nowhere/tool"])).exit(), not_started(libc::ENOENT));
    assert_eq!(host.run(&argv(["no-such-tool-anywhere"])).exit(), not_started(libc::ENOENT));
    assert_eq!(host.run(&argv([plain.to_str().unwrap()])).exit(), not_started(libc::EACCES));
    assert_eq!(host.run(&argv([""])).exit(), not_started(libc::ENOENT));
    assert_eq!(host.run(&argv(["true"])).exit(), Exit::Code(0));
}

fn a_missing_working_directory_is_told() {
    let mut host = Host::new();
    for (place, errno) in [("/nowhere", libc::ENOENT), ("/bin/sh", libc::ENOTDIR)] {
        let spec = ProcessSpec { workdir: place.into(), ..argv(["true"]) };
        assert_eq!(host.run(&spec).exit(), Exit::NotStarted { stage: Stage::Workdir, errno });
    }
}

fn tasks_start_with_clean_signals_and_files() {
    let mut host = Host::with({
        let zygote = Zygote::fork().unwrap();
        zygote.hold(std::os::fd::AsFd::as_fd(&File::open("/dev/null").unwrap())).unwrap();
        zygote
    });
    let outcome = host.run(&shell("grep -E '^Sig(Blk|Ign|Pnd)|^ShdPnd' /proc/self/status | tr -s '\\t' ' '"));
    let none = "0000000000000000";
    assert_eq!(outcome.text(), format!("SigPnd: {none}\nShdPnd: {none}\nSigBlk: {none}\nSigIgn: {none}\n"));
    // The fourth is the directory that is being listed.
    assert_eq!(host.run(&argv(["ls", "/proc/self/fd"])).text(), "0\n1\n2\n3\n");
    // It leads its session: the sixth field of `stat`.
    assert_eq!(
        host.run(&shell("read -r pid _ _ _ _ session _ < /proc/$$/stat; echo $((pid - session))")).text(),
        "0\n"
    );
}

fn a_timeout_ends_the_process() {
    let spec = ProcessSpec { timeout: Some(Duration::from_millis(50)), ..argv(["sleep", "60"]) };
    let outcome = Host::new().run(&spec);
    assert_eq!(outcome.exit(), Exit::TimedOut { finish: Finish::Signal(libc::SIGTERM) });
    let end = outcome.end.unwrap();
    assert!(end.ended_ns - end.started_ns >= 50_000_000);
}

fn a_timeout_kills_a_process_that_ignores_sigterm() {
    let spec = ProcessSpec {
        timeout: Some(Duration::from_millis(100)),
        grace: Duration::from_millis(50),
        ..shell("trap '' TERM; while :; do sleep 60; done")
    };
    assert_eq!(Host::new().run(&spec).exit(), Exit::TimedOut { finish: Finish::Signal(libc::SIGKILL) });
}

fn stopping_leaves_time_to_clean_up() {
    let mut host = Host::new();
    let id =
        host.start(&shell("trap 'echo cleaned; exit 7' TERM; echo ready; while :; do sleep 60 & wait; done"));
    host.wait_for_output(id, "ready");
    host.processes.stop(id).unwrap();
    host.processes.stop(id).unwrap();
    let outcome = host.finish(id);
    assert_eq!(outcome.exit(), Exit::Stopped { finish: Finish::Code(7) });
    assert_eq!(outcome.text(), "ready\ncleaned\n");
}

fn stopping_kills_when_the_grace_is_over() {
    let mut host = Host::new();
    let script = "trap '' TERM; echo ready; while :; do sleep 60; done";
    let id = host.start(&ProcessSpec { grace: Duration::from_millis(50), ..shell(script) });
    host.wait_for_output(id, "ready");
    host.processes.stop(id).unwrap();
    assert_eq!(host.finish(id).exit(), Exit::Stopped { finish: Finish::Signal(libc::SIGKILL) });
}

fn killing_is_immediate() {
    let mut host = Host::new();
    let id = host.start(&shell("trap '' TERM; echo ready; while :; do sleep 60; done"));
    host.wait_for_output(id, "ready");
    // A kill also ends the grace of a stop.
    host.processes.stop(id).unwrap();
    host.processes.kill(id).unwrap();
    assert_eq!(host.finish(id).exit(), Exit::Stopped { finish: Finish::Signal(libc::SIGKILL) });
}

fn late_and_unknown_stops_are_ignored() {
    let mut host = Host::new();
    host.processes.stop(ProcessId(99)).unwrap();
    for _ in 0..100 {
        let id = host.start(&argv(["true"]));
        // The stop races with the end, and must never hit the next process of the same reaper.
        host.processes.stop(id).unwrap();
        assert!(matches!(host.finish(id).exit(), Exit::Code(0) | Exit::Stopped { .. }));
        host.processes.kill(id).unwrap();
        assert_eq!(host.run(&argv(["true"])).exit(), Exit::Code(0));
    }
}

fn three_hundred_processes_run_at_once() {
    let mut host = Host::new();
    let ids: Vec<_> =
        (0..300).map(|number| host.start(&shell(&format!("echo {number}; exit {}", number % 200)))).collect();
    assert_eq!(host.processes.running(), 300);
    for (number, id) in ids.into_iter().enumerate() {
        let outcome = host.finish(id);
        assert_eq!(outcome.text(), format!("{number}\n"));
        assert_eq!(outcome.exit(), Exit::Code(i32::try_from(number % 200).unwrap()));
    }
    assert_eq!(host.processes.running(), 0);
}

fn a_thousand_processes_in_a_row_leak_nothing() {
    let mut host = Host::new();
    let count_files = "ls /proc/$PPID/fd | wc -l";
    let reaper_before = host.run(&shell(count_files)).text();
    let before = open_files();
    for number in 0..1000 {
        let text = number.to_string();
        assert_eq!(host.run(&argv(["printf", "%s", &text])).text(), text);
    }
    assert_eq!(open_files(), before);
    assert_eq!(host.run(&shell(count_files)).text(), reaper_before);
}

fn what_was_made_ready_serves_the_first_process() {
    let mut host = Host::new();
    let before = open_files();
    host.processes.make_ready();
    host.processes.make_ready();
    assert_eq!(open_files(), before + 1, "there is one reaper, however often it was asked for");
    assert_eq!(host.run(&argv(["true"])).exit(), Exit::Code(0));
    assert_eq!(open_files(), before + 1, "there was need for no other");
}

fn usage_is_plausible() {
    let mut host = Host::new();
    let burn = "i=0; while [ $i -lt 200000 ]; do i=$((i + 1)); done";
    let outcome =
        host.run(&shell(&format!("({burn}); head -c 30000000 /dev/zero | tail -c 30000000 | wc -c")));
    let end = outcome.end.unwrap();
    let wall_us = (end.ended_ns - end.started_ns) / 1000;
    assert!(end.pid > 0);
    assert!((10_000..wall_us * 3).contains(&end.usage.user_us), "{end:?}, wall {wall_us}");
    assert!(end.usage.system_us > 0 && end.usage.system_us < wall_us * 3, "{end:?}");
    assert!((30_000..200_000).contains(&end.usage.rss_max_kib), "{end:?}");
    // The usage of one process is not carried over to the next one of the same reaper.
    let end = host.run(&argv(["true"])).end.unwrap();
    assert!(end.usage.user_us + end.usage.system_us < 10_000 && end.usage.rss_max_kib < 20_000, "{end:?}");
}

fn a_waker_wakes_from_another_thread() {
    let mut host = Host::new();
    let waker = host.processes.waker();
    let thread = std::thread::spawn(move || waker.wake());
    host.poll_until(|host| host.woken > 0);
    thread.join().unwrap();
    // A wake is not told twice.
    host.processes.poll(Some(Duration::ZERO), &mut |event| panic!("{event:?}")).unwrap();
}

fn impossible_specs_are_refused() {
    let mut host = Host::new();
    let running = host.start(&argv(["sleep", "60"]));
    let before = open_files();
    let mut refuse = |id, spec: &ProcessSpec| {
        let error = host.processes.start(ProcessId(id), spec).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    };
    refuse(1000, &argv([]));
    refuse(1000, &argv(["a\0b"]));
    refuse(1000, &ProcessSpec { workdir: "a\0b".into(), ..argv(["true"]) });
    for name in ["", "A=B", "A\0B"] {
        refuse(1000, &ProcessSpec { env: vec![(name.into(), "x".into())], ..argv(["true"]) });
    }
    refuse(running.0, &argv(["true"]));
    assert_eq!((open_files(), host.processes.running()), (before, 1));
    host.processes.kill(running).unwrap();
    host.finish(running);
}

fn exhausted_files_are_an_error_and_leak_nothing() {
    let mut host = Host::new();
    let before = open_files();
    let mut filler: Vec<File> = std::iter::from_fn(|| File::open("/dev/null").ok()).collect();
    // One more free file each time, up to what a start needs: it fails at every possible place.
    let mut refused = 0;
    while let Err(error) = host.processes.start(ProcessId(1000), &argv(["true"])) {
        assert_eq!(error.raw_os_error(), Some(libc::EMFILE));
        drop(filler.pop().expect("a start needs few files"));
        refused += 1;
    }
    assert_eq!(refused, 6, "a start needs two pipes and a pair of sockets");
    drop(filler);
    host.processes.kill(ProcessId(1000)).unwrap();
    let began = Instant::now();
    while host.processes.running() > 0 && began.elapsed() < Duration::from_secs(30) {
        host.processes.poll(Some(Duration::from_secs(30)), &mut |_| {}).unwrap();
    }
    // One idle reaper stays.
    assert_eq!(open_files(), before + 1);
    assert_eq!(host.run(&argv(["true"])).exit(), Exit::Code(0));
}

fn a_second_thread_forbids_the_zygote() {
    let (release, wait) = std::sync::mpsc::channel::<()>();
    let thread = std::thread::spawn(move || wait.recv());
    assert_eq!(Zygote::fork().unwrap_err().kind(), io::ErrorKind::Unsupported);
    drop(release);
    let _ = thread.join().unwrap();
}
