use std::fs;

use anyhow::{Context, Result};

/// How many files this process, and each that it starts, may have open at the same time.
pub fn open_files_limit() -> Result<u64> {
    let limits = fs::read_to_string("/proc/self/limits")?;
    soft_limit(&limits).context("/proc/self/limits tells no limit on open files")
}

/// `Max open files            1024                 20000                files`
fn soft_limit(limits: &str) -> Option<u64> {
    let limit = limits.lines().find_map(|line| line.strip_prefix("Max open files")?.split_whitespace().next())?;
    if limit == "unlimited" { Some(u64::MAX) } else { limit.parse().ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_the_two_counts() {
        let line = |limits: &str| format!("Limit    Soft Limit    Hard Limit    Units\nMax open files    {limits}    files\n");
        assert_eq!(soft_limit(&line("1024    20000")), Some(1024));
        assert_eq!(soft_limit(&line("unlimited    unlimited")), Some(u64::MAX));
        assert_eq!(soft_limit(""), None);
        assert!(open_files_limit().unwrap() > 0);
    }
}
