use std::net::IpAddr;

/// Where a session is opened.
#[derive(Debug, Clone)]
pub struct Device {
    /// What the client calls itself.
    pub name: Option<String>,
    pub address: IpAddr,
}
