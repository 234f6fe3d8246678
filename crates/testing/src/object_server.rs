use std::{fs, path::Path};

use anyhow::{Result, anyhow};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto::Builder,
};
use s3s::{auth::SimpleAuth, service::S3ServiceBuilder};
use s3s_fs::FileSystem;
use tokio::net::TcpListener;

/// A server that speaks the protocol of Amazon S3, on a folder.
#[derive(Debug)]
pub struct ObjectServer {
    port: u16,
}

impl ObjectServer {
    pub const BUCKET: &'static str = "media";
    pub const ACCESS_KEY: &'static str = "zoetrope";
    pub const SECRET_KEY: &'static str = "a secret of the tests";

    /// Listens until the test ends. The folder must exist.
    pub async fn start(folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder.join(Self::BUCKET))?;
        let files = FileSystem::new(folder).map_err(|error| anyhow!("{error:?}"))?;
        let mut builder = S3ServiceBuilder::new(files);
        builder.set_auth(SimpleAuth::from_single(Self::ACCESS_KEY, Self::SECRET_KEY));
        let service = builder.build();

        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        #[expect(clippy::disallowed_methods, reason = "the server ends with the test's runtime")]
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let service = service.clone();
                tokio::spawn(async move {
                    // A client that hangs up is no concern of the server.
                    let _ = Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        Ok(Self { port })
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}
