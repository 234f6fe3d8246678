//! The `zoetrope` command against a whole platform.

use anyhow::Result;
use tokio::process::Command;
use zoetrope_testing::{Platform, binary};

#[tokio::test(flavor = "multi_thread")]
async fn one_command_makes_a_video_file() -> Result<()> {
    let platform = Platform::start().await?;
    let file = platform.directory().join("boat.mp4");
    let output = Command::new(binary("zoetrope")?)
        .args(["generate", "a paper boat on a mountain lake", "--timeout", "60", "--url", &platform.gateway_url(), "--output"])
        .arg(&file)
        .output()
        .await?;
    let (said, complained) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}{complained}");
    assert!(said.contains("boat.mp4"), "{said}");
    let video = std::fs::read(file)?;
    assert_eq!(&video[4..8], b"ftyp");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_generation_is_a_failed_command() -> Result<()> {
    let platform = Platform::start().await?;
    let file = platform.directory().join("nothing.mp4");
    let output = Command::new(binary("zoetrope")?)
        .args([
            "generate",
            "a forbidden thing [sim:fail=content policy]",
            "--timeout",
            "60",
            "--url",
            &platform.gateway_url(),
            "--output",
        ])
        .arg(&file)
        .output()
        .await?;
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("content policy"));
    assert!(!file.exists());
    Ok(())
}
