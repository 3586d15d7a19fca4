//! Cases in child processes: who dies, at which case, and why.

use super::trial::{Outcome, Seeds, Target, try_case};
use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// What a child is told, and by which variable: the target, the first case, the one after the last, where it writes down how far
/// it is.
pub const ORDER: &str = "FUZZ_ORDER";
/// Cases of a child. What they leave behind in memory must not be taken for what one of them takes.
const BATCH: u64 = 5000;
/// Address space of a child in KiB.
const SPACE: u64 = 1 << 20;
/// The most that a case may compute, and, if it waits for something, the most that it may take at all.
const MOST_SECONDS: f64 = 1.0;
const MOST_WAITING: Duration = Duration::from_secs(120);
/// So many faults are enough to begin mending.
const MOST_FAULTS: usize = 25;

/// How far a child is: the number of the case it is at, and how many were taken, refused, computed.
#[derive(Default, Clone, Copy)]
struct Record {
    case: u64,
    taken: u64,
    refused: u64,
    computed: u64,
}

impl Record {
    fn write(self, file: &File) {
        let Record { case, taken, refused, computed } = self;
        let bytes: Vec<u8> = [case, taken, refused, computed].into_iter().flat_map(u64::to_le_bytes).collect();
        file.write_all_at(&bytes, 0).unwrap();
    }

    fn read(path: &Path) -> Record {
        let bytes = std::fs::read(path).unwrap();
        let number = |i: usize| u64::from_le_bytes(bytes[8 * i..8 * i + 8].try_into().unwrap());
        Record { case: number(0), taken: number(1), refused: number(2), computed: number(3) }
    }
}

/// Runs these cases of the target; what kills a child is kept and, in the end, told.
pub fn run(target: Target, cases: Range<u64>) {
    let folder = tempfile::tempdir().unwrap();
    let record = folder.path().join("record");
    let start = Instant::now();
    let (mut all, mut faults) = (Record::default(), vec![]);
    let mut from = cases.start;
    while from < cases.end && faults.len() < MOST_FAULTS {
        let to = (from + BATCH).min(cases.end);
        Record { case: from, ..Record::default() }.write(&File::create(&record).unwrap());
        let died = batch(target, from..to, folder.path());
        let Record { case, taken, refused, computed } = Record::read(&record);
        all.taken += taken;
        all.refused += refused;
        all.computed += computed;
        from = match died {
            None => to,
            Some(why) => {
                let kept = target.keep(case);
                println!("{target:?} {case}: {why}; kept as {kept}");
                faults.push(format!("{target:?} {case} ({kept}): {why}"));
                case + 1
            }
        };
        all.case = from - cases.start;
        if all.case.is_multiple_of(20 * BATCH) {
            println!("{target:?}: {} of {}, {} faults", all.case, cases.end - cases.start, faults.len());
        }
    }
    let Record { case, taken, refused, computed } = all;
    println!(
        "{target:?}: {case} cases in {:.0} s: {taken} taken ({computed} of them computed), {refused} refused, {} faults",
        start.elapsed().as_secs_f64(),
        faults.len()
    );
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Runs the cases in one child. If it dies: how, and what it said last.
fn batch(target: Target, cases: Range<u64>, folder: &Path) -> Option<String> {
    let output = Command::new("sh")
        .args(["-c", &format!("ulimit -v {SPACE} && ulimit -c 0 && exec \"$0\" \"$@\"")])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture", "--test-threads", "1"])
        .env(ORDER, format!("{target:?} {} {} {}", cases.start, cases.end, folder.display()))
        // One case after the other, on one thread: what it computes is what it takes.
        .env("RAYON_NUM_THREADS", "1")
        .env("RUST_BACKTRACE", "0")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    let lines: Vec<&str> = said.lines().filter(|line| !line.trim().is_empty()).collect();
    let last = lines[lines.len().saturating_sub(4)..].join(" | ");
    (!output.status.success()).then(|| format!("{:?}: {last}", output.status))
}

/// What a child does.
pub fn child(order: &str) {
    let words: Vec<&str> = order.split(' ').collect();
    let [target, from, to, folder] = words[..] else { panic!("no order: {order}") };
    let (target, folder) = (Target::named(target), Path::new(folder));
    let file = File::options().write(true).open(folder.join("record")).unwrap();
    let mut record = Record { case: from.parse().unwrap(), ..Record::default() };
    let to: u64 = to.parse().unwrap();
    watch(folder);
    let seeds = Seeds::read(target);
    while record.case < to {
        record.write(&file);
        match try_case(&seeds, target, record.case, folder) {
            Outcome::Refused => record.refused += 1,
            Outcome::Taken => record.taken += 1,
            Outcome::Computed => {
                record.taken += 1;
                record.computed += 1;
            }
        }
        record.case += 1;
    }
    record.write(&file);
}

/// From now on a case that takes too long ends this process.
fn watch(folder: &Path) {
    let record = folder.join("record");
    std::thread::spawn(move || {
        let (mut case, mut since, mut used) = (u64::MAX, Instant::now(), seconds_used());
        loop {
            std::thread::sleep(Duration::from_millis(25));
            let now = Record::read(&record).case;
            if now != case {
                (case, since, used) = (now, Instant::now(), seconds_used());
            }
            let taken = seconds_used() - used;
            if taken > MOST_SECONDS || since.elapsed() > MOST_WAITING {
                eprintln!("it computes for {taken:.2} s, in {:.1} s", since.elapsed().as_secs_f64());
                std::process::exit(99);
            }
        }
    });
}

/// Seconds that this process has computed, on all its threads, and its children that have ended.
fn seconds_used() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = text.rsplit_once(')').unwrap().1.split_whitespace().collect();
    // utime and stime, in hundredths (proc_pid_stat(5), fields 14 and 15).
    fields[11..13].iter().map(|ticks| ticks.parse::<f64>().unwrap()).sum::<f64>() / 100.0
}
