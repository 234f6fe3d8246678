//! Every field and enum value of a descriptor set, one comparable line each.

use std::collections::{BTreeMap, BTreeSet};

use prost::Message;
use prost_types::{
    DescriptorProto, EnumDescriptorProto, FileDescriptorSet,
    field_descriptor_proto::{Label, Type},
};

/// `(owner, number)` to its meaning, and the numbers given up for good.
pub struct Catalogue {
    entries: BTreeMap<(String, i32), String>,
    reserved: BTreeSet<(String, i32)>,
}

impl Catalogue {
    pub fn of(descriptors: &[u8]) -> Self {
        let set = FileDescriptorSet::decode(descriptors).unwrap();
        let mut catalogue = Self { entries: BTreeMap::new(), reserved: BTreeSet::new() };
        for file in set.file.iter().filter(|file| !file.package().starts_with("google.")) {
            for message in &file.message_type {
                catalogue.add_message(file.package(), message);
            }
            for enumeration in &file.enum_type {
                catalogue.add_enum(file.package(), enumeration);
            }
        }
        catalogue
    }

    fn add_message(&mut self, scope: &str, message: &DescriptorProto) {
        let owner = format!("{scope}.{}", message.name());
        for field in &message.field {
            let kind = match field.r#type() {
                Type::Message | Type::Enum => field.type_name().to_owned(),
                scalar => format!("{scalar:?}").to_lowercase(),
            };
            let repeated = if field.label() == Label::Repeated { " repeated" } else { "" };
            self.entries.insert((owner.clone(), field.number()), format!("{} {kind}{repeated}", field.name()));
        }
        for range in &message.reserved_range {
            self.reserved.extend((range.start()..range.end()).map(|number| (owner.clone(), number)));
        }
        for nested in &message.nested_type {
            self.add_message(&owner, nested);
        }
        for nested in &message.enum_type {
            self.add_enum(&owner, nested);
        }
    }

    fn add_enum(&mut self, scope: &str, enumeration: &EnumDescriptorProto) {
        let owner = format!("{scope}.{}", enumeration.name());
        for value in &enumeration.value {
            self.entries.insert((owner.clone(), value.number()), value.name().to_owned());
        }
        for range in &enumeration.reserved_range {
            self.reserved.extend((range.start()..=range.end()).map(|number| (owner.clone(), number)));
        }
    }

    pub fn to_text(&self) -> String {
        let live = self.entries.iter().map(|((owner, number), meaning)| format!("{owner} {number} {meaning}\n"));
        let gone = self.reserved.iter().map(|(owner, number)| format!("{owner} {number} reserved\n"));
        live.chain(gone).collect()
    }

    /// The committed lines that no longer hold.
    pub fn broken_since(&self, committed: &str) -> Vec<String> {
        let now: BTreeSet<String> = self.to_text().lines().map(str::to_owned).collect();
        let given_up = |line: &str| {
            let mut words = line.split(' ');
            let owner = words.next().unwrap_or_default().to_owned();
            let number = words.next().and_then(|number| number.parse().ok()).unwrap_or_default();
            self.reserved.contains(&(owner, number))
        };
        committed.lines().filter(|line| !now.contains(*line) && !given_up(line)).map(str::to_owned).collect()
    }
}
