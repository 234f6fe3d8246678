//! The models on offer unless the settings name others.

use zoetrope_domain::{AspectRatio, Credits, Model, VideoSize};

/// Seconds that the known clients ask for; the first is the default.
const SECONDS: [u32; 6] = [10, 4, 5, 8, 12, 15];
/// What one video costs, and what a new user gets: the first one is free.
pub const PRICE: Credits = match Credits::new(100) {
    Ok(price) => price,
    Err(_) => Credits::ZERO,
};
/// The sizes that only the larger model offers.
const LARGE_SIZES: [VideoSize; 2] = [VideoSize { width: 1792, height: 1024 }, VideoSize { width: 1024, height: 1792 }];

/// `sora_video2` is what the client of family `sora_ui` chooses by itself. `sora-v1` and `sora-2-hd` are names that family `sora2` has
/// for what is offered here; its clients get the first model when they name none.
pub fn defaults() -> Vec<Model> {
    vec![
        model("sora-2", &["sora-2-landscape", "sora-v1"], &[]),
        model("sora_video2", &["sora_video2-landscape"], &[]),
        model("sora-2-pro", &["sora_video2-pro", "sora-2-pro-landscape", "sora-2-hd"], &LARGE_SIZES),
    ]
}

fn model(name: &str, aliases: &[&str], more_sizes: &[VideoSize]) -> Model {
    let sizes = AspectRatio::ALL.map(AspectRatio::default_size);
    Model {
        name: name.to_owned(),
        aliases: aliases.iter().map(|alias| (*alias).to_owned()).collect(),
        provider: "openai".to_owned(),
        price: PRICE,
        seconds: SECONDS.to_vec(),
        sizes: sizes.iter().chain(more_sizes).copied().collect(),
    }
}

#[cfg(test)]
mod tests {
    use zoetrope_domain::ModelCatalog;

    use super::*;

    #[test]
    fn the_defaults_can_be_offered() {
        let catalog = ModelCatalog::new(defaults()).unwrap();
        for name in ["sora_video2", "sora-2", "sora-2-pro", "sora_video2-pro", "sora-v1", "sora-2-hd"] {
            assert_eq!(catalog.find(name).unwrap().price.get(), 100);
        }
    }
}
