//! A network between client and server that can fail.

use std::{io, net::SocketAddr, sync::Arc};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
};
use url::Url;

/// Forwards connections to a server until told otherwise.
pub struct Proxy {
    address: SocketAddr,
    network: Arc<watch::Sender<Network>>,
    _tasks: JoinSet<()>,
}

#[derive(Clone, Copy, Debug)]
struct Network {
    /// Whether connections are taken.
    open: bool,
    /// Whether bytes get through.
    passes: bool,
    /// How often all connections were cut.
    cuts: u32,
}

impl Proxy {
    pub async fn new(server: &Url) -> anyhow::Result<Self> {
        let server = (server.host_str().unwrap_or_default().to_owned(), server.port().unwrap_or_default());
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let network = Arc::new(watch::Sender::new(Network { open: true, passes: true, cuts: 0 }));
        let mut tasks = JoinSet::new();
        tasks.spawn(serve(listener, server, Arc::clone(&network)));
        Ok(Self { address, network, _tasks: tasks })
    }

    /// The way to the same server through here.
    pub fn redirect(&self, url: &mut Url) {
        let _ = url.set_host(Some("127.0.0.1"));
        let _ = url.set_port(Some(self.address.port()));
    }

    /// Breaks all connections; new ones can be made.
    pub fn cut(&self) {
        self.network.send_modify(|network| network.cuts += 1);
    }

    /// Breaks all connections and takes no new ones.
    pub fn close(&self) {
        self.network.send_modify(|network| {
            network.cuts += 1;
            network.open = false;
        });
    }

    /// Keeps the connections, and swallows what is sent.
    pub fn mute(&self) {
        self.network.send_modify(|network| network.passes = false);
    }

    /// Ends [`Self::close`] and [`Self::mute`].
    pub fn open(&self) {
        self.network.send_modify(|network| {
            network.open = true;
            network.passes = true;
        });
    }
}

async fn serve(listener: TcpListener, server: (String, u16), network: Arc<watch::Sender<Network>>) {
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        if network.borrow().open {
            let cuts = network.borrow().cuts;
            connections.spawn(forward(client, server.clone(), network.subscribe(), cuts));
        }
    }
}

async fn forward(client: TcpStream, server: (String, u16), mut network: watch::Receiver<Network>, cuts: u32) {
    let Ok(server) = TcpStream::connect(server).await else { return };
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let (up, down) = (network.clone(), network.clone());
    tokio::select! {
        _ = pump(&mut from_client, &mut to_server, up) => {}
        _ = pump(&mut from_server, &mut to_client, down) => {}
        _ = network.wait_for(|network| network.cuts != cuts) => {}
    }
}

async fn pump(
    from: &mut (impl AsyncReadExt + Unpin),
    to: &mut (impl AsyncWriteExt + Unpin),
    mut network: watch::Receiver<Network>,
) -> io::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = from.read(&mut buffer).await?;
        if read == 0 {
            return Ok(());
        }
        network.wait_for(|network| network.passes).await.map_err(io::Error::other)?;
        to.write_all(&buffer[..read]).await?;
    }
}
