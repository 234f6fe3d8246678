//! Compiles `proto/` without `protoc` and keeps the descriptor set for the compatibility test.

use std::{env, error::Error, fs, path::Path};

use prost::Message;

const FILES: [&str; 5] = [
    "zoetrope/jobs/v1/commands.proto",
    "zoetrope/jobs/v1/events.proto",
    "zoetrope/mail/v1/commands.proto",
    "zoetrope/tasks/v1/events.proto",
    "zoetrope/users/v1/events.proto",
];

fn main() -> Result<(), Box<dyn Error>> {
    let root = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../../proto");
    println!("cargo::rerun-if-changed={}", root.display());

    let descriptors = protox::compile(FILES, [&root])?;
    let out = env::var("OUT_DIR")?;
    fs::write(Path::new(&out).join("descriptors.bin"), descriptors.encode_to_vec())?;
    prost_build::Config::new().enable_type_names().compile_fds(descriptors)?;
    Ok(())
}
