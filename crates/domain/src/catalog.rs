use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use crate::{Credits, VideoSize};

/// A model that users can choose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// The name that clients send, and that tasks show.
    pub name: String,
    /// Other names that clients send for it.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// The provider account that runs it, by its name in the poller's configuration.
    pub provider: String,
    /// Price of one task.
    pub price: Credits,
    /// Lengths on offer, in seconds; the first is the default.
    pub seconds: Vec<u32>,
    /// Sizes on offer; the first is the default.
    pub sizes: Vec<VideoSize>,
}

/// The models on offer. Every name and alias means one model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelCatalog {
    models: Vec<Model>,
}

/// A list of models that cannot be offered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CatalogError {
    #[error("no model is configured")]
    Empty,
    #[error("the model name {0:?} is used twice")]
    Duplicate(String),
    #[error("the model {0:?} offers no length (seconds)")]
    NoSeconds(String),
    #[error("the model {0:?} offers no size (sizes)")]
    NoSizes(String),
}

impl ModelCatalog {
    pub fn new(models: Vec<Model>) -> Result<Self, CatalogError> {
        if models.is_empty() {
            return Err(CatalogError::Empty);
        }
        let mut names = HashSet::new();
        for model in &models {
            if let Some(twice) = std::iter::once(&model.name).chain(&model.aliases).find(|name| !names.insert(name.as_str())) {
                return Err(CatalogError::Duplicate(twice.clone()));
            }
            if model.seconds.is_empty() {
                return Err(CatalogError::NoSeconds(model.name.clone()));
            }
            if model.sizes.is_empty() {
                return Err(CatalogError::NoSizes(model.name.clone()));
            }
        }
        Ok(Self { models })
    }

    pub fn find(&self, name: &str) -> Option<&Model> {
        self.models.iter().find(|model| model.name == name || model.aliases.iter().any(|alias| alias == name))
    }

    /// For clients that name none.
    pub fn first(&self) -> &Model {
        // `new` takes no empty list.
        &self.models[0]
    }

    pub fn iter(&self) -> impl Iterator<Item = &Model> {
        self.models.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::AspectRatio;

    fn model(name: &str, aliases: &[&str]) -> Model {
        Model {
            name: name.to_owned(),
            aliases: aliases.iter().map(|alias| (*alias).to_owned()).collect(),
            provider: "openai".to_owned(),
            price: Credits::new(100).unwrap(),
            seconds: vec![4],
            sizes: vec![AspectRatio::Landscape.default_size()],
        }
    }

    #[test]
    fn a_model_is_found_by_all_its_names() {
        let catalog = ModelCatalog::new(vec![model("sora-2", &["sora_video2"])]).unwrap();
        assert_eq!(catalog.find("sora-2"), catalog.find("sora_video2"));
        assert_eq!(catalog.find("sora-3"), None);
        assert_eq!(catalog.first().name, "sora-2");
    }

    #[test]
    fn ambiguous_and_useless_lists_are_refused() {
        assert_eq!(ModelCatalog::new(vec![]), Err(CatalogError::Empty));
        assert_eq!(ModelCatalog::new(vec![model("a", &["b"]), model("b", &[])]), Err(CatalogError::Duplicate("b".to_owned())));
        let silent = Model { seconds: vec![], ..model("a", &[]) };
        assert_eq!(ModelCatalog::new(vec![silent]), Err(CatalogError::NoSeconds("a".to_owned())));
    }
}
