//! Checks that no process survives: daemons, storms, lost reapers and the death of the main process included.

#![expect(clippy::unwrap_used, reason = "a check fails by panicking")]

mod platform_host;

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::os::fd::AsFd;
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use myrmex_runtime::platform::{Exit, Finish, ProcessId, ProcessSpec, Zygote};
use platform_host::{Host, argv, run, shell, survivors};

/// Starts daemons in sessions of their own, which keep standard output open and ignore SIGTERM, then says `up`.
const DAEMONS: &str = r#"
    (setsid setsid sleep 60 &)
    (setsid sh -c 'trap "" TERM HUP INT; (setsid sleep 60 &); echo up; while :; do sleep 60; done' &)
"#;

/// The argument with which this program plays the main process that gets killed.
const VICTIM: &str = "--victim";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, flag, lock] = arguments.as_slice()
        && flag == VICTIM
    {
        play_victim(Path::new(lock));
    }
    run(checks![
        daemons_die_when_the_main_process_ends,
        daemons_die_when_the_process_is_stopped,
        daemons_die_when_the_process_times_out,
        daemons_die_when_the_process_is_killed,
        sigterm_reaches_other_sessions,
        a_stopped_tree_can_still_be_stopped,
        a_fork_storm_leaves_no_survivor,
        a_comet_of_sessions_leaves_no_survivor,
        a_tree_of_sessions_leaves_no_survivor,
        dropping_kills_everything,
        killing_the_main_process_kills_everything_before_the_lock_is_free,
        a_killed_reaper_is_reported_when_its_tree_is_dead,
        many_killed_reapers_are_all_reported,
        a_killed_idle_reaper_is_replaced,
        a_stopped_reaper_goes_on,
        a_timeout_holds_though_the_reaper_was_stopped,
        a_reaper_that_is_stopped_without_end_is_lost_or_still_in_time,
        a_stopped_zygote_goes_on_and_ends,
        a_killed_zygote_is_told_and_running_processes_end,
    ])
}

/// Starts a script and waits until its daemons run.
fn start_with_daemons(host: &mut Host, rest: &str, change: impl FnOnce(&mut ProcessSpec)) -> ProcessId {
    let mut spec = shell(&format!("{DAEMONS}{rest}"));
    change(&mut spec);
    let id = host.start(&spec);
    host.wait_for_output(id, "up");
    host.poll_until(|host| host.survivors().len() >= 4);
    id
}

fn daemons_die_when_the_main_process_ends() {
    let mut host = Host::new();
    let directory = tempfile::tempdir().unwrap();
    let go = directory.path().join("go");
    let id = start_with_daemons(&mut host, "until [ -e go ]; do sleep 0.01; done; exit 3", |spec| {
        spec.workdir = directory.path().into();
    });
    File::create(go).unwrap();
    let outcome = host.finish(id);
    assert_eq!(outcome.exit(), Exit::Code(3));
    assert!(outcome.end.unwrap().leftovers_killed);
    assert_eq!(host.survivors(), Vec::<u32>::new());
    assert!(!host.run(&argv(["true"])).end.unwrap().leftovers_killed);
}

fn daemons_die_when_the_process_is_stopped() {
    let mut host = Host::new();
    let id = start_with_daemons(&mut host, "exec sleep 60", |_| ());
    host.processes.stop(id).unwrap();
    assert_eq!(host.finish(id).exit(), Exit::Stopped { finish: Finish::Signal(libc::SIGTERM) });
    assert_eq!(host.survivors(), Vec::<u32>::new());
}

fn daemons_die_when_the_process_times_out() {
    let mut host = Host::new();
    let id =
        start_with_daemons(&mut host, "exec sleep 60", |spec| spec.timeout = Some(Duration::from_secs(1)));
    assert_eq!(host.finish(id).exit(), Exit::TimedOut { finish: Finish::Signal(libc::SIGTERM) });
    assert_eq!(host.survivors(), Vec::<u32>::new());
}

fn daemons_die_when_the_process_is_killed() {
    let mut host = Host::new();
    let id = start_with_daemons(&mut host, "exec sleep 60", |_| ());
    host.processes.kill(id).unwrap();
    assert_eq!(host.finish(id).exit(), Exit::Stopped { finish: Finish::Signal(libc::SIGKILL) });
    assert_eq!(host.survivors(), Vec::<u32>::new());
}

fn sigterm_reaches_other_sessions() {
    let mut host = Host::new();
    // The second `wait` lasts until the daemon has said its word.
    let script = r#"
        trap : TERM
        setsid sh -c 'trap "echo daemon; exit" TERM; echo up; while :; do sleep 60 & wait $!; done' &
        wait $!
        wait $!
        exit 0
    "#;
    let id = host.start(&shell(script));
    host.wait_for_output(id, "up");
    host.processes.stop(id).unwrap();
    let outcome = host.finish(id);
    assert_eq!(outcome.exit(), Exit::Stopped { finish: Finish::Code(0) });
    assert_eq!(outcome.text(), "up\ndaemon\n");
    assert_eq!(host.survivors(), Vec::<u32>::new());
}

fn a_stopped_tree_can_still_be_stopped() {
    let mut host = Host::new();
    let id = host.start(&shell("trap 'echo bye; exit 5' TERM; echo up; kill -STOP $$; exit 6"));
    host.wait_for_output(id, "up");
    host.processes.stop(id).unwrap();
    let outcome = host.finish(id);
    assert!(matches!(outcome.exit(), Exit::Stopped { finish: Finish::Code(5) }), "{outcome:?}");
}

fn a_fork_storm_leaves_no_survivor() {
    let mut host = Host::new();
    let id = host.start(&shell("echo up; while :; do sh -c 'sleep 60 & sleep 60 & wait' & done"));
    host.wait_for_output(id, "up");
    host.poll_until(|host| host.survivors().len() > 30);
    host.processes.kill(id).unwrap();
    host.finish(id);
    assert_eq!(host.survivors(), Vec::<u32>::new());
}

fn a_comet_of_sessions_leaves_no_survivor() {
    let mut host = Host::new();
    let mut spec = shell("echo up; exec sh -c \"$COMET\"");
    // Every process starts its successor in a new session and is gone.
    spec.env = vec![("COMET".into(), "setsid sh -c \"$COMET\" & exit".into())];
    for _ in 0..10 {
        let outcome = host.run(&spec);
        assert_eq!(outcome.exit(), Exit::Code(0));
        assert_eq!(host.survivors(), Vec::<u32>::new());
    }
}

fn a_tree_of_sessions_leaves_no_survivor() {
    let mut host = Host::new();
    let mut spec = shell("sh -c \"$TREE\" tree 0; sleep 60");
    let tree = "[ $1 = 6 ] && echo leaf && exec sleep 60; \
                for _ in 1 2; do setsid sh -c \"$TREE\" tree $(($1 + 1)) & done; trap '' TERM; wait";
    spec.env = vec![("TREE".into(), tree.replace("$1", "${1:-0}").into())];
    let id = host.start(&spec);
    host.poll_until(|host| host.output(id).matches("leaf").count() == 64);
    host.processes.kill(id).unwrap();
    host.finish(id);
    assert_eq!(host.survivors(), Vec::<u32>::new());
}

fn dropping_kills_everything() {
    let mut host = Host::new();
    start_with_daemons(&mut host, "exec sleep 60", |_| ());
    let mark = host.mark.clone();
    drop(host);
    assert_eq!(survivors(&mark), Vec::<u32>::new());
}

fn killing_the_main_process_kills_everything_before_the_lock_is_free() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path().join("lock");
    let file = File::create(&place).unwrap();
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args([VICTIM, place.to_str().unwrap()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mark = read_line(&mut victim);
    assert!(survivors(&mark).len() >= 8);
    assert!(file.try_lock().is_err(), "the victim holds the lock");
    let began = Instant::now();
    victim.kill().unwrap();
    victim.wait().unwrap();
    // Every process of the victim sleeps for 60 seconds: this returns in any case.
    file.lock().unwrap();
    assert_eq!(survivors(&mark), Vec::<u32>::new());
    assert!(began.elapsed() < Duration::from_secs(20));
}

fn read_line(child: &mut Child) -> String {
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    line.trim().to_owned()
}

/// Starts daemons, says so and waits for its death.
fn play_victim(lock: &Path) -> ! {
    let zygote = Zygote::fork().unwrap();
    let file = File::open(lock).unwrap();
    file.lock().unwrap();
    zygote.hold(file.as_fd()).unwrap();
    let mut host = Host::with(zygote);
    start_with_daemons(&mut host, "trap '' TERM; while :; do sleep 60; done", |_| ());
    start_with_daemons(&mut host, "exec sleep 60", |_| ());
    println!("{}", host.mark);
    std::io::stdout().flush().unwrap();
    loop {
        host.poll();
    }
}

fn a_killed_reaper_is_reported_when_its_tree_is_dead() {
    let mut host = Host::new();
    let directory = tempfile::tempdir().unwrap();
    let other = host.start(&ProcessSpec {
        workdir: directory.path().into(),
        ..shell("until [ -e go ]; do sleep 0.01; done; echo other")
    });
    let id = start_with_daemons(&mut host, "echo reaper=$PPID.; exec sleep 60", |_| ());
    host.wait_for_output(id, ".");
    let output = host.output(id);
    let (_, reaper) = output.split_once("reaper=").unwrap();
    kill(reaper.split_once('.').unwrap().0);
    let outcome = host.finish(id);
    assert_eq!(outcome.exit(), Exit::ReaperLost);
    // Only the other attempt is left: a shell and its child, neither of them touched.
    assert!(host.survivors().len() <= 2, "{:?}", host.survivors());
    File::create(directory.path().join("go")).unwrap();
    let outcome = host.finish(other);
    assert_eq!((outcome.exit(), outcome.text().as_str()), (Exit::Code(0), "other\n"));
    assert_eq!(host.survivors(), Vec::<u32>::new());
    assert_eq!(host.run(&argv(["true"])).exit(), Exit::Code(0));
}

fn kill(pid: &str) {
    assert!(Command::new("kill").args(["-9", pid]).status().unwrap().success());
}

fn many_killed_reapers_are_all_reported() {
    let mut host = Host::new();
    let ids: Vec<_> = (0..50).map(|_| host.start(&shell("kill -9 $PPID; exec sleep 60"))).collect();
    for id in ids {
        assert_eq!(host.finish(id).exit(), Exit::ReaperLost);
    }
    assert_eq!(host.survivors(), Vec::<u32>::new());
}

fn a_killed_idle_reaper_is_replaced() {
    let mut host = Host::new();
    for _ in 0..20 {
        let reaper = host.run(&shell("echo $PPID")).text();
        kill(reaper.trim());
        // It is found dead while sending, or else its loss is reported; nothing hangs.
        let exit = host.run(&argv(["true"])).exit();
        assert!(matches!(exit, Exit::Code(0) | Exit::ReaperLost), "{exit:?}");
    }
}

fn a_killed_zygote_is_told_and_running_processes_end() {
    let zygote = Zygote::fork().unwrap();
    let pid = zygote.pid();
    let mut host = Host::with(zygote);
    let id = start_with_daemons(&mut host, "exec sleep 60", |_| ());
    assert!(Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap().success());
    host.poll_until(|host| host.is_broken);
    assert!(host.processes.start(ProcessId(1000), &argv(["true"])).is_err());
    host.processes.stop(id).unwrap();
    assert_eq!(host.finish(id).exit(), Exit::Stopped { finish: Finish::Signal(libc::SIGTERM) });
    assert_eq!(host.survivors(), Vec::<u32>::new());
    // A reaper that waits for work still serves.
    assert_eq!(host.run(&argv(["true"])).exit(), Exit::Code(0));
}

fn a_stopped_reaper_goes_on() {
    let mut host = Host::new();
    let outcome = host.run(&shell("kill -STOP $PPID; echo alive"));
    assert_eq!((outcome.exit(), outcome.text().as_str()), (Exit::Code(0), "alive\n"));
    let id = host.start(&shell("kill -STOP $PPID; echo up; exec sleep 60"));
    host.wait_for_output(id, "up");
    host.processes.stop(id).unwrap();
    assert_eq!(host.finish(id).exit(), Exit::Stopped { finish: Finish::Signal(libc::SIGTERM) });
}

fn a_timeout_holds_though_the_reaper_was_stopped() {
    let mut host = Host::new();
    let mut spec = shell("kill -STOP $PPID; exec sleep 60");
    spec.timeout = Some(Duration::from_millis(100));
    assert_eq!(host.run(&spec).exit(), Exit::TimedOut { finish: Finish::Signal(libc::SIGTERM) });
}

fn a_reaper_that_is_stopped_without_end_is_lost_or_still_in_time() {
    let mut host = Host::new();
    let mut spec = shell("(setsid sleep 60 &); while :; do kill -STOP $PPID; done");
    spec.timeout = Some(Duration::from_secs(1));
    let exit = host.run(&spec).exit();
    assert!(matches!(exit, Exit::ReaperLost | Exit::TimedOut { .. }), "{exit:?}");
    assert_eq!(host.survivors(), Vec::<u32>::new());
    assert_eq!(host.run(&argv(["true"])).exit(), Exit::Code(0));
}

fn a_stopped_zygote_goes_on_and_ends() {
    let zygote = Zygote::fork().unwrap();
    let pid = zygote.pid().to_string();
    let mut host = Host::with(zygote);
    assert!(Command::new("kill").args(["-STOP", &pid]).status().unwrap().success());
    assert_eq!(host.run(&argv(["true"])).exit(), Exit::Code(0));
    assert!(Command::new("kill").args(["-STOP", &pid]).status().unwrap().success());
    drop(host);
}
