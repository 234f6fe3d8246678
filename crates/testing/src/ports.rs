use std::{
    net::{Ipv4Addr, TcpListener},
    sync::atomic::{AtomicU16, Ordering},
};

use anyhow::{Result, bail};

/// Below the range from which the kernel takes the source ports of outgoing connections, so that those never collide with ours.
const FIRST: u16 = 12_000;
const LAST: u16 = 19_999;

static NEXT: AtomicU16 = AtomicU16::new(0);

/// A loopback port on which nothing listens, handed out once in this process.
pub fn free_port() -> Result<u16> {
    // Processes that test at the same time start at different places.
    let offset = u16::try_from(std::process::id() % 79).unwrap_or_default() * 100;
    for _ in FIRST..=LAST {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = FIRST + offset.wrapping_add(step) % (LAST - FIRST + 1);
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    bail!("no free port from {FIRST} to {LAST}")
}
