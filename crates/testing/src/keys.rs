use std::{path::PathBuf, process::Command};

use anyhow::{Result, ensure};
use tokio::sync::OnceCell;

use crate::{process::binary, servers::variable};

static DIRECTORY: OnceCell<PathBuf> = OnceCell::const_new();

/// A folder with `signing-keys.json` and `jwks.json`, made once for all platforms of this process.
pub async fn key_directory() -> Result<&'static PathBuf> {
    DIRECTORY
        .get_or_try_init(async || {
            let directory = PathBuf::from(variable("ZOETROPE_TEST_HOME")?).join(format!("keys-{}", std::process::id()));
            let output = Command::new(binary("auth")?).args(["keys", "generate", "--out"]).arg(&directory).output()?;
            ensure!(output.status.success(), "auth keys generate: {}", String::from_utf8_lossy(&output.stderr));
            Ok(directory)
        })
        .await
}
