//! What the limits leave that a process is started under: a container's (cgroup v1 and v2), and the shell's `ulimit -v`. Only Linux
//! has these; elsewhere there is as much room as the system has free.
//!
//! All of it is told by small text files. One that is not there, or reads otherwise, is a limit that is not known, and so none.

use std::path::Path;

/// Bytes that this process may take in addition to what it has.
pub fn left() -> u64 {
    let read = |path: &Path| std::fs::read_to_string(path).ok();
    address_space(&read).unwrap_or(u64::MAX).min(cgroups(&read))
}

type Read<'r> = &'r dyn Fn(&Path) -> Option<String>;

/// RLIMIT_AS, less what is mapped already.
fn address_space(read: Read) -> Option<u64> {
    let limits = read(Path::new("/proc/self/limits"))?;
    // "Max address space      268435456      unlimited      bytes": the first is the one that counts.
    let limit = limits.lines().find_map(|line| line.strip_prefix("Max address space"))?;
    let limit: u64 = limit.split_whitespace().next()?.parse().ok()?;
    let status = read(Path::new("/proc/self/status"))?;
    // "VmSize:     4096 kB"
    let mapped = status.lines().find_map(|line| line.strip_prefix("VmSize:"))?;
    let mapped: u64 = mapped.split_whitespace().next()?.parse().ok()?;
    Some(limit.saturating_sub(mapped.saturating_mul(1024)))
}

/// The least that the groups leave which the process is in. Each group is limited by those that it lies in, too.
fn cgroups(read: Read) -> u64 {
    let groups = read(Path::new("/proc/self/cgroup")).unwrap_or_default();
    groups.lines().filter_map(|line| cgroup(line, read)).min().unwrap_or(u64::MAX)
}

/// The files of a version of cgroups: where it is mounted, the limit, what is taken, and of that what is a copy of files and would
/// be given back.
struct Version {
    mounts: &'static [&'static str],
    limit: &'static str,
    taken: &'static str,
    copies: &'static str,
}

const V1: Version = Version {
    mounts: &["/sys/fs/cgroup/memory"],
    limit: "memory.limit_in_bytes",
    taken: "memory.usage_in_bytes",
    copies: "total_inactive_file",
};
const V2: Version = Version {
    mounts: &["/sys/fs/cgroup", "/sys/fs/cgroup/unified"],
    limit: "memory.max",
    taken: "memory.current",
    copies: "inactive_file",
};

/// A line of /proc/self/cgroup: "4:memory:/user/job" in version 1, "0::/user/job" in version 2. In a container the path may be
/// one outside of it; then the mount's root is the container's own group.
fn cgroup(line: &str, read: Read) -> Option<u64> {
    let (_, line) = line.split_once(':')?;
    let (controllers, path) = line.split_once(':')?;
    let version = match controllers {
        "" => V2,
        _ if controllers.split(',').any(|name| name == "memory") => V1,
        _ => return None,
    };
    let path = Path::new(path.trim_start_matches('/'));
    let folders = version.mounts.iter().flat_map(|mount| path.ancestors().map(|inner| Path::new(mount).join(inner)));
    folders.filter_map(|folder| left_in(&folder, &version, read)).min()
}

fn left_in(folder: &Path, version: &Version, read: Read) -> Option<u64> {
    let number = |name: &str| read(&folder.join(name))?.trim().parse::<u64>().ok();
    // Where there is no limit it is "max", or in version 1 a number that no memory has.
    let (limit, taken) = (number(version.limit)?, number(version.taken)?);
    let stat = read(&folder.join("memory.stat")).unwrap_or_default();
    let copies = stat.lines().find_map(|line| line.strip_prefix(version.copies)?.trim().parse::<u64>().ok());
    Some(limit.saturating_sub(taken.saturating_sub(copies.unwrap_or(0))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left_by(files: &[(&str, &str)], what: impl Fn(Read) -> u64) -> u64 {
        what(&|path| files.iter().find(|(name, _)| Path::new(name) == path).map(|(_, text)| text.to_string()))
    }

    #[test]
    fn version_2_and_the_groups_around() {
        let own = "0::/user/job\n";
        let files = [
            ("/proc/self/cgroup", own),
            ("/sys/fs/cgroup/user/job/memory.max", "max\n"),
            ("/sys/fs/cgroup/user/job/memory.current", "4000\n"),
            ("/sys/fs/cgroup/user/memory.max", "10000\n"),
            ("/sys/fs/cgroup/user/memory.current", "7000\n"),
            ("/sys/fs/cgroup/user/memory.stat", "anon 5000\ninactive_file 2000\nactive_file 0\n"),
        ];
        assert_eq!(left_by(&files, cgroups), 5000);
        assert_eq!(left_by(&files[..3], cgroups), u64::MAX);
    }

    #[test]
    fn version_1_in_a_container_whose_path_lies_outside() {
        let files = [
            ("/proc/self/cgroup", "12:cpu,cpuacct:/docker/abc\n4:hugetlb,memory:/docker/abc\n0::/\n"),
            ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "268435456\n"),
            ("/sys/fs/cgroup/memory/memory.usage_in_bytes", "68435456\n"),
        ];
        assert_eq!(left_by(&files, cgroups), 200_000_000);
        let full = [files[0], files[1], ("/sys/fs/cgroup/memory/memory.usage_in_bytes", "300000000\n")];
        assert_eq!(left_by(&full, cgroups), 0);
    }

    #[test]
    fn the_address_space() {
        let limits = "Limit                     Soft Limit           Hard Limit           Units     \n\
                      Max cpu time              unlimited            unlimited            seconds   \n\
                      Max address space         1048576              unlimited            bytes     \n";
        let files = [("/proc/self/limits", limits), ("/proc/self/status", "Name:\tx\nVmSize:\t     24 kB\n")];
        let left = |read: Read| address_space(read).unwrap_or(u64::MAX);
        assert_eq!(left_by(&files, left), 1000 << 10);
        let open = limits.replace("1048576  ", "unlimited");
        assert_eq!(left_by(&[("/proc/self/limits", &open), files[1]], left), u64::MAX);
        assert_eq!(left_by(&[], left), u64::MAX);
    }
}
