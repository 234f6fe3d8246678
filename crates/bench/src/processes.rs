use std::{fs, time::Duration};

use anyhow::{Context, Result};

/// The kernel tells the times of processes in hundredths of a second, whatever its own clock is.
const TICKS_PER_SECOND: f64 = 100.0;
const MEGABYTE: f64 = 1e6;

/// A process, or one with all that it started.
#[derive(Debug, Clone, Copy)]
pub struct Watched {
    id: u32,
    family: bool,
}

/// What a process has used so far.
#[derive(Debug, Clone, Copy, Default)]
pub struct Usage {
    /// Time on a processor.
    pub cpu: Duration,
    /// Memory now, in MB. Of a family, each member's part of what they share.
    pub memory: f64,
    /// The most memory that it ever had, in MB; 0 for a family.
    pub peak_memory: f64,
}

impl Watched {
    pub const fn one(id: u32) -> Self {
        Self { id, family: false }
    }

    /// The process and its children, dead ones included.
    pub const fn family(id: u32) -> Self {
        Self { id, family: true }
    }

    pub fn usage(self) -> Result<Usage> {
        let parent = Stat::read(self.id)?;
        if !self.family {
            let status = fs::read_to_string(format!("/proc/{}/status", self.id))?;
            return Ok(Usage {
                cpu: seconds(parent.own_ticks),
                memory: megabytes(&status, "VmRSS:"),
                peak_memory: megabytes(&status, "VmHWM:"),
            });
        }
        let mut ticks = parent.own_ticks + parent.dead_childrens_ticks;
        let mut memory = proportional_memory(self.id);
        for id in all_processes()? {
            // One that has ended meanwhile is counted with the dead ones at the next reading.
            if let Ok(stat) = Stat::read(id)
                && stat.parent == self.id
            {
                ticks += stat.own_ticks;
                memory += proportional_memory(id);
            }
        }
        Ok(Usage { cpu: seconds(ticks), memory, peak_memory: 0.0 })
    }
}

impl Usage {
    /// The CPU time since an earlier reading, in seconds.
    pub fn cpu_since(&self, earlier: &Self) -> f64 {
        self.cpu.saturating_sub(earlier.cpu).as_secs_f64()
    }
}

/// Time that all processors of the machine have worked so far, in seconds, for whomever.
pub fn machine_busy() -> Result<f64> {
    let text = fs::read_to_string("/proc/stat")?;
    let all = text.lines().next().context("/proc/stat is empty")?;
    let ticks: Vec<f64> = all.split_whitespace().skip(1).filter_map(|word| word.parse().ok()).collect();
    // user nice system idle iowait irq softirq steal; guest time is in user time already.
    let busy = ticks.iter().take(8).enumerate().filter(|(place, _)| !matches!(place, 3 | 4)).map(|(_, ticks)| ticks);
    Ok(busy.sum::<f64>() / TICKS_PER_SECOND)
}

struct Stat {
    parent: u32,
    own_ticks: u64,
    dead_childrens_ticks: u64,
}

impl Stat {
    fn read(id: u32) -> Result<Self> {
        let text = fs::read_to_string(format!("/proc/{id}/stat")).with_context(|| format!("process {id} is gone"))?;
        Self::parse(&text).with_context(|| format!("/proc/{id}/stat"))
    }

    fn parse(text: &str) -> Option<Self> {
        // The name, in parentheses, may contain anything.
        let fields: Vec<&str> = text.rsplit_once(") ")?.1.split(' ').collect();
        let number = |place: usize| fields.get(place)?.parse::<u64>().ok();
        Some(Self {
            parent: fields.get(1)?.parse().ok()?,
            own_ticks: number(11)? + number(12)?,
            dead_childrens_ticks: number(13)? + number(14)?,
        })
    }
}

fn all_processes() -> Result<Vec<u32>> {
    let entries = fs::read_dir("/proc")?;
    Ok(entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect())
}

fn proportional_memory(id: u32) -> f64 {
    fs::read_to_string(format!("/proc/{id}/smaps_rollup")).map(|text| megabytes(&text, "Pss:")).unwrap_or_default()
}

/// `VmRSS:     1234 kB`
fn megabytes(text: &str, name: &str) -> f64 {
    let kilobytes = text.lines().find_map(|line| line.strip_prefix(name)?.split_whitespace().next()?.parse::<f64>().ok());
    kilobytes.unwrap_or_default() * 1024.0 / MEGABYTE
}

fn seconds(ticks: u64) -> Duration {
    Duration::from_secs_f64(ticks as f64 / TICKS_PER_SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_look_like_anything() {
        let text = "7 (a) b (c) S 3 7 7 0 -1 4194304 1 2 3 4 50 60 70 80 20 0 1 0 9 0 0";
        let stat = Stat::parse(text).unwrap();
        assert_eq!((stat.parent, stat.own_ticks, stat.dead_childrens_ticks), (3, 110, 150));
        assert!(Stat::parse("7 (a) S").is_none());
    }

    #[test]
    fn this_process_uses_something() {
        let usage = Watched::one(std::process::id()).usage().unwrap();
        assert!(usage.memory > 0.1 && usage.peak_memory >= usage.memory, "{usage:?}");
        assert!(machine_busy().unwrap() > 0.0);
    }
}
