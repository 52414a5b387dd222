//! What the system says of this process: memory, file handles, threads, processor time (proc(5)).

/// One look. What the system does not tell is 0.
#[derive(Debug, Default)]
pub struct Seen {
    /// Bytes of memory in use.
    pub resident: i64,
    /// The most of them so far, bytes.
    pub resident_peak: i64,
    pub threads: i64,
    pub open_files: i64,
    pub most_files: i64,
    /// User and system time.
    pub processor_seconds: f64,
}

/// Linux counts processor time for programs in hundredths of a second, on every architecture (USER_HZ).
const TICKS_PER_SECOND: f64 = 100.0;

impl Seen {
    pub fn now() -> Self {
        let text = |name: &str| std::fs::read_to_string(format!("/proc/self/{name}"));
        let status = text("status").unwrap_or_default();
        let kilobytes = |key: &str| 1024 * number_after(&status, key);
        Self {
            resident: kilobytes("VmRSS:"),
            resident_peak: kilobytes("VmHWM:"),
            threads: number_after(&status, "Threads:"),
            open_files: open_files(),
            most_files: number_after(&text("limits").unwrap_or_default(), "Max open files"),
            processor_seconds: processor_seconds(&text("stat").unwrap_or_default()),
        }
    }
}

/// The first number of the line that begins with `key`.
fn number_after(text: &str, key: &str) -> i64 {
    let rest = text.lines().find_map(|line| line.strip_prefix(key));
    let word = rest.and_then(|rest| rest.split_whitespace().next());
    word.and_then(|word| word.parse().ok()).unwrap_or(0)
}

/// The handle that reads the folder is one of those it lists.
fn open_files() -> i64 {
    std::fs::read_dir("/proc/self/fd").map_or(0, |files| {
        i64::try_from(files.count().saturating_sub(1)).unwrap_or(i64::MAX)
    })
}

/// Fields 14 and 15. The second, the program's name in brackets, may hold blanks and brackets.
fn processor_seconds(stat: &str) -> f64 {
    let after_name = stat.rsplit(") ").next().unwrap_or_default();
    let ticks = after_name.split(' ').skip(11).take(2);
    let ticks: f64 = ticks.filter_map(|field| field.parse::<f64>().ok()).sum();
    ticks / TICKS_PER_SECOND
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_seen() {
        let seen = Seen::now();
        assert!(seen.resident > 100_000, "{seen:?}");
        assert!(seen.resident_peak >= seen.resident / 2, "{seen:?}");
        assert!(seen.threads >= 1 && seen.open_files >= 3, "{seen:?}");
        assert!(seen.most_files > seen.open_files, "{seen:?}");
    }

    #[test]
    fn a_name_with_brackets_does_not_shift_the_fields() {
        let stat = "7 (a ) b) S 1 7 7 0 -1 4194560 1 0 0 0 150 50 0 0 20 0 1 0 1 1 1";
        assert!((processor_seconds(stat) - 2.0).abs() < 1e-9);
        assert!(processor_seconds("").abs() < 1e-9);
    }
}
