use std::{
    collections::HashMap,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use anyhow::{Context, Result, ensure};

use crate::{
    Service, open_files_limit,
    servers::{variable, workspace_root},
};

/// As in `scripts/lib/nginx.sh`.
const MOST_OPEN_FILES: u64 = 65_536;

/// The most that nginx can count. All clients of a test come from one address.
pub const MOST_CONNECTIONS: u16 = 65_535;

/// What an operator decides about the gateway.
#[derive(Debug, Clone)]
pub struct GatewaySettings {
    pub workers: u16,
    pub connections_per_address: u16,
    /// As in the services' `http.allowed_origins`.
    pub allowed_origins: Vec<String>,
}

impl Default for GatewaySettings {
    fn default() -> Self {
        Self { workers: 1, connections_per_address: MOST_CONNECTIONS, allowed_origins: Vec::new() }
    }
}

/// nginx with the configuration of `deploy/gateway`. It ends when dropped.
#[derive(Debug)]
pub struct Gateway {
    child: Child,
    directory: PathBuf,
}

impl Gateway {
    pub fn start(platform: &Path, port: u16, settings: &GatewaySettings, upstreams: &HashMap<Service, Vec<u16>>) -> Result<Self> {
        let directory = platform.join("gateway");
        fs::create_dir_all(&directory)?;
        let template = PathBuf::from(variable("ZOETROPE_TEST_GATEWAY_TEMPLATE")?);
        let servers = |service: Service, parameters: &str| -> String {
            let ports = upstreams.get(&service).map(Vec::as_slice).unwrap_or_default();
            ports.iter().map(|port| format!("server 127.0.0.1:{port}{parameters};")).collect()
        };
        // nginx's workers may not be allowed into the checkout.
        let documents = directory.join("api-docs.json");
        fs::copy(workspace_root().join("deploy/gateway/api-docs.json"), &documents)?;
        let origins: Vec<String> = settings.allowed_origins.iter().map(|origin| format!("\"{origin}\" $http_origin;")).collect();
        let configuration = fs::read_to_string(&template)
            .with_context(|| template.display().to_string())?
            .replace("{{LISTEN}}", &format!("127.0.0.1:{port}"))
            .replace("{{WORKERS}}", &settings.workers.to_string())
            .replace("{{CONNECTIONS_PER_ADDRESS}}", &settings.connections_per_address.to_string())
            .replace("{{ALLOWED_ORIGINS}}", &origins.join("\n"))
            .replace("{{OPEN_FILES}}", &open_files_limit()?.min(MOST_OPEN_FILES).to_string())
            .replace("{{API_DOCS}}", &documents.display().to_string())
            .replace("{{AUTH_SERVERS}}", &servers(Service::Auth, ""))
            .replace("{{TASK_API_SERVERS}}", &servers(Service::TaskApi, ""))
            .replace("{{NOTIFIER_SERVERS}}", &servers(Service::Notifier, " max_fails=0"));
        ensure!(!configuration.contains("{{"), "{} has a placeholder that the tests do not fill", template.display());
        let file = directory.join("nginx.conf");
        fs::write(&file, configuration)?;

        let log = File::create(directory.join("output.log"))?;
        let child = Command::new(variable("ZOETROPE_TEST_NGINX")?)
            .arg("-p")
            .arg(&directory)
            .arg("-c")
            .arg(&file)
            .args(["-e", "error.log"])
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("start of nginx")?;
        Ok(Self { child, directory })
    }

    /// The id of nginx's first process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn last_lines(&self) -> String {
        ["output.log", "error.log"]
            .map(|name| fs::read_to_string(self.directory.join(name)).unwrap_or_default())
            .into_iter()
            .filter(|text| !text.is_empty())
            .map(|text| format!("--- gateway\n{text}\n"))
            .collect()
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        // A killed master would leave its workers behind; SIGTERM ends all of them. Nothing can be done about one that is gone already.
        let _ = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        let _ = self.child.wait();
    }
}
