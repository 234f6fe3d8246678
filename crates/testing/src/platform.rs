use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use tokio_postgres::Client as Database;
use toml::Value;
use url::Url;
use uuid::Uuid;

use crate::{
    Bus, Servers, Service, Simulation, User, broker,
    database::{self, superuser_url},
    gateway::{Gateway, GatewaySettings},
    keys,
    ports::free_port,
    process::{Ports, ServiceProcess},
    servers::variable,
    settings::{self, Addresses, Override},
};

/// What a test wants its platform to be.
#[derive(Debug)]
pub struct PlatformBuilder {
    servers: Option<Servers>,
    replicas: HashMap<Service, u16>,
    overrides: Vec<Override>,
    accounts: Vec<&'static str>,
    gateway: GatewaySettings,
}

/// A running platform of one test. Its processes end with it.
#[derive(Debug)]
pub struct Platform {
    servers: Servers,
    addresses: Addresses,
    processes: Vec<ServiceProcess>,
    /// Absent when no service is behind it.
    gateway: Option<Gateway>,
    directory: PathBuf,
}

impl PlatformBuilder {
    /// Instead of the shared servers, those that a test may stop.
    #[must_use]
    pub fn servers(mut self, servers: Servers) -> Self {
        self.servers = Some(servers);
        self
    }

    /// How many processes of a service there are: one, unless this says otherwise; possibly none.
    #[must_use]
    pub fn replicas(mut self, service: Service, count: u16) -> Self {
        self.replicas.insert(service, count);
        self
    }

    /// Another account of the poller with the simulated provider, beside `openai`, with settings of its own under `providers.NAME`.
    #[must_use]
    pub fn account(mut self, name: &'static str) -> Self {
        self.accounts.push(name);
        self
    }

    /// Changes one setting, named by its dotted key.
    #[must_use]
    pub fn setting(mut self, service: Service, key: &str, value: impl Into<Value>) -> Self {
        self.overrides.push(Override { service, key: key.to_owned(), value: value.into() });
        self
    }

    /// How many processes the gateway has: one, unless this says otherwise.
    #[must_use]
    pub fn gateway_workers(mut self, count: u16) -> Self {
        self.gateway.workers = count;
        self
    }

    /// Lets webhooks and callbacks go to receivers on this machine, over `http`.
    #[must_use]
    pub fn receivers_here(self) -> Self {
        [Service::TaskApi, Service::Notifier].into_iter().fold(self, |builder, service| {
            builder.setting(service, "webhooks.allow_http", true).setting(
                service,
                "webhooks.allowed_networks",
                vec!["127.0.0.0/8"],
            )
        })
    }

    /// How many requests one address may have in hand at the gateway: as many as nginx can count, unless this says otherwise.
    #[must_use]
    pub fn connections_per_address(mut self, count: u16) -> Self {
        self.gateway.connections_per_address = count;
        self
    }

    /// Front-ends on other origins that may use the session cookie, as the gateway and all services know them.
    #[must_use]
    pub fn allowed_origins(mut self, origins: &[&str]) -> Self {
        self.gateway.allowed_origins = origins.iter().map(|origin| (*origin).to_owned()).collect();
        [Service::Auth, Service::TaskApi, Service::Notifier]
            .into_iter()
            .fold(self, |builder, service| builder.setting(service, "http.allowed_origins", origins.to_vec()))
    }

    /// Starts everything and waits until all of it is ready.
    pub async fn start(self) -> Result<Platform> {
        let servers = self.servers.map_or_else(Servers::shared, Ok)?;
        let name = format!("test_{}", Uuid::now_v7().simple());
        let directory = PathBuf::from(variable("ZOETROPE_TEST_HOME")?).join(&name);
        fs::create_dir_all(&directory).with_context(|| directory.display().to_string())?;

        let (amqp, created) =
            tokio::join!(broker::create_virtual_host(&servers, &name), database::create_database(&servers, &name));
        created?;
        let (gateway, provider) = (free_port()?, free_port()?);
        let addresses = Addresses { database: name, amqp: amqp?, gateway, provider, accounts: self.accounts };
        let keys = keys::key_directory().await?;

        let mut processes = Vec::new();
        let mut upstreams: HashMap<Service, Vec<u16>> = HashMap::new();
        for service in Service::ALL {
            for replica in 0..self.replicas.get(&service).copied().unwrap_or(1) {
                let public = if service == Service::ProviderSim { addresses.provider } else { free_port()? };
                let ports = Ports { public, internal: free_port()? };
                let process_name = format!("{}-{replica}", service.name());
                let path = directory.join(format!("{process_name}.toml"));
                settings::write(&path, service, &servers, &addresses, keys, ports, &self.overrides)?;
                upstreams.entry(service).or_default().push(public);
                processes.push(ServiceProcess::new(service, process_name, path, ports, &directory));
            }
        }
        let behind_gateway = [Service::Auth, Service::TaskApi, Service::Notifier];
        let gateway = if behind_gateway.iter().all(|service| upstreams.contains_key(service)) {
            Some(Gateway::start(&directory, addresses.gateway, &self.gateway, &upstreams)?)
        } else {
            None
        };
        let mut platform = Platform { servers, addresses, processes, gateway, directory };
        for process in &mut platform.processes {
            process.start()?;
        }
        for process in &mut platform.processes {
            process.ready().await?;
        }
        Ok(platform)
    }
}

impl Platform {
    pub fn builder() -> PlatformBuilder {
        PlatformBuilder {
            servers: None,
            replicas: HashMap::new(),
            overrides: Vec::new(),
            accounts: vec!["openai"],
            gateway: GatewaySettings::default(),
        }
    }

    /// One process of each service, on the shared servers.
    pub async fn start() -> Result<Self> {
        Self::builder().start().await
    }

    pub fn gateway_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.addresses.gateway)
    }

    /// The id of the gateway's first process, if there is a gateway.
    pub fn gateway_id(&self) -> Option<u32> {
        self.gateway.as_ref().map(Gateway::id)
    }

    /// A visitor without an account.
    pub fn nobody(&self) -> User {
        User::nobody(self)
    }

    /// A newly registered user.
    pub async fn user(&self) -> Result<User> {
        User::register(self).await
    }

    /// A newly registered user with an address, whose client speaks this language.
    pub async fn user_with_email(&self, email: &str, language: &str) -> Result<User> {
        User::register_as(self, serde_json::json!({ "email": email }), language).await
    }

    pub fn servers(&self) -> &Servers {
        &self.servers
    }

    pub fn simulation(&self) -> Simulation {
        Simulation::new(format!("http://127.0.0.1:{}", self.addresses.provider))
    }

    /// The platform's virtual host on the message bus.
    pub fn bus(&self) -> Bus {
        Bus::new(self.servers.management.clone(), self.addresses.database.clone())
    }

    /// Its address, for those who want to speak AMQP themselves.
    pub fn amqp_url(&self) -> &Url {
        &self.addresses.amqp
    }

    /// A superuser's connection to the platform's database, for audits.
    pub async fn database(&self) -> Result<Database> {
        database::connect(&superuser_url(&self.servers, &self.addresses.database)).await
    }

    /// One service's own connection to the database, with what its role may and may not do.
    pub async fn database_as(&self, schema: &str) -> Result<Database> {
        database::connect(&self.database_url(schema)?).await
    }

    /// Where the database is for the service that owns this schema, with its role and password.
    pub fn database_url(&self, schema: &str) -> Result<Url> {
        database::role_url(&self.servers, &self.addresses.database, schema)
    }

    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The process of a service's replica, counted from 0.
    pub fn process(&mut self, service: Service, replica: usize) -> Result<&mut ServiceProcess> {
        self.processes
            .iter_mut()
            .filter(|process| process.service == service)
            .nth(replica)
            .with_context(|| format!("no replica {replica} of {}", service.name()))
    }

    /// The settings file of a service's first replica.
    pub fn settings(&self, service: Service) -> Result<&Path> {
        let process = self.processes.iter().find(|process| process.service == service);
        Ok(process.with_context(|| format!("no replica of {}", service.name()))?.settings())
    }

    pub fn processes(&self) -> &[ServiceProcess] {
        &self.processes
    }

    pub fn processes_mut(&mut self) -> impl Iterator<Item = &mut ServiceProcess> {
        self.processes.iter_mut()
    }

    /// Starts what has ended by itself since the last call, and tells what that was and how it ended.
    pub fn revive(&mut self) -> Result<Vec<String>> {
        let mut ends = Vec::new();
        for process in &mut self.processes {
            if let Some(status) = process.exited()? {
                ends.push(format!("{}: {status}", process.name()));
                process.start()?;
            }
        }
        Ok(ends)
    }

    /// `kill -9` of a replica, counted from 0, and its start anew a moment later.
    pub async fn crash(&mut self, service: Service, replica: usize) -> Result<()> {
        let process = self.process(service, replica)?;
        process.kill()?;
        process.start()?;
        process.ready().await
    }
}

impl Drop for Platform {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let logs: Vec<String> = self.processes.iter().map(ServiceProcess::last_lines).collect();
            let gateway = self.gateway.as_ref().map(Gateway::last_lines).unwrap_or_default();
            // The test harness captures what `eprintln!` prints and shows it with the failure.
            #[expect(clippy::print_stderr, reason = "a failed test shows the logs of its platform")]
            {
                eprintln!("{}{gateway}", logs.concat());
            }
        }
    }
}
